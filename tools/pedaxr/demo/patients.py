"""Who is in the demo clinic: invented children chosen for the mistakes that a search for a patient can make.

A fixed cast holds namesakes, twins, a newborn under its mother's name and children with earlier films; the
rest is drawn from lists of common names. All are synthetic.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pedaxr.ages import age_in_months
from pedaxr.registry import Patient
from pedaxr.types import Sex
from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom.spec import FilmSpec, sample_spec

DEMO_UNAMBIGUOUS_NAME = "윤하람"
DEMO_AMBIGUOUS_NAME = "김민준"
# Apart from the seeds of training films, so that no demo film was ever trained on.
_FILM_SEED = 900_000
_FIRST_FILM = 14  # with it the first child's films show the lung bases and well-exposed bowel
_DAYS_PER_MONTH = 30.436875
_FIRST_DAY, _LAST_DAY = date(2023, 1, 2), date(2025, 12, 30)

_SURNAMES = tuple("김이박최정강조장임한오서신권황안송류홍문")
_GIVEN_NAMES = (
    *("도윤", "서준", "은우", "시우", "예준", "지호", "하준", "유준", "선우", "건우", "우진", "현우", "이안"),
    *("지안", "서윤", "하은", "지유", "수아", "하윤", "채원", "예린", "다인", "나은", "소율", "가온", "은채"),
)
_LATIN_NAMES = (
    *("Ada Lindqvist", "Noah Okafor", "Mila Petrova", "Lucas Moreau", "Aisha Rahman", "Tomás Herrera"),
    *("Freya Jensen", "Minh Nguyen", "Ravi Menon", "Chloe Dubois", "Leo Rossi", "Hana Suzuki"),
)


@dataclass(frozen=True)
class DemoFilm:
    """One film of the demo clinic before it is made."""

    study_id: str
    patient: Patient
    study_date: date
    spec: FilmSpec


@dataclass(frozen=True)
class _Child:
    """One member of the cast; each visit is a date, the view and the findings with their severity."""

    name: str
    sex: Sex
    born: date
    visits: tuple[tuple[date, View, tuple[tuple[Finding, float], ...]], ...]


_E, _S = View.ERECT, View.SUPINE
_FREE_AIR, _PYLORUS, _LEVELS = Finding.PNEUMOPERITONEUM, Finding.PYLORIC_STENOSIS, Finding.AIR_FLUID_LEVEL
_STOOL, _DISTENSION = Finding.CONSTIPATION, Finding.ABDOMINAL_DISTENSION

_CAST: tuple[_Child, ...] = (
    _Child(
        DEMO_UNAMBIGUOUS_NAME,
        "M",
        date(2019, 4, 11),
        ((date(2024, 9, 3), _S, ((_STOOL, 0.5),)), (date(2025, 8, 14), _E, ((_FREE_AIR, 0.85),))),
    ),
    _Child(DEMO_AMBIGUOUS_NAME, "M", date(2018, 6, 23), ((date(2025, 3, 5), _E, ((_LEVELS, 0.8),)),)),
    _Child(DEMO_AMBIGUOUS_NAME, "M", date(2021, 2, 9), ((date(2025, 5, 19), _S, ((_STOOL, 0.8),)),)),
    _Child("이서연", "F", date(2017, 12, 30), ((date(2024, 2, 12), _E, ()),)),
    _Child("이서연", "F", date(2023, 10, 2), ((date(2023, 11, 17), _S, ((_PYLORUS, 0.8),)),)),
    _Child("박지우", "M", date(2016, 8, 15), ((date(2025, 1, 20), _E, ()),)),
    _Child("박지우", "F", date(2020, 3, 27), ((date(2024, 7, 8), _S, ((_DISTENSION, 0.8),)),)),
    _Child("Emma Wilson", "F", date(2015, 5, 6), ((date(2023, 9, 21), _E, ((_FREE_AIR, 0.5),)),)),
    _Child("Emma Wilson", "F", date(2022, 11, 19), ((date(2025, 4, 2), _S, ((_STOOL, 0.5),)),)),
    _Child("정하율", "F", date(2021, 9, 14), ((date(2025, 6, 25), _E, ((_LEVELS, 0.5),)),)),
    _Child("정하윤", "F", date(2021, 9, 14), ((date(2025, 6, 26), _S, ()),)),
    _Child("Baby of Choi Yuna", "M", date(2025, 10, 3), ((date(2025, 10, 9), _S, ((_DISTENSION, 0.8),)),)),
    _Child(
        "강이든",
        "M",
        date(2024, 12, 1),
        (
            (date(2025, 1, 9), _E, ((_PYLORUS, 0.5),)),
            (date(2025, 1, 15), _E, ((_PYLORUS, 0.85),)),
            (date(2025, 2, 20), _S, ()),
        ),
    ),
    _Child(
        "Omar Haddad",
        "M",
        date(2014, 1, 8),
        (
            (date(2023, 5, 2), _S, ((_STOOL, 0.85),)),
            (date(2024, 5, 28), _S, ((_STOOL, 0.5),)),
            (date(2025, 7, 1), _E, ()),
        ),
    ),
    _Child(
        "송아린",
        "F",
        date(2020, 7, 18),
        (
            (date(2024, 10, 6), _E, ((_LEVELS, 0.5), (_DISTENSION, 0.5))),
            (date(2024, 10, 7), _E, ((_LEVELS, 0.85), (_DISTENSION, 0.85))),
            (date(2024, 10, 12), _S, ()),
        ),
    ),
    _Child(
        "Sofia Almeida",
        "F",
        date(2012, 2, 29),
        ((date(2023, 3, 1), _S, ()), (date(2025, 2, 28), _E, ((_FREE_AIR, 0.8),))),
    ),
)
FEWEST_PATIENTS = len(_CAST)


def demo_films(patients: int, seed: int) -> list[DemoFilm]:
    """The films of `patients` children, the cast first; the same seed gives the same clinic.

    Raises:
        ValueError: fewer patients than the cast.
    """
    if patients < FEWEST_PATIENTS:
        raise ValueError(f"The demo clinic has at least {FEWEST_PATIENTS} patients.")
    rng = np.random.default_rng([_FILM_SEED, seed])
    patient_numbers = rng.choice(90_000, patients, replace=False) + 10_000
    study_numbers = iter(rng.choice(900_000, 4 * patients, replace=False) + 100_000)
    children = [*_CAST, *_others(patients - FEWEST_PATIENTS, seed, rng)]
    films: list[DemoFilm] = []
    for number, child in zip(patient_numbers, children, strict=True):
        patient = Patient(f"P-{number}", child.name, child.born, child.sex)
        for day, view, severity in child.visits:
            spec = FilmSpec(
                _FILM_SEED + seed, _FIRST_FILM + len(films), view, age_in_months(child.born, day), severity
            )
            films.append(DemoFilm(f"S-{next(study_numbers)}", patient, day, spec))
    return films


def _others(count: int, seed: int, rng: np.random.Generator) -> list[_Child]:
    """Children with one film each, the six labels in turn, whose names are nobody else's."""
    taken = {child.name for child in _CAST}
    names = [
        surname + given for surname in _SURNAMES for given in _GIVEN_NAMES if surname + given not in taken
    ]
    korean = list(rng.permutation(names))
    latin = list(rng.permutation(_LATIN_NAMES))
    drawn = [latin.pop() if latin and i % 4 == 3 else korean.pop() for i in range(count)]
    return [_other(str(name), sample_spec(_FILM_SEED + seed, i), rng) for i, name in enumerate(drawn)]


def _other(name: str, spec: FilmSpec, rng: np.random.Generator) -> _Child:
    day = _FIRST_DAY + timedelta(days=int(rng.integers((_LAST_DAY - _FIRST_DAY).days)))
    born = day - timedelta(days=round(spec.age_months * _DAYS_PER_MONTH))
    boys = 0.8 if spec.label == Finding.PYLORIC_STENOSIS else 0.52
    return _Child(name, "M" if rng.random() < boys else "F", born, ((day, spec.view, spec.severity),))
