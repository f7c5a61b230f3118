"""A study's pictures and documents by address, for a client that follows the links of a reply."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

import anyio.to_thread
from mcp.server.mcpserver import MCPServer

from pedaxr.errors import StudyNotFound
from pedaxr_server.settings import Settings
from pedaxr_server.strict import readable_resource_errors
from pedaxr_server.tools import XrayTools

T = TypeVar("T")


def add_resources(server: MCPServer[object], settings: Settings, tools: XrayTools) -> None:
    """Register the resource templates; whatever runs a network waits for the same limit as the tools."""
    home = settings.home

    async def read(load: Callable[[Path | None, str], T], study_id: str) -> T:
        work = partial(load, home, study_id)
        return await anyio.to_thread.run_sync(work, limiter=tools.reading, abandon_on_cancel=True)

    @server.resource(
        "pedaxr://studies/{study_id}/overlay.png", title="Overlay at full size", mime_type="image/png"
    )
    @readable_resource_errors
    async def overlay(study_id: str) -> bytes:
        """The film with its findings and structures outlined and a legend."""
        return await read(_overlay, study_id)

    @server.resource("pedaxr://studies/{study_id}/image.png", title="Film", mime_type="image/png")
    @readable_resource_errors
    async def image(study_id: str) -> bytes:
        """The film itself, 8-bit grey, bone bright."""
        return await read(_image, study_id)

    @server.resource(
        "pedaxr://studies/{study_id}/segmentation.json", title="All outlines", mime_type="application/json"
    )
    @readable_resource_errors
    async def segmentation(study_id: str) -> str:
        """Every outline at full resolution, structures included."""
        return await read(_segmentation, study_id)

    @server.resource(
        "pedaxr://studies/{study_id}/report.json", title="Latest report", mime_type="application/json"
    )
    @readable_resource_errors
    async def report(study_id: str) -> str:
        """The newest stored report of the study."""
        return await read(_report, study_id)


def _overlay(home: Path | None, study_id: str) -> bytes:
    from pedaxr.clinic import open_clinic
    from pedaxr.segment_xray import segment_xray

    path = segment_xray(study_id, overlay=True, clinic=open_clinic(home)).overlay_path
    assert path is not None, "an overlay was asked for"
    return Path(path).read_bytes()


def _image(home: Path | None, study_id: str) -> bytes:
    from pedaxr.clinic import open_clinic
    from pedaxr_server.pictures import film_png

    return film_png(open_clinic(home).registry.study(study_id).image_path)


def _segmentation(home: Path | None, study_id: str) -> str:
    from pedaxr.clinic import open_clinic
    from pedaxr.segment_xray import segment_xray

    result = segment_xray(study_id, overlay=False, clinic=open_clinic(home))
    return result.model_copy(update={"overlay_path": None}).model_dump_json()


def _report(home: Path | None, study_id: str) -> str:
    from pedaxr.clinic import open_clinic

    reports = open_clinic(home).registry.reports(study_id)
    if not reports:
        raise StudyNotFound(f"Study {study_id!r} has no report yet. Call generate_report first.")
    return reports[-1].model_dump_json()
