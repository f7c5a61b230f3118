"""Attacks and canaries planted in every field: nothing comes out alive, nothing leaks, nothing is fetched."""

import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import anyio
import pytest
from mcp import Client
from mcp_types import PromptReference, TextContent, TextResourceContents

from pedaxr.clinic import open_clinic

from .planted import CANARIES, ORDER, Watched, asked, attack, log_lines, watched_server

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="looks at processes as Linux has them"
)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched_server(tmp_path_factory.mktemp("planted")) as made:
        made.replies |= anyio.run(everything, made)
        yield made


@pytest.fixture
def replies(watched: Watched) -> dict[str, str]:
    return watched.replies


async def everything(watched: Watched) -> dict[str, str]:
    """Ask for all there is, with attacks of the caller's own as well."""
    study = open_clinic(watched.home).registry.studies("CANARY-77 <b>")[0].study_id
    hostile = f"Kanarivogel\n{ORDER[:20]}<b>![p]({watched.address}/q)\u202e"
    indication = f"{ORDER}\n{attack('zeisigweh', watched.address)}"
    async with Client(f"{watched.url}/mcp") as client:
        told: dict[str, str] = {}
        for tool, arguments in (
            ("find_patient", {"query": "Kanarivogel"}),
            ("find_patient", {"query": hostile}),
            ("find_patient", {"query": "Kanarivogel", "limit": hostile}),
            ("segment_xray", {"study_id": study}),
            ("segment_xray", {"study_id": hostile}),
            ("generate_report", {"study_id": study}),
            ("generate_report", {"study_id": study, "indication": indication}),
            ("generate_report", {"study_id": study, "working_diagnosis": hostile}),
        ):
            told |= await _tool(client, f"{len(told)} {tool}", tool, arguments)
        for document in ("image.png", "segmentation.json", "report.json", "report.txt", "report.html"):
            told |= await _read(client, document, f"pedaxr://studies/{study}/{document}")
        told |= await _read(client, "patient", f"pedaxr://patients/{quote('CANARY-77 <b>', safe='')}")
        prompt = await client.get_prompt("read_film", {"patient": hostile})
        told["prompt"] = "\n".join(message.content.text for message in prompt.messages)  # type: ignore[union-attr]
        reference = PromptReference(name="read_film")
        ended = await client.complete(reference, {"name": "patient", "value": "Kanari"})
        told["completion"] = json.dumps(ended.completion.values)
    return told


async def _tool(client: Client, name: str, tool: str, arguments: dict[str, object]) -> dict[str, str]:
    reply = await client.call_tool(tool, arguments)
    texts = [block.text for block in reply.content if isinstance(block, TextContent)]
    data = json.dumps(reply.structured_content) if reply.structured_content else ""
    return {f"{name} text": "\n".join(texts), f"{name} data": data}


async def _read(client: Client, name: str, uri: str) -> dict[str, str]:
    contents = (await client.read_resource(uri)).contents
    return {name: "".join(c.text for c in contents if isinstance(c, TextResourceContents))}


def alive(text: str) -> list[str]:
    """What in a text a model or a host could take for more than data."""
    hidden = {c for c in text if unicodedata.category(c) in ("Cc", "Cf", "Co", "Cs") and c != "\n"}
    found = [f"character U+{ord(char):04X}" for char in hidden]
    found += ["order" for line in text.splitlines() if line.lstrip(" #>*-").startswith(ORDER)]
    for kind, pattern in {
        "Markdown link": r"\[[^\]\n]*\]\([^)\n]*\)",
        "tag": r"<\s*/?\s*(?:img|script|b)\b",
        "address": r"https?://127\.0\.0\.1",
    }.items():
        found += [kind] * len(re.findall(pattern, text, re.IGNORECASE))
    return found


def strings(data: object) -> Iterator[str]:
    """Every text in JSON data."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict | list):
        for value in data.values() if isinstance(data, dict) else data:
            yield from strings(value)


def test_no_attack_is_alive_in_a_text(replies: dict[str, str]) -> None:
    texts = {name: text for name, text in replies.items() if name.endswith(" text")}
    assert sum("Kanarivogel" in text for text in texts.values()) >= 2, "control: the fields are shown"
    assert any(ORDER in text for text in texts.values()), "control: so is what is written in them"
    assert {name: found for name, text in texts.items() if (found := alive(text))} == {}
    assert not [kind for kind in alive(replies["prompt"]) if kind.startswith(("character", "order"))]


def test_data_fields_hold_no_character_that_hides_or_reverses(replies: dict[str, str]) -> None:
    held = 0
    for name, text in replies.items():
        if not (name.endswith((" data", ".json")) or name in ("patient", "completion")) or not text:
            continue
        for one in strings(json.loads(text)):
            held += ORDER in one
            assert not [word for word in alive(one) if word.startswith("character")], (name, one)
            assert "\n" not in one or ORDER not in one.splitlines()[1:], (name, one)
    assert held, "control: the attack is in them, as data"


def test_documents_are_inert(replies: dict[str, str]) -> None:
    assert ORDER in replies["report.txt"] and ORDER in replies["report.html"], "control"
    assert alive(replies["report.txt"]) == []
    assert "tag" not in alive(replies["report.html"].replace("<body>", ""))


def test_nothing_was_fetched_and_nothing_signed(watched: Watched, replies: dict[str, str]) -> None:
    assert watched.heard == []
    asked(watched.address)
    assert watched.heard == ["/control"], "control: it would have been heard"
    watched.heard.clear()
    stored = open_clinic(watched.home).registry.reports(json.loads(replies["report.json"])["study_id"])
    assert stored and {(report.status, report.signed_by) for report in stored} == {("preliminary", None)}


def test_no_canary_is_in_logs_names_of_files_or_the_process_list(
    watched: Watched, replies: dict[str, str]
) -> None:
    watched.look()
    said = [line for line in log_lines(watched) if "request_id" in line]
    assert len(said) >= 8, "control: every call left a line"
    assert any(name.startswith("overlays/") for name in watched.seen), "control: names were looked at"
    assert sum("pedaxr_server" in shown for shown in watched.seen) >= 2, "control: server and worker"
    assert all(word.encode() in (watched.home / "registry.sqlite3").read_bytes() for word in CANARIES[:3]), (
        "control"
    )
    for canary in CANARIES:
        assert canary not in watched.errors.read_text()
        assert not [shown for shown in watched.seen if canary in shown]


def test_the_watch_would_see_a_canary(watched: Watched) -> None:
    left = watched.temporary / f"{CANARIES[0]}.png"
    left.touch()
    watched.look()
    left.unlink()
    assert any(CANARIES[0] in shown for shown in watched.seen)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (f"Indication: pain\n{ORDER}", "order"),
        ("![p](http://127.0.0.1:1/m)", "Markdown link"),
        ("a <IMG src=x>", "tag"),
        ("see http://127.0.0.1:1", "address"),
        ("a\u202eb", "character U+202E"),
    ],
)
def test_what_is_alive_is_seen(text: str, kind: str) -> None:
    assert kind in alive(text)
