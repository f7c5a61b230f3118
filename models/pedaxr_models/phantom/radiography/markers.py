"""Lead letters and printed words beside the child. Blind to the label."""

import cv2
import numpy as np

from pedaxr_models.labels import View
from pedaxr_models.phantom.geometry import Field, N, smoothstep
from pedaxr_models.phantom.ranges import STANDARD, Ranges, draw

_FINE = 4  # letters are drawn at this multiple of the film's size
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_PLAIN,
    cv2.FONT_HERSHEY_DUPLEX | cv2.FONT_ITALIC,
)
_WORDS = ("AP", "PORTABLE", "MOBILE", "ABD", "1", "2")
_VIEW_WORDS = {View.ERECT: "ERECT", View.SUPINE: "SUPINE"}
_INITIALS = "ABCDEHJKMNPSTW"


def draw_markers(
    film: Field,
    view: View,
    half_width: float,
    centre_x: float,
    rng: np.random.Generator,
    r: Ranges = STANDARD,
) -> Field:
    """A side letter on three films in four, and a word on one in seven, which names the view if it names one.

    L stands at the patient's left, the right of the picture. `half_width` and `centre_x` place the trunk.
    """
    film = film.copy()
    if rng.random() < 0.75:
        letter = "L" if rng.random() < 0.7 else "R"
        side = 1 if letter == "L" else -1
        x = centre_x + side * half_width * rng.uniform(1.02, 1.42)
        _print(film, _side_marker(letter, draw(rng, r.marker_px), rng), x, rng.uniform(24, 480), rng)
    if rng.random() < 0.14:
        named = _VIEW_WORDS.get(view, "DECUB")
        word = str(rng.choice((*_WORDS, named, named)))
        plate = _word(word, 0.4 * draw(rng, r.marker_px) + 4, rng)
        if word == _VIEW_WORDS[View.ERECT]:
            plate = _with_arrow(plate)
        x = centre_x + rng.choice([-1, 1]) * half_width * rng.uniform(1.1, 1.5)
        _print(film, plate, x, rng.choice([rng.uniform(16, 80), rng.uniform(430, 496)]), rng)
    return film


def _side_marker(letter: str, height: float, rng: np.random.Generator) -> Field:
    """A letter, often ringed, boxed or with the radiographer's initials, fine grid, 0..1."""
    plate = _word(letter, height, rng)
    kind = rng.random()
    if kind < 0.12:
        initials = "".join(rng.choice(list(_INITIALS), 2))
        plate = _stacked(plate, _word(initials, 0.45 * height, rng))
    elif kind < 0.34:
        plate = _framed(plate, ring=bool(kind < 0.24))
    elif kind < 0.42:  # a letter cut out of a lead plate
        plate = np.asarray(0.85 - 0.75 * np.pad(plate, 4 * _FINE), np.float32)
    elif kind < 0.48:
        plate = _with_arrow(plate)
    return plate


def _word(text: str, height: float, rng: np.random.Generator) -> Field:
    font, stroke = int(rng.choice(_FONTS)), float(rng.uniform(0.08, 0.19))
    target = height * _FINE
    scale = cv2.getFontScaleFromHeight(font, max(8, int(target)), 1)
    thickness = max(2, round(target * stroke))
    (width, tall), below = cv2.getTextSize(text, font, scale, thickness)
    edge = thickness + 2 * _FINE
    plate = np.zeros((tall + below + 2 * edge, width + 2 * edge), np.uint8)
    cv2.putText(plate, text, (edge, edge + tall), font, scale, 255, thickness, cv2.LINE_AA)
    return np.asarray(plate / 255, np.float32)


def _framed(plate: Field, *, ring: bool) -> Field:
    size = int(max(plate.shape) * 1.15)
    out = np.zeros((size, size), np.float32)
    y, x = (size - plate.shape[0]) // 2, (size - plate.shape[1]) // 2
    out[y : y + plate.shape[0], x : x + plate.shape[1]] = plate
    width = max(2, size // 24)
    if ring:
        cv2.circle(out, (size // 2, size // 2), size // 2 - width, 1.0, width, cv2.LINE_AA)
    else:
        cv2.rectangle(out, (width, width), (size - width - 1, size - width - 1), 1.0, width)
    return out


def _stacked(top: Field, bottom: Field) -> Field:
    width = max(top.shape[1], bottom.shape[1])
    rows = [np.pad(p, ((0, 0), (0, width - p.shape[1]))) for p in (top, bottom)]
    return np.asarray(np.concatenate(rows), np.float32)


def _with_arrow(plate: Field) -> Field:
    """An arrow up, as laid beside an upright child."""
    height = plate.shape[0]
    arrow = np.zeros((height, height // 2), np.float32)
    middle, width = height // 4, max(2, height // 14)
    start, end = (middle, int(0.85 * height)), (middle, int(0.15 * height))
    cv2.arrowedLine(arrow, start, end, 1.0, width, cv2.LINE_AA, tipLength=0.4)
    return np.asarray(np.concatenate([plate, arrow], axis=1), np.float32)


def _print(film: Field, plate: Field, x: float, y: float, rng: np.random.Generator) -> None:
    """Turn the plate, shrink it to the film and lay it over, in place; lead hides what lies under it."""
    turn = rng.uniform(-25, 25) if rng.random() < 0.35 else rng.uniform(-4, 4)
    side = int(np.hypot(*plate.shape)) // _FINE + 4
    if side >= N - 16:
        return
    x0, y0 = int(np.clip(x - side / 2, 6, N - side - 6)), int(np.clip(y - side / 2, 6, N - side - 6))
    matrix = cv2.getRotationMatrix2D((plate.shape[1] / 2, plate.shape[0] / 2), turn, 1.0)
    matrix[:, 2] += side * _FINE / 2 - np.array([plate.shape[1], plate.shape[0]]) / 2
    fine = cv2.warpAffine(plate, matrix, (side * _FINE, side * _FINE))
    glyph = cv2.resize(fine, (side, side), interpolation=cv2.INTER_AREA)
    glyph = cv2.GaussianBlur(glyph, (0, 0), rng.uniform(0.3, 0.7))
    uneven = 1 + 0.03 * rng.standard_normal(glyph.shape, np.float32)
    region = film[y0 : y0 + side, x0 : x0 + side]
    region[:] = np.maximum(region, glyph * uneven * rng.uniform(0.72, 1.0) * smoothstep(0, 0.15, glyph))
