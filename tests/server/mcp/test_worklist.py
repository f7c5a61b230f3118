"""The worklist as a resource, and what a caller's scopes leave of it and of a search."""

import json
from pathlib import Path

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import TextContent, TextResourceContents

from pedaxr.clinic import open_clinic
from pedaxr.types import Worklist
from pedaxr_models.labels import Finding, sign_within
from pedaxr_server.auth.tokens import PATIENTS_READ, REPORTS_READ, scope_needed
from pedaxr_server.mcp import resources, tools

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
