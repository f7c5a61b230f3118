"""Is this a film that can be read at all, and what limits what can be read off it?

Simple checks with limits set on synthetic films: they catch blank, noisy, coloured and foreign pictures, not
a subtly bad one. A picture that passes is not thereby a good film.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.raster import Raster
from pedaxr.types import Region
from pedaxr_models.labels import Structure

FloatArray = NDArray[np.float32]

_LEAST_SIDE_PX = 128
_LONGEST_TO_SHORTEST = 3.0
_LEAST_CONTRAST = 0.08  # 1st to 99th percentile
_LARGEST_COLOURED_SHARE = 0.2
_LARGEST_GRAIN_SHARE = 0.35  # of the variance; films have under 0.05
_LARGEST_SMOOTH_SHARE = 0.9995
_BURNT_SHARE = 0.10
_LEAST_SPINE_SHARE = 0.01  # of the body; phantoms 0.02 to 0.15
_LEAST_OTHER_SHARE = 0.01
_BOWEL = (Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS, Structure.STOOL)

_NEXT = "Choose a frontal abdominal film of a child, or check how it was exported."


def check_picture(film: Raster) -> list[str]:
    """Look at the pixels alone, before any network does; notes for the reader.

    Raises:
        NotAnAbdominalFilm: too small, blank, coloured, noise, or without any detail.
    """
    height, width = film.pixels.shape
    if min(height, width) < _LEAST_SIDE_PX or max(height, width) > _LONGEST_TO_SHORTEST * min(height, width):
        raise NotAnAbdominalFilm(f"The picture is too small or too narrow to be a whole film. {_NEXT}")
    if film.colourfulness > _LARGEST_COLOURED_SHARE:
        raise NotAnAbdominalFilm(f"The picture is in colour; a radiograph is grey. {_NEXT}")
    small = _small(film.pixels)
    low, high = np.percentile(small, (1, 99))
    if high - low < _LEAST_CONTRAST:
        raise NotAnAbdominalFilm(f"The picture is blank or almost so. {_NEXT}")
    _check_texture(small)
    return [note for note in (_burnt_note(small), _inverted_note(small)) if note]


def check_anatomy(regions: Sequence[Region]) -> list[str]:
    """Look at what the segmentation found; notes for the reader.

    Raises:
        NotAnAbdominalFilm: neither a spine, nor a pelvis or bowel, of a plausible size.
    """
    share = {region.name: region.share_of_body for region in regions}
    has_spine = share.get(Structure.SPINE, 0.0) >= _LEAST_SPINE_SHARE
    has_pelvis = share.get(Structure.PELVIS, 0.0) >= _LEAST_OTHER_SHARE
    has_bowel = sum(share.get(channel, 0.0) for channel in _BOWEL) >= _LEAST_OTHER_SHARE
    if not has_spine and not (has_pelvis and has_bowel):
        raise NotAnAbdominalFilm(
            f"Neither a spine nor a pelvis with bowel was recognised: no abdomen is read into it. {_NEXT}"
        )
    missing = (
        (
            has_spine,
            "The spine was not recognised: sides and quadrants are divided at the middle of the body.",
        ),
        (has_pelvis, "The pelvis was not recognised: the lower abdomen may be cut off."),
        (
            Structure.DIAPHRAGM in share,
            "The domes of the diaphragm were not recognised: free air beneath them cannot be judged.",
        ),
    )
    return [note for is_there, note in missing if not is_there]


def _small(pixels: FloatArray) -> FloatArray:
    """At most 256 pixels long, by area average."""
    scale = 256 / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)


def _check_texture(small: FloatArray) -> None:
    """Grain is what a blur of 2 pixels removes. Noise is all grain; a drawn gradient has none at all."""
    grain = float((small - cv2.GaussianBlur(small, (0, 0), 2)).var() / small.var())
    if grain > _LARGEST_GRAIN_SHARE:
        raise NotAnAbdominalFilm(f"The picture is noise. {_NEXT}")
    if grain < 1 - _LARGEST_SMOOTH_SHARE:
        raise NotAnAbdominalFilm(f"The picture is a smooth gradient without any detail. {_NEXT}")


def _burnt_note(small: FloatArray) -> str | None:
    if float((small >= 0.995).mean()) > _BURNT_SHARE:
        return "Much of the film is burnt out to white: bone and tissue cannot be told apart there."
    return None


def _inverted_note(small: FloatArray) -> str | None:
    """Outside the child the film is exposed, hence dark with bone bright; the corners show it."""
    side = max(4, min(small.shape) // 12)
    corners = [
        small[y, x] for y in (slice(side), slice(-side, None)) for x in (slice(side), slice(-side, None))
    ]
    height, width = small.shape
    centre = small[height // 4 : -height // 4, width // 4 : -width // 4]
    brightness = sorted(float(np.median(corner)) for corner in corners)
    if brightness[1] > np.median(centre) + 0.15:
        return "Bright corners round a dark centre: bone may be shown dark. Check the export."
    return None
