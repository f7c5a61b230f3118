"""Choose the operating points: on validation films, ordinary and shifted, and on no test film or stranger.

What each rule strives for stands in its function. The networks run once a film, the rules on what is kept.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from pedaxr import models
from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.flags import least_sure
from pedaxr.generate_report import check_draft
from pedaxr.operating_points import OperatingPoints, using
from pedaxr.quality import colon_share, spine_offset, sureness
from pedaxr.reading import Reading, Source, read_film
from pedaxr.true_findings import true_findings
from pedaxr.types import Sentence
from pedaxr.verify import FAINT
from pedaxr_models.captioning.facts import Presence
from pedaxr_models.captioning.parser import parse_findings
from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import FINDINGS, Finding

Progress = Callable[[int, int], None]

# Nothing is refused, doubted or hedged but by the network itself: what the rules begin from.
OPEN = OperatingPoints(0.0, 0.0, 1.0, 1.0, 1.0, 0.0, dict.fromkeys(FINDINGS, 0.0))
MOST_DOUBTED = 0.01
MOST_OUTLYING = 0.005
REFUSAL_MARGIN = 0.02
LEAST_ALONE = 0.95
MOST_RIGHT_FLAGGED = 0.10
_AIR = Finding.PNEUMOPERITONEUM
_STEPS = 1000  # to one


@dataclass(frozen=True)
class Support:
    """An unhedged sentence on an outlined finding: the outline's mean probability, and whether it is true."""

    finding: str
    confidence: float
    is_true: bool


@dataclass(frozen=True)
class Seen:
    """One validation film.

    Attributes:
        sureness, spine_offset, colon_share: of `pedaxr.quality`.
        supports: of the draft's sentences that nothing but a faint outline could doubt.
        has_free_air: truly.
        free_air: the reader's probability of it.
        is_free_air_told: outlined, or affirmed by the draft, whatever its probability.
        confidence: of `flags.least_sure`.
        word_confidence: mean probability of the draft's words, for comparison.
        is_right: the findings outlined are exactly the true ones.
    """

    sureness: float
    spine_offset: float
    colon_share: float
    supports: tuple[Support, ...]
    has_free_air: bool
    free_air: float
    is_free_air_told: bool
    confidence: float
    word_confidence: float
    is_right: bool


def look(films: Sequence[Film], progress: Progress | None = None) -> list[Seen]:
    """Read every film with the networks in use, with no operating point between.

    Films that are refused whatever the points (too small, without spine and bowel) are left out.

    Raises:
        ValueError: a film has no masks.
        ModelUnavailable, UnreadableImage.
    """
    seen = []
    for number, film in enumerate(films, 1):
        with suppress(NotAnAbdominalFilm):
            seen.append(_look(film))
        if progress is not None:
            progress(number, len(films))
    return seen


def _look(film: Film) -> Seen:
    reporter, true, view = models.reporter(), true_findings(film).present, film.metadata.view
    with using(OPEN):
        reading = read_film(Source(film.image_path))
    asked = replace(film.metadata, working_diagnosis=None, patient_sex=None)  # as of a file
    reading = replace(reading, metadata=asked)
    told = reporter.describe(reading.radiograph.pixels, reading.segmentation, asked)
    checked = check_draft(reading, told, OPEN)
    air = next(f for f in checked.findings if f.finding == _AIR)
    outlined = {f.finding for f in checked.findings if f.presence is Presence.PRESENT}
    return Seen(
        sureness=sureness(reading.regions),
        spine_offset=spine_offset(reading.regions),
        colon_share=colon_share(reading.regions),
        supports=tuple(_supports(reading, checked.sentences, true)),
        has_free_air=_AIR in true,
        free_air=air.probability,
        is_free_air_told=_AIR in outlined or not air.agreed,
        confidence=least_sure(checked.findings, reading.findings, view)[0],
        word_confidence=told.confidence,
        is_right=outlined == set(true),
    )


def _supports(reading: Reading, sentences: Sequence[Sentence], true: Sequence[str]) -> Iterator[Support]:
    outlined = {region.name: region.confidence for region in reading.findings}
    for sentence in sentences:
        if sentence.verdict != "grounded":
            continue
        for said in parse_findings(sentence.text):
            if said.finding is not None and said.presence is Presence.PRESENT:
                yield Support(said.finding.value, outlined[said.finding], said.finding.value in true)


def choose(sets: Mapping[str, Sequence[Seen]], weights: Mapping[str, str]) -> OperatingPoints:
    """The points that the rules give.

    Args:
        sets: by name, validation films; each set alone keeps to the rules on good films.
        weights: by network, SHA-256 of those that looked.
    """
    every = [film for films in sets.values() for film in films]
    return OperatingPoints(
        doubted_below=min(_doubted_below(films) for films in sets.values()),
        refused_below=max(0.0, _down(min(film.sureness for film in every) - REFUSAL_MARGIN)),
        spine_off_centre=max(_above_most([f.spine_offset for f in films]) for films in sets.values()),
        largest_colon=max(_above_most([f.colon_share for f in films]) for films in sets.values()),
        free_air_suspicion=free_air_suspicion(every),
        least_confidence=least_confidence(every),
        least_support={f.value: least_support(f, every) for f in FINDINGS},
        weights=weights,
    )


def _doubted_below(films: Sequence[Seen]) -> float:
    """The highest sureness below which at most 1 % of good films lie."""
    sure = sorted(film.sureness for film in films)
    return _down(sure[math.floor(MOST_DOUBTED * len(sure))])


def _above_most(values: Sequence[float]) -> float:
    """The lowest value above which at most 0.5 % of good films lie."""
    outlying = math.floor(MOST_OUTLYING * len(values))
    return min(1.0, _up(sorted(values, reverse=True)[outlying]))


def least_support(finding: Finding, films: Sequence[Seen]) -> float:
    """The lowest mean probability of an outline at which no unsupported sentence stands unhedged."""
    false = [s.confidence for film in films for s in film.supports if s.finding == finding and not s.is_true]
    return max([FAINT, *(min(1.0, _up(confidence)) for confidence in false)])


def free_air_suspicion(films: Sequence[Seen]) -> float:
    """The highest probability at which the reader alone, without any outline, names 95 % of free air."""
    air = sorted((film.free_air for film in films if film.has_free_air), reverse=True)
    return _down(air[math.ceil(LEAST_ALONE * len(air)) - 1]) if air else 0.0


def least_confidence(films: Sequence[Seen]) -> float:
    """The highest confidence below which at most 10 % of the reports lie that are right."""
    right = sorted(film.confidence for film in films if film.is_right)
    return _down(right[math.floor(MOST_RIGHT_FLAGGED * len(right))]) if right else 0.0


def _down(value: float) -> float:
    """The last step that is not above the value."""
    step = math.floor(value * _STEPS) / _STEPS
    return step if step <= value else (math.floor(value * _STEPS) - 1) / _STEPS


def _up(value: float) -> float:
    """The first step above, never the value itself."""
    step = (math.floor(value * _STEPS) + 1) / _STEPS
    return step if step > value else (math.floor(value * _STEPS) + 2) / _STEPS
