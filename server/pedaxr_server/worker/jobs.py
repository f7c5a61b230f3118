"""What reading a film means to the server: six jobs, from plain arguments to the bytes of an answer.

They run in the reading worker or, where there is none, in a thread of the server; the imports inside them
reach the networks.
"""

from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr.types import SegmentationResult

Argument = str | None
Job = Callable[..., bytes]


def segment(home: str | None, study_id: str, then: Argument = None) -> bytes:
    """Reply of the tool segment_xray, as JSON; `then` the film's report is begun, where it says "report"."""
    from pedaxr.reading.segment_xray import followed_by, segment_xray
    from pedaxr.reports.ahead import begin_report
    from pedaxr_server.replies.film_lines import identified
    from pedaxr_server.replies.tool_results import segmentation_reply

    _load_segmenter()
    clinic = _clinic(home)
    with followed_by(begin_report) if then == "report" else nullcontext():
        outlined = segment_xray(study_id, clinic=clinic)
    return segmentation_reply(identified(outlined, clinic)).to_json()


def report(
    home: str | None,
    study_id: str,
    indication: Argument,
    working_diagnosis: Argument,
    language: str = "en",
) -> bytes:
    """Reply of the tool generate_report, as JSON."""
    from pedaxr.reports.generate_report import generate_report
    from pedaxr_server.replies.film_lines import identified
    from pedaxr_server.replies.tool_results import report_reply

    clinic = _clinic(home)
    drafted = generate_report(
        study_id, indication=indication, working_diagnosis=working_diagnosis, clinic=clinic
    )
    return report_reply(identified(drafted, clinic), language).to_json()


def overlay(home: str | None, study_id: str) -> bytes:
    """PNG of the film, pixel by pixel, with everything outlined."""
    from pedaxr.reading.segment_xray import segment_xray

    path = segment_xray(study_id, full_size=True, clinic=_clinic(home)).overlay_path
    assert path is not None, "an overlay was asked for"
    return Path(path).read_bytes()


def mask(home: str | None, study_id: str, region: str) -> bytes:
    """PNG of one region's inside."""
    from pedaxr_server.replies.pictures import mask_png

    result = _outlines(home, study_id)
    outlined = [found for found in (*result.findings, *result.structures) if found.name == region]
    polygons = [polygon for found in outlined for polygon in found.polygons]
    return mask_png(polygons, width=result.width, height=result.height)


def outlines(home: str | None, study_id: str) -> bytes:
    """Every outline at full resolution, as JSON."""
    return _outlines(home, study_id).model_copy(update={"overlay_path": None}).model_dump_json().encode()


def file(home: str | None, path: str) -> bytes:
    """Outlines, report and picture of a film file that belongs to no study, as JSON; nothing is stored."""
    import base64
    import json

    from pedaxr.audit.trail import accessing
    from pedaxr.reading.segment_xray import segment_xray
    from pedaxr.reports.generate_report import generate_report
    from pedaxr_server.replies.pictures import film_png

    with accessing(_clinic(home).home, "read_film_file"):
        drafted = generate_report(file=Path(path))
        outlined = segment_xray(file=Path(path), overlay=False)
    picture = film_png(Path(path), outlined.image_sha256)
    answer = {
        "outlines": outlined.model_copy(update={"overlay_path": None}).model_dump(mode="json"),
        "report": drafted.model_dump(mode="json"),
        "picture": base64.b64encode(picture).decode(),
    }
    return json.dumps(answer, ensure_ascii=False).encode()


def load() -> None:
    """Load both networks and all that a first film would wait for.

    Raises:
        PedaxrError: they cannot be loaded; the first film will say so again.
    """
    from pedaxr import generate_report, segment_xray  # noqa: F401
    from pedaxr.reading import overlay  # noqa: F401
    from pedaxr.reading.self_test import require_sight

    require_sight()


JOBS: Mapping[str, Job] = {
    "segment": segment,
    "report": report,
    "overlay": overlay,
    "mask": mask,
    "outlines": outlines,
    "file": file,
}


def _load_segmenter() -> None:
    """Before the first film is decoded: the decoder's process starts meanwhile. Reading says what fails."""
    from pedaxr.errors import PedaxrError
    from pedaxr.reading import networks

    with suppress(PedaxrError):
        networks.segmenter()


def _clinic(home: str | None) -> "Clinic":
    from pedaxr.clinic import open_clinic

    return open_clinic(None if home is None else Path(home))


def _outlines(home: str | None, study_id: str) -> "SegmentationResult":
    from pedaxr.reading.segment_xray import segment_xray

    return segment_xray(study_id, overlay=False, clinic=_clinic(home))
