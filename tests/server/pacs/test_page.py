"""docs/pacs.md can fail: its settings are accepted, its commands exist, and its hook sends films."""

import json
import re
import time
from dataclasses import replace
from pathlib import Path

import click

from pedaxr.clinic import Clinic
from pedaxr.pacs.listen import Listener
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.receive import receiving
from pedaxr.pacs.spool import Spool
from pedaxr_server.cli import main
from pedaxr_server.settings_sources import gather

from .films import ARIN, MINJUN, SEOYEON, film
from .orthanc import needs_orthanc, orthanc
from .test_listen import read

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "pacs.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    (found,) = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    return str(found)


def test_the_documented_settings_are_accepted(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("secret")
    written = block("toml").replace("/etc/pedaxr/pacs_password", str(tmp_path / "password"))
    (tmp_path / "pedaxr.toml").write_text(written)
    node = gather({}, {}, config=tmp_path / "pedaxr.toml").settings.pacs
    assert node is not None and (node.password, node.send) == ("secret", "off")
    assert node.allowed == {"ORTHANC": {"127.0.0.1"}}


def test_the_documented_modality_is_one_that_orthanc_can_be_given() -> None:
    found = json.loads("{" + block("json") + "}")
    assert found["DicomModalities"]["pedaxr"]["Port"] == PacsNode("127.0.0.1").listen_port


def test_the_documented_commands_exist() -> None:
    blocks = re.findall(r"```(\w*)\n(.*?)```", TEXT, re.DOTALL)
    code = "\n".join(text for language, text in blocks if language in ("", "sh"))
    named = re.findall(r"^pedaxr ((?:pacs )?[a-z]+)((?: [^#\n]*)?)", code, re.MULTILINE)
    assert len(named) > 6, "control: they are found"
    for name, rest in named:
        command: click.Command = main
        for word in name.split():
            assert isinstance(command, click.Group)
            command = command.commands[word]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest)) <= known, name


def test_the_compose_file_gives_settings_that_are_accepted() -> None:
    text = (ROOT / "packaging" / "pacs" / "compose.yaml").read_text(encoding="utf-8")
    given = dict(re.findall(r"^ +(PEDAXR_[A-Z_]+): \"?([^\"\n#]*?)\"?(?: +#.*)?$", text, re.MULTILINE))
    assert len(given) > 10, "control: they are found"
    settings = gather({}, {**given, "PEDAXR_PACS_PASSWORD": "secret"}).settings
    assert settings.pacs is not None and settings.pacs.send == "off"
    assert settings.pacs.allowed == {"ORTHANC": {"172.30.7.2"}}
    (modalities,) = re.findall(r"ORTHANC__DICOM_MODALITIES: >-\n((?: {8}.*\n)+)", text)
    knows = json.loads(modalities)["pedaxr"]
    assert (knows["AET"], knows["Port"]) == (settings.pacs.aet, settings.pacs.listen_port)
    assert "pedaxr:\n    build" in text and f"ipv4_address: {knows['Host']}" in text.split("  pedaxr:")[1]


@needs_orthanc
def test_the_documented_hook_sends_new_films_of_the_abdomen_and_nothing_else(
    clinic: Clinic, tmp_path: Path
) -> None:
    script = tmp_path / "route.lua"
    script.write_text(block("lua"))
    with orthanc(tmp_path / "orthanc", LuaScripts=[str(script)]) as hospital:
        node = replace(hospital.node, callers=("ORTHANC@127.0.0.1",))
        listener = Listener(clinic, node, Spool(clinic.home), read=read)
        with receiving(node, listener.spool, listener.wake):
            hospital.load(
                [
                    film(SEOYEON, "H1"),
                    film(MINJUN, "H2", BodyPartExamined="HAND"),
                    film(ARIN, "H3", BodyPartExamined=None),
                    film(ARIN, "H4", Modality="MR"),
                ]
            )
            until = time.monotonic() + 30
            while len(listener.spool.waiting()) < 2 and time.monotonic() < until:
                time.sleep(0.05)
            jobs = [hospital.ask(f"/jobs/{one}") for one in hospital.ask("/jobs")]
        listener.work_once()
    assert listener.spool.counts() == {"waiting": 0, "read": 2}
    assert all(job["State"] in ("Success", "Running", "Pending") for job in jobs)
