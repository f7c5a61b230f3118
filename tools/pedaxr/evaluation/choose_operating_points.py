"""Choose the operating points: on validation films, ordinary and shifted, never on test films or images.

What each rule strives for stands in its function. The networks run once a film, the rules on what is kept.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import fmean

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.evaluation.choose_gate import OPEN, GatePoints, GoodPicture, choose_gate, down, up
from pedaxr.evaluation.choose_hanging import HungTwice
from pedaxr.evaluation.choose_likeness import LikenessPoints, choose_likeness
from pedaxr.evaluation.choose_shares import MOST_SHARE, Outlined, least_shares
from pedaxr.evaluation.ground_truth import ALL, TrueFindings, true_findings
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import OperatingPoints, operating_points, using
from pedaxr.reading.placement import counted, share_of_body
from pedaxr.reading.read_film import Reading, Source, read_film
from pedaxr.reports.check_draft import CheckedDraft, check_draft
from pedaxr.reports.flags import SURE_ALONE, least_sure
from pedaxr.reports.grounding import FAINT, support
from pedaxr_models.datasets.film import Film
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_models.report_text.parser import parse_findings

Progress = Callable[[int, int], None]

LEAST_ALONE = 0.95
MOST_RIGHT_FLAGGED = 0.10
CURVE_BINS = 12
TAIL, NARROWEST_STEP, WIDEST_STEP = 4, 0.25, 0.75
MOST_MORE_ALARMS = 0.05
MOST_TRACE, MOST_TRACE_UNNAMED = 0.06, 0.5
MOST_TRUE_HEDGED, ENOUGH = 0.2, 20
_AIR = Finding.PNEUMOPERITONEUM


@dataclass(frozen=True)
class Support:
    """An unhedged sentence on an outlined finding: its `verify.support`, and whether it is true."""

    finding: str
    confidence: float
    is_true: bool


@dataclass(frozen=True)
class Seen:
    """One validation film.

    Attributes:
        sureness, spine_offset, colon_share: of `pedaxr.reading.quality`.
        supports: of the draft's sentences that nothing but a faint outline could doubt.
        has_free_air: truly.
        free_air: the report writer's probability of it.
        faint_free_air: of `Reading`.
        is_free_air_told: outlined, or affirmed by the draft, whatever its probability.
        is_free_air_outlined: whether the reading counts an outline of it.
        is_free_air_named: whether the draft's words affirm it.
        confidence: of `flags.least_sure`.
        word_confidence: mean probability of the draft's words, for comparison.
        is_right: the findings outlined are exactly the true ones.
        measures: of `quality.measures_of`.
        probabilities: the report writer's, by finding.
        true: findings that the film shows.
        hung: how sure its outlines are, and with the film mirrored or upside down.
        outlined: of every finding that is outlined anywhere, what lies where it can.
        known: findings of which it is known whether the film shows them; others count nowhere.
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
    measures: Mapping[str, float] = field(default_factory=dict)
    faint_free_air: float = 0.0
    is_free_air_outlined: bool = False
    is_free_air_named: bool = False
    probabilities: Mapping[str, float] = field(default_factory=dict)
    true: tuple[str, ...] = ()
    hung: HungTwice | None = None
    outlined: tuple[Outlined, ...] = ()
    known: frozenset[str] = ALL
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def gate(self) -> GoodPicture:
        """What the gate looks at."""
        return GoodPicture(
            self.sureness, self.spine_offset, self.colon_share, self.measures, self.hung, self.figures
        )


def look(films: Sequence[Film], progress: Progress | None = None) -> list[Seen]:
    """Read every film with the networks in use, with no operating point between.

    Films that are refused whatever the points (too small, without spine and bowel) are left out.

    Raises:
        ValueError: of a film nothing is known.
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
    reporter, truth, view = models.reporter(), true_findings(film), film.metadata.view
    true = truth.present
    with using(replace(OPEN, least_share=MOST_SHARE)):
        reading = read_film(Source(film.image_path))
    asked = replace(film.metadata, working_diagnosis=None, patient_sex=None)  # as of a file
    reading = replace(reading, metadata=asked)
    gate = GoodPicture.of(reading)
    told = reporter.describe(reading.film, reading.segmentation, asked)
    checked = check_draft(reading, told, OPEN)
    air = next(f for f in checked.findings if f.finding == _AIR)
    outlined = {f.finding for f in checked.findings if f.presence is Presence.PRESENT}
    return Seen(
        sureness=gate.sureness,
        spine_offset=gate.spine_offset,
        colon_share=gate.colon_share,
        supports=tuple(_supports(reading, checked, told.probabilities, truth)),
        has_free_air=_AIR in true,
        free_air=told.probabilities.get(_AIR, 0.0),
        is_free_air_told=_AIR in outlined or not air.agreed,
        confidence=least_sure(told.probabilities, reading.findings, view)[0],
        word_confidence=told.confidence,
        is_right=outlined & truth.known == set(true),
        measures=gate.measures,
        faint_free_air=reading.faint_free_air,
        is_free_air_outlined=_AIR in outlined,
        is_free_air_named=any(f.finding is _AIR and f.is_present for f in told.facts.findings),
        probabilities={f.value: told.probabilities.get(f, 0.0) for f in FINDINGS},
        true=tuple(true),
        hung=gate.hung,
        outlined=tuple(_outlined(reading, truth)),
        known=truth.known,
        figures=gate.figures,
    )


def _outlined(reading: Reading, true: TrueFindings) -> Iterator[Outlined]:
    anatomy = reading.outlines.anatomy
    for region in reading.regions:
        if region.kind == "finding" and region.name in true.known:
            kept = counted(Finding(region.name), anatomy, reading.metadata.view)
            yield Outlined(region.name, share_of_body(kept, anatomy), region.name in true.present)


def _supports(
    reading: Reading, checked: CheckedDraft, writer: Mapping[Finding, float], true: TrueFindings
) -> Iterator[Support]:
    outlined = {region.name: region.confidence for region in reading.findings}
    for sentence in checked.sentences:
        if sentence.verdict != "grounded":
            continue
        for said in parse_findings(sentence.text):
            if said.finding in true.known and said.presence is Presence.PRESENT:
                name = said.finding.value
                sure = support(outlined[name], writer.get(said.finding, 0.0))
                yield Support(name, sure, name in true.present)


def choose(
    sets: Mapping[str, Sequence[Seen]],
    weights: Mapping[str, str],
    pictures: Sequence[GoodPicture] = (),
    others: Sequence[Mapping[str, float]] = (),
) -> OperatingPoints:
    """The points that the rules give.

    Args:
        sets: by name, validation films; each set alone keeps to the rules on good films.
        weights: by network, SHA-256 of those that looked.
        pictures: good ones besides, without truth: only the gate is chosen on them.
        others: `ood_score.figures_of` pictures that are no abdominal film; without any, no rule is learned.
    """
    every = [film for films in sets.values() for film in films]
    suspicion = free_air_suspicion(every)
    good = {name: [film.gate for film in films] for name, films in sets.items()}
    gate, like = choose_gate(good, pictures), choose_likeness(good, pictures, others)
    return OperatingPoints(
        **{name: getattr(gate, name) for name in GatePoints.__dataclass_fields__},
        **{name: getattr(like, name) for name in LikenessPoints.__dataclass_fields__},
        grade_scale=operating_points().grade_scale,  # `evaluate grades` chooses it
        free_air_suspicion=suspicion,
        least_confidence=least_confidence(every),
        least_support={f.value: least_support(f, every) for f in FINDINGS},
        weights=weights,
        confidence_curve=confidence_curve(every),
        not_excluded={f.value: not_excluded(f, every) for f in FINDINGS},
        faint_free_air=faint_free_air(sets, suspicion),
        free_air_trace=free_air_trace(every, suspicion),
        free_air_trace_unnamed=free_air_trace(every, suspicion, is_named=False),
        least_share=least_shares([one for film in every for one in film.outlined]),
    )


def least_support(finding: Finding, films: Sequence[Seen]) -> float:
    """A support at which no unsupported sentence stands unhedged, and on other films hardly any would.

    As many films again have one chance in two of a false sentence that is surer than the surest here. So the
    point lies above it by a step of the upper tail: by how much, in log-odds, the surest pass the fourth. But
    where the surest false sentence is as sure as the true ones no point parts them, and to hedge them all
    would say nothing: at most `MOST_TRUE_HEDGED` of the true ones are, where there are `ENOUGH` to tell.
    """
    true = sorted(s.confidence for film in films for s in film.supports if s.finding == finding and s.is_true)
    most = (
        math.floor(true[math.floor(MOST_TRUE_HEDGED * len(true))] * 10_000) / 10_000
        if len(true) >= ENOUGH
        else 1.0
    )
    false = [s.confidence for film in films for s in film.supports if s.finding == finding and not s.is_true]
    if not false:
        return FAINT
    surest = sorted((_log_odds(confidence) for confidence in false), reverse=True)[:TAIL]
    step = fmean(surest[:-1]) - surest[-1] if len(surest) > 1 else 0.0
    odds = surest[0] + min(WIDEST_STEP, max(NARROWEST_STEP, step))
    return max(FAINT, min(1.0, most, up(1 / (1 + math.exp(-odds)))))


def _log_odds(share: float) -> float:
    share = min(0.999, max(0.001, share))
    return math.log(share / (1 - share))


def free_air_suspicion(films: Sequence[Seen]) -> float:
    """The highest probability at which the report writer alone names 95 % of free air; at most .5."""
    air = sorted((film.free_air for film in films if film.has_free_air), reverse=True)
    return min(0.5, down(air[math.ceil(LEAST_ALONE * len(air)) - 1])) if air else 0.0


def free_air_trace(films: Sequence[Seen], suspicion: float, *, is_named: bool = True) -> float:
    """The highest trace, at most `MOST_TRACE`, that loses at most 5 % of the free air.

    It can lose only what nothing is outlined of: what the report writer names without being sure, or, at most
    `MOST_TRACE_UNNAMED`, what it suspects and does not name.
    """
    most = MOST_TRACE if is_named else MOST_TRACE_UNNAMED
    told = sorted(
        film.faint_free_air
        for film in films
        if film.has_free_air
        and not film.is_free_air_outlined
        and film.is_free_air_named is is_named
        and (film.free_air < SURE_ALONE if is_named else film.free_air >= suspicion)
    )
    allowed = math.floor((1 - LEAST_ALONE) * sum(film.has_free_air for film in films) + 1e-9)
    return min(most, down(told[allowed])) if len(told) > allowed else most


def faint_free_air(sets: Mapping[str, Sequence[Seen]], suspicion: float) -> float:
    """The highest point at which 95 % of the free air of every set is told, outlined, suspected or faint.

    But not so low that of any set's films without free air more than 5 % are alarmed by it alone.
    """
    untold = [
        [f for f in films if _AIR in f.known and not f.is_free_air_told and f.free_air < suspicion]
        for films in sets.values()
    ]
    air = [sum(film.has_free_air for film in films) for films in sets.values()]
    missed = [_rank(films, (1 - LEAST_ALONE) * n, True) for films, n in zip(untold, air, strict=True)]
    none = [sum(_AIR in f.known and not f.has_free_air for f in films) for films in sets.values()]
    alarmed = [_rank(films, MOST_MORE_ALARMS * n, False) for films, n in zip(untold, none, strict=True)]
    wanted = min((values[0] for values in missed if values), default=1.0)
    return max([down(wanted), *(min(1.0, up(values[-1])) for values in alarmed if values)])


def _rank(films: Sequence[Seen], allowed: float, has_free_air: bool) -> list[float]:
    """Rising, the figures of the films that may not all be spared: without as many of the lowest.

    Of films without free air those that may not be alarmed, of others those that may not be missed.
    """
    figures = sorted(f.faint_free_air for f in films if f.has_free_air is has_free_air)
    spared = math.floor(allowed + 1e-9)
    return figures[spared:] if has_free_air else figures[: max(0, len(figures) - spared)]


def not_excluded(finding: Finding, films: Sequence[Seen]) -> float:
    """The highest probability that the report writer gives to 95 % of the films that show the finding.

    At most one half, where it affirms the finding; no less than it gives to 95 % of the films without it.
    """
    shown = sorted((f.probabilities.get(finding, 0.0) for f in films if finding in f.true), reverse=True)
    other = sorted(
        f.probabilities.get(finding, 0.0) for f in films if finding in f.known and finding not in f.true
    )
    low = shown[math.ceil(LEAST_ALONE * len(shown)) - 1] if shown else 1.0
    usual = other[math.ceil(LEAST_ALONE * len(other)) - 1] if other else 0.0
    return down(min(0.5, max(low, usual)))


def confidence_curve(films: Sequence[Seen]) -> tuple[tuple[float, float], ...]:
    """What share of reports is right, by how sure the witnesses are: rising pairs for `OperatingPoints`.

    Bins of equally many films, neighbours pooled until the shares rise (isotonic regression, Ayer et al.,
    1955); a share is (right + 1) / (films + 2), so that no finite number of films makes a report certain.
    """
    sure = sorted(((film.confidence, film.is_right) for film in films), key=lambda one: one[0])
    size = max(1, math.ceil(len(sure) / CURVE_BINS))
    bins = [sure[at : at + size] for at in range(0, len(sure), size)]
    pooled: list[list[tuple[float, bool]]] = []
    for one in bins:
        pooled.append(one)
        while len(pooled) > 1 and _right_share(pooled[-2]) >= _right_share(pooled[-1]):
            pooled[-2:] = [pooled[-2] + pooled[-1]]
    return tuple((round(fmean(c for c, _ in one), 3), round(_right_share(one), 3)) for one in pooled)


def _right_share(films: Sequence[tuple[float, bool]]) -> float:
    return (sum(is_right for _, is_right in films) + 1) / (len(films) + 2)


def least_confidence(films: Sequence[Seen]) -> float:
    """The highest confidence below which at most 10 % of the reports lie that are right."""
    right = sorted(film.confidence for film in films if film.is_right)
    return down(right[math.floor(MOST_RIGHT_FLAGGED * len(right))]) if right else 0.0
