import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pedaxr_models.segmentation.exposed_field import _convexity, find_exposed_field

HEIGHT, WIDTH = 400, 300


def child(seed: int = 0) -> np.ndarray:
    """A film (400, 300) in [0, 1] that a body fills: a bright trunk with a spine, gas and grain."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    film = 0.45 + 0.15 * np.cos((x - WIDTH / 2) / 90) + rng.normal(0, 0.02, (HEIGHT, WIDTH))
    film[:, 138:162] += 0.3
    film[(x - 90) ** 2 + (y - 210) ** 2 < 35**2] = 0.2
    return np.clip(film, 0, 1).astype(np.float32)


def on_plate(film: np.ndarray, grey: float, *, top=60, bottom=90, left=120, right=40) -> np.ndarray:
    return np.pad(film, ((top, bottom), (left, right)), constant_values=np.float32(grey))


@pytest.mark.parametrize("grey", [0.0, 0.03, 0.35, 0.6, 1.0], ids=["black", "dark", "grey", "pale", "white"])
def test_a_plate_of_any_grey_is_cut_away(grey):
    field = find_exposed_field(on_plate(child(), grey))
    found = np.array([field.top, field.bottom, field.left, field.right])
    assert np.abs(found - [60, 60 + HEIGHT, 120, 120 + WIDTH]).max() <= 12


def test_plates_within_plates_are_cut_away():
    field = find_exposed_field(on_plate(on_plate(child(), 0.0), 1.0))
    assert abs(field.top - 120) <= 16 and abs(field.left - 240) <= 16


def test_a_film_without_margins_is_kept_whole():
    field = find_exposed_field(child())
    assert field.is_whole and field.crop(child()).shape == (HEIGHT, WIDTH)


def test_letters_and_wires_on_a_shutter_do_not_count_as_film():
    picture = on_plate(child(), 0.0)
    picture[180:204, 30:34] = picture[200:204, 30:46] = 1.0  # an L
    cv2.line(picture, (0, 300), (125, 330), 1.0, 2)
    assert abs(find_exposed_field(picture).left - 120) <= 12


def test_white_corners_of_a_film_that_lies_askew_are_darkened_but_nothing_of_it_is():
    turn = cv2.getRotationMatrix2D((WIDTH / 2, HEIGHT / 2), 9, 1.0)
    picture = cv2.warpAffine(child(), turn, (WIDTH, HEIGHT), borderValue=1.0)
    film = cv2.warpAffine(np.ones((HEIGHT, WIDTH), np.float32), turn, (WIDTH, HEIGHT)) > 0.99
    cleaned = find_exposed_field(picture).clean(picture)
    corner = ~film & (picture == 1.0)
    assert (cleaned[corner] < 0.5).mean() > 0.9
    assert (cleaned[film] == picture[film]).mean() > 0.97


def test_bone_burnt_out_at_the_edge_is_no_margin():
    picture = child()
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    heart = ((x - 150) / 95) ** 2 + ((y - 400) / 230) ** 2 < 1
    picture[heart] = 1.0
    field = find_exposed_field(picture)
    assert np.array_equal(field.clean(picture), picture) and field.bottom == HEIGHT


def turned_on(film: np.ndarray, grey: float, degrees: float, side: int = 640) -> np.ndarray:
    """The film, turned, in the middle of a square page of that grey."""
    turn = cv2.getRotationMatrix2D((film.shape[1] / 2, film.shape[0] / 2), degrees, 1.0)
    turn[:, 2] += (side - film.shape[1]) / 2, (side - film.shape[0]) / 2
    return cv2.warpAffine(film, turn, (side, side), flags=cv2.INTER_LINEAR, borderValue=grey)


def printed(picture: np.ndarray, text: str, at: tuple[int, int], grey: float) -> np.ndarray:
    letters = np.zeros(picture.shape, np.uint8)
    cv2.putText(letters, text, at, cv2.FONT_HERSHEY_SIMPLEX, 0.8, 255, 2, cv2.LINE_AA)
    return np.where(letters > 127, np.float32(grey), picture)


def as_jpeg(picture: np.ndarray, quality: int = 60) -> np.ndarray:
    _, data = cv2.imencode(
        ".jpg", np.round(picture * 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return cv2.imdecode(data, cv2.IMREAD_GRAYSCALE).astype(np.float32) / np.float32(255)


def octagon(picture: np.ndarray) -> np.ndarray:
    """Shutters across the corners as well."""
    height, width = picture.shape
    cut = 60
    shape = [(cut, 0), (width - cut, 0), (width, cut), (width, height - cut)]
    shape += [(width - cut, height), (cut, height), (0, height - cut), (0, cut)]
    return picture * cv2.fillPoly(np.zeros(picture.shape, np.float32), [np.array(shape)], 1.0)


def scattered(picture: np.ndarray) -> np.ndarray:
    """Under the shutters lies what scatter leaves: a little grey, with grain."""
    grain = np.random.default_rng(1).normal(0.015, 0.006, picture.shape).astype(np.float32)
    return np.clip(np.maximum(picture, grain), 0, 1)


_LETTERS = cv2.FONT_HERSHEY_SIMPLEX
VIEWERS = {  # a film's distance from the screen's top, bottom, left and right
    "at the left and above": (50, 0, 130, 0),
    "at the right": (0, 0, 0, 150),
    "below": (0, 60, 0, 0),
    "all round": (50, 40, 120, 120),
}


def in_a_viewer(film: np.ndarray, panels: tuple[int, int, int, int], grey: float, ink: float) -> np.ndarray:
    """A screenshot: panels of one grey, with words that reach to the film."""
    top, bottom, left, right = panels
    picture = on_plate(film, grey, top=top, bottom=bottom, left=left, right=right)
    words = np.zeros(picture.shape, np.uint8)
    for row in range(30, picture.shape[0], 24):
        cv2.putText(words, "Series 12 Abdomen AP 1/1 W 400 L 40", (4, row), _LETTERS, 0.5, (255,), 1)
        cv2.putText(words, "Series 12 Abdomen", (left + film.shape[1] + 4, row), _LETTERS, 0.5, (255,), 1)
    words[top : top + film.shape[0], left : left + film.shape[1]] = 0
    picture[words > 0] = ink
    return picture


SIDES = (60, 60 + HEIGHT, 120, 120 + WIDTH)
INSIDE = (120, 120 + HEIGHT, 240, 240 + WIDTH)
FRAMINGS = {
    "shutters with scatter": (scattered(on_plate(child(), 0.0)), SIDES),
    "shutters across the corners": (on_plate(octagon(child()), 0.0), SIDES),
    "a shutter on one side alone": (on_plate(child(), 0.0, top=0, bottom=0, right=0), (0, HEIGHT, 120, 420)),
    "a white plate on a grey page": (on_plate(on_plate(child(), 1.0), 0.5), INSIDE),
    "a black plate on a grey page": (on_plate(on_plate(child(), 0.0), 0.6), INSIDE),
    "a black plate on a white page, as JPEG": (as_jpeg(on_plate(on_plate(child(), 0.0), 1.0)), INSIDE),
    "white, softened by JPEG": (as_jpeg(on_plate(child(), 1.0), 40), SIDES),
    "white with print": (printed(on_plate(child(), 1.0), "ABD", (30, 40), 0.0), SIDES),
    "white below, where the name was": (
        on_plate(child(), 1.0, top=0, left=0, right=0),
        (0, HEIGHT, 0, WIDTH),
    ),
    "black with print": (printed(on_plate(child(), 0.0), "PORTABLE", (10, 40), 1.0), SIDES),
    "black within a thin white line": (
        np.pad(on_plate(child(), 0.0), 3, constant_values=1.0),
        np.add(SIDES, 3),
    ),
    "black, much wider than the film": (on_plate(child(), 0.0, left=400, right=300), (60, 460, 400, 700)),
}


@pytest.mark.parametrize(("picture", "sides"), FRAMINGS.values(), ids=FRAMINGS.keys())
def test_the_film_is_found_in_whatever_frame_it_comes(picture, sides):
    field = find_exposed_field(picture)
    found = np.array([field.top, field.bottom, field.left, field.right])
    assert np.abs(found - sides).max() <= 0.03 * max(picture.shape)


@pytest.mark.parametrize("panels", VIEWERS.values(), ids=VIEWERS.keys())
@pytest.mark.parametrize(("grey", "ink"), [(0.1, 0.85), (0.18, 0.85), (0.5, 0.0), (0.88, 0.1)])
def test_panels_of_a_viewer_are_cut_away_with_what_is_written_on_them(panels, grey, ink):
    film = on_plate(child(), 0.0, top=20, bottom=20, left=20, right=20)
    field = find_exposed_field(in_a_viewer(film, panels, grey, ink))
    top, left = panels[0] + 20, panels[2] + 20
    found = np.array([field.top, field.bottom, field.left, field.right])
    assert np.abs(found - (top, top + HEIGHT, left, left + WIDTH)).max() <= 0.03 * 640


@pytest.mark.parametrize(("grey", "degrees"), [(1.0, 5), (1.0, -20), (0.0, 30), (0.5, 12)])
def test_a_plate_that_lies_askew_is_found_and_nothing_of_it_is_lost(grey, degrees):
    picture = turned_on(child(), grey, degrees)
    film = turned_on(np.ones((HEIGHT, WIDTH), np.float32), 0.0, degrees) > 0.99
    rows, columns = np.flatnonzero(film.any(axis=1)), np.flatnonzero(film.any(axis=0))
    field = find_exposed_field(picture)
    found = np.array([field.top, field.bottom - 1, field.left, field.right - 1])
    assert np.abs(found - [rows[0], rows[-1], columns[0], columns[-1]]).max() <= 0.04 * 640
    cleaned = field.clean(picture)
    assert (cleaned[film] == picture[film]).mean() > 0.97
    assert cleaned[~film & (np.abs(picture - grey) < 0.01)].max() < 0.5  # no bright page is left


@pytest.mark.parametrize("grey", [0.0, 0.5, 1.0])
def test_a_blank_picture_is_kept_whole(grey):
    assert find_exposed_field(np.full((HEIGHT, WIDTH), grey, np.float32)).is_whole


@pytest.mark.parametrize("shape", [(1, 1), (3, 700), (700, 3), (2, 2)])
def test_pictures_of_odd_sizes_have_a_field_too(shape):
    field = find_exposed_field(np.random.default_rng(0).random(shape, np.float32))
    assert 0 <= field.top < field.bottom <= shape[0] and 0 <= field.left < field.right <= shape[1]


@settings(max_examples=25)
@given(st.integers(0, 200), st.integers(0, 200), st.integers(0, 200), st.sampled_from([0.0, 0.4, 1.0]))
def test_what_was_cropped_is_not_cropped_again(top, left, right, grey):
    film = find_exposed_field(on_plate(child(), grey, top=top, left=left, right=right))
    cropped = film.crop(on_plate(child(), grey, top=top, left=left, right=right))
    again = find_exposed_field(cropped)
    kept = (again.bottom - again.top) * (again.right - again.left)
    assert kept >= 0.9 * cropped.size


@pytest.mark.parametrize("seed", range(12))
def test_an_area_fills_the_same_share_of_the_hull_of_all_its_pixels(seed):
    rng = np.random.default_rng(seed)
    area = cv2.blur(rng.random((90, 70)).astype(np.float32), (9, 9)) > (0.5, 0.55, 0.6, 2)[seed % 4]
    points = cv2.findNonZero(area.astype(np.uint8))
    share = 0.0
    if points is not None and len(points) > 2:
        filled = cv2.fillConvexPoly(np.zeros(area.shape, np.uint8), cv2.convexHull(points), 1)
        share = np.count_nonzero(area) / np.count_nonzero(filled)
    assert _convexity(area) == share
