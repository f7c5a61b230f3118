"""Uncompressed pixels of 16 bits whose two bytes are in the other order than the header says.

Programs that rewrite a file leave the pixels of a big-endian one as they were. Read so, a film is noise: its
finest grain has become the coarsest.
"""

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset

_SWAPPED = "The header misstates the order of the bytes of its pixels; the picture decided."
_ROUGHER = 3  # times; a film read in the wrong order is so by ten and more
_SOME_ROWS = 512


def settle_byte_order(dataset: Dataset) -> str:
    """Turn the pixels round where they are a film only so, in place; returns a note where they were.

    Args:
        dataset: uncompressed, its header settled.
    """
    data, columns = dataset.PixelData, int(dataset.Columns)
    if int(dataset.BitsAllocated) != 16 or int(dataset.SamplesPerPixel) != 1 or len(data) < 4 * columns:
        return ""
    order = "<" if dataset.original_encoding[1] is not False else ">"
    stored = np.frombuffer(data, f"{order}u2", count=len(data) // 2)
    some = stored[: len(stored) // columns * columns].reshape(-1, columns)
    some = some[:: max(1, len(some) // _SOME_ROWS)]
    if _roughness(some) <= _ROUGHER * _roughness(some.byteswap()):
        return ""
    dataset.PixelData = stored.byteswap().tobytes() + data[2 * len(stored) :]
    return _SWAPPED


def _roughness(values: NDArray[np.uint16]) -> float:
    """From one pixel to the next, in shares of their spread, over rows (n, W)."""
    steps = np.abs(np.diff(values.astype(np.int32), axis=1))
    return float(steps.mean() / max(values.std(), 1e-9)) if steps.size else 0.0
