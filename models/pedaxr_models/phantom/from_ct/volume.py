"""A CT volume or its label map, read from NIfTI and turned so that axes are right, back and up."""

import gzip
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_HEADER = 348
_TYPES = {2: "u1", 4: "i2", 8: "i4", 16: "f4", 64: "f8", 256: "i1", 512: "u2", 768: "u4"}
_LARGEST = 2**31  # bytes of voxels: a CT of a trunk is never larger


@dataclass(frozen=True)
class Volume:
    """Voxels with axes to the patient's left, to the front and to the head.

    Attributes:
        voxels: (X, Y, Z), Hounsfield units or label numbers.
        spacing_mm: of each axis.
    """

    voxels: NDArray[Any]
    spacing_mm: tuple[float, float, float]


def read_nifti(path: Path) -> Volume:
    """A NIfTI-1 file (.nii or .nii.gz).

    Oblique volumes are taken at the nearest right angles, as a few degrees do not matter on a film.

    Raises:
        ValueError: it is not a NIfTI-1 file, cut short, of an unusual type of voxel, or not a volume.
    """
    data = _unpacked(path)
    order = _byte_order(data, path)
    size = struct.unpack(f"{order}8h", data[40:56])
    shape = size[1:4]
    if size[0] < 3 or any(n > 1 for n in size[4 : size[0] + 1]) or min(shape) < 2:
        raise ValueError(f"'{path.name}' is not one volume. Give a three-dimensional NIfTI file.")
    code, start = (
        struct.unpack(f"{order}h", data[70:72])[0],
        int(struct.unpack(f"{order}f", data[108:112])[0]),
    )
    if code not in _TYPES:
        raise ValueError(
            f"'{path.name}' has voxels of an unusual type ({code}). Store whole numbers or floats."
        )
    dtype = np.dtype(order + _TYPES[code])
    count = int(np.prod(shape, dtype=np.int64))
    if not 0 <= start <= len(data) - count * dtype.itemsize or count * dtype.itemsize > _LARGEST:
        raise ValueError(f"'{path.name}' is cut short or damaged. Copy it again.")
    voxels = np.frombuffer(data, dtype, count, start).reshape(shape, order="F")
    slope, shift = struct.unpack(f"{order}2f", data[112:120])
    if slope not in (0.0, 1.0) or shift not in (0.0,):
        voxels = voxels * np.float32(slope or 1.0) + np.float32(shift)
    return _turned(voxels, _affine(data, order), path)


def _unpacked(path: Path) -> bytes:
    try:
        data = path.read_bytes()
        data = gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data
    except (OSError, EOFError) as err:
        raise ValueError(f"'{path.name}' cannot be read or unpacked. Copy it again.") from err
    if len(data) < _HEADER + 4:
        raise ValueError(f"'{path.name}' is not a NIfTI file.")
    return data


def _byte_order(data: bytes, path: Path) -> str:
    for order in "<>":
        if struct.unpack(f"{order}i", data[:4])[0] == _HEADER and data[344:347] in (b"n+1", b"ni1"):
            return order
    raise ValueError(f"'{path.name}' is not a NIfTI-1 file (NIfTI-2 and Analyze are not read).")


def _affine(data: bytes, order: str) -> NDArray[np.float64]:
    """Columns (3, 3): where each voxel axis leads, in mm to the right, front and head."""
    quaternion, matrix = struct.unpack(f"{order}2h", data[252:256])
    if matrix > 0:
        return np.array(struct.unpack(f"{order}12f", data[280:328])).reshape(3, 4)[:, :3]
    spacing = np.array(struct.unpack(f"{order}8f", data[76:108]))
    if quaternion <= 0:
        return np.diag(spacing[1:4])
    b, c, d = struct.unpack(f"{order}3f", data[256:268])
    a = np.sqrt(max(0.0, 1 - b * b - c * c - d * d))
    turn = np.array(
        [
            [a * a + b * b - c * c - d * d, 2 * (b * c - a * d), 2 * (b * d + a * c)],
            [2 * (b * c + a * d), a * a + c * c - b * b - d * d, 2 * (c * d - a * b)],
            [2 * (b * d - a * c), 2 * (c * d + a * b), a * a + d * d - b * b - c * c],
        ]
    )
    return np.asarray(turn * spacing[1:4] * [1, 1, -1 if spacing[0] < 0 else 1])


def _turned(voxels: NDArray[Any], affine: NDArray[np.float64], path: Path) -> Volume:
    """Axes in the order and direction of `Volume`. NIfTI counts towards the right, front and head."""
    lengths = np.linalg.norm(affine, axis=0)
    if not np.isfinite(affine).all() or (lengths < 1e-3).any():
        raise ValueError(f"'{path.name}' does not say how large its voxels are. Convert the CT again.")
    shares = np.abs(affine / lengths)
    axes = [int(shares[0].argmax()), -1, int(shares[2].argmax())]
    axes[1] = 3 - axes[0] - axes[2]
    if sorted(axes) != [0, 1, 2]:
        raise ValueError(f"'{path.name}' lies too obliquely. Resample it along the body's axes.")
    out = voxels.transpose(axes)
    for place, axis in enumerate(axes):
        wanted = -1 if place == 0 else 1  # the first axis is to lead to the patient's left
        if np.sign(affine[place, axis]) * wanted < 0:
            out = np.flip(out, place)
    x, y, z = (float(lengths[axis]) for axis in axes)
    return Volume(np.ascontiguousarray(out), (x, y, z))
