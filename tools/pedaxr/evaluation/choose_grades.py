"""Choose what an extent measured on the outlines is of the true one, on validation films.

Of each finding the scale with which most grades are right; of equally good ones the middle. Finding, side and
count are not touched: only the word for how much there is.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading import networks as models
from pedaxr.reading.read_film import Source, read_film
from pedaxr.reports.measured_grades import extents_of
from pedaxr_models.datasets.film import Film
from pedaxr_models.facts import Severity
from pedaxr_models.grades import severity_of
from pedaxr_models.labels import FINDINGS, Finding, View, sign
from pedaxr_models.report_text.parser import parse

Progress = Callable[[int, int], None]
SCALES = np.linspace(0.8, 1.4, 61)
ENOUGH = 15  # films with a finding; with fewer its scale is that of others: none


@dataclass(frozen=True)
class Graded:
    """One finding of one film, there and outlined.

    Attributes:
        extent: as measured.
        true: the grade that the film's facts give.
        drafted: the one that the report writer gives.
    """

    finding: Finding
    view: View | None
    extent: float
    true: Severity
    drafted: Severity | None

    def is_right(self, scale: float) -> bool:
        """Whether it is graded as it is, with a scale."""
        return severity_of(self.finding, self.extent / scale, self.view) is self.true


def look_at_grades(films: Sequence[Film], progress: Progress | None = None) -> list[Graded]:
    """What can be graded on films whose facts are known; those without a finding are not read.

    Raises:
        ModelUnavailable, UnreadableImage.
    """
    graded: list[Graded] = []
    for number, film in enumerate(films, 1):
        if film.facts is not None and film.facts.present:
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
    drafted = {fact.finding: fact.severity for fact in parse(told.text).findings}
    return [
        Graded(finding, facts.view, extent, severity, drafted.get(finding))
        for finding, extent in extents_of(reading).items()
        if (severity := facts[finding].severity) is not None
    ]


def choose_grade_scale(graded: Sequence[Graded]) -> dict[str, float]:
    """By finding, of which there are enough films; levels are numbers and need none."""
    scale: dict[str, float] = {}
    for finding in FINDINGS:
        own = [one for one in graded if one.finding is finding]
        if finding is Finding.AIR_FLUID_LEVEL:
            scale[finding.value] = 1.0
        elif len(own) >= ENOUGH:
            scale[finding.value] = _best(own)
    return scale


def _best(own: Sequence[Graded]) -> float:
    right = np.array([sum(one.is_right(scale) for one in own) for scale in SCALES])
    return round(float(np.median(SCALES[right == right.max()])), 3)


def grades_table(sets: Mapping[str, Sequence[Graded]], scale: Mapping[str, float]) -> str:
    """Markdown: by set and finding, how many grades the writer and the measure have right."""
    lines = [
        "| films | finding | scale | with it | report writer right | measured, right | scale 1, right |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, graded in sets.items():
        for finding in FINDINGS:
            own = [one for one in graded if one.finding is finding]
            drafted = sum(one.drafted is one.true for one in own)
            by = scale.get(finding.value)
            measured = "–" if by is None else str(sum(one.is_right(by) for one in own))
            plain = sum(one.is_right(1.0) for one in own)
            told = "–" if by is None else f"{by:.3f}"
            lines.append(
                f"| {name} | {sign(finding)} | {told} | {len(own)} | {drafted} | {measured} | {plain} |"
            )
    return "\n".join(lines)
