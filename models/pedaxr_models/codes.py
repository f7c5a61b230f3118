"""What findings, structures, places and measures are called in DICOM and FHIR: one code each.

A code is taken from the DICOM standard's own tables (PS3.16), where a test finds it; from public sources
that agree on its meaning; or, where no published code says what a film shows, from this program's own scheme.
A film shows distension of a stomach, never the diagnosis: no code here asserts a disease.
"""

from dataclasses import dataclass
from typing import Literal

from pedaxr_models.labels import Finding, Structure

# ps3.16: in the standard's tables; public: in several independent public sources; own: this program's scheme.
Origin = Literal["ps3.16", "public", "own"]
OWN_SCHEME = "99PEDAXR"


@dataclass(frozen=True)
class Code:
    """A coded concept (PS3.3 table 8.8-1).

    Attributes:
        value: in its scheme.
        scheme: designator, such as SCT for SNOMED CT.
        meaning: as a human reads it.
        origin: where the code was verified.
    """

    value: str
    scheme: str
    meaning: str
    origin: Origin = "ps3.16"


@dataclass(frozen=True)
class SegmentCodes:
    """How a segment is coded (PS3.3 C.8.20.2): what kind of thing, which, and where it lies."""

    category: Code
    type: Code
    region: Code | None = None


def _own(value: str, meaning: str) -> Code:
    return Code(value, OWN_SCHEME, meaning, "own")


_ANATOMY = Code("91723000", "SCT", "Anatomical Structure")
_ABNORMAL = Code("49755003", "SCT", "Morphologically Abnormal Structure")
_SUBSTANCE = Code("91720002", "SCT", "Body Substance")
_GAS = Code("74947009", "SCT", "Gas")
_FECES = Code("39477002", "SCT", "Feces")
_DILATATION = Code("25322007", "SCT", "Dilatation")
_LEVEL = Code("112104", "DCM", "Air-fluid level")

ABDOMEN = Code("818981001", "SCT", "Abdomen")
_STOMACH = Code("69695003", "SCT", "Stomach")
_COLON = Code("71854001", "SCT", "Colon")
_RECTUM = Code("34402009", "SCT", "Rectum")
_L2 = Code("14293000", "SCT", "L2 vertebra")
_LARGE_BOWEL = Code("14742008", "SCT", "Large intestine")
_SMALL_BOWEL = Code("30315005", "SCT", "Small intestine")
_BOWEL = Code("113276009", "SCT", "Intestine", "public")
_PERITONEUM = Code("83670000", "SCT", "Peritoneal cavity")

SEGMENTS: dict[str, SegmentCodes] = {
    Finding.PYLORIC_STENOSIS: SegmentCodes(_ABNORMAL, _DILATATION, _STOMACH),
    Finding.AIR_FLUID_LEVEL: SegmentCodes(_ABNORMAL, _LEVEL, _BOWEL),
    Finding.ABDOMINAL_DISTENSION: SegmentCodes(_ABNORMAL, _DILATATION, _BOWEL),
    Finding.CONSTIPATION: SegmentCodes(_SUBSTANCE, _FECES, _LARGE_BOWEL),
    Finding.PNEUMOPERITONEUM: SegmentCodes(_SUBSTANCE, _GAS, _PERITONEUM),
    Structure.LUNGS: SegmentCodes(_ANATOMY, Code("39607008", "SCT", "Lung")),
    Structure.HEART: SegmentCodes(_ANATOMY, Code("80891009", "SCT", "Heart")),
    Structure.LIVER: SegmentCodes(_ANATOMY, Code("10200004", "SCT", "Liver")),
    Structure.SPINE: SegmentCodes(_ANATOMY, Code("421060004", "SCT", "Spine")),
    Structure.L2_BODY: SegmentCodes(_ANATOMY, _L2),
    Structure.RIBS: SegmentCodes(_ANATOMY, Code("113197003", "SCT", "Rib")),
    Structure.PELVIS: SegmentCodes(_ANATOMY, Code("118645006", "SCT", "Pelvis")),
    Structure.STOMACH: SegmentCodes(_ANATOMY, _STOMACH),
    Structure.COLON: SegmentCodes(_ANATOMY, _COLON),
    Structure.SMALL_BOWEL_GAS: SegmentCodes(_SUBSTANCE, _GAS, _SMALL_BOWEL),
    Structure.STOOL: SegmentCodes(_SUBSTANCE, _FECES, _LARGE_BOWEL),
    Structure.DIAPHRAGM: SegmentCodes(_ANATOMY, Code("5798000", "SCT", "Diaphragm")),
}
# What is seen, as a report names it. RDES228 is the common data element set of ACR and RSNA.
FINDING_CODES: dict[str, Code] = {
    Finding.PYLORIC_STENOSIS: _own("gastric-distension", "Gastric distension"),
    Finding.AIR_FLUID_LEVEL: _LEVEL,
    Finding.ABDOMINAL_DISTENSION: Code("41931001", "SCT", "Distension of abdomen", "public"),
    Finding.CONSTIPATION: _own("faecal-loading", "Faecal loading"),
    Finding.PNEUMOPERITONEUM: Code("RDES228", "RADELEMENT", "Pneumoperitoneum", "public"),
}
QUADRANT_CODES: dict[str, Code] = {
    "right upper quadrant": Code("50519007", "SCT", "Right upper quadrant of abdomen"),
    "left upper quadrant": Code("86367003", "SCT", "Left upper quadrant of abdomen"),
    "right lower quadrant": Code("48544008", "SCT", "Right lower quadrant of abdomen"),
    "left lower quadrant": Code("68505006", "SCT", "Left lower quadrant of abdomen"),
}
LATERALITY = Code("272741003", "SCT", "Laterality")
SIDE_CODES: dict[str, Code] = {
    "left": Code("7771000", "SCT", "Left"),
    "right": Code("24028007", "SCT", "Right"),
    "both": Code("51440002", "SCT", "Bilateral"),
}
PRESENCE = Code("121052", "DCM", "Presence of property")
PRESENT = Code("121053", "DCM", "Present")
ABSENT = Code("121054", "DCM", "Absent")
SUSPECTED = Code("415684004", "SCT", "Suspected")
NOT_EVALUATED = Code("373121007", "SCT", "Not Evaluated")

AREA = Code("42798000", "SCT", "Area")
WIDTH = Code("103355008", "SCT", "Width")
LENGTH = Code("410668003", "SCT", "Length")
CERTAINTY = Code("111012", "DCM", "Certainty of Finding")
WIDTH_TO_L2 = _own("width-to-l2", "Width as ratio to the width of the L2 vertebra")
LENGTH_TO_L2 = _own("length-to-l2", "Length as ratio to the width of the L2 vertebra")
LEVEL_COUNT = _own("air-fluid-levels", "Number of air-fluid levels")
STOOL_SHARE = _own("stool-share", "Share of the outlined bowel filled with stool")
CALIBRE = _own("calibre", "Calibre")

MM = Code("mm", "UCUM", "millimeter")
MM2 = Code("mm2", "UCUM", "square millimeter")
PERCENT = Code("%", "UCUM", "Percent")
RATIO = Code("{ratio}", "UCUM", "ratio", "public")
NO_UNITS = Code("1", "UCUM", "no units")

AI_FAMILY = Code("123110", "DCM", "Artificial Intelligence")
RADIOGRAPH = Code("43468-8", "LN", "XR unspecified body region")
REPORT_TITLE = Code("18748-4", "LN", "Diagnostic Imaging Report")


@dataclass(frozen=True)
class MeasureCodes:
    """How a figure of a film is coded: what of which part, in which unit."""

    name: Code
    unit: Code
    site: Code


_SITES = {
    "l2_width": _L2,
    "widest_loop": _SMALL_BOWEL,
    "stomach": _STOMACH,
    "widest_colon": _COLON,
    "rectum": _RECTUM,
    "free_air_gap": _PERITONEUM,
    "longest_level": _BOWEL,
    "air_fluid_levels": _BOWEL,
    "stool_share_right_colon": _own("right-colon", "Right colon"),
    "stool_share_left_colon": _own("left-colon", "Left colon"),
    "stool_share_rectosigmoid": _own("rectosigmoid", "Rectosigmoid"),
}
_SUFFIXES = ("_to_l2", "_mm")


def what_is_measured(key: str) -> str:
    """The part of a measure's key that names what was measured, such as stomach of stomach_to_l2."""
    return next((key.removesuffix(end) for end in _SUFFIXES if key.endswith(end)), key)


def measure_codes(key: str) -> MeasureCodes | None:
    """How the measure of that key is coded; None of a key that has no code.

    Keys are those of `pedaxr.reading.measurements.measure`.
    """
    part = what_is_measured(key)
    site = _SITES.get(part)
    if site is None:
        return None
    if part == "air_fluid_levels":
        return MeasureCodes(LEVEL_COUNT, NO_UNITS, site)
    if part.startswith("stool_share_"):
        return MeasureCodes(STOOL_SHARE, NO_UNITS, site)
    is_level = part == "longest_level"
    if key.endswith("_mm"):
        return MeasureCodes(LENGTH if is_level else WIDTH, MM, site)
    return MeasureCodes(LENGTH_TO_L2 if is_level else WIDTH_TO_L2, RATIO, site)
