"""One film, one answer: whichever door a film file comes through, it is read, doubted or refused alike."""

import importlib.util
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import anyio
import cv2
import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from mcp import Client
from PIL import Image
from pydicom.uid import RLELossless
from starlette.testclient import TestClient

from pedaxr import generate_report, segment_xray
from pedaxr.archive.rows import read_row
from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.import_film import clinic_to_fill, import_film
from pedaxr.clinic.import_films import import_films
from pedaxr.errors import ImportFailed, PedaxrError
from pedaxr.reading import networks as models
from pedaxr.reading.read_film import forget_films
from pedaxr.types import Report, SegmentationResult
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.transforms import Letterbox
from pedaxr_server.cli.app import main
from pedaxr_server.mcp.server import create_server
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings

from .conftest import PerfectSegmenter, parts, phantom
from .radiograph.test_geometry import STORED
from .radiograph.test_grey_scale import RAMP12, table
from .radiograph.test_read import dicom, encoded
from .reports.witnesses import truth, witness_of

BYTES = {"Content-Type": "application/octet-stream"}
FILM = phantom("levels").pixels
LEVELS = FILM.astype(np.uint16) * 16 + 7  # 12 bits
FULL = {"WindowCenter": 2048, "WindowWidth": 4096}
WHO = {"PatientID": "P1", "PatientName": "Kim^Minjun", "PixelSpacing": [0.2, 0.2]}
KOREAN = "김^민준".encode("euc-kr")
LEAST_ALIKE = 0.95  # mirrored 0.77


def film(levels: np.ndarray = LEVELS, **elements: object) -> bytes:
    said = {**FULL, **WHO, **elements}
    kept = {keyword: value for keyword, value in said.items() if value is not None}
    return dicom(levels=np.ascontiguousarray(levels), **kept)


def stored(towards: tuple[str, str], says: list[str] | None) -> bytes:
    return film(STORED[towards](LEVELS), **({"PatientOrientation": says} if says else {}))


def without_syntax(data: bytes, implicit: bool) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    del dataset.file_meta.TransferSyntaxUID
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, implicit_vr=implicit, little_endian=True)
    return out.getvalue()


def padded(photometric: str) -> bytes:
    levels = 4095 - LEVELS if photometric == "MONOCHROME1" else LEVELS
    within = np.pad(np.clip(levels, 60, 3990), 30, constant_values=0)
    return film(within, PhotometricInterpretation=photometric, PixelPaddingValue=0)


def picture(array: np.ndarray) -> bytes:
    return encoded(Image.fromarray(array))


def marked() -> bytes:
    deep = LEVELS.copy()
    deep[8:20, 8:20] = 65535
    return picture(deep)


def deep_colour() -> bytes:
    ok, data = cv2.imencode(".png", np.dstack([LEVELS] * 3))
    assert ok
    return data.tobytes()


FILES: dict[str, Callable[[], bytes]] = {
    "upright": film,
    "A stored mirrored": partial(stored, ("R", "F"), ["R", "F"]),
    "A stored upside down": partial(stored, ("R", "H"), ["R", "H"]),
    "A stored on its side": partial(stored, ("F", "L"), ["F", "L"]),
    "A from the side": partial(film, PatientOrientation=["A", "F"]),
    "A field of view turned": partial(film, LEVELS[::-1, ::-1], FieldOfViewRotation=180),
    "A magnified": partial(
        film, PixelSpacing=None, ImagerPixelSpacing=[0.22, 0.22], EstimatedRadiographicMagnificationFactor=1.1
    ),
    "A two distances": partial(
        film,
        PixelSpacing=None,
        ImagerPixelSpacing=[0.22, 0.22],
        DistanceSourceToDetector=1100,
        DistanceSourceToPatient=1000,
    ),
    "A pixels not square": partial(film, LEVELS[::2], PixelSpacing=[0.4, 0.2]),
    "B born in 1900": partial(film, PatientBirthDate="19000101", PatientAge="002M", StudyDate="20250304"),
    "B no year old": partial(film, PatientAge="000Y", StudyDate="20250304"),
    "B born after the film": partial(film, PatientBirthDate="20260101", StudyDate="20250304"),
    "B Korean under Latin": lambda: film(
        SpecificCharacterSet="ISO_IR 100", PatientName="Z" * len(KOREAN)
    ).replace(b"Z" * len(KOREAN), KOREAN),
    "C right decubitus": partial(film, SeriesDescription="ABDOMEN RIGHT LATERAL DECUBITUS"),
    "C half upright": partial(film, SeriesDescription="semi-erect"),
    "C two views": partial(film, SeriesDescription="Abdomen supine and erect"),
    "C in Korean": partial(film, SpecificCharacterSet="ISO_IR 192", SeriesDescription="복부 기립위"),
    "E a table that says 16 bits": lambda: film(
        WindowCenter=None, WindowWidth=None, VOILUTSequence=[table(RAMP12, 16)]
    ),
    "E a small slope": partial(
        film, WindowCenter=None, WindowWidth=None, RescaleSlope="0.001", RescaleIntercept=0
    ),
    "E a window of other bits": partial(film, WindowCenter=128, WindowWidth=256),
    "E an inverted presentation": partial(
        film, 4095 - LEVELS, PhotometricInterpretation="MONOCHROME1", PresentationLUTShape="INVERSE"
    ),
    "E padding": partial(padded, "MONOCHROME2"),
    "E padding, bone dark": partial(padded, "MONOCHROME1"),
    "E 16 bits with a marker": marked,
    "E 16 bits in colour": deep_colour,
    "F no transfer syntax": lambda: without_syntax(film(), implicit=False),
    "F no transfer syntax, implicit": lambda: without_syntax(film(), implicit=True),
    "F a decimal comma": lambda: film(PixelSpacing=["0.25", "0.25"]).replace(b"0.25\\0.25", b"0,25\\0,25"),
    "F may be compressed": lambda: without_syntax(dicom(RLELossless, levels=LEVELS, **WHO), implicit=False),
    "F cut short": lambda: film()[:-5000],
    "F another picture": lambda: b"II*\x00" + bytes(4000),
    "F a page": lambda: b"<html><body>Log in</body></html>",
    "F in colour": lambda: encoded(Image.new("RGB", (400, 400), (200, 40, 40))),
    "F blank": lambda: picture(np.full((400, 400), 90, np.uint8)),
    "on a white page": lambda: picture(np.pad(FILM, 60, constant_values=255)),
}


@cache
def content(name: str) -> bytes:
    return FILES[name]()


class Knowing(PerfectSegmenter):
    """Knows the one film in any contrast, at any scale, upright only."""

    def predict(self, pixels: np.ndarray, *, is_framed: bool = False) -> Segmentation:
        for shown, _ in parts("levels"):
            seen = cv2.resize(pixels, shown.shape[::-1], interpolation=cv2.INTER_AREA)
            if np.corrcoef(seen.ravel(), shown.ravel())[0, 1] > LEAST_ALIKE:
                told = super().predict(shown)
                return Segmentation(told.probabilities, Letterbox(pixels.shape[1], pixels.shape[0]))
        return super().predict(pixels)


@dataclass(frozen=True)
class Told:
    """What a door tells of a film; None where it does not tell that.

    Attributes:
        refused: what is wrong, and what to do next.
        outlined: findings with their sides, spacing and notes.
        reported: label, what is critical, technique.
    """

    refused: str | None = None
    outlined: object = None
    reported: object = None


def outlines(told: SegmentationResult) -> object:
    found = [(region.name, str(region.side), region.area_px) for region in told.findings]
    return found, told.pixel_spacing_mm, told.pixel_spacing_origin, tuple(told.quality_notes), told.in_doubt


def drafted(told: Report) -> object:
    return told.label, told.critical, told.sections["Technique"], told.in_doubt


def both(**film_or_study: object) -> Told:
    try:
        seen = outlines(segment_xray(overlay=False, **film_or_study))  # type: ignore[arg-type]
        return Told(None, seen, drafted(generate_report(**film_or_study)))  # type: ignore[arg-type]
    except PedaxrError as err:
        return Told(str(err))


def written(folder: Path, data: bytes) -> Path:
    """Named as such files are: most DICOM files of a PACS have no suffix that says so."""
    suffix = ".png" if data[:4] == b"\x89PNG" else ".dcm"
    path = folder / f"film{suffix}"
    path.write_bytes(data)
    return path


def by_path(folder: Path, data: bytes) -> Told:
    return both(file=written(folder, data))


def by_bytes(folder: Path, data: bytes) -> Told:
    return both(file=data)


def by_data_set(folder: Path, data: bytes) -> Told | None:
    if data[128:132] != b"DICM" or len(data) < 10_000:
        return None
    return both(file=pydicom.dcmread(io.BytesIO(data)))


def imported(folder: Path, data: bytes) -> tuple[Clinic, str] | str:
    """The clinic and the study, or why the row was not imported."""
    path = written(folder, data)
    (folder / "films.csv").write_text(f"ImagePath,Class,PatientID\n{path.name},Normal,P1\n")
    try:
        summary = import_films(folder / "films.csv", clinic_home=folder / "home")
    except ImportFailed as err:
        return str(err)
    if summary.rejected:
        return summary.rejected[0].reason
    return open_clinic(folder / "home"), summary.new_studies[0]


def by_table(folder: Path, data: bytes) -> Told:
    kept = imported(folder, data)
    return Told(kept) if isinstance(kept, str) else both(study_id=kept[1], clinic=kept[0])


def by_mcp(folder: Path, data: bytes) -> Told:
    kept = imported(folder, data)
    if isinstance(kept, str):
        return Told(kept)

    async def asked() -> object:
        server = create_server(Settings(home=folder / "home", worker=False))
        async with Client(server) as client:
            return await client.call_tool("segment_xray", {"study_id": kept[1]})

    reply = anyio.run(asked)
    if reply.is_error:
        return Told(reply.content[0].text.split("] ", 1)[-1])
    return Told(None, outlines(SegmentationResult.model_validate(reply.structured_content)))


def by_pacs(folder: Path, data: bytes) -> Told | None:
    """A film that the listener took: its own header says whose it is."""
    if written(folder, data).suffix == ".png":
        return None
    clinic = clinic_to_fill(folder / "home")
    try:
        study_id = import_film(folder / "film.dcm", clinic=clinic)
    except PedaxrError as err:
        return Told(str(err))
    return both(study_id=study_id, clinic=clinic)


def by_archive(folder: Path, data: bytes) -> Told:
    row = read_row(folder, written(folder, data).name)
    if row["status"] in ("failed", "refused"):
        return Told(row["message"])
    return Told(reported=(row["label"], row["critical"], None, row.get("message")))


def by_page(folder: Path, data: bytes) -> Told:
    settings = Settings(home=clinic_to_fill(folder / "page").home, worker=False, films_from_page=True)
    with TestClient(http_app(settings), base_url=f"http://127.0.0.1:{settings.port}") as web:
        answer = web.post("/workplace/film", content=data, headers=BYTES)
    if answer.status_code != 200:
        assert answer.status_code == 422, answer.text
        return Told(answer.json()["error"]["message"])
    told = answer.json()
    seen = SegmentationResult.model_validate(told["outlines"])
    return Told(None, outlines(seen), drafted(Report.model_validate(told["report"])))


def by_command(folder: Path, data: bytes) -> Told:
    path, out = written(folder, data), folder / "out.json"
    done = CliRunner().invoke(main, ["segment", str(path), "--json", str(out)])
    if done.exit_code:
        return Told(" ".join(done.output.split()))
    return Told(None, outlines(SegmentationResult.model_validate_json(out.read_text())))


DOORS: dict[str, Callable[[Path, bytes], Told | None]] = {
    "bytes": by_bytes,
    "data set": by_data_set,
    "table": by_table,
    "MCP": by_mcp,
    "PACS": by_pacs,
    "archive": by_archive,
    "page": by_page,
    "command": by_command,
}


@pytest.fixture(scope="module", autouse=True)
def _signatures_are_read_once() -> Iterator[None]:
    """As in the tests of the server, which are another package."""
    path = Path(__file__).parents[1] / "server" / "worked_out_once.py"
    spec = importlib.util.spec_from_file_location("worked_out_once", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.MonkeyPatch.context() as patch:
        module.work_out_once(patch)
        yield


@pytest.fixture(autouse=True)
def one_film_is_known(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    segmenter, writer = Knowing(), witness_of(truth("levels"))
    monkeypatch.setattr(models, "segmenter", lambda: segmenter)
    monkeypatch.setattr(models, "reporter", lambda: writer)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    yield
    forget_films()


@pytest.mark.parametrize("name", FILES)
def test_a_film_is_told_alike_at_every_door(tmp_path: Path, name: str) -> None:
    data = content(name)
    for door in ("path", *DOORS):
        (tmp_path / door).mkdir()
    expected = by_path(tmp_path / "path", data)
    for door, enter in DOORS.items():
        told = enter(tmp_path / door, data)
        if told is not None:
            assert agrees(told, expected), (door, told, expected)


def agrees(told: Told, expected: Told) -> bool:
    """Whether a door tells of a film what Python does, as far as it tells anything."""
    if expected.refused is not None or told.refused is not None:
        cause = (expected.refused or "-").split(". ")[0]
        return told.refused is not None and cause.casefold() in told.refused.casefold()
    return (told.outlined is None or told.outlined == expected.outlined) and (
        told.reported is None
        or all(
            mine is None or mine == theirs
            for mine, theirs in zip(told.reported, expected.reported, strict=True)
        )
    )


def test_what_each_film_is_told_is_what_it_shows(tmp_path: Path) -> None:
    """Control: the answers that are compared are answers, and those of wrong films are others."""
    told = {name: both(file=content(name)) for name in FILES}
    refused = {name for name, one in told.items() if one.refused is not None}
    assert refused == {name for name in FILES if name in REFUSED}
    plain = told["upright"]
    for name in set(FILES) - refused - {"A from the side"}:
        found = {finding for finding, *_ in told[name].outlined[0]}
        assert found == {finding for finding, *_ in plain.outlined[0]} != set(), name
    mirrored = both(file=stored(("R", "F"), None))
    assert not agrees(mirrored, plain)


REFUSED = {
    "F may be compressed",
    "F cut short",
    "F another picture",
    "F a page",
    "F in colour",
    "F blank",
}
