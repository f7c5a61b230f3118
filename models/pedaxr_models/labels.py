"""The vocabulary: findings, structures, views, their names in English and Korean, codes and colours.

Every other module takes its words from here. `CHANNELS` fixes the order of segmentation outputs and of
the bits in a stored mask; append to it, never reorder it, or stored masks and bundled weights change meaning.
"""

from dataclasses import dataclass
from enum import StrEnum


class Finding(StrEnum):
    """An abnormality that is outlined on the film. `Label` adds the absence of all of them."""

    PYLORIC_STENOSIS = "pyloric_stenosis"
    AIR_FLUID_LEVEL = "air_fluid_level"
    ABDOMINAL_DISTENSION = "abdominal_distension"
    CONSTIPATION = "constipation"
    PNEUMOPERITONEUM = "pneumoperitoneum"


class Structure(StrEnum):
    """Normal anatomy or content that is outlined on every film that shows it. Masks may overlap."""

    LUNGS = "lungs"
    HEART = "heart"
    LIVER = "liver"
    SPINE = "spine"
    L2_BODY = "l2_body"
    RIBS = "ribs"
    PELVIS = "pelvis"
    STOMACH = "stomach"
    COLON = "colon"
    SMALL_BOWEL_GAS = "small_bowel_gas"
    STOOL = "stool"
    DIAPHRAGM = "diaphragm"


class View(StrEnum):
    """How the child lay or stood: decides where gas collects and what the film can show."""

    SUPINE = "supine"
    ERECT = "erect"
    LEFT_LATERAL_DECUBITUS = "left_lateral_decubitus"


NORMAL = "normal"
FINDINGS: tuple[Finding, ...] = tuple(Finding)
STRUCTURES: tuple[Structure, ...] = tuple(Structure)
CHANNELS: tuple[str, ...] = (*(f.value for f in FINDINGS), *(s.value for s in STRUCTURES))
LABELS: tuple[str, ...] = (*(f.value for f in FINDINGS), NORMAL)

# Only a horizontal beam shows a gas-fluid interface edge-on.
HORIZONTAL_BEAM_VIEWS = frozenset({View.ERECT, View.LEFT_LATERAL_DECUBITUS})

# The finding that names a film with several: most urgent first.
URGENCY: tuple[Finding, ...] = (
    Finding.PNEUMOPERITONEUM,
    Finding.PYLORIC_STENOSIS,
    Finding.AIR_FLUID_LEVEL,
    Finding.ABDOMINAL_DISTENSION,
    Finding.CONSTIPATION,
)


@dataclass(frozen=True)
class Term:
    """What a label is called, coded and drawn as.

    Attributes:
        english: name as printed in a report.
        korean: name as printed in a Korean report.
        colour: sRGB, chosen to differ under the common colour-vision deficiencies (Okabe and Ito, 2008).
    """

    english: str
    korean: str
    colour: tuple[int, int, int]


TERMS: dict[str, Term] = {
    Finding.PYLORIC_STENOSIS: Term("Pyloric stenosis", "유문협착증", (230, 159, 0)),
    Finding.AIR_FLUID_LEVEL: Term("Air-fluid level", "공기액체음영", (86, 180, 233)),
    Finding.ABDOMINAL_DISTENSION: Term("Abdominal distension", "복부팽만", (0, 158, 115)),
    Finding.CONSTIPATION: Term("Constipation", "변비", (204, 121, 167)),
    Finding.PNEUMOPERITONEUM: Term("Pneumoperitoneum", "기복증", (213, 94, 0)),
    NORMAL: Term("Normal", "정상", (160, 160, 160)),
    Structure.LUNGS: Term("Lungs", "폐", (120, 170, 255)),
    Structure.HEART: Term("Heart", "심장", (200, 60, 60)),
    Structure.LIVER: Term("Liver", "간", (150, 90, 50)),
    Structure.SPINE: Term("Spine", "척추", (240, 240, 180)),
    Structure.L2_BODY: Term("L2 vertebral body", "제2요추체", (255, 230, 60)),
    Structure.RIBS: Term("Ribs", "늑골", (200, 200, 220)),
    Structure.PELVIS: Term("Pelvis", "골반", (180, 200, 160)),
    Structure.STOMACH: Term("Stomach", "위", (240, 228, 66)),
    Structure.COLON: Term("Colon", "결장", (0, 114, 178)),
    Structure.SMALL_BOWEL_GAS: Term("Small-bowel gas", "소장 가스", (110, 220, 220)),
    Structure.STOOL: Term("Stool", "분변", (170, 120, 80)),
    Structure.DIAPHRAGM: Term("Diaphragm", "횡격막", (255, 150, 200)),
}

# By what is seen, never by a diagnosis: TERMS names classes, two of which no film makes. The parser reads
# each of these phrases back as its finding.
SIGNS: dict[str, str] = {
    Finding.PYLORIC_STENOSIS: "Gastric distension",
    Finding.AIR_FLUID_LEVEL: "Air-fluid levels",
    Finding.ABDOMINAL_DISTENSION: "Gaseous distension",
    Finding.CONSTIPATION: "Faecal loading",
    Finding.PNEUMOPERITONEUM: "Free intraperitoneal air",
}


def sign(name: str) -> str:
    """The phrase at the start of a sentence; of a structure its own name."""
    return SIGNS.get(name) or TERMS[name].english


def sign_within(name: str) -> str:
    """The phrase within a sentence."""
    phrase = sign(name)
    return phrase[0].lower() + phrase[1:] if name in SIGNS else phrase
