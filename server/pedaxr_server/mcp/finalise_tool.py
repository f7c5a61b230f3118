"""Making a report final through the server: a human is asked, by the client's own form, and signs by name.

The language model may ask for the form to be shown; it cannot fill it in. A client that cannot show forms is
told how the person signs without it.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp_types import CallToolResult, TextContent
from pydantic import BaseModel, Field

from pedaxr.errors import InvalidRequest
from pedaxr.text import one_line
from pedaxr.types import Report
from pedaxr_models.labels import TERMS
from pedaxr_server.admission import Slots, current_client
from pedaxr_server.mcp.strict_tools import StrictTool, readable_errors, strict_tool

ReportId = Annotated[str, Field(description="report_id of the draft", min_length=1, max_length=64)]


class Signature(BaseModel):
    """The form. Only plain fields: that is all that clients can draw."""

    name: str = Field(title="Your name", description="You answer for this report", max_length=100)
    has_read_film: bool = Field(title="I have read the film myself")
    told: str = Field(
        default="",
        title="Who was told of a critical finding",
        description="Needed where the draft names one; or why nobody was told",
        max_length=500,
    )
    impression: str = Field(
        default="", title="Impression", description="In your words; empty: as drafted", max_length=2000
    )


class Signed(BaseModel):
    """Answer of finalise_report."""

    report_id: str
    status: str
    signed_by: str


def finalise_tool(home: Path | None, slots: Slots) -> StrictTool:
    """The tool, for the clinic in `home`; its look-ups and its write take turns in `slots`."""

    async def in_turn(work: Callable[[], Report | str]) -> Any:
        return await slots.run(work, current_client())

    @readable_errors
    async def ask_reader(report_id: ReportId, ctx: Context[Any, Any]) -> Elicit[Signature]:
        question = await in_turn(partial(_question, report_id, home))
        if not _shows_forms(ctx):
            raise InvalidRequest(
                "This client cannot ask its user. Whoever read the film signs at a terminal: "
                f"`pedaxr reports finalise {report_id} --by NAME`."
            )
        return Elicit(question, Signature)

    @readable_errors
    async def finalise_report(
        report_id: ReportId, answer: Annotated[ElicitationResult[Signature], Resolve(ask_reader)]
    ) -> Annotated[CallToolResult, Signed]:
        """Ask the human to sign a draft: it becomes the film's final report. Only when the human wants it."""
        if not isinstance(answer, AcceptedElicitation) or not answer.data.has_read_film:
            raise InvalidRequest("The human did not sign. The report stays preliminary; do not ask again.")
        final: Report = await in_turn(partial(_finalise, report_id, answer.data, home))
        return _reply(final)

    return strict_tool(finalise_report, title="Have a human sign a report", is_read_only=False)


def _shows_forms(ctx: Context[Any, Any]) -> bool:
    """A bare `elicitation: {}` is a client from before there were modes, which shows forms."""
    able: Any = ctx.client_capabilities
    asks = able.elicitation if able else None
    return asks is not None and (asks.form is not None or asks.url is None)


def _question(report_id: str, home: Path | None) -> str:
    """What is signed, in words for the human: whose film, when, and what the draft says."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.sign_off import read_report

    clinic = open_clinic(home)
    draft = read_report(report_id, clinic=clinic)
    study = clinic.registry.study(str(draft.study_id))
    critical = ", ".join(TERMS[name].english for name in draft.critical)
    lines = [
        "Make this the final report of the film? It was drafted by a model for research and teaching.",
        f"Patient: {one_line(study.patient_name)}, film of {study.study_date}.",
        f"CRITICAL: {critical}. Say who was told." if critical else "",
        f"Impression: {draft.sections.get('Impression', '')}",
        *(f"Check: {flag}" for flag in draft.flags),
    ]
    return "\n".join(line for line in lines if line)


def _finalise(report_id: str, signature: Signature, home: Path | None) -> Report:
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.sign_off import finalise

    return finalise(
        report_id,
        by=signature.name,
        impression=signature.impression or None,
        told=signature.told or None,
        clinic=open_clinic(home),
    )


def _reply(final: Report) -> CallToolResult:
    signed = Signed(report_id=final.report_id, status=final.status, signed_by=str(final.signed_by))
    text = f"The report is {final.status}: version {final.version}, id {final.report_id}."
    return CallToolResult(content=[TextContent(text=text)], structured_content=signed.model_dump(mode="json"))
