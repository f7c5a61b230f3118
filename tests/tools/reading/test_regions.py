from collections.abc import Callable
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedaxr.reading.regions import channel_masks, find_regions, large_pieces
from pedaxr.types import Region
from pedaxr_models.facts import Quadrant, Side
from pedaxr_models.labels import CHANNELS, Finding, Structure
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.segmentation.landmarks import (
    QUADRANT_SHARE,
    Landmarks,
    body_mask,
    find_landmarks,
    locate,
    locate_shares,
)
from pedaxr_models.segmentation.segmenter import Segmentation
from pedaxr_models.segmentation.transforms import Letterbox


def limits(**own: dict[str, float]) -> SimpleNamespace:
    """Of a segmenter, all that outlines depend on."""
    half = dict.fromkeys(CHANNELS, 0.5)
    return SimpleNamespace(**{"thresholds": half, "min_area_px": {}, "call_thresholds": {}, **own})


def regions_of(
    planes: dict[str, np.ndarray],
    film: np.ndarray,
    *,
    spacing: tuple[float, float] | None = None,
    least: dict[str, int] | None = None,
) -> dict[str, Region]:
    """Regions of frame-sized probability planes, by name."""
    letterbox = Letterbox(film.shape[1], film.shape[0])
    probabilities = np.zeros((len(CHANNELS), 512, 512), np.float32)
    for name, plane in planes.items():
        probabilities[CHANNELS.index(name)] = plane
    segmentation = Segmentation(probabilities, letterbox)
    masks = channel_masks(segmentation, limits(min_area_px=least or {}))
    found = find_regions(segmentation, film, masks, pixel_spacing_mm=spacing)
    return {region.name: region for region in found}


def box(x0: int, y0: int, x1: int, y1: int, value: float = 0.9) -> np.ndarray:
    plane = np.zeros((512, 512), np.float32)
    plane[y0:y1, x0:x1] = value
    return plane


def drawn(polygons: list[list[tuple[int, int]]], height: int, width: int) -> np.ndarray:
    canvas = np.zeros((height, width), np.uint8)
    for polygon in polygons:
        cv2.fillPoly(canvas, [np.array(polygon, np.int32)], 1)
    return canvas.astype(bool)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


BLANK = np.full((512, 512), 0.4, np.float32)


@settings(max_examples=40)
@given(
    width=st.integers(140, 1400),
    height=st.integers(140, 1400),
    x=st.floats(0.1, 0.6),
    y=st.floats(0.1, 0.6),
    w=st.floats(0.1, 0.3),
    h=st.floats(0.1, 0.3),
)
def test_a_box_on_a_film_of_any_shape_comes_back_where_it_was(
    width: int, height: int, x: float, y: float, w: float, h: float
) -> None:
    true = np.zeros((height, width), np.float32)
    x0, y0, x1, y1 = round(x * width), round(y * height), round((x + w) * width), round((y + h) * height)
    true[y0:y1, x0:x1] = 1
    plane = Letterbox(width, height).apply(true)
    region = regions_of({Finding.CONSTIPATION: plane}, np.full((height, width), 0.4, np.float32))[
        Finding.CONSTIPATION
    ]
    tolerance = 1.01 * max(1, max(width, height) / 512)
    assert np.abs(np.subtract(region.bounding_box, (x0, y0, x1, y1))).max() <= tolerance
    pixel = max(1, max(width, height) / 512)
    perimeter = 2 * (x1 - x0 + y1 - y0)
    assert abs(region.area_px - (x1 - x0) * (y1 - y0)) <= perimeter * pixel
    differing = (drawn(region.polygons, height, width) ^ (true > 0)).sum()
    assert differing <= 1.5 * perimeter * pixel


def test_area_is_in_square_millimetres_only_when_the_film_has_a_spacing() -> None:
    planes = {Finding.CONSTIPATION: box(100, 100, 200, 300)}
    measured = regions_of(planes, BLANK, spacing=(0.5, 0.25))[Finding.CONSTIPATION]
    assert (measured.area_px, measured.area_mm2) == (20000, 2500.0)
    assert regions_of(planes, BLANK)[Finding.CONSTIPATION].area_mm2 is None


def test_confidence_is_the_mean_probability_inside() -> None:
    plane = box(100, 100, 200, 200, 0.6) + box(200, 100, 300, 200, 0.8) + box(300, 100, 400, 200, 0.3)
    region = regions_of({Finding.CONSTIPATION: plane}, BLANK)[Finding.CONSTIPATION]
    assert region.confidence == pytest.approx(0.7)
    assert region.area_px == 20000


def test_small_pieces_are_dropped_and_large_ones_kept() -> None:
    plane = box(100, 100, 110, 110) + box(200, 200, 240, 240)
    both = regions_of({Finding.PNEUMOPERITONEUM: plane}, BLANK)[Finding.PNEUMOPERITONEUM]
    assert len(both.polygons) == 2
    least = {Finding.PNEUMOPERITONEUM.value: 101}
    one = regions_of({Finding.PNEUMOPERITONEUM: plane}, BLANK, least=least)[Finding.PNEUMOPERITONEUM]
    assert (len(one.polygons), one.area_px) == (1, 1600)
    least = {Finding.PNEUMOPERITONEUM.value: 1601}
    assert not regions_of({Finding.PNEUMOPERITONEUM: plane}, BLANK, least=least)


def test_probabilities_on_the_bars_of_the_letterbox_do_not_count() -> None:
    film = np.full((512, 256), 0.4, np.float32)  # bars of 128 pixels left and right
    region = regions_of({Finding.CONSTIPATION: box(0, 100, 512, 200)}, film)[Finding.CONSTIPATION]
    assert region.bounding_box == (0, 100, 256, 200)
    assert region.area_px == 25600


@pytest.mark.parametrize(
    ("x", "y", "side", "quadrant"),
    [
        (100, 100, Side.RIGHT, Quadrant.RUQ),
        (400, 100, Side.LEFT, Quadrant.LUQ),
        (100, 400, Side.RIGHT, Quadrant.RLQ),
        (400, 400, Side.LEFT, Quadrant.LLQ),
    ],
)
def test_the_patients_left_is_the_viewers_right(x: int, y: int, side: Side, quadrant: Quadrant) -> None:
    lines = Landmarks(np.full(512, 256, np.float32), 256.0, True)
    assert locate(box(x, y, x + 40, y + 40) > 0, lines) == (side, (quadrant,))


def test_a_quadrant_needs_a_fifth_of_the_region() -> None:
    lines = Landmarks(np.full(512, 256, np.float32), 256.0, True)
    # 256 - 15 columns on the patient's right of 100, then 256 - 25 of 100
    assert locate(box(241, 100, 341, 140) > 0, lines) == (Side.LEFT, (Quadrant.LUQ,))
    assert locate(box(231, 100, 331, 140) > 0, lines) == (Side.BOTH, (Quadrant.RUQ, Quadrant.LUQ))


def test_the_midline_follows_a_tilted_spine_and_falls_back_to_the_body() -> None:
    empty = {channel: np.zeros((512, 512), bool) for channel in CHANNELS}
    body = box(60, 0, 261, 512) > 0
    fallback = find_landmarks(empty, body)
    assert (fallback.midline_x[0], fallback.is_measured) == (160, False)
    assert fallback.quadrant_y == pytest.approx(255.5)
    rows = np.arange(512)
    tilted = np.abs(np.arange(512)[None] - (200 + rows / 8)[:, None]) < 12
    masks = empty | {Structure.SPINE: tilted, Structure.L2_BODY: box(220, 200, 260, 230) > 0}
    measured = find_landmarks(masks, body)
    assert np.abs(measured.midline_x - (200 + rows / 8)).max() < 1
    assert measured.is_measured
    assert measured.quadrant_y == pytest.approx(214.5 + 1.5 * 39, abs=3)


def body_of(film: PhantomFilm) -> np.ndarray:
    return np.any(list(film.masks.values()), axis=0)


@pytest.mark.parametrize("name", ["levels", "free air", "pyloric"])
def test_a_perfect_segmentation_gives_the_generators_own_facts(
    phantom_film: Callable[[str], PhantomFilm], name: str
) -> None:
    film = phantom_film(name)
    pixels = film.pixels.astype(np.float32) / 255
    found = regions_of(dict(film.masks), pixels, spacing=film.pixel_spacing_mm)
    assert {r.name for r in found.values() if r.kind == "finding"} == set(film.facts.present)
    for finding in film.facts.present:
        region, fact = found[finding], film.facts[finding]
        assert region.side == fact.side
        shares, _ = locate_shares(film.masks[finding], find_landmarks(film.masks, body_of(film)))
        on_the_edge = {q.value for q, share in shares.items() if abs(share - QUADRANT_SHARE) < 0.02}
        assert set(region.quadrants) ^ {q.value for q in fact.quadrants} <= on_the_edge
        assert region.area_px == film.masks[finding].sum()
        assert iou(drawn(region.polygons, 512, 512), film.masks[finding]) > 0.9


def test_the_body_holds_every_structure_and_not_the_surround(
    phantom_film: Callable[[str], PhantomFilm],
) -> None:
    film = phantom_film("normal")
    pixels = film.pixels.astype(np.float32) / 255
    body = body_mask(pixels, film.masks, (slice(0, 512), slice(0, 512)))
    assert all((mask <= body).all() for mask in film.masks.values())
    assert 0.25 < body.mean() < 0.95
    assert (body ^ np.roll(body, 1, axis=1)).sum(axis=1).max() <= 2, "one run per row"


def test_large_pieces_joins_diagonal_neighbours() -> None:
    mask = np.eye(40, dtype=bool)
    assert large_pieces(mask, 40).sum() == 40
    assert large_pieces(mask, 41).sum() == 0


def test_a_region_is_called_by_its_sure_pixels_and_outlined_with_its_faint_ones() -> None:
    seen = np.zeros((len(CHANNELS), 512, 512), np.float32)
    air = CHANNELS.index("pneumoperitoneum")
    seen[air, 100:140, 100:140], seen[air, 110:122, 110:122] = 0.9, 0.9999  # 144 sure pixels of 1600
    seen[air, 300:340, 300:340], seen[air, 310:315, 310:315] = 0.9, 0.9999  # 25 of 1600
    least = {"pneumoperitoneum": 110}
    segmentation = Segmentation(seen, Letterbox(512, 512))
    sure = limits(min_area_px=least, call_thresholds={"pneumoperitoneum": 0.999})
    called = channel_masks(segmentation, sure)
    assert called["pneumoperitoneum"].sum() == 1600 and called["pneumoperitoneum"][120, 120]
    plain = channel_masks(segmentation, limits(min_area_px=least))
    assert plain["pneumoperitoneum"].sum() == 3200, "control: no call of its own"
