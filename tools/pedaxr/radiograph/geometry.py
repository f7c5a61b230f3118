"""What a DICOM header says of a film's geometry: the size of its pixels, and which way the child lies on it.

PS3.3: pixel spacing 10.7.1, magnification C.8.7.10 and C.8.11.5, PatientOrientation C.7.6.1.1.1, field of
view C.8.11.4.
"""

import math
import re

from pydicom import Dataset

from pedaxr.radiograph.dicom_header import is_from_the_side
from pedaxr.radiograph.header_numbers import number, numbers
from pedaxr.radiograph.orientation import ORIENTATIONS, Orientation, Stored, Vector
from pedaxr.radiograph.raster import Spacing, SpacingOrigin, plausible_spacing

_LARGEST_MAGNIFICATION = 2.0
_STRAIGHT = 0.9  # of a direction cosine that runs along an axis
_STAND_IN = (1.0, 1.0)  # mm, where a program knew no spacing
_SAME = 1e-3  # of a spacing: consoles round
_NOTES = {
    SpacingOrigin.DETECTOR: "Spacing is that of the detector: lengths and areas are slightly too large.",
    SpacingOrigin.MAGNIFIED: "Spacing is that of the detector over the magnification that the file states.",
    SpacingOrigin.SCANNER: "Spacing is that of a film scanner: lengths and areas are nominal.",
}
_TWO_MAGNIFICATIONS = "The file's distances contradict the magnification that it states: the latter is used."
_UNUSABLE = "The header states no usable pixel spacing."
_SPACINGS = ("PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")

_STORED_SO = (
    "The header says that the film is stored {how}: it was turned for reading; outlines are those of the "
    "film as stored."
)
# Of the patient, as a frontal film is read: to the left of the child, to the feet.
_AXES: dict[str, Vector] = {"L": (1, 0), "R": (-1, 0), "F": (0, 1), "H": (0, -1)}


def read_spacing(dataset: Dataset) -> tuple[Spacing | None, str]:
    """The size of a pixel in the child, or None, and a note on how far to trust it.

    PixelSpacing is in the patient when calibrated. Equal to ImagerPixelSpacing and without a type of
    calibration it is that of the detector, where the child's shadow is a few percent larger than the child; a
    magnification that the file states, as such or by two distances, is taken out again. One of 1 mm beside
    the detector's own stands for none.
    """
    imager, own = _spacing(dataset, "ImagerPixelSpacing"), _spacing(dataset, "PixelSpacing")
    if own == _STAND_IN and imager and not _text(dataset, "PixelSpacingCalibrationType"):
        own = None
    if own and (_text(dataset, "PixelSpacingCalibrationType") or not (imager and _is_same(own, imager))):
        return Spacing(*own, SpacingOrigin.CALIBRATED), ""
    if on_detector := own or imager:
        return _at_the_child(dataset, on_detector)
    if scanned := _spacing(dataset, "NominalScannedPixelSpacing"):
        return Spacing(*scanned, SpacingOrigin.SCANNER), _NOTES[SpacingOrigin.SCANNER]
    return None, _UNUSABLE if any(keyword in dataset for keyword in _SPACINGS) else ""


def _at_the_child(dataset: Dataset, on_detector: tuple[float, float]) -> tuple[Spacing, str]:
    factor, note = _magnification(dataset)
    corrected = plausible_spacing(on_detector[0] / factor, on_detector[1] / factor)
    if corrected is None or factor <= 1:
        return Spacing(*on_detector, SpacingOrigin.DETECTOR), _NOTES[SpacingOrigin.DETECTOR]
    return Spacing(*corrected, SpacingOrigin.MAGNIFIED), note or _NOTES[SpacingOrigin.MAGNIFIED]


def _is_same(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return all(math.isclose(a, b, rel_tol=_SAME) for a, b in zip(one, other, strict=True))


def _spacing(dataset: Dataset, keyword: str) -> tuple[float, float] | None:
    """A plausible pair; None where the header has none, one number, three, or no number."""
    pair = numbers(dataset, keyword)
    return plausible_spacing(*pair) if len(pair) == 2 else None


def _magnification(dataset: Dataset) -> tuple[float, str]:
    """Of the child on the detector, 1 where it is not stated or cannot be, and a note on a contradiction."""
    stated = _possible(number(dataset, "EstimatedRadiographicMagnificationFactor"))
    far, near = number(dataset, "DistanceSourceToDetector"), number(dataset, "DistanceSourceToPatient")
    measured = _possible(far / near if far and near else None)
    if stated and measured and not math.isclose(stated, measured, rel_tol=0.05):
        return stated, _TWO_MAGNIFICATIONS
    return stated or measured or 1.0, ""


def _possible(factor: float | None) -> float | None:
    return factor if factor is not None and 1 <= factor <= _LARGEST_MAGNIFICATION else None


def read_stored(dataset: Dataset) -> tuple[Stored, str]:
    """How the child lies on the stored picture, and a note on what the header says of it.

    PatientOrientation decides, or the direction cosines of a picture that has a place in the patient. Without
    them, a turn and a flip of the field of view say what was done to the picture after it was taken; whether
    that brought it upright or away from it they do not say.
    """
    aspect = _pixel_aspect(dataset)
    towards = _towards(dataset)
    if len(towards) == 2 and {"A", "P"} & set(towards) and set(towards) <= set("APLRHF"):
        return Stored(pixel_aspect=aspect, is_from_the_side=True), ""
    if len(towards) == 2 and all(letter in _AXES for letter in towards):
        for orientation in ORIENTATIONS:
            if orientation.directions(*(_AXES[letter] for letter in towards)) == (_AXES["L"], _AXES["F"]):
                return Stored(orientation, True, aspect), _note(orientation)
    return Stored(_undone(dataset), pixel_aspect=aspect, is_from_the_side=is_from_the_side(dataset)), ""


def _pixel_aspect(dataset: Dataset) -> float:
    """Height of a pixel over its width, as PixelAspectRatio states it (PS3.3 C.7.6.3.1.7); else 1."""
    pair = numbers(dataset, "PixelAspectRatio")
    is_possible = len(pair) == 2 and min(pair) > 0 and 0.2 <= pair[0] / pair[1] <= 5
    return pair[0] / pair[1] if is_possible else 1.0


def _undone(dataset: Dataset) -> Orientation:
    """What undoes the turn, and then flip, of the field of view (clockwise, against the detector)."""
    turn = number(dataset, "FieldOfViewRotation") or 0
    is_flipped = _text(dataset, "FieldOfViewHorizontalFlip").upper() == "YES"
    if _text(dataset, "ViewPosition").upper() == "PA":
        is_flipped = False  # from behind, the flip is what makes the film one from the front
    return Orientation(is_flipped, round(-turn / 90) % 4 if turn % 90 == 0 else 0)


def _note(orientation: Orientation) -> str:
    return "" if orientation.is_upright else _STORED_SO.format(how=described(orientation))


def described(orientation: Orientation) -> str:
    """Such as: mirrored and upside down."""
    turned = ("", "on its side", "upside down", "on its side")[orientation.quarter_turns]
    return " and ".join(filter(None, ("mirrored" if orientation.is_mirrored else "", turned)))


def _towards(dataset: Dataset) -> list[str]:
    """What rows and columns run to, as one letter each; empty where the header does not say."""
    value = dataset.get("PatientOrientation")
    written = re.split(r"[\\/,;\s]+", value.strip()) if isinstance(value, str) else list(value or ())
    letters = [str(one).strip().upper()[:1] for one in written]
    if len(letters) == 2 and set(letters) <= set("APLRHF"):
        return letters
    return _towards_by_cosines(numbers(dataset, "ImageOrientationPatient"))


def _towards_by_cosines(cosines: list[float]) -> list[str]:
    """The same of direction cosines (PS3.3 C.7.6.2.1.1), which run to the left, to the back and to the head.

    Of frontal pictures alone: converters fill in those of an axial slice where they know none.
    """
    if len(cosines) != 6:
        return []
    found = []
    for direction in (cosines[:3], cosines[3:]):
        axis = max(range(3), key=lambda at: abs(direction[at]))
        found.append(
            ("RL", "AP", "FH")[axis][direction[axis] > 0] if abs(direction[axis]) > _STRAIGHT else ""
        )
    return found if all(letter in _AXES for letter in found) else []


def _text(dataset: Dataset, keyword: str) -> str:
    return str(dataset.get(keyword) or "").strip()
