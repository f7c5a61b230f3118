"""The pixels that a network is trained on are those it is served: two readers, one film."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.datasets.pixels import read_pixels

from ..film_files import samples
from .test_grey_scale import DEEP, FILM, FILM8, HEADERS, clear_grey, table
from .test_read import PICTURES, RAMP, SHIPPED, dicom, encoded, grey8
from .test_transfer_syntax import UNSAID


def see_through(mode: str) -> bytes:
    """Bright at the left where it cannot be seen, as an export with a masked border has it."""
    grey = 255 - np.asarray(grey8())
    alpha = np.where(np.arange(RAMP.shape[1]) < 40, 0, 255).astype(np.uint8) + np.zeros_like(grey)
    channels = [grey, alpha] if mode == "LA" else [grey, grey, grey, alpha]
    return encoded(Image.fromarray(np.dstack(channels), mode))


def palette_with_a_hole() -> bytes:
    buffer = io.BytesIO()
    grey8().convert("RGB").quantize(16).save(buffer, "PNG", transparency=15)
    return buffer.getvalue()


def turned(form: str) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return encoded(grey8(), form, exif=exif)


FILES = PICTURES | {
    "see-through RGBA": see_through("RGBA"),
    "see-through grey": see_through("LA"),
    "see-through palette": palette_with_a_hole(),
    "1 bit": encoded(grey8().convert("1")),
    "turned PNG": turned("PNG"),
    "turned JPEG": turned("JPEG"),
    "DICOM": dicom(),
    "DICOM, bone dark": dicom(PhotometricInterpretation="MONOCHROME1"),
    "DICOM, a table deeper than it says": dicom(levels=FILM, VOILUTSequence=[table(np.arange(4096), 16)]),
    "DICOM, a window of other bits": dicom(levels=FILM, WindowCenter=128, WindowWidth=256),
    "DICOM, stored mirrored": dicom(PatientOrientation=["R", "F"]),
    **{f"16 bits: {name}": made() for name, (made, _) in DEEP.items()},
    **{
        f"header: {name}": dicom(levels=np.ascontiguousarray(a), **said)
        for name, (a, said) in HEADERS.items()
    },
    **{f"clear grey, {depth} bits": clear_grey(FILM if depth == 16 else FILM8, depth) for depth in (8, 16)},
    **{f"syntax: {name}": data for name, data in UNSAID.items()},
    **{f"fuzzed: {name}": data for name, data in samples().items()},
}


@pytest.mark.parametrize("data", FILES.values(), ids=FILES.keys())
def test_a_film_is_trained_on_as_it_is_served(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "film"
    path.write_bytes(data)
    served, trained_on = read_radiograph(path).pixels, read_pixels(path)
    assert trained_on.dtype == np.float32 and trained_on.shape == served.shape
    assert np.array_equal(trained_on, served)


def test_what_lies_under_a_see_through_part_is_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "film.png"
    path.write_bytes(see_through("RGBA"))
    assert read_pixels(path)[:, :40].max() == 0
    path.write_bytes(encoded(Image.fromarray(255 - np.asarray(grey8())).convert("RGBA")))
    assert read_pixels(path)[:, :40].min() > 0.5  # the same picture, opaque


CR = sorted(SHIPPED.glob("dicomdirtests/77654033/CR*/*"))
assert CR, "pydicom ships no radiographs any more"


@pytest.mark.parametrize("path", CR, ids=lambda path: path.parent.name)
def test_pydicom_s_radiographs_are_trained_on_as_they_are_served(path: Path) -> None:
    assert np.array_equal(read_pixels(path), read_radiograph(path).pixels)
