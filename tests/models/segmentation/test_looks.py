"""Films made to look like those of another source."""

import cv2
import numpy as np
import pytest

from pedaxr_models.segmentation.mixed.looks import show_part


@pytest.mark.parametrize("seed", range(6))
def test_a_part_is_framed_as_a_film_of_its_own_and_its_outlines_with_it(seed: int) -> None:
    side, content = 96, (0, 96, 20, 76)
    film, bits = np.zeros((side, side), np.uint8), np.zeros((side, side), np.uint32)
    film[:, 20:76] = 40
    cv2.circle(film, (48, 50), 12, 200, -1)  # within every part
    bits[film == 200] = np.uint32(1 << 31 | 1 << 4)
    part, (moved,), (top, bottom, left, right) = show_part(film, [bits], content, np.random.default_rng(seed))
    assert part.shape == film.shape and max(bottom - top, right - left) == side
    beyond = np.ones(part.shape, bool)
    beyond[top:bottom, left:right] = False
    assert not part[beyond].any() and (part[~beyond] >= 39).all(), "all that is shown is film"
    assert set(np.unique(moved)) == {0, 1 << 31 | 1 << 4}
    shown, outlined = part > 120, moved > 0
    assert (shown & outlined).sum() > 0.9 * (shown | outlined).sum()
    assert outlined.sum() > 1.02 * (bits > 0).sum(), "enlarged"


def test_parts_differ_and_begin_below_the_top_of_the_film() -> None:
    film, rng = np.tile(np.arange(96, dtype=np.uint8)[:, None], (1, 96)), np.random.default_rng(0)
    firsts = []
    for _ in range(20):
        part, _, (top, _, left, _) = show_part(film, [], (0, 96, 0, 96), rng)
        firsts.append(int(part[top, left]))
    assert max(firsts) > 20 and min(firsts) < 10
