"""The way into the network's square and back, and the distortions of training."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedaxr_models.segmentation.transforms import FRAME, Letterbox, normalise, prepare, scaled

SIDES = st.integers(16, 3000)
WHOLE = (slice(None), slice(None))


@given(SIDES, SIDES, st.sampled_from([256, 384, 512]))
def test_the_film_lies_centred_inside_the_frame(width: int, height: int, size: int) -> None:
    letterbox = Letterbox(width, height, size)
    rows, columns = letterbox.content
    assert 0 <= rows.start < rows.stop <= size
    assert 0 <= columns.start < columns.stop <= size
    assert max(rows.stop - rows.start, columns.stop - columns.start) == size
    assert abs(rows.start - (size - rows.stop)) <= 1
    assert abs(columns.start - (size - columns.stop)) <= 1


@given(SIDES, SIDES, st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=20))
def test_points_come_back_to_where_they_were(
    width: int, height: int, shares: list[tuple[float, float]]
) -> None:
    letterbox = Letterbox(width, height)
    points = np.array(shares, np.float32) * (width, height)
    there = letterbox.from_film(points.astype(np.float32))
    assert np.abs(letterbox.to_film(there) - points).max() < 0.01
    rows, columns = letterbox.content
    slack = 0.51 + letterbox.scale / 2 * 1.1  # whole numbers are pixel centres
    assert (there[:, 0] >= columns.start - slack).all() and (there[:, 0] <= columns.stop + slack).all()
    assert (there[:, 1] >= rows.start - slack).all() and (there[:, 1] <= rows.stop + slack).all()


@settings(max_examples=20)
@given(st.integers(200, 900), st.integers(200, 900), st.floats(0.2, 0.8), st.floats(0.2, 0.8))
def test_pixels_and_points_agree(width: int, height: int, x: float, y: float) -> None:
    """A bright square lands where `from_film` says its centre lands."""
    centre = (round(x * width), round(y * height))
    film = np.zeros((height, width), np.float32)
    film[centre[1] - 8 : centre[1] + 9, centre[0] - 8 : centre[0] + 9] = 1
    letterbox = Letterbox(width, height)
    rows, columns = np.nonzero(letterbox.apply(film) > 0.5)
    expected = letterbox.from_film(np.array([centre], np.float32))[0]
    assert abs(columns.mean() - expected[0]) < 0.6
    assert abs(rows.mean() - expected[1]) < 0.6


def test_a_film_of_the_frame_size_is_not_touched() -> None:
    film = np.random.default_rng(0).random((FRAME, FRAME), np.float32)
    assert np.array_equal(Letterbox(FRAME, FRAME).apply(film), film)


def test_a_film_of_another_size_than_announced_is_refused() -> None:
    with pytest.raises(ValueError, match="20x10"):
        Letterbox(20, 10).apply(np.zeros((20, 10), np.float32))


def test_exposure_does_not_change_what_the_network_sees() -> None:
    film = np.random.default_rng(0).random((300, 200), np.float32)
    plain, _ = prepare(film, 256)
    other, _ = prepare(0.2 + 0.5 * film, 256)
    rows, columns = scaled(Letterbox(200, 300).content, 256)
    inside = (slice(rows.start + 2, rows.stop - 2), slice(columns.start + 2, columns.stop - 2))
    assert np.abs(plain[inside] - other[inside]).max() < 1e-3
    gamma, _ = prepare(film**3, 256)  # negative control: only brightness and contrast are levelled
    assert np.abs(plain[inside] - gamma[inside]).max() > 0.1


def test_a_blank_film_stays_flat() -> None:
    assert np.ptp(normalise(np.full((64, 64), 0.3, np.float32), WHOLE)) == 0


def test_a_letterbox_shows_its_box_alone_and_leads_back_to_the_whole_film() -> None:
    film = np.random.default_rng(0).random((300, 400), np.float32)
    letterbox = Letterbox(400, 300, box=(50, 250, 100, 200))
    frame = letterbox.apply(film)
    assert np.allclose(frame, Letterbox(100, 200).apply(film[50:250, 100:200]))
    points = np.array([[100, 50], [199, 249], [140.5, 77]], np.float32)
    there = letterbox.from_film(points)
    rows, columns = letterbox.content
    assert np.allclose(letterbox.to_film(there), points, atol=1e-3)
    assert abs(there[0] - (columns.start, rows.start)).max() < 1 + letterbox.scale
    assert not letterbox.is_identity and Letterbox(512, 512).is_identity


def test_a_plate_round_a_film_changes_nothing_of_what_the_network_is_shown() -> None:
    y, x = np.mgrid[0:400, 0:300].astype(np.float32)
    film = (0.4 + 0.2 * np.cos(x / 60) + 0.15 * (np.abs(x - 150) < 12) + 0.0002 * y).astype(np.float32)
    plated = np.pad(film, ((60, 30), (90, 20)), constant_values=np.float32(1.0))
    alone, _ = prepare(film, 128)
    cropped, letterbox = prepare(plated, 128)
    assert np.abs(alone - cropped)[16:-16, 32:-32].mean() < 0.35
    corner = letterbox.to_film(np.array([[letterbox.left, letterbox.top]], np.float32))[0]
    assert np.abs(corner - (90, 60)).max() < 12
