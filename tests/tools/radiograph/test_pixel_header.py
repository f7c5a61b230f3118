"""How pixels are stored: what a header leaves out, spells otherwise or misstates costs no film."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, JPEG2000Lossless, JPEGBaseline8Bit

from pedaxr.errors import UnreadableImage

from .test_grey_scale import FILM, FULL, RAMP12, REFERENCE, read, table
from .test_read import dicom, encoded, grey8

DARK = (4095 - FILM).astype(np.uint16)
GAPS = "leaves out how its pixels are stored"
SIGN = "misstates whether stored values have a sign"


def without(keyword: str, data: bytes = REFERENCE) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    delattr(dataset, keyword)
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    return out.getvalue()


def frames(*codestreams: bytes, **elements: object) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(dicom()))
    dataset.PixelData = encapsulate(list(codestreams))
    dataset["PixelData"].is_undefined_length, dataset["PixelData"].VR = True, "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    return out.getvalue()


@pytest.mark.filterwarnings("ignore:Invalid value for VR CS")  # of pydicom, which writes them anyway
@pytest.mark.parametrize("term", ["monochrome1", "MONOCHROME 1", "Monochrome_1 "])
def test_a_photometric_interpretation_is_known_in_any_spelling(tmp_path: Path, term: str) -> None:
    expected = read(tmp_path, dicom(levels=DARK, PhotometricInterpretation="MONOCHROME1", **FULL))
    film = read(tmp_path, dicom(levels=DARK, PhotometricInterpretation=term, **FULL))
    assert np.array_equal(film.pixels, expected.pixels) and film.notes == expected.notes


@pytest.mark.parametrize("levels", [FILM, DARK], ids=["bone bright", "bone dark"])
@pytest.mark.parametrize("term", [None, "", "MONOCHROME", "GREYSCALE"])
def test_a_header_that_does_not_say_if_bone_is_bright_leaves_it_to_the_picture(
    tmp_path: Path, term: str | None, levels: np.ndarray
) -> None:
    data = dicom(levels=levels, PhotometricInterpretation=term or "", **FULL)
    film = read(tmp_path, without("PhotometricInterpretation", data) if term is None else data)
    assert np.abs(film.pixels - read(tmp_path, REFERENCE).pixels).max() < 1e-3
    assert any("does not say whether bone is bright" in note for note in film.notes)


@pytest.mark.parametrize("keyword", ["SamplesPerPixel", "PixelRepresentation", "BitsStored", "BitsAllocated"])
def test_what_a_header_leaves_out_of_its_pixels_is_what_is_usual(tmp_path: Path, keyword: str) -> None:
    film = read(tmp_path, without(keyword))
    assert np.array_equal(film.pixels, read(tmp_path, REFERENCE).pixels)
    assert any(GAPS in note for note in film.notes)


@pytest.mark.parametrize("bits", [0, 17, 40])
def test_an_impossible_depth_is_that_of_the_words(tmp_path: Path, bits: int) -> None:
    film = read(tmp_path, dicom(levels=FILM, BitsStored=bits, **FULL))
    assert np.array_equal(film.pixels, read(tmp_path, REFERENCE).pixels)


def test_a_whole_header_gets_no_such_note(tmp_path: Path) -> None:
    assert read(tmp_path, REFERENCE).notes == ()


def test_several_frames_are_named_whatever_the_header_counts(tmp_path: Path) -> None:
    once, twice = encoded(grey8(), "JPEG"), dicom(levels=np.concatenate([FILM, FILM]), **FULL)
    dataset = pydicom.dcmread(io.BytesIO(twice))
    dataset.Rows = FILM.shape[0]
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    for data in (out.getvalue(), frames(once, once), frames(once, once, NumberOfFrames=2)):
        with pytest.raises(UnreadableImage, match="several frames"):
            read(tmp_path, data)
    assert read(tmp_path, frames(once)).pixels.shape == (64, 96)


def test_a_picture_of_another_size_than_its_header_s_is_refused(tmp_path: Path) -> None:
    """As many pixels in other rows would be a film torn into stripes."""
    film = pydicom.dcmread(io.BytesIO(dicom(JPEG2000Lossless, levels=FILM)))
    film.Rows, film.Columns = film.Rows * 2, film.Columns // 2
    out = io.BytesIO()
    pydicom.dcmwrite(out, film)
    for data in (out.getvalue(), frames(encoded(grey8(), "JPEG"), Rows=96, Columns=64)):
        with pytest.raises(UnreadableImage, match="another size"):
            read(tmp_path, data)


@pytest.mark.parametrize("declared", [8, 12, 16])
def test_a_modality_table_of_any_depth_is_looked_up(tmp_path: Path, declared: int) -> None:
    item = table(RAMP12[::-1], declared)
    item.ModalityLUTType = "US"
    film = read(tmp_path, dicom(levels=DARK, ModalityLUTSequence=[item], **FULL))
    assert np.abs(film.pixels - read(tmp_path, REFERENCE).pixels).max() < 1e-3


SIGNED = (FILM.astype(np.int32) - 2048).astype(np.int16)
WORDS = (FILM << 4).astype(np.uint16)
MISSTATED = {
    "signed, said unsigned": dict(levels=SIGNED.view(np.uint16), BitsStored=16, HighBit=15),
    "signed of 12 bits, said unsigned": dict(levels=SIGNED.view(np.uint16) & np.uint16(4095)),
    "unsigned of 16 bits, said signed": dict(levels=WORDS, BitsStored=16, HighBit=15, PixelRepresentation=1),
}


@pytest.mark.parametrize("elements", MISSTATED.values(), ids=MISSTATED)
def test_a_film_is_not_torn_by_a_sign_that_it_has_not(tmp_path: Path, elements: dict[str, object]) -> None:
    film = read(tmp_path, dicom(**elements))
    expected = read(tmp_path, dicom(levels=FILM))
    assert np.abs(film.pixels - expected.pixels).max() < 0.02
    assert any(SIGN in note for note in film.notes)


def test_a_sign_that_is_stated_rightly_is_believed(tmp_path: Path) -> None:
    """Control: with a marker of the largest value on black, too, which alone would wrap round smoothly."""
    marked = WORDS.copy()
    marked[8:20, 8:40], marked[20:24, 8:40] = 65535, 0
    for data in (
        dicom(levels=SIGNED, PixelRepresentation=1),
        dicom(levels=marked, BitsStored=16, HighBit=15),
        dicom(levels=FILM),
    ):
        assert not any(SIGN in note for note in read(tmp_path, data).notes)


@pytest.mark.parametrize("order", [ExplicitVRLittleEndian, ExplicitVRBigEndian], ids=["little", "big"])
@pytest.mark.parametrize(
    ("levels", "stated"),
    [
        (FILM, (512, 511)),
        (FILM, (512, 500)),
        (FILM[:400], (512, 400)),
        (FILM[:, :360], (360, 512)),
        (FILM[::2], (256, 510)),
    ],
    ids=["a column less", "twelve less", "sides exchanged", "exchanged, upright", "a wide film"],
)
def test_a_film_torn_by_the_length_that_its_header_gives_a_row_is_refused(
    tmp_path: Path, levels: np.ndarray, stated: tuple[int, int], order: str
) -> None:
    dataset = pydicom.dcmread(io.BytesIO(dicom(order, levels=np.ascontiguousarray(levels), **FULL)))
    dataset.Rows, dataset.Columns = stated
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    with pytest.raises(UnreadableImage, match="another size than its picture"):
        read(tmp_path, out.getvalue())


LANDSCAPE = np.tile(np.linspace(0, 4095, 300), (700, 1)).T.astype(np.uint16)


@pytest.mark.parametrize(
    ("levels", "tail"),
    [
        (FILM, bytes(1024)),
        (FILM, np.random.default_rng(0).bytes(1024)),
        (FILM[:400], b""),
        (LANDSCAPE, bytes(600)),
        (LANDSCAPE[:, :20], b""),
        (np.full((500, 300), 7, np.uint16), bytes(1000)),
        (np.random.default_rng(0).integers(0, 4096, (500, 300)).astype(np.uint16), bytes(1000)),
    ],
    ids=["padded", "noise behind", "wide", "even rows", "narrow", "blank", "noise"],
)
def test_a_film_is_not_torn_by_what_follows_its_pixels(
    tmp_path: Path, levels: np.ndarray, tail: bytes
) -> None:
    """Negative control: the header is right, and the film has few or no borders to tell by."""
    dataset = pydicom.dcmread(io.BytesIO(dicom(levels=np.ascontiguousarray(levels), **FULL)))
    dataset.PixelData += tail
    out = io.BytesIO()
    pydicom.dcmwrite(out, dataset)
    assert read(tmp_path, out.getvalue()).pixels.shape == levels.shape
