"""What Label Studio's brush paints: RGBA values in runs of bits, as the package rle-pack writes them."""

from collections.abc import Sequence

import numpy as np

from pedaxr.clinic.exchange.outlined import BoolArray

_CHANNELS = 4  # of a pixel; the last one is what was painted


def from_brush(packed: Sequence[int], size: tuple[int, int]) -> BoolArray:
    """The painted pixels (rows, columns).

    A header gives the count of values (32 bits), the bits of a value (5) and the bits of four lengths (4
    each), all but the first less one; then come runs: whether one value repeats, which of the lengths holds
    the count less one, the count, and the value or values.

    Raises:
        ValueError: it is damaged, or of a picture of another size.
    """
    bits = _Bits(bytes(packed))
    count = bits.read(32)
    if count != size[0] * size[1] * _CHANNELS:
        raise ValueError("the brush was used on a picture of another size")
    value_bits = bits.read(5) + 1
    lengths = [bits.read(4) + 1 for _ in range(4)]
    values = np.zeros(count, np.uint8)
    at = 0
    while at < count:
        repeats = bits.read(1)
        until = at + bits.read(lengths[bits.read(2)]) + 1
        if until > count:
            raise ValueError("the runs of the brush are longer than the picture")
        many = 1 if repeats else until - at
        values[at:until] = [bits.read(value_bits) & 0xFF for _ in range(many)]
        at = until
    return np.asarray(values.reshape(*size, _CHANNELS)[..., -1] > 0)


class _Bits:
    """Numbers of any length out of bytes, the first bit first."""

    def __init__(self, data: bytes) -> None:
        self._bits = "".join(f"{byte:08b}" for byte in data)
        self._at = 0

    def read(self, count: int) -> int:
        """Raises ValueError: there are not so many left."""
        part = self._bits[self._at : self._at + count]
        if len(part) < count:
            raise ValueError("the runs of the brush end early")
        self._at += count
        return int(part, 2)
