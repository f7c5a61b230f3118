"""The worklist as a resource, and what a caller's scopes leave of it and of a search."""

import json
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import TextContent, TextResourceContents

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.worklist import worklist
from pedaxr.registry import Registry
from pedaxr.types import PatientSearch, Worklist
from pedaxr_models.labels import Finding, sign_within
from pedaxr_server.auth.tokens import PATIENTS_READ, REPORTS_READ, scope_needed
from pedaxr_server.mcp import resources, tools
from pedaxr_server.replies.text_budget import MOST_TOKENS, most_tokens
from pedaxr_server.replies.worklist_reply import worklist_reply

from ..conftest import canned_report

pytestmark = pytest.mark.anyio
Server = MCPServer[object]
CHILD = {"patient_id", "patient_name", "patient_birth_date"}


@pytest.fixture
def drafted(clinic_home: Path, study_id: str) -> str:
    """A study with a critical draft."""
    open_clinic(clinic_home).registry.save_report(canned_report(study_id, "belly pain"))
    return study_id


async def read(server: Server, era: str) -> str:
    async with Client(server, mode=era) as client:
        (content,) = (await client.read_resource("pedaxr://worklist")).contents
    assert isinstance(content, TextResourceContents)
    return content.text


async def test_any_critical_film_today_is_answered_by_the_worklist(
    server: Server, era: str, drafted: str
) -> None:
    text = await read(server, era)
    made = Worklist.model_validate_json(text)
    assert [film.study_id for film in made.critical] == [drafted]
    assert made.critical[0].study_date and made.unread_total > 5
    assert len(text.splitlines()) == 1 and "<" not in text


async def test_without_the_scope_for_patients_no_child_is_named(
    server: Server, era: str, drafted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_names = json.loads(await read(server, era))
    assert set(with_names["critical"][0]) > CHILD, "control"
    monkeypatch.setattr(resources, "may", lambda scope: scope != PATIENTS_READ)
    data = json.loads(await read(server, era))
    films = [film for kind in ("critical", "unsigned", "unread") for film in data[kind]]
    assert films and not any(CHILD & set(film) for film in films)


def test_the_worklist_needs_the_scope_for_reports() -> None:
    assert scope_needed("resources/read", {"uri": "pedaxr://worklist"}) == REPORTS_READ


async def test_without_the_scope_for_reports_a_search_does_not_say_what_films_show(
    server: Server, era: str, drafted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def told() -> str:
        async with Client(server, mode=era) as client:
            reply = await client.call_tool("find_patient", {"query": drafted})
        texts = [block.text for block in reply.content if isinstance(block, TextContent)]
        return "\n".join([*texts, json.dumps(reply.structured_content)])

    air = sign_within(Finding.PNEUMOPERITONEUM)
    assert f'"critical":["{air}"]' in await told(), "control"
    monkeypatch.setattr(tools, "may", lambda scope: scope != REPORTS_READ)
    hidden = await told()
    assert air not in hidden and "pneumoperitoneum" not in hidden and "preliminary" not in hidden
    assert drafted in hidden


async def searched(
    server: Server, era: str, query: str = "worklist", **more: int
) -> tuple[str, dict[str, Any]]:
    async with Client(server, mode=era) as client:
        reply = await client.call_tool("find_patient", {"query": query} | more)
    (block,) = reply.content
    assert isinstance(block, TextContent)
    return block.text, reply.structured_content or {}


@pytest.mark.parametrize("query", ["worklist", "Worklist", " WORKLIST "])
async def test_a_host_without_resources_asks_find_patient_for_the_worklist(
    server: Server, era: str, drafted: str, query: str
) -> None:
    text, data = await searched(server, era, query)
    head, _, first, *_ = text.splitlines()
    assert "Worklist: 1 critical" in head and "may be critical as well" in head
    film = json.loads(first)
    assert film["waits"] == "critical" and film["study_id"] == drafted
    assert {"study_date", "patient_id", "name", "born", "report", "critical"} <= set(film)
    search = PatientSearch.model_validate({"query": query} | data)
    assert search.matches[0].studies[0].study_id == drafted and search.status == "several_matches"


async def test_the_worklist_is_cut_and_says_where_the_rest_is(server: Server, era: str, drafted: str) -> None:
    text, _ = await searched(server, era, limit=2)
    made = Worklist.model_validate_json(await read(server, era))
    kinds = [json.loads(line)["waits"] for line in text.splitlines() if line.startswith("{")]
    assert kinds == ["critical", "unread", "unread"]
    assert f"({made.unread_total - 2} more: all are in the resource pedaxr://worklist)" in text


async def test_nothing_that_waits_is_said_in_words(tmp_path: Path) -> None:
    registry = Registry.create(tmp_path / "registry.sqlite3")
    reply = worklist_reply(worklist(clinic=Clinic(tmp_path, registry)), 10)
    assert "Nothing waits." in reply.text and reply.data["status"] == "no_match"


async def test_a_worklist_of_many_films_fits_into_a_reply(server: Server, era: str, drafted: str) -> None:
    made = Worklist.model_validate_json(await read(server, era))
    many = made.model_copy(update={"unread": made.unread * 10, "unread_total": 10 * len(made.unread)})
    text = worklist_reply(many, 1000).text
    assert most_tokens(text) <= MOST_TOKENS
    assert " more: all are in the resource" in text


async def test_without_the_scope_for_reports_there_is_no_worklist(
    server: Server, era: str, drafted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tools, "may", lambda scope: scope != REPORTS_READ)
    text, _ = await searched(server, era)
    assert "needs the scope reports:read" in text and drafted not in text


async def test_a_birth_date_beside_the_worklist_is_refused_and_not_dropped(server: Server, era: str) -> None:
    async with Client(server, mode=era) as client:
        asked = {"query": "worklist", "patient_birth_date": "2019-04-11"}
        reply = await client.call_tool("find_patient", asked)
    (block,) = reply.content
    assert reply.is_error and isinstance(block, TextContent) and "patient_birth_date out" in block.text
