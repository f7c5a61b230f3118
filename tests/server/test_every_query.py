"""One search, one answer: in Python, over MCP, over HTTP as the page asks, and at a terminal."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path

import anyio
import pytest
from click.testing import CliRunner
from mcp import Client
from starlette.testclient import TestClient

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import PedaxrError
from pedaxr.registry import REGISTRY_FILE, Patient, Registry
from pedaxr.types import PatientSearch
from pedaxr_server.cli.app import main
from pedaxr_server.mcp.server import create_server
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings

CHILDREN = (
    Patient("00123456", "김민준", date(2021, 3, 4)),
    Patient("H-7", "이서연", date(2019, 12, 31)),
    Patient("B-1", "김지은아기1", date(2024, 5, 6)),
    Patient("B-2", "김지은 T2", date(2024, 5, 6)),
    Patient("W-9", "Åsa Müller", date(2018, 1, 2)),
)
QUERIES = (
    *("00123456", "００１２３４５６", "00123456.0", "'00123456", '="00123456"', "123456", "h－7", " H-7 "),
    *(
        "김민준",
        "Ｋｉｍ Ｍｉｎｊｕｎ",
        "김민준 ２０２１－０３－０４",
        "김민준 210304",
        "210304",
        "2021.03.04",
    ),
    *("김민준 4-Mar-21", "\u200b김민준", "김민준 04.03.2021", "3/4/2021", "김지은", "Baby 1 of Kim Jieun"),
    *(
        "김지은 T2",
        "김지은 쌍2",
        "Asa Muller",
        "ÅSA MÜLLER",
        "없는이름",
        "나",
        "{}",
        "null",
        '["김민준"]',
        "' OR 1=1",
    ),
)
BORN = (
    "20210304",
    "2021.03.04",
    "２０２１－０３－０４",
    "210304",
    "",
    " ",
    "0000-00-00",
    "04.03.2021",
    "어제",
)
Answer = tuple[str, ...]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("children")
    Registry.create(folder / REGISTRY_FILE).add(CHILDREN, [])
    return folder


def answer(found: PatientSearch) -> Answer:
    named = [match.patient_id for match in found.matches]
    return (found.status, *named, "|", *(near.patient_id for near in found.nearest))


def in_python(home: Path, arguments: dict[str, str]) -> Answer:
    try:
        return answer(find_patient(**arguments, clinic=open_clinic(home)))
    except PedaxrError as err:
        return ("refused", str(err).split(". ")[0].rpartition(": A ")[2])


def over_mcp(home: Path, arguments: dict[str, str]) -> Answer:
    async def asked() -> object:
        async with Client(create_server(Settings(home=home, worker=False))) as client:
            return await client.call_tool("find_patient", arguments)

    reply = anyio.run(asked)
    return told(reply.is_error, reply.content[0].text, reply.structured_content)


def over_http(home: Path, arguments: dict[str, str]) -> Answer:
    settings = Settings(home=home, worker=False)
    about = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    call = {"name": "find_patient", "arguments": arguments, "_meta": about}
    headers = {
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": "2026-07-28",
        "Mcp-Method": "tools/call",
        "Mcp-Name": "find_patient",
    }
    with TestClient(http_app(settings), base_url=f"http://127.0.0.1:{settings.port}") as web:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call}
        text = web.post("/mcp", json=body, headers=headers).text
    events = [line.removeprefix("data:") for line in text.splitlines() if line.startswith("data:")]
    result = json.loads(events[-1] if events else text)["result"]
    return told(result.get("isError", False), result["content"][0]["text"], result.get("structuredContent"))


def at_a_terminal(home: Path, arguments: dict[str, str]) -> Answer:
    born = arguments.get("patient_birth_date")
    options = ["--birth-date", born] if born is not None else []
    done = CliRunner().invoke(
        main, ["find", *options, "--home", str(home), "--json", "-", "--", arguments["query"]]
    )
    return told(done.exit_code != 0, done.output, json.loads(done.stdout) if done.exit_code == 0 else None)


def told(is_refused: bool, text: str, structured: object) -> Answer:
    return (
        ("refused", " ".join(text.split()))
        if is_refused
        else answer(PatientSearch.model_validate(structured))
    )


DOORS: tuple[Callable[[Path, dict[str, str]], Answer], ...] = (over_mcp, over_http, at_a_terminal)


def is_same(one: Answer, expected: Answer) -> bool:
    """The same children; or the same cause, in whatever words of the door's own around it."""
    if expected[0] == "refused":
        return one[0] == "refused" and expected[1].casefold() in one[1].casefold()
    return one == expected


@pytest.mark.parametrize("query", QUERIES)
def test_a_search_finds_the_same_children_at_every_door(home: Path, query: str) -> None:
    expected = in_python(home, {"query": query})
    for door in DOORS:
        assert is_same(door(home, {"query": query}), expected), door.__name__


@pytest.mark.parametrize("born", BORN)
def test_a_birth_date_is_the_same_day_at_every_door(home: Path, born: str) -> None:
    arguments = {"query": "김민준", "patient_birth_date": born}
    expected = in_python(home, arguments)
    for door in DOORS:
        assert is_same(door(home, arguments), expected), door.__name__


def test_the_answers_compared_differ(home: Path) -> None:
    """Control: among the searches are children found, children only offered, nobody, and refusals."""
    answers = {in_python(home, {"query": query}) for query in QUERIES}
    assert {told[0] for told in answers} >= {"one_match", "no_match", "refused"}
    assert len(answers) >= 8
    assert not is_same(in_python(home, {"query": "김민준"}), in_python(home, {"query": "H-7"}))
