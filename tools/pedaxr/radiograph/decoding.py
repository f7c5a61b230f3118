"""Bytes of a film file to a raster, in whichever process this runs; nothing here is ours to trust."""

import io
import warnings

import numpy as np
from PIL import Image

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.file_headers import check_header, with_preamble
from pedaxr.radiograph.raster import DECODER_ERRORS, PHOTOGRAPH, Raster, check_size
from pedaxr_models.datasets.pictures import grey_of

_TURNED = range(2, 9)  # 1 is upright; 0 and others say nothing
_ORIENTATION = 0x0112  # EXIF
_SEVERAL = "The PNG file holds several pictures (it is animated). Export the one film to read."
_TAKEN, _BY_CAMERA = 0x8769, {0x829A, 0x829D, 0x920A}  # EXIF: exposure time, aperture, focal length
_LOOKED_AT_PX = 48
_LIGHT, _TINT = 0.25, 0.03  # from where on colour is seen; share of a part's light by which colours differ


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
                if picture.format == "PNG" and getattr(picture, "n_frames", 1) > 1:
                    raise UnreadableImage(_SEVERAL)  # a JPEG's others are small copies and depth maps
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
    is_photograph = _is_by_camera(picture) or _is_tinted(picture)
    said = ((turned, "The file's orientation mark was followed."), (is_photograph, PHOTOGRAPH))
    notes = tuple(note for is_so, note in said if is_so)
    grey, colourfulness = grey_of(picture, data)
    return Raster(grey, notes=notes, colourfulness=colourfulness)


def _is_by_camera(picture: Image.Image) -> bool:
    """Whether the file says how a camera took it; a film scanner states its maker alone."""
    try:
        return not _BY_CAMERA.isdisjoint(picture.getexif().get_ifd(_TAKEN))
    except DECODER_ERRORS:
        return False  # what is damaged there costs no film


def _is_tinted(picture: Image.Image) -> bool:
    """Whether the light parts have one colour throughout, as a screen, lamp or film base gives them."""
    if picture.mode in ("1", "L", "LA") or picture.mode.startswith("I"):
        return False
    colours = picture if picture.mode in ("RGB", "CMYK", "YCbCr") else picture.convert("RGB")
    small = colours.resize((_LOOKED_AT_PX, _LOOKED_AT_PX), Image.Resampling.BOX).convert("RGB")
    some = np.asarray(small, np.float32).reshape(-1, 3) / np.float32(255)
    light = some[some.max(axis=1) > _LIGHT]
    return len(light) > 0 and float(np.median(np.ptp(light, axis=1) / light.max(axis=1))) > _TINT
