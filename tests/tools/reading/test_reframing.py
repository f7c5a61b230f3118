"""Films framed as they come: on plates and in margins, askew, lying, with a whole baby on them."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pedaxr import segment_xray
from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.radiograph.in_memory import film_of
from pedaxr.radiograph.orientation import ORIENTATIONS, Orientation
from pedaxr.radiograph.read import Radiograph
from pedaxr.reading.framing import Framing, framing_of, part_of, with_exposed_field
from pedaxr.reading.notes import NoteKind, texts
from pedaxr.reading.operating_points import operating_points
from pedaxr.reading.outlines import outline_framed
from pedaxr.reading.positioning import lean, tilt_of
from pedaxr.reading.quality import check_anatomy, spine_offset
from pedaxr.reading.read_film import Source, read_film
from pedaxr.reading.reframing import gas_risen
from pedaxr.types import SegmentationResult
from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom import FilmSpec, make_film, sample_spec
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.segmentation.exposed_field import find_exposed_field
from pedaxr_models.segmentation.transforms import Letterbox, frame_film

from ..conftest import PerfectSegmenter, phantom
from ..evaluation.test_rejection import region as region_of
from .test_stored_films import drawn, overlap


@cache
def made() -> PhantomFilm:
    return make_film(FilmSpec(5, 4, View.ERECT, 60.0, ((Finding.AIR_FLUID_LEVEL, 0.9),)))


def film() -> np.ndarray:
    return made().pixels


def saved(folder: Path, pixels: np.ndarray) -> Path:
    path = folder / "film.png"
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


def segment(folder: Path, pixels: np.ndarray) -> SegmentationResult:
    return segment_xray(file=saved(folder, pixels), overlay=False)


def moved(pixels: np.ndarray, matrix: np.ndarray, size: tuple[int, int], around: float) -> np.ndarray:
    return cv2.warpAffine(
        pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=around
    )


def pasted(size: tuple[int, int], at: tuple[int, int], degrees: float = 0.0) -> np.ndarray:
    """The affine map that lays the film on a picture of that width and height, turned about its middle."""
    middle = (film().shape[1] / 2, film().shape[0] / 2)
    matrix = cv2.getRotationMatrix2D(middle, degrees, 1.0)
    matrix[:, 2] += at
    return matrix


PLATES = {
    "white margin": (pasted((700, 640), (90, 60)), (700, 640), 255),
    "one white side": (pasted((640, 512), (128, 0)), (640, 512), 255),
    "grey page": (pasted((760, 700), (150, 100)), (760, 700), 190),
    "black frame": (pasted((900, 700), (300, 100)), (900, 700), 0),
    "plate askew on white": (pasted((760, 760), (124, 124), 12), (760, 760), 255),
    "plate askew on black": (pasted((760, 760), (124, 124), -15), (760, 760), 0),
    "askew": (pasted((512, 512), (0, 0), 22), (512, 512), 0),
    "askew the other way": (pasted((512, 512), (0, 0), -25), (512, 512), 0),
}


@pytest.mark.parametrize(("matrix", "size", "around"), PLATES.values(), ids=PLATES.keys())
def test_a_film_is_read_as_well_wherever_it_lies_on_the_picture(
    tmp_path: Path, matrix: np.ndarray, size: tuple[int, int], around: int
) -> None:
    plain, framed = segment(tmp_path, film()), segment(tmp_path, moved(film(), matrix, size, around))
    assert (framed.width, framed.height) == size
    assert [r.name for r in framed.findings] == [r.name for r in plain.findings] != []
    kept = {r.name: r for r in framed.findings + framed.structures}
    for region in plain.findings + [r for r in plain.structures if r.name in ("spine", "liver", "pelvis")]:
        true = moved(drawn(region, film().shape).astype(np.float32), matrix, size, 0) > 0.5
        assert overlap(true, drawn(kept[region.name], size[::-1])) > 0.7, region.name
        assert kept[region.name].side == region.side
        x0, y0, x1, y1 = kept[region.name].bounding_box
        inside = np.array(np.nonzero(drawn(kept[region.name], size[::-1])))
        assert np.abs(inside.min(axis=1) - (y0, x0)).max() <= 2
        assert np.abs(inside.max(axis=1) + 1 - (y1, x1)).max() <= 2


def test_an_askew_film_that_is_not_turned_is_read_worse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: turning is what makes the difference."""
    picture = moved(film(), *PLATES["askew"][:2], 0)
    turned = segment(tmp_path, picture)
    monkeypatch.setattr("pedaxr.reading.read_film.reframed", lambda seen, *_: seen)
    monkeypatch.setattr("pedaxr.reading.read_film._outlines.get", lambda _, make: make())
    as_it_is = segment(tmp_path, picture)
    true = moved(made().masks["liver"].astype(np.float32), *PLATES["askew"][:2], 0) > 0.5
    livers = [next(r for r in one.structures if r.name == "liver") for one in (turned, as_it_is)]
    assert overlap(true, drawn(livers[0], true.shape)) > overlap(true, drawn(livers[1], true.shape))
    assert any("turned for reading" in note for note in turned.quality_notes)


def test_an_ordinary_film_is_not_framed_again(tmp_path: Path) -> None:
    reading = read_film(Source(saved(tmp_path, film())))
    framing = reading.outlines.framing
    assert framing.orientation.is_upright and not framing.degrees and reading.outlines.notes == ()
    assert not reading.outlines.is_part and not reading.outlines.is_lying


@pytest.mark.parametrize("turn", [1, 3])
@pytest.mark.parametrize("name", ["levels", "free air"])
def test_a_film_that_is_shown_lying_is_turned_for_reading_only(
    tmp_path: Path, segmenter: PerfectSegmenter, turn: int, name: str
) -> None:
    film = phantom(name)
    plain, lying = segment(tmp_path, film.pixels), segment(tmp_path, np.rot90(film.pixels, turn))
    assert any("lying on its side" in note for note in lying.quality_notes)
    for one, other in zip(plain.findings, lying.findings, strict=True):
        assert (one.name, one.side, one.quadrants) == (other.name, other.side, other.quadrants)
        expected = np.rot90(drawn(one, film.pixels.shape), turn)
        assert overlap(expected, drawn(other, expected.shape)) > 0.9


@pytest.mark.parametrize("unsure", [True, False])
def test_an_upright_film_is_never_laid_on_its_side(
    tmp_path: Path, segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch, unsure: bool
) -> None:
    """An upright film of a strange abdomen was once turned, because it looked a little surer lying."""
    monkeypatch.setattr("pedaxr.reading.reframing.sureness", lambda _: 0.5 if unsure else 1.0)
    monkeypatch.setattr(
        "pedaxr.reading.reframing.plausibility", lambda seen: float(seen.framing.orientation.quarter_turns)
    )
    reading = read_film(Source(saved(tmp_path, phantom("levels").pixels)))
    assert reading.outlines.framing.orientation.is_upright


@pytest.mark.parametrize("is_lying", [True, False])
def test_lying_films_are_judged_less_strictly_where_spine_and_gas_tell(is_lying: bool) -> None:
    sure = operating_points().doubted_below - 0.051  # ribs of a tenth of the body add half of that
    regions = [
        region_of("spine", (0, 0, 20, 100), sure),
        region_of("pelvis", (0, 80, 100, 100), sure),
        region_of("ribs", (0, 0, 100, 60), sure),
    ]
    said = texts(check_anatomy(regions, is_lying=is_lying), NoteKind.DOUBT)
    assert any("less sure" in text for text in said)
    assert any("far from the middle" in text for text in said) is not is_lying


def test_a_spine_far_from_the_middle_alone_is_no_doubt() -> None:
    """A film cut off at one side is a film; one from the side is odd in other ways, too."""
    regions = [
        region_of("spine", (5, 0, 25, 100), 0.99),
        region_of("pelvis", (0, 80, 100, 100), 0.99),
        region_of("ribs", (0, 0, 100, 60), 0.99),
    ]
    assert spine_offset(regions) > operating_points().spine_off_centre, "control"
    assert texts(check_anatomy(regions), NoteKind.DOUBT) == []


def test_the_exposed_field_is_found_once(tmp_path: Path) -> None:
    """As in training: a second search took a pixel more of most films, and a dark flank of one in fifty."""
    from pedaxr.reading import networks

    made = make_film(sample_spec(0, 8)).pixels
    picture = cv2.copyMakeBorder(made, 60, 40, 90, 50, cv2.BORDER_CONSTANT, value=0)
    reading = read_film(Source(saved(tmp_path, picture)))
    trained = networks.segmenter().predict(picture.astype(np.float32) / np.float32(255))
    assert reading.outlines.framing.box is not None
    assert np.array_equal(trained.probabilities, reading.segmentation.probabilities)
    films = (make_film(sample_spec(0, seed)).pixels.astype(np.float32) / np.float32(255) for seed in range(6))
    once = [find_exposed_field(one).crop(one) for one in films]
    assert any(not find_exposed_field(one).is_whole for one in once)  # control: a second search cuts again


def test_the_bundled_network_knows_a_lying_film(tmp_path: Path) -> None:
    lying = segment(tmp_path, np.rot90(film()))
    assert [r.name for r in lying.findings] == [r.name for r in segment(tmp_path, film()).findings] != []


def softly_grained(seed: int) -> np.ndarray:
    """What is not a film's margin: neither dark nor of one grey."""
    grain = cv2.GaussianBlur(np.random.default_rng(seed).normal(0, 1, (732, 640)), (0, 0), 12)
    return 110 + 35 * grain / grain.std()


@pytest.mark.parametrize("seed", range(3))
def test_on_a_whole_baby_the_abdomen_is_found_and_read(
    tmp_path: Path, segmenter: PerfectSegmenter, seed: int
) -> None:
    """A segmentation that knows the abdomen when it fills the film, as networks do, and nothing else."""
    name = ("levels", "free air", "pyloric")[seed]
    baby = softly_grained(seed)
    baby[220:732, 64:576] = phantom(name).pixels
    result, plain = segment(tmp_path, baby), segment(tmp_path, phantom(name).pixels)
    assert any("the abdomen was found and read alone" in note for note in result.quality_notes)
    for one, other in zip(plain.findings, result.findings, strict=True):
        assert (one.name, one.side) == (other.name, other.side)
        assert other.area_px == pytest.approx(one.area_px, rel=0.03)
        apart = np.subtract(other.bounding_box, one.bounding_box) - (64, 220, 64, 220)
        assert np.abs(apart).max() <= 2


def test_nothing_is_read_into_a_picture_that_no_framing_makes_an_abdomen(
    tmp_path: Path, segmenter: PerfectSegmenter
) -> None:
    """Negative control: looking again refuses as the first look does."""
    with pytest.raises(NotAnAbdominalFilm, match="recognised"):
        segment(tmp_path, softly_grained(0))
    assert segmenter.calls > 1


@pytest.mark.parametrize(
    ("rows", "expected"),
    [((0, 45), 1), ((83, 128), -1), ((40, 80), 0), ((0, 0), 0), ((0, 128), 0)],
    ids=["above", "below", "between", "none", "all"],
)
def test_gas_has_risen_where_one_side_alone_is_dark(rows: tuple[int, int], expected: int) -> None:
    film = np.full((128, 150), 0.7, np.float32)
    film += np.linspace(0, 0.2, 150, dtype=np.float32)
    film[slice(*rows)] = 0.05
    assert gas_risen(film) == expected


@pytest.mark.parametrize("degrees", [-40, -12, 0, 8, 30])
def test_a_spine_leans_to_the_side_of_its_upper_end(degrees: float) -> None:
    spine = np.zeros((200, 200), np.uint8)
    matrix = cv2.getRotationMatrix2D((100, 100), -degrees, 1.0)  # clockwise: its upper end to the right
    spine[20:180, 90:110] = 1
    turned = cv2.warpAffine(spine, matrix, (200, 200)) > 0
    assert lean(turned) == pytest.approx(degrees, abs=1.5)
    assert tilt_of(turned) == pytest.approx(abs(degrees), abs=1.5)


FRAMINGS: dict[str, Callable[[Framing], Framing]] = {
    "whole": lambda framing: framing,
    "cut": lambda framing: Framing(**(vars(framing) | {"box": (8, 70, 12, 60)})),
    "turned": lambda framing: Framing(**(vars(framing) | {"box": (8, 70, 12, 60), "degrees": 25.0})),
}


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
@pytest.mark.parametrize("aspect", [1.0, 1.5])
@pytest.mark.parametrize("frame", FRAMINGS.values(), ids=FRAMINGS.keys())
def test_outlines_of_any_framing_lie_where_the_pixels_came_from(
    orientation: Orientation, aspect: float, frame: Callable[[Framing], Framing]
) -> None:
    plain = framing_of(90, 80, orientation, aspect)
    framing = frame(Framing(plain.width, plain.height, plain.orientation, plain.stretch))
    ys, xs = np.mgrid[0:80, 0:90].astype(np.float32)
    columns, rows = framing.apply(xs), framing.apply(ys)
    inner = np.argwhere(np.minimum(columns, rows) > 4)[::7]
    back = framing.to_stored(inner[:, ::-1])
    seen = np.stack([columns[tuple(inner.T)], rows[tuple(inner.T)]], axis=1)
    within = (back > 2).all(axis=1) & (back < (87, 77)).all(axis=1)
    assert within.sum() > 20 and np.abs(back - seen)[within].max() < 0.1


def test_a_field_that_is_too_small_for_a_film_is_not_cut_out() -> None:
    picture = np.full((512, 512), 1.0, np.float32)
    picture[200:300, 150:420] = np.random.default_rng(0).uniform(0.2, 0.8, (100, 270))
    framing = framing_of(512, 512, Orientation(), 1.0)
    assert with_exposed_field(framing, picture) == replace(framing, is_whole=True)


@pytest.mark.parametrize("border", [0, 30], ids=["all of it is film", "on a white page"])
def test_the_exposed_field_is_looked_for_once(border: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Framed, a film is not searched again; turned askew, or cut to a part, it is another picture."""
    film = np.random.default_rng(0).uniform(0.2, 0.8, (420, 360)).astype(np.float32)
    picture = np.pad(film, border, constant_values=1.0)
    framing = with_exposed_field(framing_of(*picture.shape[::-1], Orientation(), 1.0), picture)
    asked: list[bool] = []
    segmenter = PerfectSegmenter()
    predict = segmenter.predict

    def watched(pixels: np.ndarray, *, is_framed: bool = False) -> object:
        asked.append(is_framed)
        return predict(pixels, is_framed=is_framed)

    monkeypatch.setattr(segmenter, "predict", watched)
    radiograph = film_of(picture)
    assert isinstance(radiograph, Radiograph)
    for one in (framing, part_of(framing, (0.3, 1.0), (0.1, 0.9)), replace(framing, degrees=12.0)):
        outline_framed(radiograph, segmenter, None, one)
    assert asked == [True, False, border > 0]
    again = frame_film(framing.apply(picture))[1] if not border else None
    assert again is None or again.shown == Letterbox(*picture.shape[::-1]).shown
