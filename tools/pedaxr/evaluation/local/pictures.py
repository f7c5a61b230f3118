"""The worst cases as pictures: the film, what a human outlined and what the network outlined."""

import base64
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.errors import NotAnAbdominalFilm, UnreadableImage
from pedaxr.evaluation.local.judge import masks_of
from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading.read_film import Source, read_film
from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import TERMS

ByteArray = NDArray[np.uint8]
_SIDE = 420  # longest, pixels
_QUALITY = 80


def data_url(film: Film) -> str:
    """A JPEG of the film as a data URL: solid lines are the human's, dashed ones the network's.

    Of a film that cannot be read it is black: what the other films showed is not lost for it.
    """
    try:
        picture = draw_case(film)
    except UnreadableImage:
        picture = np.zeros((_SIDE, _SIDE, 3), np.uint8)
    done = cv2.imencode(".jpg", picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return "data:image/jpeg;base64," + base64.b64encode(done.tobytes()).decode()


def draw_case(film: Film) -> ByteArray:
    """(h, w, 3) of the film as it is stored, made small. Raises UnreadableImage."""
    radiograph = read_radiograph(film.image_path)
    scale = _SIDE / max(radiograph.width, radiograph.height)
    size = (max(1, round(radiograph.width * scale)), max(1, round(radiograph.height * scale)))
    grey = cv2.resize(radiograph.pixels, size, interpolation=cv2.INTER_AREA)
    picture = np.repeat((grey * 255).round().clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)
    for finding, mask in masks_of(film).items():
        small = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
        borders, _ = cv2.findContours(small.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
        cv2.drawContours(picture, borders, -1, TERMS[finding].colour, 2)
    try:
        reading = read_film(Source(film.image_path))
    except (NotAnAbdominalFilm, UnreadableImage):
        return picture
    for region in reading.regions:
        if region.kind == "finding":
            for polygon in region.polygons:
                _dashed(picture, np.array(polygon, np.float64) * scale, TERMS[region.name].colour)
    return picture


def _dashed(picture: ByteArray, points: NDArray[np.float64], colour: Sequence[int]) -> None:
    """A closed line of dashes of about 5 pixels, dark below so that it shows on bright films."""
    closed = np.concatenate([points, points[:1]])
    steps = np.hypot(*np.diff(closed, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    places = np.arange(0, along[-1], 5.0)
    xs, ys = (np.interp(places, along, closed[:, axis]) for axis in (0, 1))
    for at in range(0, len(places) - 1, 2):
        first, last = ((round(xs[i]), round(ys[i])) for i in (at, at + 1))
        cv2.line(picture, first, last, (0, 0, 0), 3)
        cv2.line(picture, first, last, tuple(colour), 1)
