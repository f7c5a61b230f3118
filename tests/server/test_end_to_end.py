"""With the bundled weights: the whole way from a name to a report, through the server's own process."""

import base64
import io
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters
from mcp_types import BlobResourceContents, ImageContent
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME, FEWEST_PATIENTS
from pedaxr.types import PatientSearch, Report, SegmentationResult
from pedaxr_server.cli import demo

pytestmark = pytest.mark.anyio


async def test_a_name_leads_to_a_report_over_stdio(clinic_home: Path, era: str) -> None:
    command = ["-m", "pedaxr_server", "serve", "--home", str(clinic_home)]
    async with Client(StdioServerParameters(command=sys.executable, args=command), mode=era) as client:
        found = await client.call_tool("find_patient", {"query": DEMO_UNAMBIGUOUS_NAME})
        search = PatientSearch.model_validate(found.structured_content)
        study = {"study_id": search.matches[0].studies[0].study_id}
        outlined = await client.call_tool("segment_xray", study)
        reported = await client.call_tool("generate_report", study)
        link = f"pedaxr://studies/{study['study_id']}/overlay.png"
        overlay = (await client.read_resource(link)).contents[0]
    assert not outlined.is_error, outlined.content
    assert not reported.is_error, reported.content
    outlines = SegmentationResult.model_validate(outlined.structured_content)
    report = Report.model_validate(reported.structured_content)
    assert outlines.structures, "every film shows anatomy"
    assert report.image_sha256 == outlines.image_sha256
    assert report.narrative and report.disclaimer
    preview = next(block for block in outlined.content if isinstance(block, ImageContent))
    assert max(Image.open(io.BytesIO(base64.b64decode(preview.data))).size) <= 1024
    assert isinstance(overlay, BlobResourceContents)
    assert Image.open(io.BytesIO(base64.b64decode(overlay.blob))).format == "PNG"


@pytest.fixture(scope="module")
def demo_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the first demo makes its clinic, of few children; the second finds it there."""
    return tmp_path_factory.mktemp("demo") / "home"


@pytest.mark.parametrize("http", [False, True], ids=["stdio", "HTTP with a login"])
def test_the_demo_ends_with_two_overlays_and_two_reports(
    demo_home: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    http: bool,
) -> None:
    def small(home: Path, *, processes: int = 1, **rest: object) -> Clinic:
        return create_demo_clinic(home, patients=FEWEST_PATIENTS, processes=1, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(demo, "create_demo_clinic", small)
    demo.run_demo(demo_home, tmp_path, http=http)
    shown = capsys.readouterr().out
    for number in (1, 2):
        with Image.open(tmp_path / f"conversation-{number}-overlay.png") as picture:
            assert picture.format == "PNG"
        text = (tmp_path / f"conversation-{number}-report.txt").read_text()
        assert "IMPRESSION" in text and "not a medical device" in text
    assert "Several children" in shown
    assert "must not choose" in shown
