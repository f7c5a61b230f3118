"""A small clinic, made once, and canned answers for tests that are not about the networks."""

import importlib
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from mcp.server.mcpserver import MCPServer
from PIL import Image

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME, FEWEST_PATIENTS
from pedaxr.types import Region, Report, SegmentationResult, Sentence, StructuredFinding
from pedaxr_models.facts import Presence, Side
from pedaxr_models.labels import FINDINGS
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings
from pedaxr_server.worker.readers import WorkerReader

from .worked_out_once import work_out_once

EXPECT = WorkerReader.expect  # as it is outside most tests
GOLDEN = Path(__file__).parent / "golden"


@pytest.fixture(scope="session", autouse=True)
def _signatures_are_read_once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        work_out_once(patch)
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_search_starts_a_worker() -> Iterator[None]:
    """It would load the networks, and most tests only search."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WorkerReader, "expect", lambda self: None)
        yield


@pytest.fixture(autouse=True)
def _no_film_is_known() -> None:
    """Tests give one film to differently made networks."""
    from pedaxr.reading.read_film import forget_films

    forget_films()


@pytest.fixture(scope="session")
def made_clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("made") / "home"
    create_demo_clinic(home, patients=FEWEST_PATIENTS, processes=1)
    return home


@pytest.fixture(scope="module")
def clinic_home(made_clinic: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clinic for one module of tests: what others have stored does not show in it."""
    return Path(shutil.copytree(made_clinic, tmp_path_factory.mktemp("clinic") / "home"))


@pytest.fixture(autouse=True)
def no_settings_of_this_machine(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Neither a developer's settings file nor variables decide what a test sees."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path_factory.getbasetemp() / "no-settings"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path_factory.getbasetemp() / "no-clinic"))
    for name in [name for name in os.environ if name.startswith("PEDAXR_") and "GOLDEN" not in name]:
        monkeypatch.delenv(name)


@pytest.fixture
def server(clinic_home: Path) -> MCPServer[object]:
    """Films are read in this process, where `canned_networks` can take the networks' place."""
    return create_server(Settings(home=clinic_home, worker=False))


@pytest.fixture(params=["auto", "legacy"], ids=["2026-07-28", "handshake"])
def era(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def golden() -> Callable[[str, str], None]:
    """Compare with a stored text; PEDAXR_UPDATE_GOLDEN=1 stores it instead."""

    def compare(name: str, text: str) -> None:
        path = GOLDEN / name
        if os.environ.get("PEDAXR_UPDATE_GOLDEN"):
            path.write_text(text)
        assert text == path.read_text(), (
            f"{name} changed; if that is meant, run `make golden` and look at the diff"
        )

    return compare


@pytest.fixture(scope="session")
def large_overlay(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with more pixels than a reply may hold."""
    path = tmp_path_factory.mktemp("overlay") / "overlay.png"
    ramp = np.add.outer(np.arange(1500), np.arange(1300)) // 12
    Image.fromarray(ramp.astype(np.uint8)).convert("RGB").save(path)
    return path


@pytest.fixture
def canned_networks(monkeypatch: pytest.MonkeyPatch, large_overlay: Path) -> None:
    """segment_xray and generate_report look the study up for real and then answer without a network."""

    def segment(
        study_id: str,
        *,
        file: Path | None = None,
        overlay: bool = True,
        full_size: bool = False,
        clinic: Clinic,
    ) -> SegmentationResult:
        clinic.registry.study(study_id)
        return canned_segmentation(study_id, overlay_path=str(large_overlay) if overlay else None)

    def report(
        study_id: str,
        *,
        file: Path | None = None,
        indication: str | None = None,
        working_diagnosis: str | None = None,
        clinic: Clinic,
    ) -> Report:
        clinic.registry.study(study_id)
        draft = canned_report(study_id, indication or "")
        clinic.registry.save_report(draft)
        return draft

    # The package's attribute of that name is the function, so the module is fetched by import.
    monkeypatch.setattr(importlib.import_module("pedaxr.reading.segment_xray"), "segment_xray", segment)
    monkeypatch.setattr(importlib.import_module("pedaxr.reports.generate_report"), "generate_report", report)


@pytest.fixture
def study_id(clinic_home: Path) -> str:
    """The newest film of the child whose name is nobody else's."""
    search = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=open_clinic(clinic_home))
    return search.matches[0].studies[0].study_id


def canned_region(name: str, kind: str) -> Region:
    turn = np.linspace(0, 2 * np.pi, 400, endpoint=False)
    circle = [
        (int(x), int(y)) for x, y in zip(300 + 150 * np.cos(turn), 250 + 90 * np.sin(turn), strict=True)
    ]
    return Region.model_validate(
        {
            "name": name,
            "kind": kind,
            "confidence": 0.9,
            "area_px": 42412,
            "share_of_body": 0.2,
            "bounding_box": (150, 160, 451, 341),
            "polygons": [circle] * 12,
            "quadrants": ["left upper quadrant"],
            "side": Side.LEFT,
        }
    )


def canned_segmentation(study_id: str, *, overlay_path: str | None = None) -> SegmentationResult:
    return SegmentationResult(
        study_id=study_id,
        image_sha256="0" * 64,
        width=512,
        height=512,
        findings=[canned_region("pneumoperitoneum", "finding")],
        structures=[canned_region("liver", "structure"), canned_region("stool", "structure")],
        summary="One finding: pneumoperitoneum.",
        overlay_path=overlay_path,
        model="canned",
    )


def canned_report(study_id: str, indication: str) -> Report:
    return Report(
        report_id=f"R-{study_id}",
        study_id=study_id,
        created_at=datetime(2026, 1, 2, tzinfo=UTC),
        critical=["pneumoperitoneum"],
        label="pneumoperitoneum",
        narrative="Free air under the diaphragm.",
        sections={
            "Technique": "Erect.",
            "Indication": indication,
            "Findings": "Free air.",
            "Impression": "Free air.",
        },
        sentences=[Sentence(text="Free air.", finding="pneumoperitoneum", verdict="grounded")],
        findings=[
            StructuredFinding(
                finding="pneumoperitoneum",
                presence=Presence.PRESENT,
                probability=0.9,
                agreed=True,
                side=Side.RIGHT,
            ),
            *(
                StructuredFinding(finding=name, presence=Presence.ABSENT, probability=0.1, agreed=True)
                for name in FINDINGS
                if name != "pneumoperitoneum"
            ),
        ],
        flags=["Low confidence."],
        image_dependence=0.5,
        image_sha256="0" * 64,
        model="canned",
        data_statement="Trained on synthetic films.",
    )
