"""A CT series in DICOM files to one volume in Hounsfield units."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.raster import DECODER_ERRORS
from pedaxr_models.phantom.from_ct.volume import Volume

if TYPE_CHECKING:
    from pydicom import Dataset

_TOLERANCE = 0.02  # share by which distances between slices may differ


def read_ct_series(folder: Path) -> Volume:
    """The axial slices of a folder, stacked (DICOM PS3.3 C.7.6.2: Image Plane Module).

    Raises:
        UnreadableImage: no CT slices, several series, slices that are missing or not axial.
    """
    slices = _slices(folder)
    first = slices[0]
    directions = np.array(first.ImageOrientationPatient, float).reshape(2, 3)
    if np.abs(directions).max(1).min() < 0.98 or np.abs(directions[:, 2]).max() > 0.2:
        raise UnreadableImage(f"The slices in '{folder.name}' are not axial. Give the axial series.")
    places = np.array([float(s.ImagePositionPatient[2]) for s in slices])
    steps = np.diff(places)
    if len(steps) < 2 or np.ptp(steps) > max(_TOLERANCE * float(np.median(steps)), 0.05) or steps.min() <= 0:
        raise UnreadableImage(f"Slices are missing or doubled in '{folder.name}'. Export the series again.")
    voxels = np.stack([_hounsfield(s) for s in slices], axis=2)  # rows, columns, from feet to head
    along, down = directions  # of columns, of rows, in DICOM's left, back, head
    voxels = voxels.transpose(1, 0, 2)  # columns first: left to right of the picture
    voxels = voxels[:: 1 if along[0] > 0 else -1]
    voxels = voxels[:, :: -1 if down[1] > 0 else 1]
    row_mm, column_mm = (float(v) for v in first.PixelSpacing)
    return Volume(np.ascontiguousarray(voxels), (column_mm, row_mm, float(np.median(steps))))


def _slices(folder: Path) -> list["Dataset"]:
    """CT slices of one series from feet to head."""
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError

    found = []
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        try:
            dataset = dcmread(path)
        except (InvalidDicomError, OSError):
            continue
        if dataset.get("Modality") == "CT" and "ImagePositionPatient" in dataset and "Rows" in dataset:
            found.append(dataset)
    if not found:
        raise UnreadableImage(f"'{folder.name}' holds no CT slices in DICOM files.")
    if len({(s.get("SeriesInstanceUID"), s.Rows, s.Columns) for s in found}) > 1:
        raise UnreadableImage(f"'{folder.name}' holds several series. Give each a folder of its own.")
    return sorted(found, key=lambda s: float(s.ImagePositionPatient[2]))


def _hounsfield(dataset: "Dataset") -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
    try:
        stored = dataset.pixel_array
    except DECODER_ERRORS as err:
        raise UnreadableImage("A CT slice cannot be decoded. Store the series uncompressed.") from err
    slope, shift = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    return np.asarray(stored, np.float32) * np.float32(slope) + np.float32(shift)
