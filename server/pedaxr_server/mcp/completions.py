"""Suggestions while a person fills in a prompt or an address: names and ids, few, and nothing next to them.

A birth date is never suggested: it is what tells children of one name apart, and must come from the human.
For the same reason an id is suggested only where the text so far means one child.
"""

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from mcp.server.mcpserver import MCPServer
from mcp_types import (
    Completion,
    CompletionArgument,
    CompletionContext,
    PromptReference,
    ResourceTemplateReference,
)

from pedaxr.errors import PedaxrError
from pedaxr_models.labels import CHANNELS
from pedaxr_server.auth.tokens import PATIENTS_READ, may
from pedaxr_server.mcp.prompts import LANGUAGES
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.settings import Settings

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic

MOST_SUGGESTED = 10


def add_completions(server: MCPServer[object], settings: Settings, tools: XrayTools) -> None:
    """Register the one handler that MCP has for all arguments."""

    @server.completion()  # type: ignore[no-untyped-call, untyped-decorator]
    async def complete(
        ref: PromptReference | ResourceTemplateReference,
        argument: CompletionArgument,
        context: CompletionContext | None,
    ) -> Completion:
        fixed = {"region": CHANNELS, "language": LANGUAGES}.get(argument.name)
        if fixed is not None:
            return _completion([text for text in fixed if text.startswith(argument.value)])
        if argument.name not in ("patient", "patient_id", "study_id") or not may(PATIENTS_READ):
            return _completion([])
        given = (context and context.arguments) or {}
        work = partial(_suggest, settings, argument.name, argument.value, given.get("patient_id"))
        try:
            return _completion(await tools.searching.run(work))
        except PedaxrError:  # too short, no clinic, busy: a suggestion is not worth an error
            return _completion([])


def _suggest(settings: Settings, name: str, value: str, patient_id: str | None) -> list[str]:
    from pedaxr.audit.trail import accessing
    from pedaxr.clinic import open_clinic

    clinic = open_clinic(settings.home)
    with accessing(clinic.home, "complete", query=value):
        return _suggested(clinic, name, value, patient_id)


def _suggested(clinic: "Clinic", name: str, value: str, patient_id: str | None) -> list[str]:
    from pedaxr.clinic.find_patient import MOST_MATCHES, find_patient

    if name == "study_id" and patient_id:
        studies = [study.study_id for study in clinic.registry.studies(patient_id)]
        return [study_id for study_id in studies if study_id.startswith(value)]
    matches = find_patient(value, limit=MOST_MATCHES, clinic=clinic).matches
    if name == "patient":
        return list(dict.fromkeys(match.patient_name for match in matches))
    if len(matches) != 1:
        return []
    if name == "patient_id":
        return [matches[0].patient_id]
    return [study.study_id for study in matches[0].studies]


def _completion(values: Sequence[str]) -> Completion:
    shown = list(values[:MOST_SUGGESTED])
    return Completion(values=shown, total=len(values), has_more=len(values) > len(shown))
