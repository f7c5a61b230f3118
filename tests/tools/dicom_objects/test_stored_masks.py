"""Masks of the network's frame lie on the stored film where its outlines do, however the film lies."""

import cv2
import numpy as np
import pytest

from pedaxr.dicom_objects.stored_masks import polygons_of, stored_masks
from pedaxr.radiograph.orientation import ORIENTATIONS, Orientation
from pedaxr.reading.framing import Framing
from pedaxr_models.segmentation.transforms import Letterbox


def blob(letterbox: Letterbox) -> np.ndarray:
    """A shape in the frame that no turn or mirror leaves as it is."""
    mask = np.zeros((512, 512), np.uint8)
    rows, columns = letterbox.content
    top, left = (
        rows.start + (rows.stop - rows.start) // 4,
        columns.start + (columns.stop - columns.start) // 4,
    )
    cv2.fillPoly(mask, [np.array([(left, top), (left + 90, top + 20), (left + 30, top + 120)])], 1)
    return mask.astype(bool)


def expected(mask: np.ndarray, letterbox: Letterbox, framing: Framing) -> np.ndarray:
    """By the other way: the outline's points carried to the film, and filled there."""
    (outline,), _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = framing.to_stored(letterbox.to_film(outline[:, 0].astype(np.float32)))
    filled = np.zeros((framing.height, framing.width), np.uint8)
    cv2.fillPoly(filled, [np.rint(points).astype(np.int32)], 1)
    return filled.astype(bool)


FRAMINGS = {
    **{f"orientation {i}": Framing(700, 900, one) for i, one in enumerate(ORIENTATIONS)},
    "larger film": Framing(2022, 2544),
    "smaller film": Framing(300, 260),
    "cut to the exposed field": Framing(900, 1100, box=(120, 1000, 60, 700)),
    "turned askew": Framing(800, 800, box=(100, 700, 100, 700), degrees=12.0),
    "pixels twice as high as wide": Framing(800, 400, Orientation(), (1.0, 2.0)),
}


@pytest.mark.parametrize("framing", FRAMINGS.values(), ids=FRAMINGS)
def test_a_mask_lies_where_its_outline_does(framing: Framing) -> None:
    letterbox = Letterbox(*framing.read_size)
    mask = blob(letterbox)
    stored = stored_masks({"stomach": mask}, letterbox, framing)["stomach"]
    assert stored.shape == (framing.height, framing.width) and stored.dtype == np.bool_
    wanted = expected(mask, letterbox, framing)
    assert np.count_nonzero(stored & wanted) / np.count_nonzero(stored | wanted) > 0.93


def test_a_film_of_the_frames_size_keeps_every_pixel() -> None:
    mask = np.random.default_rng(3).random((512, 512)) > 0.5
    same = stored_masks({"colon": mask}, Letterbox(512, 512), Framing(512, 512))["colon"]
    assert np.array_equal(same, mask)


@pytest.mark.parametrize("factor", [2, 3])
def test_each_pixel_of_the_frame_becomes_a_square_of_the_film(factor: int) -> None:
    """Nearest by pixel centres: half a pixel off would shift every edge."""
    mask = np.random.default_rng(5).random((512, 512)) > 0.5
    side = 512 * factor
    stored = stored_masks({"colon": mask}, Letterbox(side, side), Framing(side, side))["colon"]
    assert np.array_equal(stored, mask.repeat(factor, 0).repeat(factor, 1))


def test_outlines_are_largest_first_and_keep_to_the_mask() -> None:
    mask = np.zeros((100, 100), np.bool_)
    mask[10:20, 10:20] = mask[40:90, 30:80] = True
    mask[95, 5] = True  # one pixel encloses nothing
    first, second = polygons_of(mask, 1.0)
    assert (first.min(), first.max()) == (30, 89) and (second.min(), second.max()) == (10, 19)
