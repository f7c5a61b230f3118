"""What a film file says of itself before anything of it is decoded: kind, size, compression.

Only bytes are looked at, by code of our own: a bomb is refused here at the price of reading its header.
PNG: ISO/IEC 15948 section 11.2.2. JPEG: ISO/IEC 10918-1 annex B. DICOM: PS3.10 section 7.1, PS3.6 annex A.
"""

import re
import struct
from typing import Literal

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.raster import check_size
from pedaxr_models.datasets.pixels import is_dicom

Kind = Literal["png", "jpeg", "dicom"]
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_DICM = slice(128, 132)
_META_START = 132
_ANOTHER = "The file is not a PNG, JPEG or DICOM picture. Export the film as one of these."
_OTHER_KINDS: tuple[tuple[bytes, int, str], ...] = (  # what it begins with, from which byte on
    *((begin, 0, "a TIFF picture") for begin in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")),
    *((begin, 0, "a GIF picture") for begin in (b"GIF87a", b"GIF89a")),
    (b"BM", 0, "a BMP picture"),
    (b"WEBP", 8, "a WebP picture"),
    (b"\0\0\0\x0cjP  ", 0, "a JPEG 2000 picture"),
    (b"\xff\x4f\xff\x51", 0, "a JPEG 2000 picture"),
    *((b"ftyp" + brand, 4, "a HEIC photograph") for brand in (b"heic", b"heix", b"heim", b"hevc", b"mif1")),
    *((b"ftyp" + brand, 4, "an AVIF picture") for brand in (b"avif", b"avis")),
    (b"\xff\x0a", 0, "a JPEG XL picture"),
    (b"\0\0\0\x0cJXL ", 0, "a JPEG XL picture"),
    (b"ftyp", 4, "a video (MP4)"),
    (b"%PDF", 0, "a PDF"),
    (b"NRRD000", 0, "an NRRD volume"),
    *((magic, 344, "a NIfTI volume") for magic in (b"n+1\0", b"ni1\0")),
    (b"\x93NUMPY", 0, "a NumPy array"),
    *((b"P" + number, 0, "a PNM picture") for number in (b"5\n", b"6\n", b"2\n", b"3\n")),
    *((begin, 0, "a picture as text (base64)") for begin in (b"iVBORw0KGgo", b"/9j/4", b"data:image/")),
)
_PACKED: tuple[bytes, ...] = (b"PK\x03\x04", b"\x1f\x8b", b"Rar!", b"7z\xbc\xaf", b"BZh", b"\xfd7zXZ")
_POINTER = b"version https://git-lfs"
_PAGE = re.compile(rb"\s*(?:\xef\xbb\xbf)?\s*<(?:!doctype|html|\?xml)", re.IGNORECASE)
_ANSWER = 2000  # bytes in which the headers of an answer lie
_JSON_OF_DICOM = re.compile(rb"\s*\[?\s*\{\s*\"00(?:02|08)[0-9A-Fa-f]{4}\"")
_JPEG_FRAMES = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}  # 0xF7 is that of JPEG-LS
_USUAL_FRAMES = (0xC0, 0xC1, 0xC2, 0xC9, 0xCA)
_MOST_SCANS = 200  # a progressive JPEG of thousands costs minutes; real ones have about ten
_LONG_VALUES = (b"OB", b"OW", b"UN", b"UT", b"SQ")
DEFLATED = "1.2.840.10008.1.2.1.99"
_SYNTAXES = frozenset(
    {"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", DEFLATED, "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.5"}
    | {f"1.2.840.10008.1.2.4.{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203)}
)


def check_header(data: bytes) -> Kind:
    """The kind of a film file whose header promises a picture that may be decoded.

    Raises:
        UnreadableImage: of another kind, of an unknown compression, or larger than any film.
    """
    if data.startswith(_PNG):
        _check_png(data)
        return "png"
    if data.startswith(_JPEG):
        _check_jpeg(data)
        return "jpeg"
    if is_dicom(data):
        _check_dicom(with_preamble(data))
        return "dicom"
    raise UnreadableImage(_cause(data))


def _cause(data: bytes) -> str:
    """What a file is that is no film, and what to do about it."""
    if not data.strip(b"\0"):
        what = "empty" if not data else "nothing but zeros, as an interrupted copy leaves it"
        return f"The film file is {what}. Copy or export the film again."
    if data.startswith(_PACKED):
        return "The file is packed (ZIP, gzip or the like). Unpack it, and give the film inside."
    if data.startswith(_POINTER):
        return "The file is a Git LFS pointer, not the film itself. Fetch it with `git lfs pull`."
    if data.startswith((b"HTTP/1.", b"--")) and b"content-type:" in data[:_ANSWER].lower():
        return "The file is a server's whole answer, not the film inside. Save the film alone."
    if _JSON_OF_DICOM.match(data):
        return "The file is a DICOM header as JSON, without the film. Give the DICOM file itself."
    if _PAGE.match(data):
        return "The file is a web page, as a server sends that asks for a login. Download the film again."
    kinds = (kind for begin, at, kind in _OTHER_KINDS if data[at : at + len(begin)] == begin)
    kind = next(kinds, None)
    return f"The file is {kind}, which is not read. Export the film as PNG or DICOM." if kind else _ANOTHER


def with_preamble(data: bytes) -> bytes:
    """A DICOM file as PS3.10 wants it: whatever reads it looks at one place for its elements."""
    return data if data[_DICM] == b"DICM" else bytes(128) + b"DICM" + data


def transfer_syntax(data: bytes) -> tuple[str, int]:
    """Transfer Syntax UID and where the data set starts, from the file meta group.

    Raises:
        struct.error, UnicodeDecodeError: the group is cut short or holds something else.
    """
    at, syntax = _META_START, ""
    while data[at : at + 2] == b"\x02\x00":
        element, vr = struct.unpack_from("<H2s", data, at + 2)
        long = vr in _LONG_VALUES
        length: int = struct.unpack_from("<I" if long else "<H", data, at + (8 if long else 6))[0]
        value = at + (12 if long else 8)
        if element == 0x0010:
            syntax = data[value : value + length].rstrip(b"\0 ").decode("ascii")
        at = value + length
    return syntax, at


def jpeg_size(stream: bytes) -> tuple[int, int]:
    """Width and height of the frame header (ISO/IEC 10918-1 B.2.2, 14495-1 C.2.2).

    Raises:
        struct.error: there is none.
    """
    height, width = struct.unpack_from(">HH", stream, _jpeg_frame(stream)[0] + 5)
    return width, height


def jpeg_samples(stream: bytes) -> tuple[int, int]:
    """Bits of a sample and samples of a pixel, by the same header. Raises struct.error, IndexError."""
    at, _ = _jpeg_frame(stream)
    return stream[at + 4], stream[at + 9]


def _jpeg_frame(stream: bytes) -> tuple[int, int]:
    """Where the frame header stands, and its marker. Raises struct.error: there is none."""
    at = 2
    while True:
        marker, length = struct.unpack_from(">xBH", stream, at)
        if marker in _JPEG_FRAMES:
            return at, marker
        at += 2 + length


def is_usual_jpeg(stream: bytes) -> bool:
    """Whether it is baseline, extended or progressive, of 8 bits: what decoders of pictures know."""
    at, marker = _jpeg_frame(stream)
    return marker in _USUAL_FRAMES and stream[at + 4] == 8


def _check_png(data: bytes) -> None:
    if len(data) < 33 or data[8:16] != b"\0\0\0\rIHDR":
        raise UnreadableImage("The PNG file has no header. Copy or export the film again.")
    check_size(*struct.unpack_from(">II", data, 16))


def _check_jpeg(data: bytes) -> None:
    if data.count(b"\xff\xda") > _MOST_SCANS:
        raise UnreadableImage("The JPEG file is made of absurdly many scans. Export the film again.")
    try:
        size, is_usual = jpeg_size(data), is_usual_jpeg(data)
    except struct.error:
        return  # padding between markers: the decoder's own reading of the header is checked as well
    if not is_usual:
        raise UnreadableImage(
            "The JPEG file is of a kind that is not read: lossless, JPEG-LS or of 12 bits. Export the film "
            " as PNG or DICOM."
        )
    if 0 not in size:  # a height of 0 is given later in the file
        check_size(*size)


def _check_dicom(data: bytes) -> None:
    try:
        syntax, _ = transfer_syntax(data)
    except (struct.error, UnicodeDecodeError) as err:
        raise UnreadableImage(
            "The DICOM file is damaged or incomplete: it cannot be decoded. Export the film again."
        ) from err
    if syntax and syntax not in _SYNTAXES:  # one that names none may be uncompressed: the decoder looks
        raise UnreadableImage(
            "The DICOM file is compressed in a way that is not read here. Export it uncompressed."
        )
