"""What docs/reports.md and docs/safety.md show beside a command is what the command prints."""

import json
import re
import shlex
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME, FEWEST_PATIENTS
from pedaxr.registry import REGISTRY_FILE
from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom import FilmSpec, make_film
from pedaxr_server.cli.app import main

ROOT = Path(__file__).parents[2]
PAGES = ("reports.md", "safety.md")
AIR = FilmSpec(3, 8, View.ERECT, 70.0, ((Finding.PNEUMOPERITONEUM, 0.8),))


def examples() -> list[tuple[str, str]]:
    """Each command of the pages with what stands below it."""
    text = "\n".join((ROOT / "docs" / page).read_text(encoding="utf-8") for page in PAGES)
    return re.findall(
        r"```sh\n(pedaxr [^\n]+)\n```\n+(?:[^`\n]*`[^`\n]+`[^\n]*\n+)?```text\n(.*?)```", text, re.DOTALL
    )


@pytest.fixture(scope="module")
def home(clinic_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo clinic of the pages, smaller; to be changed."""
    home = tmp_path_factory.mktemp("examples") / "home"
    shutil.copytree(clinic_home, home, ignore=shutil.ignore_patterns("access.*"))  # in use
    return home


def edit_a_birth_date(home: Path, patient_id: str) -> None:
    with closing(sqlite3.connect(home / REGISTRY_FILE)) as other_program, other_program:
        other_program.execute(
            "UPDATE patients SET patient_birth_date = '2018-04-11' WHERE patient_id = ?", [patient_id]
        )


def squeezed(text: str) -> str:
    return re.sub(r"[\s│]+", " ", text)


def test_each_command_shown_prints_what_stands_below_it(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    Image.fromarray(np.ascontiguousarray(np.fliplr(make_film(AIR).pixels))).save("mirrored.png")
    child = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=open_clinic(home)).matches[0]
    study = child.studies[0].study_id
    given = {"STUDY": study, "docs/walkthrough_hand.png": str(ROOT / "docs" / "walkthrough_hand.png")}
    shown = examples()
    assert [command.split()[1] for command, _ in shown] == [
        "report",
        "segment",
        "find",
        "segment",
        "reports",
        "verify",
    ]
    for command, expected in shown:
        words = shlex.split(command.partition(" < ")[0])[1:]
        if words[0] == "verify":
            edit_a_birth_date(home, child.patient_id)
            expected = expected.replace("60 looked at", f"{FEWEST_PATIENTS} looked at")
            expected = expected.replace("P-60497", child.patient_id)  # the same child among 60
        if words[0] == "reports":
            listed = CliRunner().invoke(main, ["reports", "list", study, "--json", "-"]).output
            given["REPORT"] = json.loads(listed)[0]["report_id"]
        result = CliRunner().invoke(main, [given.get(word, word) for word in words])
        written = Path("report.txt").read_text(encoding="utf-8") if words[0] == "report" else ""
        printed = squeezed(result.output + written)
        assert [line for line in expected.splitlines() if squeezed(line).strip() not in printed] == [], (
            command
        )


def test_the_sentences_shown_are_those_of_the_walkthrough() -> None:
    pages = [(ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("reports.md", "walkthrough.md")]
    shown, printed = (re.findall(r"^\[(?:grounded|struck)\] .*$", page, re.MULTILINE) for page in pages)
    assert len(shown) == 3 and set(shown) <= set(printed)
