"""What the reader is given of the film itself: its grey levels, and its fine bright lines."""

import cv2
import numpy as np

from pedaxr_models.segmentation.transforms import FRAME, FloatArray, Letterbox, frame_film, prepare_frame

FILM_PLANES = 2
LEVELS = 3.0  # `prepare` gives values from -3 to 3
_LINE_PX = 11  # of the frame of 512: wider than a tube, narrower than a rib


def film_planes(
    pixels: FloatArray, size: int, framed: tuple[FloatArray, Letterbox] | None = None
) -> FloatArray:
    """Film (H, W) in [0, 1] to (FILM_PLANES, size, size): levelled, -3 to 3; its fine bright lines, 0 to 3.

    A tube is four pixels wide in a frame of 512 and fades in a small square; the lines (a white top-hat,
    widened before they are shrunk) keep it. `framed` is what `frame_film` gives of the film, where it is
    known already.
    """
    frame, letterbox = framed or frame_film(pixels)
    small, whole = (prepare_frame(frame, letterbox, side) for side in (size, FRAME))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_LINE_PX, _LINE_PX))
    lines = cv2.dilate(cv2.morphologyEx(whole, cv2.MORPH_TOPHAT, kernel), np.ones((3, 3), np.uint8))
    lines = cv2.resize(lines, (size, size), interpolation=cv2.INTER_AREA)
    return np.stack([small, np.clip(2 * lines, 0, LEVELS)]).astype(np.float32)
