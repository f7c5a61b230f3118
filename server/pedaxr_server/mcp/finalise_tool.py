"""Making a report final through the server: a human is asked, by the client's own form, and signs by name.

The language model may ask for the form to be shown; it cannot fill it in. A client that cannot show forms is
told how the person signs without it.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.resolve import Elicit, Resolve
from mcp_types import CallToolResult
from pydantic import BaseModel, Field

from pedaxr.audit.callers import current_caller
from pedaxr.errors import InvalidRequest
from pedaxr.records import bare_id
from pedaxr.registry.film_identity import film_identity
from pedaxr.text import ForeignText
from pedaxr.types import Report
from pedaxr_server.admission import Slots, current_client
from pedaxr_server.auth.identity import confirmed_by
from pedaxr_server.mcp.strict_tools import StrictTool, readable_errors, strict_tool
from pedaxr_server.replies.film_lines import film_line, identified
from pedaxr_server.replies.finding_lines import TELL, critical_line
from pedaxr_server.replies.reply import Reply

ReportId = Annotated[str, Field(description="report_id of the newest draft", min_length=1, max_length=64)]


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
    version: int
    status: str
    signed_by: str
    signed_at: str


_ISSUED = re.compile(r"R[0-9a-f]{20}", re.IGNORECASE)
_ANSWER = dict.fromkeys(("report_id", "version", "status", "signed_by", "signed_at"))


def finalise_tool(home: Path | None, slots: Slots) -> StrictTool:
    """The tool, for the clinic in `home`; its look-ups and its write take turns in `slots`."""

    async def in_turn(work: Callable[[], Report | str]) -> Any:
        return await slots.run(work, current_client())

    @readable_errors
    async def ask_reader(report_id: ReportId, ctx: Context[Any, Any]) -> Elicit[Signature]:
        question = await in_turn(partial(_question, as_issued(report_id), home))
        if not _shows_forms(ctx):
            raise InvalidRequest(
                "Nothing was signed: this chat cannot show the form, and you cannot sign for anybody. Tell "
                "the user that whoever read the film signs it themselves, in a client that shows forms or as "
                "docs/agents.md says under Signing."
            )
        return Elicit(question, Signature)

    @readable_errors
    async def finalise_report(
        report_id: ReportId, answer: Annotated[ElicitationResult[Signature], Resolve(ask_reader)]
    ) -> Annotated[CallToolResult, Signed]:
        """Show the human a form to sign a draft, only when they ask to. There they give their name, who was
        told of a critical finding and, if they disagree, their own impression. You cannot fill it in.
        """
        if not isinstance(answer, AcceptedElicitation) or not answer.data.has_read_film:
            raise InvalidRequest("The human did not sign. The report stays preliminary; do not ask again.")
        confirmed = confirmed_by(current_caller(), "in a form")
        final: Report = await in_turn(partial(_finalise, as_issued(report_id), answer.data, home, confirmed))
        return CallToolResult.model_validate(signed_reply(final).result())

    return strict_tool(
        finalise_report, title="Have a human sign a report", is_read_only=False, answer=_ANSWER
    )


def _shows_forms(ctx: Context[Any, Any]) -> bool:
    """A bare `elicitation: {}` is a client from before there were modes, which shows forms."""
    able: Any = ctx.client_capabilities
    asks = able.elicitation if able else None
    return asks is not None and (asks.form is not None or asks.url is None)


def as_issued(report_id: str) -> str:
    """A report's id as pedaxr wrote it, from one in another case or with stray spaces."""
    bare = bare_id(report_id)
    return f"R{bare[1:].lower()}" if _ISSUED.fullmatch(bare) else report_id


def _question(report_id: str, home: Path | None) -> str:
    """What is signed, in words for the human: whose film, when, and what the draft says.

    Raises:
        InvalidRequest: a newer draft was made of the same film.
    """
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.sign_off import read_report

    clinic = open_clinic(home)
    draft = read_report(report_id, clinic=clinic)
    study_id = str(draft.study_id)
    _refuse_an_older_draft(draft, clinic.registry.reports(study_id))
    lines = [
        "Make this the final report of the film? It was drafted by a model for research and teaching.",
        film_line(film_identity(clinic.registry.study(study_id)), study_id),
        critical_line(draft.critical, draft.critical_certainty).replace(TELL, "Say who was told."),
        f"Impression: {draft.sections.get('Impression', '')}",
        *(f"Check: {flag}" for flag in draft.flags),
    ]
    return "\n".join(line for line in lines if line)


def _refuse_an_older_draft(draft: Report, versions: Sequence[Report]) -> None:
    """A newer draft may carry a warning that the older one lacks."""
    from pedaxr.reports.current import differences

    drafts = [version for version in versions if version.status == "preliminary"]
    newest = drafts[-1] if drafts else draft
    if draft.status == "preliminary" and newest.report_id != draft.report_id:
        more = [flag for flag in newest.flags if flag not in draft.flags]
        warned = " It carries a warning that the older one lacks." if more else ""
        warned += f" What differs: {' '.join(differences(draft, newest))}"
        raise InvalidRequest(
            f"{draft.report_id} is version {draft.version} and not the newest draft; {newest.report_id}, "
            f"version {newest.version}, is.{warned} Nothing was signed. Tell the user and ask "
            "whether to sign the newest."
        )


def _finalise(report_id: str, signature: Signature, home: Path | None, confirmed: str) -> Report:
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.sign_off import finalise

    clinic = open_clinic(home)
    final = finalise(
        report_id,
        by=signature.name,
        impression=signature.impression or None,
        told=signature.told or None,
        confirmed=confirmed,
        clinic=clinic,
    )
    return identified(final, clinic)


def signed_reply(final: Report) -> Reply:
    """Who signed what, of whose film and when."""
    at = final.signed_at.strftime("%Y-%m-%d %H:%M UTC") if final.signed_at else ""
    signed = Signed(
        report_id=final.report_id,
        version=final.version,
        status=final.status,
        signed_by=str(final.signed_by),
        signed_at=final.signed_at.isoformat(timespec="seconds") if final.signed_at else "",
    )
    told = final.sections.get("Communication") if "Communication" in final.human_sections else None
    lines = [
        film_line(final.film, final.study_id),
        f"{final.status.capitalize()}: version {final.version}, id {final.report_id}, signed by "
        f"{ForeignText(signed.signed_by, 100)} on {at}. Later drafts do not replace it.",
        f"Impression, as data: {ForeignText(final.sections.get('Impression', ''), 400)}",
        critical_line(final.critical, final.critical_certainty).removesuffix(f" {TELL}"),
        f"Of the critical finding, as data: {ForeignText(told)}" if told else "",
        "Next: tell the user who signed which film. A human corrects it by an amendment, not by a new draft.",
    ]
    return Reply("\n".join(line for line in lines if line), signed.model_dump(mode="json"))
