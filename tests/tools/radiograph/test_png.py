"""Pictures as PNG: without loss, and read by other programs."""

import io

import numpy as np
import pytest
from PIL import Image

from pedaxr.radiograph.png import png_bytes


@pytest.mark.parametrize("shape", [(1, 1), (40, 61), (40, 61, 3), (1, 300, 3), (257, 2)])
def test_every_pixel_comes_back(shape: tuple[int, ...]) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    stored = Image.open(io.BytesIO(png_bytes(pixels)))
    assert stored.format == "PNG"
    np.testing.assert_array_equal(np.asarray(stored), pixels)


def test_what_is_flat_is_small() -> None:
    assert len(png_bytes(np.zeros((1000, 1000, 3), np.uint8))) < 30_000
