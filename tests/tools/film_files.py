"""Small films as files of every kind that is read, and films that are small only as files."""

import io
import zlib
from struct import pack

import numpy as np
import pydicom
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels import compress
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

PATIENT = "김 하나"


def ramp(height: int, width: int) -> Image.Image:
    return Image.fromarray(np.tile(np.linspace(0, 255, width).astype(np.uint8), (height, 1)))


def picture_bytes(picture: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, form, **options)
    return buffer.getvalue()


def dicom_bytes(syntax: str = ExplicitVRLittleEndian, *, height: int = 40, width: int = 60) -> bytes:
    stored = np.asarray(ramp(height, width)).astype(np.uint16) * 16
    dataset = FileDataset(None, Dataset(), preamble=b"\0" * 128)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, "1.2.3"
    dataset.PatientID, dataset.PatientName, dataset.PatientSex = "P1", PATIENT, "F"
    dataset.PatientBirthDate, dataset.StudyDate = "20240102", "20250304"
    dataset.Modality, dataset.PhotometricInterpretation = "CR", "MONOCHROME1"
    dataset.SeriesDescription, dataset.PixelSpacing = "Abdomen erect", [0.2, 0.3]
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = height, width, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    dataset.WindowCenter, dataset.WindowWidth = 2048, 4096
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless):
        compress(dataset, syntax)
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def blank_png(width: int, height: int, *, colour: int = 0) -> bytes:
    """Valid, tiny and large when decoded; `colour` is the PNG colour type."""
    channels = {0: 1, 2: 3, 6: 4}[colour]
    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(1 + channels * width)) for _ in range(height)) + packer.flush()
    head = png_chunk(b"IHDR", pack(">IIBBBBB", width, height, 8, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + png_chunk(b"IDAT", rows) + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return pack(">I", len(body)) + kind + body + pack(">I", zlib.crc32(kind + body))


def mended(data: bytes) -> bytes:
    """A PNG with the right checksums, so that damage reaches the decoder behind them."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return data
    out, at = data[:8], 8
    while at + 12 <= len(data):
        length = min(int.from_bytes(data[at : at + 4]), len(data) - at - 12)
        out += png_chunk(data[at + 4 : at + 8], data[at + 8 : at + 8 + length])
        at += 12 + length
    return out


def samples() -> dict[str, bytes]:
    """One whole file of each kind."""
    grey, colour = ramp(40, 60), Image.merge("RGB", (ramp(40, 60), ramp(40, 60).rotate(180), ramp(40, 60)))
    made = {
        "png": picture_bytes(grey),
        "png palette": picture_bytes(colour.quantize(16)),
        "png 16 bit": picture_bytes(Image.fromarray(np.asarray(grey).astype(np.uint16) * 200)),
        "png alpha": picture_bytes(colour.convert("RGBA")),
        "jpeg": picture_bytes(grey, "JPEG"),
        "jpeg progressive": picture_bytes(colour, "JPEG", progressive=True),
        "jpeg cmyk": picture_bytes(colour.convert("CMYK"), "JPEG"),
    }
    for syntax in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEG2000Lossless,
        JPEGLSLossless,
    ):
        made[f"dicom {syntax.name}"] = dicom_bytes(syntax)
    return made
