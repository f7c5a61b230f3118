"""Geometry that a header states: which way a film is stored, and how large its pixels are."""

from pathlib import Path

import numpy as np
import pytest

from pedaxr.radiograph.orientation import ORIENTATIONS, Orientation
from pedaxr.radiograph.raster import SpacingOrigin
from pedaxr.radiograph.read import Radiograph, read_radiograph

from .test_read import dicom

UPRIGHT = (np.arange(64 * 96).reshape(64, 96) % 4001).astype(np.uint16)  # no two corners alike
# What rows and columns run to on a film stored so, and what it was done to: left to right, top to bottom.
STORED = {
    ("L", "F"): lambda a: a,
    ("R", "F"): np.fliplr,
    ("R", "H"): lambda a: a[::-1, ::-1],
    ("L", "H"): np.flipud,
    ("F", "L"): np.transpose,
    ("H", "L"): lambda a: np.rot90(a, -1),  # clockwise
    ("F", "R"): np.rot90,
    ("H", "R"): lambda a: np.rot90(a.T, 2),
}


def read(tmp_path: Path, data: bytes) -> Radiograph:
    path = tmp_path / "film.dcm"
    path.write_bytes(data)
    return read_radiograph(path)


@pytest.mark.filterwarnings("ignore:Invalid value")  # pydicom warns when it writes one
@pytest.mark.parametrize("towards", STORED, ids="".join)
@pytest.mark.parametrize("written", [str, str.lower, "{}P".format], ids=["plain", "small", "compound"])
def test_patient_orientation_brings_every_film_upright(tmp_path: Path, towards, written) -> None:
    levels = np.ascontiguousarray(STORED[towards](UPRIGHT))
    film = read(tmp_path, dicom(levels=levels, PatientOrientation=[written(t) for t in towards]))
    assert np.array_equal(film.pixels, read(tmp_path, dicom(levels=levels)).pixels), "as stored"
    assert film.stored.is_certain
    upright = film.stored.orientation.apply(film.pixels)
    assert np.array_equal(upright, read(tmp_path, dicom(levels=UPRIGHT)).pixels)
    assert any("stored" in note for note in film.notes) is (towards != ("L", "F"))


COSINES = {"L": [1, 0, 0], "R": [-1, 0, 0], "H": [0, 0, 1], "F": [0, 0, -1], "P": [0, 1, 0]}


@pytest.mark.parametrize("towards", STORED, ids="".join)
@pytest.mark.parametrize("how", ["cosines", "slash", "space"])
@pytest.mark.filterwarnings("ignore:Invalid value")
def test_a_side_is_told_by_direction_cosines_and_by_other_separators(tmp_path: Path, towards, how) -> None:
    levels = np.ascontiguousarray(STORED[towards](UPRIGHT))
    said = {
        "cosines": {"ImageOrientationPatient": [*COSINES[towards[0]], *COSINES[towards[1]]]},
        "slash": {"PatientOrientation": "/".join(towards)},
        "space": {"PatientOrientation": " ".join(towards)},
    }[how]
    film = read(tmp_path, dicom(levels=levels, **said))
    told = read(tmp_path, dicom(levels=levels, PatientOrientation=list(towards)))
    assert film.stored == told.stored and film.notes == told.notes


@pytest.mark.parametrize(
    "cosines",
    [[1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1], [0] * 6, [0.7, 0.7, 0, 0, 0, -1]],
    ids=["an axial slice's", "from the side", "zeros", "oblique"],
)
def test_cosines_of_no_frontal_film_say_nothing(tmp_path: Path, cosines: list[float]) -> None:
    """Converters fill in those of an axial slice where they know none."""
    assert read(tmp_path, dicom(ImageOrientationPatient=cosines)).stored == read(tmp_path, dicom()).stored


def test_patient_orientation_is_believed_before_cosines(tmp_path: Path) -> None:
    both = dicom(PatientOrientation=["L", "F"], ImageOrientationPatient=[-1, 0, 0, 0, 0, -1])
    assert read(tmp_path, both).stored.orientation.is_upright


def test_a_spacing_of_one_millimetre_beside_the_detector_s_stands_for_none(tmp_path: Path) -> None:
    stand_in = {"PixelSpacing": [1, 1], "ImagerPixelSpacing": [0.15, 0.15]}
    film = read(tmp_path, dicom(**stand_in))
    assert film.spacing == (0.15, 0.15, SpacingOrigin.DETECTOR)
    magnified = read(tmp_path, dicom(**stand_in, EstimatedRadiographicMagnificationFactor=1.2))
    assert magnified.spacing is not None and magnified.spacing.row_mm == pytest.approx(0.125)
    for stated in ({"PixelSpacingCalibrationType": "FIDUCIAL"}, {"ImagerPixelSpacing": [1, 1]}):
        kept = read(tmp_path, dicom(**{**stand_in, **stated})).spacing
        assert kept is not None and kept.row_mm == 1, "control: calibrated, or the detector's own"


def test_no_two_ways_of_storing_a_film_are_confused() -> None:
    """Negative control: each way of storing is undone by one orientation and by no other."""
    for turned in STORED.values():
        undone = [o for o in ORIENTATIONS if np.array_equal(o.apply(turned(UPRIGHT)), UPRIGHT)]
        assert len(undone) == 1


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_points_follow_the_pixels(orientation: Orientation) -> None:
    stored = np.arange(5 * 7, dtype=np.float32).reshape(5, 7)
    upright = orientation.apply(stored)
    matrix = orientation.matrix(7, 5)
    for y, x in np.ndindex(5, 7):
        across, down = matrix @ (x, y, 1)
        assert upright[int(down), int(across)] == stored[y, x]


@pytest.mark.filterwarnings("ignore:Invalid value")
@pytest.mark.parametrize(
    "stated", [["XX", "?"], ["L"], ["L", "R"], ["F", "F"], ["", ""], "L", ["L", "F", "H"]], ids=str
)
def test_an_orientation_that_is_none_costs_nothing(tmp_path: Path, stated: object) -> None:
    film = read(tmp_path, dicom(PatientOrientation=stated))
    assert film.stored.orientation.is_upright and not film.stored.is_certain and film.notes == ()


@pytest.mark.parametrize("stated", [["A", "F"], ["P", "F"], ["AL", "F"]], ids=str)
def test_a_film_from_the_side_is_called_that(tmp_path: Path, stated: list[str]) -> None:
    assert read(tmp_path, dicom(PatientOrientation=stated)).stored.is_from_the_side
    assert not read(tmp_path, dicom(PatientOrientation=["L", "F"])).stored.is_from_the_side


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("flip", ["NO", "YES"])
def test_what_was_done_to_the_field_of_view_can_be_undone(tmp_path: Path, turn: int, flip: str) -> None:
    levels = np.rot90(UPRIGHT, -turn // 90)
    levels = np.fliplr(levels) if flip == "YES" else levels
    film = read(
        tmp_path,
        dicom(levels=np.ascontiguousarray(levels), FieldOfViewRotation=turn, FieldOfViewHorizontalFlip=flip),
    )
    assert np.array_equal(
        film.stored.orientation.apply(film.pixels), read(tmp_path, dicom(levels=UPRIGHT)).pixels
    )
    assert not film.stored.is_certain


def test_patient_orientation_goes_before_the_field_of_view(tmp_path: Path) -> None:
    film = read(tmp_path, dicom(PatientOrientation=["L", "F"], FieldOfViewHorizontalFlip="YES"))
    assert film.stored.orientation.is_upright and film.stored.is_certain
    behind = read(tmp_path, dicom(ViewPosition="PA", FieldOfViewHorizontalFlip="YES"))
    assert behind.stored.orientation.is_upright, "the flip made it a film from the front"


FACTOR = {"EstimatedRadiographicMagnificationFactor": 1.25}
DISTANCES = {"DistanceSourceToDetector": 1250, "DistanceSourceToPatient": 1000}
IMAGER, BOTH = (
    {"ImagerPixelSpacing": [0.2, 0.2]},
    {"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.2, 0.2]},
)
ROUNDED = {"ImagerPixelSpacing": [0.2, 0.2], "PixelSpacing": [0.19999, 0.2]}
CALIBRATED = {**BOTH, "PixelSpacingCalibrationType": "GEOMETRY"}


@pytest.mark.parametrize(
    ("elements", "spacing", "origin"),
    [
        (IMAGER | FACTOR, 0.16, SpacingOrigin.MAGNIFIED),
        (IMAGER | DISTANCES, 0.16, SpacingOrigin.MAGNIFIED),
        (BOTH | FACTOR, 0.16, SpacingOrigin.MAGNIFIED),
        (BOTH | DISTANCES, 0.16, SpacingOrigin.MAGNIFIED),
        (ROUNDED | FACTOR, 0.16, SpacingOrigin.MAGNIFIED),
        (CALIBRATED | FACTOR, 0.2, SpacingOrigin.CALIBRATED),
        ({**BOTH, "PixelSpacing": [0.17, 0.17]} | FACTOR, 0.17, SpacingOrigin.CALIBRATED),
        (IMAGER, 0.2, SpacingOrigin.DETECTOR),
        (
            IMAGER | {"DistanceSourceToDetector": 1000, "DistanceSourceToPatient": 1250},
            0.2,
            SpacingOrigin.DETECTOR,
        ),
        (
            IMAGER | {"DistanceSourceToDetector": 1250, "DistanceSourceToPatient": 0},
            0.2,
            SpacingOrigin.DETECTOR,
        ),
        ({"NominalScannedPixelSpacing": [0.1, 0.1]} | FACTOR, 0.1, SpacingOrigin.SCANNER),
    ],
    ids=str,
)
def test_a_stated_magnification_is_taken_out_of_every_spacing_of_the_detector(
    tmp_path: Path, elements: dict[str, object], spacing: float, origin: SpacingOrigin
) -> None:
    film = read(tmp_path, dicom(**elements))
    assert film.spacing is not None and film.spacing.origin is origin
    assert film.pixel_spacing_mm == pytest.approx((spacing, spacing), rel=1e-4)


def test_two_magnifications_that_contradict_each_other_are_noted(tmp_path: Path) -> None:
    film = read(
        tmp_path, dicom(**IMAGER, **FACTOR, DistanceSourceToDetector=1100, DistanceSourceToPatient=1000)
    )
    assert film.pixel_spacing_mm == pytest.approx((0.16, 0.16))
    assert any("contradict" in note for note in film.notes)


def test_a_spacing_with_decimal_commas_is_read(tmp_path: Path) -> None:
    data = dicom(PixelSpacing=["0.143", "0.143"])
    film = read(tmp_path, data.replace(b"0.143\\0.143", b"0,143\\0,143"))
    assert film.pixel_spacing_mm == (0.143, 0.143)


@pytest.mark.parametrize(
    ("ratio", "aspect"), [([2, 1], 2.0), ([1, 1], 1.0), ([0, 1], 1.0), ([90, 1], 1.0)], ids=str
)
def test_the_shape_of_a_pixel_is_known_without_its_size(
    tmp_path: Path, ratio: list[int], aspect: float
) -> None:
    assert read(tmp_path, dicom(PixelAspectRatio=ratio)).stored.pixel_aspect == aspect
