"""A report is made final by a human whom the client asks, never by the model that asks for it."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, ElicitResult, TextContent

from pedaxr.clinic import open_clinic
from pedaxr.reports.sign_off import list_reports
from pedaxr_models.labels import Finding, sign_within
from pedaxr_server.mcp.finalise_tool import as_issued
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings

from ..conftest import canned_report

pytestmark = pytest.mark.anyio

READ = {"name": "Kim Reader", "has_read_film": True, "told": "Dr Lee, by telephone"}


@pytest.fixture
def home(clinic_home: Path, tmp_path: Path, study_id: str) -> Path:
    """A clinic of its own, with a critical draft."""
    home = tmp_path / "clinic"
    shutil.copytree(clinic_home, home, ignore=shutil.ignore_patterns("access.*"))  # in use
    open_clinic(home).registry.save_report(canned_report(study_id, "belly pain"))
    return home


@pytest.fixture
def server(home: Path) -> MCPServer[object]:
    return create_server(Settings(home=home, worker=False))


class Human:
    """Answers the client's form and keeps what it was asked."""

    def __init__(self, action: str, **content: Any) -> None:
        self.answer = ElicitResult.model_validate({"action": action, "content": content or None})
        self.asked: list[str] = []

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        self.asked.append(params.message)
        return self.answer


async def ask(
    server: MCPServer[object], era: str, study_id: str, human: Human | None, **more: Any
) -> CallToolResult:
    async with Client(server, mode=era, elicitation_callback=human) as client:
        return await client.call_tool("finalise_report", {"report_id": f"R-{study_id}"} | more)


def words(reply: CallToolResult) -> str:
    return "\n".join(block.text for block in reply.content if isinstance(block, TextContent))


def status_of(home: Path, study_id: str) -> list[str]:
    return [report.status for report in list_reports(study_id, clinic=open_clinic(home))]


async def test_a_human_signs(server: MCPServer[object], home: Path, study_id: str, era: str) -> None:
    human = Human("accept", **READ, impression="Free air, confirmed.")
    reply = await ask(server, era, study_id, human)
    assert not reply.is_error, words(reply)
    final = list_reports(study_id, clinic=open_clinic(home))[-1]
    assert (final.status, final.signed_by) == ("final", "Kim Reader")
    assert final.sections["Impression"] == "Free air, confirmed."
    assert "Dr Lee" in final.sections["Communication"]
    assert reply.structured_content == {
        "report_id": final.report_id,
        "version": 2,
        "status": "final",
        "signed_by": "Kim Reader",
        "signed_at": final.signed_at.isoformat(timespec="seconds"),
    }


async def test_the_reply_says_who_signed_whose_film_and_when(
    server: MCPServer[object], home: Path, study_id: str, era: str
) -> None:
    told = words(await ask(server, era, study_id, Human("accept", **READ, impression="Free air, confirmed.")))
    final = list_reports(study_id, clinic=open_clinic(home))[-1]
    study = open_clinic(home).registry.study(study_id)
    for fact in (
        study_id,
        f'"{study.patient_name}"',
        str(study.study_date),
        f"Final: version 2, id {final.report_id}",
        'signed by "Kim Reader"',
        f"{final.signed_at:%Y-%m-%d}",
        '"Free air, confirmed."',
        "Dr Lee, by telephone",
        "Later drafts do not replace it",
    ):
        assert fact in told, fact


async def test_an_older_draft_is_refused_and_the_newer_one_named(
    server: MCPServer[object], home: Path, study_id: str, era: str
) -> None:
    newer = canned_report(study_id, "belly pain").model_copy(
        update={
            "report_id": "R-newer",
            "flags": ["Low confidence.", "Pyloric stenosis is unusual at this age."],
        }
    )
    open_clinic(home).registry.save_report(newer)
    human = Human("accept", **READ)
    reply = await ask(server, era, study_id, human)
    assert reply.is_error and not human.asked
    assert "not the newest draft; R-newer, version 2, is" in words(reply) and "warning" in words(reply)
    assert status_of(home, study_id) == ["preliminary", "preliminary"]
    assert not (await ask(server, era, study_id, human, report_id="R-newer")).is_error, "control"


@pytest.mark.parametrize(
    "typed", ["r0A8EBF4a6acb5b785205", " R0a8ebf4a6acb5b785205 ", "R 0a8ebf4a6acb5b785205"]
)
def test_a_report_id_is_read_in_any_case(typed: str) -> None:
    assert as_issued(typed) == "R0a8ebf4a6acb5b785205"
    assert as_issued("R-S-1 x") == "R-S-1 x", "control: what pedaxr did not issue stays as it is"


async def test_the_human_sees_whose_film_it_is_and_what_is_critical(
    server: MCPServer[object], home: Path, study_id: str, era: str
) -> None:
    human = Human("accept", **READ)
    await ask(server, era, study_id, human)
    (question,) = human.asked
    study = open_clinic(home).registry.study(study_id)
    assert study.patient_name in question and str(study.study_date) in question
    air = sign_within(Finding.PNEUMOPERITONEUM)
    assert f"CRITICAL: {air}. Say who was told." in question and "Impression: Free air." in question


async def test_the_same_signature_again_is_one_act(
    server: MCPServer[object], home: Path, study_id: str, era: str
) -> None:
    for _ in range(2):
        assert not (await ask(server, era, study_id, Human("accept", **READ))).is_error
    assert status_of(home, study_id) == ["preliminary", "final"]
    other = await ask(server, era, study_id, Human("accept", **READ | {"name": "Somebody Else"}))
    assert other.is_error and "final report already" in words(other)


@pytest.mark.parametrize(
    "human",
    [
        Human("decline"),
        Human("cancel"),
        Human("accept", **READ | {"has_read_film": False}),
        Human("accept", **READ | {"name": "assistant"}),
        Human("accept", **READ | {"told": ""}),
    ],
    ids=["declined", "closed", "not read", "a program's name", "nobody was told"],
)
async def test_without_a_signature_it_stays_a_draft(
    server: MCPServer[object], home: Path, study_id: str, era: str, human: Human
) -> None:
    reply = await ask(server, era, study_id, human)
    assert reply.is_error
    assert status_of(home, study_id) == ["preliminary"]


@pytest.mark.parametrize(
    "content", [{}, {"name": "Kim Reader"}, {"name": "Kim Reader", "has_read_film": "perhaps"}, {"name": 7}]
)
async def test_a_form_that_came_back_unfinished_signs_nothing_and_names_no_code(
    server: MCPServer[object], home: Path, study_id: str, era: str, content: dict[str, Any]
) -> None:
    reply = await ask(server, era, study_id, Human("accept", **content))
    assert reply.is_error and words(reply).startswith("The form came back without all that it needs")
    assert words(reply).endswith("[invalid_request]") and "Resolver" not in words(reply)
    assert status_of(home, study_id) == ["preliminary"]


async def test_a_client_that_cannot_ask_gives_the_agent_nothing_to_run(
    server: MCPServer[object], home: Path, study_id: str, era: str
) -> None:
    reply = await ask(server, era, study_id, None)
    assert reply.is_error
    assert "whoever read the film signs" in words(reply) and "you cannot sign" in words(reply)
    assert "pedaxr reports" not in words(reply) and "--by" not in words(reply) and "`" not in words(reply)
    assert status_of(home, study_id) == ["preliminary"]


async def test_the_model_cannot_fill_in_the_form(
    server: MCPServer[object], home: Path, study_id: str, era: str
) -> None:
    human = Human("decline")
    for forged in ({"answer": READ}, {"name": "Kim Reader", "has_read_film": True}):
        reply = await ask(server, era, study_id, human, **forged)
        assert reply.is_error and "has no argument" in words(reply)
    assert not human.asked
    assert status_of(home, study_id) == ["preliminary"]


async def test_an_unknown_report_is_not_asked_about(
    server: MCPServer[object], study_id: str, era: str
) -> None:
    human = Human("accept", **READ)
    reply = await ask(server, era, "none", human)
    assert reply.is_error and "[report_not_found]" in words(reply)
    assert not human.asked
