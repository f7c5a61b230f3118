"""Synthetic patients: names, dates that agree with the age, and requests that are often vague."""

import calendar
from datetime import date, timedelta

import numpy as np

from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import LABELS, NORMAL, Finding
from pedaxr_models.phantom.spec import Domain, FilmSpec

_KOREAN_FAMILY = tuple("김이박최정강조윤장임한오서신권황안송류홍")
_KOREAN_GIVEN = (
    "가람", "나래", "다온", "라온", "마루", "바다", "보람", "새벽", "슬기", "아라", "여름", "온유", "이슬",
    "지안", "하늘", "한결", "해솔", "누리", "단비", "미르", "소담", "찬솔", "은하", "푸름",
)  # fmt: skip
_LATIN_FAMILY = (
    "Alder", "Birch", "Cedar", "Dogwood", "Elm", "Fir", "Gorse", "Hazel", "Ivy", "Juniper", "Larch", "Maple",
    "Oakes", "Pine", "Quince", "Rowan", "Spruce", "Teak", "Willow", "Yew",
)  # fmt: skip
_LATIN_GIVEN = (
    "Ada", "Bo", "Cleo", "Dev", "Edda", "Finn", "Gia", "Hugo", "Ines", "Jonah", "Kai", "Lena", "Milo", "Nia",
    "Otis", "Pia", "Remy", "Suri", "Tomas", "Uma", "Vera", "Wren", "Yara", "Zeno",
)  # fmt: skip

# Patients of shifted films are others, whatever the seed.
_PATIENT_PREFIX = {Domain.STANDARD: "SYN", Domain.SHIFTED: "SHF"}

# Shares of requests that name no direction, and that fit the film; the rest fit another finding.
VAGUE_SHARE, FITTING_SHARE = 0.78, 0.11
_VAGUE = (
    "abdominal pain",
    "vomiting",
    "irritability",
    "poor feeding",
    "unwell",
    "abdominal symptoms",
    "follow-up",
    "crying, not settling",
    "fever and abdominal pain",
    "복통",
    "구토",
    "보챔, 수유량 감소",
)
_FITTING: dict[str, tuple[str, ...]] = {
    Finding.PYLORIC_STENOSIS: ("projectile non-bilious vomiting", "vomiting after feeds, poor weight gain"),
    Finding.AIR_FLUID_LEVEL: (
        "bilious vomiting and distension",
        "vomiting, no stool passed",
        "query obstruction",
    ),
    Finding.ABDOMINAL_DISTENSION: ("distended abdomen", "abdominal distension and feed intolerance"),
    Finding.CONSTIPATION: (
        "hard stools, soiling",
        "no stool for six days",
        "chronic constipation, query loading",
    ),
    Finding.PNEUMOPERITONEUM: ("sudden severe pain, rigid abdomen", "deterioration, query perforation"),
    NORMAL: ("abdominal pain, now settled", "swallowed coin, query position", "check before discharge"),
}


def patient_id_of(seed: int, index: int, domain: Domain = Domain.STANDARD) -> str:
    """Of the child on that film, whose split goes by it."""
    return f"{_PATIENT_PREFIX[domain]}{seed:04d}{index:07d}"


def sample_metadata(spec: FilmSpec, label: str) -> FilmMetadata:
    """Patient and request of one film; the working diagnosis is right 45 %, absent 35 %, wrong 20 %."""
    rng = spec.rng("patient")
    study = date(2019, 1, 1) + timedelta(days=int(rng.integers(0, 6 * 365)))
    birth = birth_date_for(study, spec.age_months)
    request = spec.rng("request")
    return FilmMetadata(
        patient_id=patient_id_of(spec.seed, spec.index, spec.domain),
        patient_name=_name(rng),
        patient_sex=_sex(label, rng),
        patient_birth_date=birth.isoformat(),
        study_date=study.isoformat(),
        age_months=months_between(birth, study),
        view=spec.view,
        indication=_indication(label, request),
        working_diagnosis=_working_diagnosis(label, request),
    )


def _name(rng: np.random.Generator) -> str:
    if rng.random() < 0.6:
        return f"{rng.choice(_KOREAN_FAMILY)}{rng.choice(_KOREAN_GIVEN)}"
    return f"{rng.choice(_LATIN_GIVEN)} {rng.choice(_LATIN_FAMILY)}"


def _sex(label: str, rng: np.random.Generator) -> str:
    """Pyloric stenosis is about four times commoner in boys."""
    share_boys = 0.8 if label == Finding.PYLORIC_STENOSIS else 0.52
    return "M" if rng.random() < share_boys else "F"


def _indication(label: str, rng: np.random.Generator) -> str:
    draw = rng.random()
    if draw < VAGUE_SHARE:
        return str(rng.choice(_VAGUE))
    if draw < VAGUE_SHARE + FITTING_SHARE:
        return str(rng.choice(_FITTING[label]))
    other = [name for name in LABELS if name != label]
    return str(rng.choice(_FITTING[str(rng.choice(other))]))


def _working_diagnosis(label: str, rng: np.random.Generator) -> str | None:
    draw = rng.random()
    if draw < 0.45:
        return label
    if draw < 0.80:
        return None
    return str(rng.choice([name for name in LABELS if name != label]))


def add_months(day: date, months: int) -> date:
    """The same day of the month, or that month's last day; `months` may be negative."""
    total = day.year * 12 + day.month - 1 + months
    year, month = divmod(total, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def birth_date_for(study: date, age_months: float) -> date:
    """A birth date whose calendar age at the study is about `age_months`."""
    whole = int(age_months)
    start = add_months(study, -whole)
    return start - timedelta(days=round((age_months - whole) * 30.4))


def months_between(birth: date, study: date) -> float:
    """Calendar months completed, plus the share of the month begun."""
    whole = (study.year - birth.year) * 12 + study.month - birth.month
    if add_months(birth, whole) > study:
        whole -= 1
    begun, ends = add_months(birth, whole), add_months(birth, whole + 1)
    return round(whole + (study - begun).days / max(1, (ends - begun).days), 3)


def dicom_age(age_months: float, birth: date, study: date) -> str:
    """DICOM age string (PS3.5 6.2, VR AS): days under four weeks, months under two years, then years."""
    if (study - birth).days < 28:
        return f"{(study - birth).days:03d}D"
    if age_months < 24:
        return f"{int(age_months):03d}M"
    return f"{int(age_months // 12):03d}Y"
