import hashlib
import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.pixels import compress
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.labels import View

SHIPPED = Path(pydicom.data.__file__).parent / "test_files"
RAMP = np.tile(np.linspace(0, 1, 96, dtype=np.float32), (64, 1))  # bright on the right


def encoded(image: Image.Image, form: str = "PNG", **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


def grey8() -> Image.Image:
    return Image.fromarray(np.round(RAMP * 255).astype(np.uint8))


def read(tmp_path: Path, data: bytes):
    path = tmp_path / "film"
    path.write_bytes(data)
    return read_radiograph(path)


def dicom(
    syntax: str = ExplicitVRLittleEndian, levels: np.ndarray | None = None, **elements: object
) -> bytes:
    stored = np.round(RAMP * 4095).astype(np.uint16) if levels is None else levels
    dataset = FileDataset(None, Dataset(), preamble=b"\0" * 128)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID, dataset.SOPInstanceUID = ComputedRadiographyImageStorage, "1.2.3"
    dataset.Modality, dataset.PhotometricInterpretation = "CR", "MONOCHROME2"
    dataset.Rows, dataset.Columns, dataset.SamplesPerPixel = *stored.shape, 1
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = 16, 12, 11, 0
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    dataset.PixelData = stored.astype("<u2").tobytes()
    dataset["PixelData"].VR = "OW"
    if syntax in (JPEG2000Lossless, JPEGLSLossless, RLELossless):
        compress(dataset, syntax)
    elif syntax == ExplicitVRBigEndian:
        dataset.PixelData = stored.astype(">u2").tobytes()
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


PICTURES = {
    "grey 8 bit": encoded(grey8()),
    "grey 16 bit": encoded(Image.fromarray(np.round(RAMP * 65535).astype(np.uint16))),
    "12 bits in 16": encoded(Image.fromarray(np.round(RAMP * 4095).astype(np.uint16))),
    "grey with alpha": encoded(grey8().convert("LA")),
    "RGB": encoded(grey8().convert("RGB")),
    "RGBA": encoded(grey8().convert("RGBA")),
    "palette": encoded(grey8().convert("RGB").quantize(256)),
    "JPEG": encoded(grey8(), "JPEG", quality=95),
    "RGB JPEG": encoded(grey8().convert("RGB"), "JPEG", quality=95),
    "CMYK JPEG": encoded(grey8().convert("RGB").convert("CMYK"), "JPEG", quality=95),
}


@pytest.mark.parametrize("data", PICTURES.values(), ids=PICTURES.keys())
def test_every_kind_of_png_and_jpeg_gives_the_same_film(tmp_path: Path, data: bytes) -> None:
    film = read(tmp_path, data)
    assert film.pixels.dtype == np.float32
    assert film.pixels.shape == RAMP.shape
    assert np.abs(film.pixels - RAMP).max() < 0.03
    assert film.pixel_spacing_mm is None
    assert film.sha256 == hashlib.sha256(data).hexdigest()
    assert film.colourfulness == 0


def test_exif_rotation_is_followed_and_noted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to view
    film = read(tmp_path, encoded(grey8(), "JPEG", exif=exif))
    assert film.pixels.shape == RAMP.shape[::-1]
    assert film.pixels[-1].mean() > 0.9 > 0.1 > film.pixels[0].mean()
    assert film.notes == ("The file's orientation mark was followed.",)


def test_a_colour_picture_is_measured_as_such(tmp_path: Path) -> None:
    assert read(tmp_path, encoded(Image.new("RGB", (64, 64), "red"))).colourfulness == 1


@pytest.mark.parametrize(
    "syntax",
    [
        ImplicitVRLittleEndian,
        ExplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
        RLELossless,
        JPEGLSLossless,
        JPEG2000Lossless,
    ],
    ids=lambda uid: uid.keyword,
)
def test_every_transfer_syntax_gives_the_same_film(tmp_path: Path, syntax: str) -> None:
    film = read(tmp_path, dicom(syntax, WindowCenter=2048, WindowWidth=4096))
    assert np.abs(film.pixels - RAMP).max() < 0.002


def test_monochrome1_is_turned_bone_bright(tmp_path: Path) -> None:
    dark_bone = np.round((1 - RAMP) * 4095).astype(np.uint16)
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    film = read(tmp_path, dicom(levels=dark_bone, PhotometricInterpretation="MONOCHROME1", **window))
    assert np.abs(film.pixels - RAMP).max() < 0.002
    assert any("MONOCHROME1" in note for note in film.notes)


def test_rescale_window_and_first_of_several_windows_are_applied(tmp_path: Path) -> None:
    scaled = dicom(RescaleSlope=2, RescaleIntercept=-100, WindowCenter=[3995.5, 1], WindowWidth=[4097, 1])
    film = read(tmp_path, scaled)
    expected = np.clip((np.round(RAMP * 4095) * 2 - 100 - 3995) / 4096 + 0.5, 0, 1)
    assert np.abs(film.pixels - expected).max() < 1e-5


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("LINEAR_EXACT", lambda x: np.clip((x - 2000) / 1000 + 0.5, 0, 1)),
        ("SIGMOID", lambda x: 1 / (1 + np.exp(-4 * (x - 2000) / 1000))),
    ],
)
def test_the_voi_function_of_the_file_is_used(tmp_path: Path, function: str, expected) -> None:
    film = read(tmp_path, dicom(WindowCenter=2000, WindowWidth=1000, VOILUTFunction=function))
    assert np.abs(film.pixels - expected(np.round(RAMP * 4095))).max() < 1e-5


def test_a_voi_table_is_applied_before_anything_else(tmp_path: Path) -> None:
    item = Dataset()
    item.LUTDescriptor, item.LUTData = [4096, 0, 10], [(i // 8) for i in range(4096)]
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "US"
    film = read(tmp_path, dicom(VOILUTSequence=[item], WindowCenter=1, WindowWidth=1))
    assert np.abs(film.pixels - np.round(RAMP * 4095) // 8 / 1023).max() < 1e-5


def test_without_a_window_the_film_fills_the_range_and_a_blank_one_stays_blank(tmp_path: Path) -> None:
    narrow = (1000 + RAMP * 500).astype(np.uint16)
    film = read(tmp_path, dicom(levels=narrow))
    assert film.pixels.min() == 0 and film.pixels.max() == 1
    blank = 1000 + (np.indices(RAMP.shape).sum(axis=0) % 2).astype(np.uint16)
    assert np.ptp(read(tmp_path, dicom(levels=blank)).pixels) < 0.05


@pytest.mark.parametrize(
    ("elements", "spacing", "word"),
    [
        ({"PixelSpacing": [0.2, 0.3], "ImagerPixelSpacing": [0.4, 0.4]}, (0.2, 0.3), None),
        ({"ImagerPixelSpacing": [0.15, 0.15]}, (0.15, 0.15), "detector"),
        ({"NominalScannedPixelSpacing": [0.1, 0.1]}, (0.1, 0.1), "scanner"),
        ({"PixelSpacing": [0, 0]}, None, "no usable"),
        ({}, None, None),
    ],
    ids=["calibrated first", "detector", "scanner", "zero", "none"],
)
def test_spacing_is_taken_from_the_best_source_or_is_none(
    tmp_path: Path, elements: dict[str, object], spacing: tuple[float, float] | None, word: str | None
) -> None:
    film = read(tmp_path, dicom(**elements))
    assert film.pixel_spacing_mm == spacing
    assert any(word in note for note in film.notes) if word else not film.notes


def test_the_header_gives_a_korean_name_age_and_view(tmp_path: Path) -> None:
    data = dicom(
        SpecificCharacterSet=["", "ISO 2022 IR 149"],
        PatientName="Hong^Gildong=洪^吉洞=홍^길동",
        PatientID="P1",
        PatientSex="M",
        PatientBirthDate="20200131",
        StudyDate="20240229",
        SeriesDescription="Abdomen erect AP",
    )
    metadata = read(tmp_path, data).metadata
    assert metadata.patient_name == "홍길동"
    assert (metadata.patient_id, metadata.patient_sex) == ("P1", "M")
    assert (metadata.patient_birth_date, metadata.study_date) == ("2020-01-31", "2024-02-29")
    assert metadata.age_months is not None and 48 <= metadata.age_months < 49
    assert metadata.view is View.ERECT


@pytest.mark.parametrize(
    ("stated", "months"), [("005Y", 60), ("003M", 3), ("010D", 10 / 30.436875), ("oldY", None), (None, None)]
)
def test_age_falls_back_to_the_stated_one(tmp_path: Path, stated: str | None, months: float | None) -> None:
    data = dicom(PatientAge="007W").replace(b"007W", (stated or "    ").encode())
    assert read(tmp_path, data).metadata.age_months == months


def test_another_body_part_is_noted_without_repeating_the_header(tmp_path: Path) -> None:
    notes = read(tmp_path, dicom(BodyPartExamined="SKULL", BurnedInAnnotation="YES")).notes
    assert any("another body part" in note for note in notes)
    assert any("burned" in note for note in notes)
    assert not any("SKULL" in note for note in notes)


RADIOGRAPHS = [
    *sorted(SHIPPED.glob("dicomdirtests/77654033/CR*/*")),
    *(p for p in sorted(SHIPPED.glob("SC_*.dcm")) if "frame" not in p.name and "32bit" not in p.name),
    *sorted(SHIPPED.glob("JPEGLSNearLossless_*.dcm")),
]


@pytest.mark.parametrize("path", RADIOGRAPHS, ids=lambda p: p.name)
def test_pydicoms_own_films_are_read(path: Path) -> None:
    film = read_radiograph(path)
    assert film.pixels.ndim == 2
    assert np.isfinite(film.pixels).all() and 0 <= film.pixels.min() <= film.pixels.max() <= 1
    assert np.ptp(film.pixels) > 0


OTHERS = sorted(p for p in SHIPPED.rglob("*") if p.is_file() and p not in RADIOGRAPHS)


def test_nothing_else_that_pydicom_ships_raises_anything_but_our_error() -> None:
    refused = 0
    for path in OTHERS:
        try:
            read_radiograph(path)
        except UnreadableImage:
            refused += 1
    assert refused > len(OTHERS) // 2  # CT, MR, US, RT and broken files among them


def png_header(width: int, height: int) -> bytes:
    chunk = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))


def bad_checksum() -> bytes:
    data = bytearray(PICTURES["grey 8 bit"])
    at = data.index(b"IDAT") + struct.unpack_from(">I", data, data.index(b"IDAT") - 4)[0] + 4
    data[at] ^= 0xFF
    return bytes(data)


def deflated_bomb() -> bytes:
    """A data set of zeros that inflates a thousandfold."""
    plain = dicom(DeflatedExplicitVRLittleEndian)
    start = 132 + 12 + struct.unpack_from("<I", plain, 140)[0]
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)  # needs nothing before it
    return plain[:start] + block * 300 + packer.flush()


def oversized_codestream() -> bytes:
    data = bytearray(dicom(JPEG2000Lossless))
    struct.pack_into(">II", data, data.index(b"\xff\x4f\xff\x51") + 8, 60_000, 60_000)
    return bytes(data)


def rle_bomb() -> bytes:
    run = b"\x81\x00" * 200_000  # 128 bytes each
    header = struct.pack("<16I", 1, 64, *[0] * 14)
    data = dicom(RLELossless)
    return replaced_frame(data, header + run)


def replaced_frame(data: bytes, frame: bytes) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(data))
    dataset.PixelData = pydicom.encaps.encapsulate([frame])
    buffer = io.BytesIO()
    dataset.save_as(buffer)
    return buffer.getvalue()


BROKEN = {
    "empty": b"",
    "text": b"not a picture at all",
    "GIF": encoded(grey8(), "GIF"),
    "PNG signature only": b"\x89PNG\r\n\x1a\n",
    "PNG bomb": png_header(60_000, 60_000),
    "PNG without size": png_header(0, 10),
    "PNG checksum": bad_checksum(),
    "truncated PNG": PICTURES["grey 8 bit"][:-20],
    "truncated JPEG": PICTURES["JPEG"][:-200],
    "DICM only": bytes(128) + b"DICM",
    "truncated DICOM": dicom()[:-100],
    "deflated bomb": deflated_bomb(),
    "codestream bomb": oversized_codestream(),
    "RLE bomb": rle_bomb(),
    "no pixels": dicom().replace(b"\xe0\x7f\x10\x00", b"\xe1\x7f\x10\x00"),
    "CT": dicom(Modality="CT"),
    "two frames": dicom(NumberOfFrames=2),
    "huge header": dicom(Rows=60_000, Columns=60_000),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN.keys())
@pytest.mark.timeout(5)
def test_a_broken_file_is_refused_with_what_to_do_next(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(UnreadableImage, match=r"(?i)export|copy|choose"):
        read(tmp_path, data)


def test_a_whole_file_passes_where_its_broken_twin_fails(tmp_path: Path) -> None:
    """The control of the refusals above."""
    for data in (PICTURES["grey 8 bit"], PICTURES["JPEG"], dicom(), dicom(RLELossless)):
        assert read(tmp_path, data).pixels.shape == RAMP.shape


@pytest.mark.parametrize("kind", ["missing", "folder", "pipe", "null byte"])
def test_a_path_that_is_not_a_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    name = {"missing": "none.png", "folder": ".", "pipe": "pipe", "null byte": "a\0b"}[kind]
    with pytest.raises(UnreadableImage, match="Check"):
        read_radiograph(tmp_path / name)


def test_random_damage_never_raises_anything_else(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    seeds = [PICTURES["grey 8 bit"], PICTURES["palette"], PICTURES["JPEG"], PICTURES["CMYK JPEG"]]
    seeds += [dicom(), dicom(RLELossless), dicom(JPEG2000Lossless), dicom(DeflatedExplicitVRLittleEndian)]
    refused = 0
    for trial in range(400):
        data = bytearray(seeds[trial % len(seeds)])
        for at in rng.integers(0, len(data) if trial % 3 else min(400, len(data)), 1 + trial % 12):
            data[at] = rng.integers(256)
        try:
            read(tmp_path, bytes(data[: rng.integers(1, len(data))] if trial % 5 == 0 else data))
        except UnreadableImage:
            refused += 1
    assert 50 < refused < 400
