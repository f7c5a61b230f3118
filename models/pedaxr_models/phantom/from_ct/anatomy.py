"""Classes of TotalSegmentator ("total" task, version 2), and which of our channels they make."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import Structure
from pedaxr_models.phantom.from_ct.volume import Volume, read_nifti

_VERTEBRAE = ("S1", *(f"L{i}" for i in range(5, 0, -1)), *(f"T{i}" for i in range(12, 0, -1)))
# Class names by number; those that no channel needs are left out.
CLASSES: dict[int, str] = {
    1: "spleen",
    2: "kidney_right",
    3: "kidney_left",
    5: "liver",
    6: "stomach",
    10: "lung_upper_lobe_left",
    11: "lung_lower_lobe_left",
    12: "lung_upper_lobe_right",
    13: "lung_middle_lobe_right",
    14: "lung_lower_lobe_right",
    18: "small_bowel",
    19: "duodenum",
    20: "colon",
    21: "urinary_bladder",
    25: "sacrum",
    **{26 + i: f"vertebrae_{name}" for i, name in enumerate(_VERTEBRAE)},
    51: "heart",
    77: "hip_left",
    78: "hip_right",
    79: "spinal_cord",
    **{91 + i: f"rib_left_{i}" for i in range(1, 13)},
    **{103 + i: f"rib_right_{i}" for i in range(1, 13)},
}
_NUMBERS = {name: number for number, name in CLASSES.items()}

LUNGS = tuple(n for n, name in CLASSES.items() if name.startswith("lung"))
GUT = tuple(_NUMBERS[name] for name in ("stomach", "small_bowel", "duodenum", "colon"))
SMALL_BOWEL = tuple(_NUMBERS[name] for name in ("small_bowel", "duodenum"))
STOMACH, COLON, CORD, L2 = (_NUMBERS[n] for n in ("stomach", "colon", "spinal_cord", "vertebrae_L2"))
BELLY = (*GUT, *(_NUMBERS[n] for n in ("liver", "spleen", "kidney_left", "kidney_right", "urinary_bladder")))
# Channels that are the silhouette of some classes.
SILHOUETTES: dict[Structure, tuple[int, ...]] = {
    Structure.LUNGS: LUNGS,
    Structure.HEART: (_NUMBERS["heart"],),
    Structure.LIVER: (_NUMBERS["liver"],),
    Structure.SPINE: tuple(n for n, name in CLASSES.items() if name.startswith("vertebrae")),
    Structure.RIBS: tuple(n for n, name in CLASSES.items() if name.startswith("rib")),
    Structure.PELVIS: tuple(_NUMBERS[n] for n in ("hip_left", "hip_right", "sacrum")),
    Structure.STOMACH: (STOMACH,),
    Structure.COLON: (COLON,),
}


def read_labels(path: Path) -> Volume:
    """A label map, or a folder with a mask per class (`liver.nii.gz`), as TotalSegmentator writes them.

    Raises:
        ValueError: nothing of that kind is there, or a mask is of another size than the others.
    """
    if path.is_file():
        volume = read_nifti(path)
        return Volume(np.rint(volume.voxels).astype(np.int16), volume.spacing_mm)
    labels: NDArray[np.int16] | None = None
    spacing = (1.0, 1.0, 1.0)
    for number, name in CLASSES.items():
        file = next((p for p in (path / f"{name}.nii.gz", path / f"{name}.nii") if p.is_file()), None)
        if file is None:
            continue
        mask = read_nifti(file)
        if labels is None:
            labels, spacing = np.zeros(mask.voxels.shape, np.int16), mask.spacing_mm
        if mask.voxels.shape != labels.shape:
            raise ValueError(f"'{name}' is of another size than the other masks in '{path.name}'.")
        labels[mask.voxels > 0.5] = number
    if labels is None:
        raise ValueError(
            f"'{path.name}' holds no mask with a name of TotalSegmentator, such as liver.nii.gz."
        )
    return Volume(labels, spacing)


def l2_body(labels: Volume) -> NDArray[np.bool_]:
    """The body of L2 without its arch: what of the vertebra lies in front of the spinal canal, (X, Y, Z)."""
    l2, cord = labels.voxels == L2, labels.voxels == CORD
    out = np.zeros(l2.shape, bool)
    for z in np.flatnonzero(l2.any((0, 1))):
        canal = np.flatnonzero(cord[..., z].any(0))
        if len(canal):
            out[:, canal[-1] + 1 :, z] = l2[:, canal[-1] + 1 :, z]
    return out
