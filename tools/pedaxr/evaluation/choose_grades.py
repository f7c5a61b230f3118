"""Choose what an extent measured on the outlines is of the true one, on validation films.

Of each finding the scale with which most grades are right; of equally good ones the middle. Finding, side and
count are not touched: only the word for how much there is. Gas beyond the stomach is chosen for likewise.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading import networks as models
from pedaxr.reading.read_film import Source, read_film
from pedaxr.reports.measured_grades import DISTAL_GAS, distal_gas_extent, extents_of
from pedaxr_models.datasets.film import Film
from pedaxr_models.facts import DistalGas, Severity
from pedaxr_models.grades import distal_gas_of, severity_of
from pedaxr_models.labels import FINDINGS, Finding, View, sign
from pedaxr_models.report_text.parser import parse

Progress = Callable[[int, int], None]
SCALES = np.linspace(0.6, 1.4, 81)
_GRADED = (*(finding.value for finding in FINDINGS), DISTAL_GAS)
ENOUGH = 15  # films with a finding; with fewer its scale is that of others: none


@dataclass(frozen=True)
class Graded:
    """One finding of one film, there and outlined, or its gas beyond the stomach.

    Attributes:
        finding: None of distal gas.
        extent: as measured.
        true: the grade that the film's facts give.
        drafted: the one that the report writer gives.
    """

    finding: Finding | None
    view: View | None
    extent: float
    true: Severity | DistalGas
    drafted: Severity | DistalGas | None

    @property
    def name(self) -> str:
        """Its key in the operating points."""
        return self.finding.value if self.finding else DISTAL_GAS

    def is_right(self, scale: float) -> bool:
        """Whether it is graded as it is, with a scale."""
        if self.finding is None:
            return distal_gas_of(self.extent / scale) is self.true
        return severity_of(self.finding, self.extent / scale, self.view) is self.true


def look_at_grades(films: Sequence[Film], progress: Progress | None = None) -> list[Graded]:
    """What can be graded on films whose facts are known.

    Raises:
        ModelUnavailable, UnreadableImage.
    """
    graded: list[Graded] = []
    for number, film in enumerate(films, 1):
        if film.facts is not None:
            with suppress(NotAnAbdominalFilm):
                graded += _look(film)
        if progress is not None:
            progress(number, len(films))
    return graded


def _look(film: Film) -> list[Graded]:
    assert film.facts is not None
    facts = film.facts.as_view_allows()
    asked = replace(film.metadata, working_diagnosis=None)
    reading = replace(read_film(Source(film.image_path)), metadata=asked)
    told = models.reporter().describe(reading.film, reading.segmentation, asked)
    said = parse(told.text)
    drafted = {fact.finding: fact.severity for fact in said.findings}
    graded = [
        Graded(finding, facts.view, extent, severity, drafted.get(finding))
        for finding, extent in extents_of(reading).items()
        if (severity := facts[finding].severity) is not None
    ]
    gas = distal_gas_extent(reading)
    if gas is not None and facts.distal_gas is not None:
        graded.append(Graded(None, facts.view, gas, facts.distal_gas, said.distal_gas))
    return graded


def choose_grade_scale(
    graded: Sequence[Graded], in_use: Mapping[str, float] | None = None
) -> dict[str, float]:
    """By finding, of which there are enough films; levels are numbers and need none.

    A scale in use stays unless another is right more often by more than one standard error (Breiman et al.,
    Classification and Regression Trees, 1984): the best of many is best by chance.
    """
    scale: dict[str, float] = {}
    for name in _GRADED:
        own = [one for one in graded if one.name == name]
        if name == Finding.AIR_FLUID_LEVEL:
            scale[name] = 1.0
        elif len(own) >= ENOUGH:
            scale[name] = _best(own, (in_use or {}).get(name))
    return scale


def _best(own: Sequence[Graded], in_use: float | None) -> float:
    right = np.array([sum(one.is_right(scale) for one in own) for scale in SCALES])
    most = int(right.max())
    if in_use and most - sum(one.is_right(in_use) for one in own) <= math.sqrt(most * (1 - most / len(own))):
        return in_use
    return round(float(np.median(SCALES[right == right.max()])), 3)


def grades_table(sets: Mapping[str, Sequence[Graded]], scale: Mapping[str, float]) -> str:
    """Markdown: by set and finding, how many grades the writer and the measure have right."""
    lines = [
        "| films | finding | scale | with it | report writer right | measured, right | scale 1, right |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, graded in sets.items():
        for graded_name in _GRADED:
            own = [one for one in graded if one.name == graded_name]
            drafted = sum(one.drafted is one.true for one in own)
            by = scale.get(graded_name)
            measured = "–" if by is None else str(sum(one.is_right(by) for one in own))
            plain = sum(one.is_right(1.0) for one in own)
            told = "–" if by is None else f"{by:.3f}"
            lines.append(
                f"| {name} | {_title(graded_name)} | {told} | {len(own)} | {drafted} | {measured} | {plain} |"
            )
    return "\n".join(lines)


def _title(name: str) -> str:
    return "Gas beyond the stomach" if name == DISTAL_GAS else sign(name)
