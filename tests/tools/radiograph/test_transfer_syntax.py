"""Files that do not say, or say wrongly, how their pixels are encoded: read where that is evident."""

import base64
import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import (
    HTJ2K,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
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


# The ramp as a high-throughput codestream (ISO/IEC 15444-15), which none of the libraries here can write.
HIGH_THROUGHPUT = base64.b85decode(
    "|4;u>04YEK0001B0000$00000000000001B0000$0000000000009pH0sl|{2mk^A000XAQUDA90ssL31q1{@0smY86Cj9?k"
    "dTm&kdTm&kdTmwh=~7W02crOPjF>!N>E53R%LP^FfKASE;BCwkN^q*00001NdN)=lfVEiApd{=e{bq<>gVWl^Z^I}`L+PS02"
    "6>FHt~XsbO68r7Ki`<0L2sm004><B!*H7b>{%U02c570Dy=H004-"
    "H004l92mk<xh}TIPNg7ES3@eqq0KfnjqJRJZ0|5X60RRF400IF30s#O50RRF400L$H3Vx1D&{}?uOVC<=j!V#5evV7fT7Hg8"
    "&{}?uOVC<=j!V!{31SiP5$yuN057Eg06<XyK&1izl?nh<DgaQa06?Vz0F?>=R4M>asQ^Hw0sxf?08}afP^kbwr2+tz3IJ5<o"
    ";*MQ0c5>&6fagw*Fi${WW970FIG#}K|=Lpy>t{WR!i4GLiJ?5bQCXEOV>d{^<=$t6fagw*Fi${WW970FIG#}K|=Lpy>t{WR!"
    "i4GLiJ?5bQCW^0sKUW@bM4^|Je"
)


@pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K])
def test_high_throughput_jpeg_2000_is_read(tmp_path: Path, syntax: str) -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom(WindowCenter=2048, WindowWidth=4096)))
    dataset.PixelData = encapsulate([HIGH_THROUGHPUT])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.save_as(tmp_path / "film.dcm")
    assert np.abs(read_radiograph(tmp_path / "film.dcm").pixels - LEVELS).max() < 0.001
    cut = (tmp_path / "film.dcm").read_bytes().replace(HIGH_THROUGHPUT, HIGH_THROUGHPUT[:200] + bytes(246))
    (tmp_path / "cut.dcm").write_bytes(cut)
    with pytest.raises(UnreadableImage):
        read_radiograph(tmp_path / "cut.dcm")
