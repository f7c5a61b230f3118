"""However a film is stored, the same child has the same findings, and they lie where they are stored."""

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr import segment_xray
from pedaxr.clinic import open_clinic
from pedaxr.clinic.import_films import import_films
from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.radiograph.orientation import ORIENTATIONS, Orientation
from pedaxr.reading import networks as models
from pedaxr.reading import outlines
from pedaxr.reading.framing import framing_of
from pedaxr.reading.read_film import Source, forget_films, read_film
from pedaxr.types import Region, SegmentationResult
from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom import FilmSpec, make_film, sample_spec
from pedaxr_models.segmentation.film_segmenter import Segmentation

from ..conftest import PerfectSegmenter, phantom
from ..radiograph.test_geometry import STORED
from ..radiograph.test_read import dicom


@cache
def taken() -> np.ndarray:
    return make_film(FilmSpec(5, 4, View.ERECT, 60.0, ((Finding.AIR_FLUID_LEVEL, 0.9),))).pixels


FULL = {"WindowCenter": 127.5, "WindowWidth": 256, "BitsStored": 8, "HighBit": 7}


def written(folder: Path, levels: np.ndarray, **elements: object) -> Path:
    path = folder / "film.dcm"
    path.write_bytes(dicom(levels=np.ascontiguousarray(levels, np.uint16), **FULL, **elements))
    return path


def segment(folder: Path, levels: np.ndarray, **elements: object) -> SegmentationResult:
    return segment_xray(file=written(folder, levels, **elements), overlay=False)


def drawn(region: Region, shape: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    cv2.fillPoly(mask, [np.array(polygon) for polygon in region.polygons], 1)
    return mask > 0


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return float((one & other).sum() / (one | other).sum())


@pytest.mark.parametrize("towards", STORED, ids="".join)
def test_sides_stay_the_child_s_and_outlines_the_film_s(
    tmp_path: Path, segmenter: PerfectSegmenter, towards: tuple[str, str]
) -> None:
    film = phantom("levels").pixels
    turned = STORED[towards](film)
    upright = segment(tmp_path, film, PatientOrientation=["L", "F"], PixelSpacing=[0.4, 0.4])
    stored = segment(tmp_path, turned, PatientOrientation=list(towards), PixelSpacing=[0.4, 0.4])
    assert (stored.height, stored.width) == turned.shape
    assert stored.measures == upright.measures and len(upright.findings) > 1
    pairs = zip(upright.findings + upright.structures, stored.findings + stored.structures, strict=True)
    for one, other in pairs:
        assert (one.name, one.side, one.quadrants) == (other.name, other.side, other.quadrants)
        assert one.area_px == other.area_px
        expected = STORED[towards](drawn(one, film.shape))
        assert overlap(expected, drawn(other, turned.shape)) > 0.9, one.name
        x0, y0, x1, y1 = other.bounding_box
        inside = np.array(np.nonzero(expected))
        assert np.abs(inside.min(axis=1) - (y0, x0)).max() <= 1, one.name
        assert np.abs(inside.max(axis=1) + 1 - (y1, x1)).max() <= 1, one.name


def test_without_the_header_a_mirrored_film_has_other_sides(tmp_path: Path) -> None:
    """The bundled network sees a mirrored child as it lies: the header is what keeps the sides."""
    mirrored = np.fliplr(taken())
    said = segment(tmp_path, mirrored, PatientOrientation=["R", "F"])
    unsaid = segment(tmp_path, mirrored)
    middles = [sum(livers_of(result).bounding_box[::2]) / 2 for result in (said, unsaid)]
    assert min(middles) > mirrored.shape[1] / 2  # the liver is outlined where it is
    assert {livers_of(result).side for result in (said, unsaid)} == {"right", "left"}


def livers_of(result: SegmentationResult) -> Region:
    return next(region for region in result.structures if region.name == "liver")


@pytest.mark.parametrize("towards", [["R", "F"], ["R", "H"], ["F", "L"], ["L", "H"], ["H", "R"]], ids="".join)
def test_a_header_that_the_child_contradicts_is_doubted(tmp_path: Path, towards: list[str]) -> None:
    wrong = segment(tmp_path, taken(), PatientOrientation=towards).quality_notes
    right = segment(tmp_path, STORED[tuple(towards)](taken()), PatientOrientation=towards).quality_notes
    assert any("contradicts it" in note for note in wrong)
    assert not any("contradicts it" in note for note in right)


@pytest.mark.parametrize(
    "turn",
    [np.fliplr, lambda a: a[::-1, ::-1], np.rot90, lambda a: np.rot90(np.fliplr(a))],
    ids=["mirrored", "upside down", "lying", "mirrored and lying"],
)
def test_a_film_that_its_header_calls_upright_and_that_is_not_is_doubted(tmp_path: Path, turn) -> None:
    wrong = segment(tmp_path, turn(taken()), PatientOrientation=["L", "F"])
    doubts = (
        "contradicts it",
        "surer with the film upside down",
    )  # where no organ tells, how sure it is does
    assert wrong.findings == [] and any(doubt in note for note in wrong.quality_notes for doubt in doubts)


class Remembering:
    """The bundled network, which looks at each picture once: the 64 pairs below show the same eight.

    It remembers the last `most`, of 18 MB each.
    """

    def __init__(self, most: int) -> None:
        self._network, self._known, self._most = models.segmenter(), {}, most

    def __getattr__(self, name: str) -> object:
        return getattr(self._network, name)

    def predict(self, pixels: np.ndarray, *, is_framed: bool = False) -> Segmentation:
        key = (pixels.shape, pixels.tobytes(), is_framed)
        return self._once(key, lambda: self._network.predict(pixels, is_framed=is_framed))

    def glance(self, pixels: np.ndarray, channels: Sequence[str]) -> Segmentation:
        key = (pixels.shape, pixels.tobytes(), tuple(channels))
        return self._once(key, lambda: self._network.glance(pixels, channels))

    def _once(self, key: tuple[object, ...], look: Callable[[], Segmentation]) -> Segmentation:
        if key not in self._known:
            if len(self._known) == self._most:
                del self._known[next(iter(self._known))]
            self._known[key] = look()
        return self._known[key]


@pytest.fixture(scope="module", autouse=True)
def _a_picture_is_looked_at_once() -> Iterator[None]:
    """Most tests here begin with the one film, upright."""
    with pytest.MonkeyPatch.context() as patch:
        network = Remembering(10)
        patch.setattr(models, "segmenter", lambda: network)
        yield


def once(look: Callable[..., object]) -> Callable[..., object]:
    """What `look` said of each segmentation; the network remembers them, so no other gets its number."""
    known: dict[int, object] = {}

    def looked(segmentation: Segmentation, *given: object, **how: object) -> object:
        if id(segmentation) not in known:
            known[id(segmentation)] = look(segmentation, *given, **how)
        return known[id(segmentation)]

    return looked


def read_each_picture_once(patch: pytest.MonkeyPatch) -> None:
    """Whatever the header says, a film is read in one of eight ways, and each shows the same every time."""
    network = Remembering(64)
    patch.setattr(models, "segmenter", lambda: network)
    for name in ("channel_masks", "find_regions"):
        patch.setattr(outlines, name, once(getattr(outlines, name)))


def is_told(folder: Path, levels: np.ndarray, towards: tuple[str, str]) -> bool:
    """Whether the film is read, and neither doubted nor refused."""
    forget_films()
    path = written(folder, levels, PatientOrientation=list(towards))
    try:
        return read_film(Source(path)).in_doubt is None
    except NotAnAbdominalFilm:
        return False


CHILDREN = {
    "levels": FilmSpec(5, 4, View.ERECT, 60.0, ((Finding.AIR_FLUID_LEVEL, 0.9),)),
    "newborn": FilmSpec(13, 1, View.SUPINE, 0.5, ((Finding.ABDOMINAL_DISTENSION, 0.7),)),
}


@pytest.mark.parametrize("child", CHILDREN)
def test_of_eight_orientations_only_the_true_one_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, child: str
) -> None:
    """Every PatientOrientation over every way in which a film may be stored: 8 true and 56 false headers."""
    film = make_film(CHILDREN[child]).pixels
    read_each_picture_once(monkeypatch)
    told = [
        (true, said)
        for true, turn in STORED.items()
        for said in STORED
        if is_told(tmp_path, turn(film), said)
    ]
    assert told == [(true, true) for true in STORED]


@pytest.mark.parametrize("seed", range(6))
def test_a_film_stored_mirrored_as_its_header_says_is_never_doubted(tmp_path: Path, seed: int) -> None:
    """A network is as sure of a mirrored film: only where the organs lie may contradict a header."""
    film = make_film(sample_spec(0, seed)).pixels
    plain = segment(tmp_path, film, PatientOrientation=["L", "F"])
    stored = segment(tmp_path, np.fliplr(film), PatientOrientation=["R", "F"])
    assert not any("contradicts it" in note for note in plain.quality_notes + stored.quality_notes)
    assert [(r.name, r.side) for r in stored.findings] == [(r.name, r.side) for r in plain.findings]


@pytest.mark.parametrize(
    ("turn", "said"),
    [
        (np.fliplr, {"FieldOfViewHorizontalFlip": "YES"}),
        (lambda a: a[::-1, ::-1], {"FieldOfViewRotation": 180}),
        (lambda a: np.rot90(a, -1), {"FieldOfViewRotation": 90}),
        (lambda a: a, {"FieldOfViewHorizontalFlip": "YES"}),
        (lambda a: a, {"FieldOfViewRotation": 180}),
    ],
    ids=["flipped", "upside down", "on its side", "flipped upright", "turned upright"],
)
def test_a_turned_field_of_view_is_undone_where_that_brings_the_child_upright(
    tmp_path: Path, turn, said
) -> None:
    upright, stored = segment(tmp_path, taken()), segment(tmp_path, turn(taken()), **said)
    assert [(r.name, r.side, r.area_px) for r in stored.findings] == [
        (r.name, r.side, r.area_px) for r in upright.findings
    ]
    assert len(upright.findings) > 0


@pytest.mark.parametrize(
    ("shrink", "said"),
    [
        ((1, 0.5), {"PixelSpacing": [0.8, 0.4]}),
        ((0.5, 1), {"PixelSpacing": [0.4, 0.8]}),
        ((1, 0.7), {"ImagerPixelSpacing": [0.4 / 0.7, 0.4]}),
        ((1, 0.5), {"PixelAspectRatio": [2, 1]}),
    ],
    ids=str,
)
def test_pixels_that_are_not_square_distort_nothing(
    tmp_path: Path, shrink: tuple[float, float], said: dict[str, object]
) -> None:
    squeezed = cv2.resize(taken(), None, fx=shrink[0], fy=shrink[1], interpolation=cv2.INTER_AREA)
    square, stored = (
        segment(tmp_path, taken(), PixelSpacing=[0.4, 0.4]),
        segment(tmp_path, squeezed, **said),
    )
    assert (stored.height, stored.width) == squeezed.shape
    assert [r.name for r in stored.findings] == [r.name for r in square.findings]
    for one, other in zip(square.findings, stored.findings, strict=True):
        assert other.area_px == pytest.approx(one.area_px * shrink[0] * shrink[1], rel=0.1)
        if stored.pixel_spacing_mm:
            assert other.area_mm2 == pytest.approx(one.area_mm2, rel=0.1)
        assert max(y for polygon in other.polygons for _, y in polygon) < stored.height
    if stored.pixel_spacing_mm:
        assert stored.measures["l2_width_mm"] == pytest.approx(square.measures["l2_width_mm"], rel=0.1)
    assert stored.measures["widest_loop_to_l2"] == pytest.approx(
        square.measures["widest_loop_to_l2"], rel=0.1
    )


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("aspect", [1.0, 2.0, 0.4])
def test_the_way_back_is_that_of_the_pixels(orientation: Orientation, aspect: float) -> None:
    stored = np.zeros((90, 120), np.float32)
    stored[30:40, 60:100] = 1
    framing = framing_of(120, 90, orientation, aspect)
    read = framing.apply(stored)
    assert read.shape == framing.read_size[::-1]
    ys, xs = np.nonzero(read > 0.5)
    back = framing.to_stored(np.stack([xs, ys], axis=1))
    assert back.mean(axis=0) == pytest.approx((79.5, 34.5), abs=0.3)
    assert back.min(axis=0) == pytest.approx((60, 30), abs=0.6) and back.max(axis=0) == pytest.approx(
        (99, 39), abs=0.6
    )


TABLE = "ImagePath,Class,PatientID,PatientName,PixelSpacing\nfilm.dcm,Normal,P1,A,{}\n"


@pytest.mark.parametrize(
    ("table", "expected", "origin"),
    [("0.3", (0.3, 0.3), "table"), ("", (0.2, 0.2), "detector over magnification")],
    ids=["table", "header"],
)
def test_one_spacing_is_registered_measured_and_named(
    tmp_path: Path, segmenter: PerfectSegmenter, table: str, expected: tuple[float, float], origin: str
) -> None:
    header = {"ImagerPixelSpacing": [0.22, 0.22], "EstimatedRadiographicMagnificationFactor": 1.1}
    data = dicom(levels=phantom("levels").pixels.astype(np.uint16), **FULL, **header)
    (tmp_path / "film.dcm").write_bytes(data)
    (tmp_path / "films.csv").write_text(TABLE.format(table))
    import_films(tmp_path / "films.csv", clinic_home=tmp_path / "clinic")
    clinic = open_clinic(tmp_path / "clinic")
    study = clinic.registry.studies("P1")[0]
    result = segment_xray(study.study_id, clinic=clinic)
    assert study.pixel_spacing_mm == pytest.approx(expected) == result.pixel_spacing_mm
    assert study.pixel_spacing_origin == origin == result.pixel_spacing_origin
    region = result.findings[0]
    assert region.area_mm2 == pytest.approx(region.area_px * expected[0] * expected[1], rel=1e-3)
    assert any("registered with another pixel spacing" in n for n in result.quality_notes) is (table != "")
