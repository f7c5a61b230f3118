"""A CT series in DICOM files becomes the volume that it is."""

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.ct_series import read_ct_series

VOXELS = np.random.default_rng(0).integers(0, 3000, (6, 5, 4)).astype(np.uint16)  # left, front, head


def write_slices(
    folder: Path, *, mirrored: bool = False, thickness: float = 4.0, leave_out: int = -1
) -> Path:
    """VOXELS as slices of 2 x 3 mm; a mirrored series runs from the patient's left to the right."""
    folder.mkdir(exist_ok=True)
    series = generate_uid()
    for z in range(VOXELS.shape[2]):
        if z == leave_out:
            continue
        picture = VOXELS[:, ::-1, z].T  # rows lead to the back, columns to the left
        d = Dataset()
        d.file_meta = FileMetaDataset()
        d.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        d.SOPClassUID, d.SOPInstanceUID, d.SeriesInstanceUID = CTImageStorage, generate_uid(), series
        d.Modality, d.Rows, d.Columns = "CT", picture.shape[0], picture.shape[1]
        d.ImageOrientationPatient = [-1.0 if mirrored else 1.0, 0, 0, 0, 1, 0]
        d.ImagePositionPatient, d.PixelSpacing = [0, 0, z * thickness], [3.0, 2.0]
        d.SamplesPerPixel, d.PhotometricInterpretation, d.PixelRepresentation = 1, "MONOCHROME2", 0
        d.BitsAllocated, d.BitsStored, d.HighBit = 16, 16, 15
        d.RescaleSlope, d.RescaleIntercept = 1, -1024
        d.PixelData = np.ascontiguousarray(picture[:, ::-1] if mirrored else picture).tobytes()
        pydicom.dcmwrite(folder / f"{99 - z}.dcm", d, enforce_file_format=True)
    return folder


@pytest.mark.parametrize("mirrored", [False, True])
def test_slices_are_put_in_order_in_hounsfield_units(tmp_path: Path, mirrored: bool) -> None:
    volume = read_ct_series(write_slices(tmp_path / "a", mirrored=mirrored))
    assert volume.spacing_mm == (2.0, 3.0, 4.0)
    assert (volume.voxels == VOXELS.astype(np.float32) - 1024).all()


def test_files_that_are_no_slices_are_passed_over(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "a")
    (folder / "readme.txt").write_text("a note")
    assert read_ct_series(folder).voxels.shape == VOXELS.shape


def test_a_missing_slice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="missing or doubled"):
        read_ct_series(write_slices(tmp_path / "a", leave_out=1))


def test_two_series_in_a_folder_are_an_error(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "a")
    for path in write_slices(tmp_path / "b", thickness=5.0).iterdir():
        path.rename(folder / f"b{path.name}")
    with pytest.raises(UnreadableImage, match="several series"):
        read_ct_series(folder)


def test_a_folder_without_slices_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImage, match="no CT slices"):
        read_ct_series(tmp_path)


def test_slices_that_are_not_axial_are_an_error(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "a")
    for path in folder.iterdir():
        dataset = pydicom.dcmread(path)
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.save_as(path)
    with pytest.raises(UnreadableImage, match="not axial"):
        read_ct_series(folder)
