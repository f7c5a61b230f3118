"""What a film is to show, drawn from a seed and an index, and the random stream of each factor."""

import zlib
from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from pedaxr_models.labels import LABELS, NORMAL, URGENCY, Finding, View

VERSION = 3  # what the bundled weights were trained on
# 4 looks more like real films (docs/data.md); it shares no random stream with 3.
VERSIONS = (3, 4)

# Beside the finding that names the film: (named finding, companion, share of films).
_COMPANIONS: tuple[tuple[Finding, Finding, float], ...] = (
    (Finding.PNEUMOPERITONEUM, Finding.ABDOMINAL_DISTENSION, 0.28),
    (Finding.AIR_FLUID_LEVEL, Finding.ABDOMINAL_DISTENSION, 0.25),
    (Finding.ABDOMINAL_DISTENSION, Finding.CONSTIPATION, 0.10),
)
# Bins of the driving parameter; the gaps are a dead zone in which no film is drawn.
_SEVERITY_BINS = ((0.03, 0.28), (0.39, 0.61), (0.72, 1.0))


class Domain(StrEnum):
    """Which ranges anatomy, exposure, pose, collimation and processing are drawn from.

    `SHIFTED` lies outside the ranges of `STANDARD`, is for testing only, and shares no random stream with it.
    """

    STANDARD = "standard"
    SHIFTED = "shifted"


@dataclass(frozen=True)
class FilmSpec:
    """One film before it is made. Equal specs give equal bytes.

    Attributes:
        severity: driving parameter in 0..1 of each intended finding; empty for a normal film.
        attempt: raised when a finding fell outside the visible field and the film is drawn again.
        domain: the ranges that everything else is drawn from.
        version: of the generator.
    """

    seed: int
    index: int
    view: View
    age_months: float
    severity: tuple[tuple[Finding, float], ...] = ()
    attempt: int = 0
    domain: Domain = Domain.STANDARD
    version: int = VERSION

    @property
    def label(self) -> str:
        """The most urgent intended finding, or normal."""
        intended = dict(self.severity)
        return next((f.value for f in URGENCY if f in intended), NORMAL)

    def rng(self, factor: str) -> np.random.Generator:
        """A stream of this film's own for one factor, so that drawing more of one shifts no other."""
        name = f"{factor}/{self.attempt}" if self.attempt else factor
        return _stream(self.seed, self.index, name, self.domain, self.version)


def _stream(
    seed: int, index: int, factor: str, domain: Domain, version: int = VERSION
) -> np.random.Generator:
    name = factor if domain is Domain.STANDARD else f"{domain}/{factor}"
    key = (index, zlib.crc32(name.encode()))
    return np.random.default_rng(np.random.SeedSequence(entropy=(version, seed), spawn_key=key))


def sample_spec(
    seed: int, index: int, domain: Domain = Domain.STANDARD, *, version: int = VERSION
) -> FilmSpec:
    """Labels in equal shares; age and view independent of the label where physiology allows.

    Raises:
        ValueError: there is no such version, or it makes no shifted films.
    """
    if version not in VERSIONS or (version != VERSION and domain is Domain.SHIFTED):
        raise ValueError(f"Generator version {version} does not make {domain} films; known are {VERSIONS}.")

    def stream(number: int, factor: str) -> np.random.Generator:
        return _stream(seed, number, factor, domain, version)

    block, place = divmod(index, len(LABELS))
    label = LABELS[int(stream(block, "label order").permutation(len(LABELS))[place])]
    findings = _findings(label, stream(index, "findings"))
    age = _age_months(label, stream(index, "age"))
    view = _view(findings, age, stream(index, "view"))
    rng = stream(index, "severity")
    severity = tuple((finding, sample_severity(rng)) for finding in findings)
    return FilmSpec(seed, index, view, age, severity, domain=domain, version=version)


def sample_severity(rng: np.random.Generator) -> float:
    """A driving parameter, each grade as likely, none near a border between grades."""
    return float(rng.uniform(*_SEVERITY_BINS[int(rng.integers(len(_SEVERITY_BINS)))]))


def _findings(label: str, rng: np.random.Generator) -> tuple[Finding, ...]:
    if label == NORMAL:
        return ()
    named, draw = Finding(label), rng.random()
    companions = [other for owner, other, share in _COMPANIONS if owner is named and draw < share]
    return (named, *companions)


def _age_months(label: str, rng: np.random.Generator) -> float:
    """Pyloric stenosis at 2 to 12 weeks; every other class has the same share of infants, at like ages."""
    weeks = 12 / 365.25 * 7  # months in a week
    if label == Finding.PYLORIC_STENOSIS:
        return float(rng.triangular(2, 5, 12) * weeks)
    if rng.random() < 0.35:
        return float(rng.triangular(2, 5, 12) * weeks if rng.random() < 0.55 else rng.uniform(0, 6))
    return float(6 + 186 * rng.random() ** 1.2)


def _view(findings: tuple[Finding, ...], age_months: float, rng: np.random.Generator) -> View:
    """Levels need a horizontal beam; newborns mostly lie, and are turned on the side rather than stood up."""
    shares = (0.25, 0.30) if age_months < 1 else (0.50, 0.12)  # erect, on the left side; the rest lie
    erect, side = shares
    draw = rng.random() * ((erect + side) if Finding.AIR_FLUID_LEVEL in findings else 1.0)
    if draw < erect:
        return View.ERECT
    return View.LEFT_LATERAL_DECUBITUS if draw < erect + side else View.SUPINE
