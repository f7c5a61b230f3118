"""Bytes of a film file to a raster, in whichever process this runs; nothing here is ours to trust."""

import io
import warnings

from PIL import Image

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.file_headers import check_header, with_preamble
from pedaxr.radiograph.raster import DECODER_ERRORS, Raster, check_size
from pedaxr_models.datasets.pictures import grey_of

_TURNED = range(2, 9)  # 1 is upright; 0 and others say nothing
_ORIENTATION = 0x0112  # EXIF


def decode(data: bytes) -> Raster:
    """The picture of a PNG, JPEG or DICOM file, turned upright by EXIF, bone bright.

    Raises:
        UnreadableImage: of another kind, too large, damaged, or in need of more memory than there is.
    """
    if check_header(data) != "dicom":
        return _decode_picture(data)
    from pedaxr.radiograph.dicom import decode_dicom  # pydicom loads with the first DICOM file

    return decode_dicom(with_preamble(data))


def _decode_picture(data: bytes) -> Raster:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of sizes that check_size refuses
            with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as picture:
                check_size(*picture.size)
                return _upright_raster(picture, data)
    except DECODER_ERRORS as err:
        raise UnreadableImage(
            "The picture is damaged or incomplete: it cannot be decoded. Copy or export the film again."
        ) from err


def _upright_raster(picture: Image.Image, data: bytes) -> Raster:
    picture.load()
    if picture.format == "PNG":
        # Decoding tolerates wrong checksums; only verify, on a handle of its own, looks at them.
        with Image.open(io.BytesIO(data), formats=("PNG",)) as second:
            second.verify()
    turned = picture.getexif().get(_ORIENTATION) in _TURNED
    notes = ("The file's orientation mark was followed.",) if turned else ()
    grey, colourfulness = grey_of(picture, data)
    return Raster(grey, notes=notes, colourfulness=colourfulness)
