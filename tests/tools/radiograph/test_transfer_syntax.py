"""Files that do not say, or say wrongly, how their pixels are encoded: read where that is evident."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import (
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.read import read_radiograph

from .test_read import RAMP, dicom

LEVELS = np.round(RAMP * 4095) / 4095


def data_set(syntax: str) -> bytes:
    """All behind the file meta group."""
    file = dicom(syntax, WindowCenter=2048, WindowWidth=4096)
    length = int.from_bytes(file[140:144], "little")
    return file[144 + length :]


def without_syntax(syntax: str) -> bytes:
    """With a file meta group that names none."""
    dataset = pydicom.dcmread(io.BytesIO(dicom(syntax, WindowCenter=2048, WindowWidth=4096)))
    del dataset.file_meta.TransferSyntaxUID
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True)
    return out.getvalue()


def renamed(syntax: str) -> bytes:
    """Expanded by a program that left the old transfer syntax behind."""
    file = dicom(ExplicitVRLittleEndian, WindowCenter=2048, WindowWidth=4096)
    own, other = (uid.encode() + b"\0" * (len(uid) % 2) for uid in (ExplicitVRLittleEndian, syntax))
    at = file.index(b"\x02\x00\x10\x00UI")
    longer = len(other) - len(own)
    meta = file[:at] + b"\x02\x00\x10\x00UI" + len(other).to_bytes(2, "little") + other
    size = int.from_bytes(file[140:144], "little") + longer
    return meta[:140] + size.to_bytes(4, "little") + meta[144:] + file[at + 8 + len(own) :]


UNSAID = {
    "no syntax, explicit": without_syntax(ExplicitVRLittleEndian),
    "no syntax, implicit": without_syntax(ImplicitVRLittleEndian),
    "no file meta group": bytes(128) + b"DICM" + data_set(ExplicitVRLittleEndian),
    "no file meta group, implicit": bytes(128) + b"DICM" + data_set(ImplicitVRLittleEndian),
    "no file meta group, big endian": bytes(128) + b"DICM" + data_set(ExplicitVRBigEndian),
    "nothing before the data set": data_set(ExplicitVRLittleEndian),
    "nothing before an implicit data set": data_set(ImplicitVRLittleEndian),
    "no preamble": dicom(ExplicitVRLittleEndian, WindowCenter=2048, WindowWidth=4096)[132:],
    "still called JPEG 2000": renamed(JPEG2000Lossless),
    "still called RLE": renamed(RLELossless),
}


@pytest.mark.parametrize("data", UNSAID.values(), ids=UNSAID.keys())
def test_what_is_evidently_not_compressed_is_read(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film"
    path.write_bytes(data)
    assert np.abs(read_radiograph(path).pixels - LEVELS).max() < 0.001


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless], ids=["RLE", "JPEG 2000"])
def test_what_may_be_compressed_is_refused_with_the_cause(tmp_path: Path, syntax: str) -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom(syntax)))
    del dataset.file_meta.TransferSyntaxUID
    path = tmp_path / "film.dcm"
    pydicom.dcmwrite(path, dataset, implicit_vr=False, little_endian=True)
    with pytest.raises(UnreadableImage, match="does not say how its pixels are encoded"):
        read_radiograph(path)


@pytest.mark.parametrize(
    "data",
    [b"\x08\x00" * 200, b"\x02\x00\x00\x00" + bytes(400), b"II*\x00" + bytes(400), b"", b"\x08\x00\x05\x00"],
    ids=["repeated", "empty group", "TIFF", "nothing", "short"],
)
def test_other_files_are_not_taken_for_dicom(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film"
    path.write_bytes(data)
    with pytest.raises(UnreadableImage):
        read_radiograph(path)
