"""What is no film is called what it is, so that the reason given is the cause."""

import bz2
import gzip
import io
import zipfile
from base64 import b64encode

import numpy as np
import pytest
from PIL import Image

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.read import read_radiograph

from .test_read import dicom

PICTURE = Image.fromarray(np.tile(np.arange(200, dtype=np.uint8), (200, 1)))


def saved(form: str) -> bytes:
    buffer = io.BytesIO()
    PICTURE.save(buffer, form)
    return buffer.getvalue()


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("film.dcm", dicom())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        *((saved(form), f"a {form} picture") for form in ("TIFF", "BMP", "GIF")),
        (saved("WEBP"), "a WebP picture"),
        (saved("JPEG2000"), "a JPEG 2000 picture"),
        (saved("PDF"), "a PDF"),
        (b"\0\0\0\x18ftypheic" + bytes(100), "a HEIC photograph"),
        *((b"\0\0\0\x1cftyp" + b + bytes(99), "a HEIC photograph") for b in (b"mif1", b"heix")),
        (b"\0\0\0\x1cftypavif" + bytes(99), "an AVIF picture"),
        (b"\0\0\0\x1cftypisom" + bytes(99), "a video"),
        (b"\xff\x0a" + bytes(range(99)), "a JPEG XL picture"),
        (b"NRRD0004\n" + bytes(99), "an NRRD volume"),
        (b"\x5c\1\0\0" + bytes(340) + b"n+1\0" + bytes(99), "a NIfTI volume"),
        (b"\x93NUMPY\1\0" + bytes(99), "a NumPy array"),
        (saved("PPM"), "a PNM picture"),
        *((text, "base64") for text in (b64encode(saved("PNG")), b"data:image/png;base64,iVBOR")),
        *((data, "Unpack it") for data in (zipped(), gzip.compress(dicom()), bz2.compress(dicom()))),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        *((page, "web page") for page in (b"<!DOCTYPE html><p>Log in", b"\n <HTML>", b"<?xml?>")),
        (b"HTTP/1.1 200 OK\r\nContent-Type: application/dicom\r\n\r\n" + dicom(), "whole answer"),
        (b"--a\r\nContent-Type: application/dicom\r\n\r\n" + dicom() + b"\r\n--a--", "whole answer"),
        (b'[{"00080005": {"vr": "CS"}}]', "header as JSON"),
        (b"", "is empty"),
        (bytes(5000), "nothing but zeros"),
        (b"a note about the film", "not a PNG, JPEG or DICOM picture"),
    ],
)
def test_a_file_of_another_kind_is_called_by_its_kind(data: bytes, cause: str) -> None:
    with pytest.raises(UnreadableImage, match=cause):
        read_radiograph(data)


def test_a_film_whose_pixels_begin_like_another_file_is_read() -> None:
    """Control: the kind is told by how a file begins, and only of files that are no film."""
    assert read_radiograph(dicom(PatientComments="BM %PDF GIF89a")).pixels.shape[0] > 0
