"""A child's studies and a study's pictures and documents by address, for a client that follows links."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mcp.server.mcpserver import MCPServer

from pedaxr.errors import InvalidRequest, StudyNotFound
from pedaxr.records import quoted
from pedaxr.text import ForeignText, one_line
from pedaxr.types import PatientMatch, Report
from pedaxr_models.labels import CHANNELS
from pedaxr_server.admission import current_client
from pedaxr_server.auth.tokens import PATIENTS_READ, may
from pedaxr_server.mcp.strict_tools import readable_resource_errors
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.settings import Settings

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic

T = TypeVar("T")
_STUDY = "pedaxr://studies/{study_id}/"
_JSON, _PNG = "application/json", "image/png"
_TEXT, _HTML = "text/plain", "text/html"


def add_resources(server: MCPServer[object], settings: Settings, tools: XrayTools) -> None:
    """Register the resource templates; whatever runs a network waits for the same slots as the tools."""
    reader = _Reader(settings.home, tools)
    _add_worklist(server, reader)
    _add_patient(server, reader)
    _add_pictures(server, reader)
    _add_reports(server, reader)


class _Reader:
    """Loads a document in a thread, with the clinic open, or has it made by whoever reads films."""

    def __init__(self, home: Path | None, tools: XrayTools) -> None:
        self._home = home
        self._tools = tools

    async def look_up(self, load: "Callable[[Clinic, str], T]", some_id: str) -> T:
        """Without the networks."""

        def work() -> T:
            from pedaxr.audit.trail import accessing
            from pedaxr.clinic import open_clinic

            clinic = open_clinic(self._home)
            with accessing(clinic.home, f"read{load.__name__}"):
                return load(clinic, some_id)

        return await self._tools.searching.run(work, current_client())

    async def read_film(self, job: str, study_id: str, **arguments: str) -> bytes:
        """With the networks, one film at a time."""
        return await self._tools.reader.read(job, study_id=study_id, **arguments)


def _add_worklist(server: MCPServer[object], reader: _Reader) -> None:
    @server.resource("pedaxr://worklist", title="What waits for a human", mime_type=_JSON)
    @readable_resource_errors
    async def worklist() -> str:
        """Films with a critical finding, unsigned drafts and unread films, newest first."""
        return await reader.look_up(_worklist if may(PATIENTS_READ) else _nameless_worklist, "")


def _add_patient(server: MCPServer[object], reader: _Reader) -> None:
    @server.resource("pedaxr://patients/{patient_id}", title="A child and their films", mime_type=_JSON)
    @readable_resource_errors
    async def patient(patient_id: str) -> str:
        """Birth date, sex and studies, newest first."""
        return await reader.look_up(_patient, patient_id)


def _add_pictures(server: MCPServer[object], reader: _Reader) -> None:
    @server.resource(_STUDY + "image.png", title="Film", mime_type=_PNG)
    @readable_resource_errors
    async def image(study_id: str) -> bytes:
        """The film itself, 8-bit grey, bone bright."""
        return await reader.look_up(_image, study_id)

    @server.resource(_STUDY + "overlay.png", title="Overlay at full size", mime_type=_PNG)
    @readable_resource_errors
    async def overlay(study_id: str) -> bytes:
        """The film with its findings and structures outlined and a legend."""
        return await reader.read_film("overlay", study_id)

    @server.resource(_STUDY + "masks/{region}.png", title="Mask of one region", mime_type=_PNG)
    @readable_resource_errors
    async def mask(study_id: str, region: str) -> bytes:
        """White inside the outlines of one finding or structure, at the size of the film."""
        if region not in CHANNELS:
            known = ", ".join(CHANNELS)
            raise InvalidRequest(f"There is no region {ForeignText(region, 60)}. Use one of {known}.")
        return await reader.read_film("mask", study_id, region=region)

    @server.resource(_STUDY + "segmentation.json", title="All outlines", mime_type=_JSON)
    @readable_resource_errors
    async def segmentation(study_id: str) -> str:
        """Every outline at full resolution, structures included."""
        return (await reader.read_film("outlines", study_id)).decode()


def _add_reports(server: MCPServer[object], reader: _Reader) -> None:
    @server.resource(_STUDY + "report.json", title="Report", mime_type=_JSON)
    @readable_resource_errors
    async def report(study_id: str) -> str:
        """The study's report, signed before any draft."""
        return (await reader.look_up(_report, study_id)).model_dump_json()

    @server.resource(_STUDY + "report.ko.json", title="Report in Korean", mime_type=_JSON)
    @readable_resource_errors
    async def report_in_korean(study_id: str) -> str:
        """The study's report, signed before any draft, written in Korean from its structured findings."""
        from pedaxr_server.replies.documents import report_korean

        return report_korean(await reader.look_up(_report, study_id))

    @server.resource(_STUDY + "reports.json", title="All versions of the report", mime_type=_JSON)
    @readable_resource_errors
    async def report_versions(study_id: str) -> str:
        """Every stored version, oldest first; each says which one is signed."""
        return await reader.look_up(_report_versions, study_id)

    _add_documents(server, reader)


def _add_documents(server: MCPServer[object], reader: _Reader) -> None:
    @server.resource(_STUDY + "report.txt", title="Report as text", mime_type=_TEXT)
    @readable_resource_errors
    async def report_as_text(study_id: str) -> str:
        """The study's report, signed before any draft, to read or to copy."""
        from pedaxr_server.replies.documents import report_text

        return report_text(await reader.look_up(_report, study_id))

    @server.resource(_STUDY + "report.ko.txt", title="Report as text in Korean", mime_type=_TEXT)
    @readable_resource_errors
    async def report_as_korean_text(study_id: str) -> str:
        """The same report in Korean."""
        from pedaxr_server.replies.documents import report_text

        return report_text(await reader.look_up(_report, study_id), "ko")

    @server.resource(_STUDY + "report.html", title="Report as a page", mime_type=_HTML)
    @readable_resource_errors
    async def report_as_page(study_id: str) -> str:
        """The study's report, signed before any draft, to print."""
        from pedaxr_server.replies.documents import report_html

        return report_html(await reader.look_up(_report, study_id))

    @server.resource(_STUDY + "report.ko.html", title="Report as a page in Korean", mime_type=_HTML)
    @readable_resource_errors
    async def report_as_korean_page(study_id: str) -> str:
        """The same report in Korean, to print."""
        from pedaxr_server.replies.documents import report_html

        return report_html(await reader.look_up(_report, study_id), "ko")


def _worklist(clinic: "Clinic", _: str, hidden: Iterable[str] = ()) -> str:
    from pedaxr.clinic.worklist import worklist

    left_out = {kind: {"__all__": set(hidden)} for kind in ("critical", "unsigned", "unread")}
    return one_line(worklist(clinic=clinic).model_dump(mode="json", exclude=left_out, exclude_none=True))


def _nameless_worklist(clinic: "Clinic", _: str) -> str:
    """For a caller who may read reports but not patients."""
    return _worklist(clinic, _, ("patient_id", "patient_name", "patient_birth_date"))


def _patient(clinic: "Clinic", patient_id: str) -> str:
    from pedaxr.clinic.find_patient import find_patient

    registered = clinic.registry.patient(patient_id)  # or PatientNotFound
    matches = find_patient(registered.patient_id, clinic=clinic).matches
    match: PatientMatch = next(match for match in matches if match.patient_id == registered.patient_id)
    return match.model_dump_json(exclude={"reason", "score"}, exclude_none=True)


def _image(clinic: "Clinic", study_id: str) -> bytes:
    from pedaxr_server.replies.pictures import film_png

    study = clinic.registry.study(study_id)
    return film_png(study.image_path, study.image_sha256)


def _report(clinic: "Clinic", study_id: str) -> Report:
    """The report of the study: its newest signed version, or else its newest draft."""
    from pedaxr.reports.current import current_report

    report = current_report(study_id, clinic=clinic)
    if report is None:
        raise StudyNotFound(f"Study {quoted(study_id)} has no report yet. Call generate_report first.")
    return report


def _report_versions(clinic: "Clinic", study_id: str) -> str:
    from pedaxr.reports.current import in_context

    versions = [in_context(report, clinic=clinic) for report in clinic.registry.reports(study_id)]
    return one_line({"reports": [report.model_dump(mode="json") for report in versions]})
