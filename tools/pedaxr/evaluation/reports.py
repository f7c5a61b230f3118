"""How far a report can be believed: its sentences against the true masks, its alarms, its disagreements.

Every film goes through `generate_report`, as in service. Shares have 95 % intervals (Wilson, 1927).
"""

import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from pedaxr.evaluation.report_records import (
    DISAGREEING,
    Claim,
    FactCount,
    FilmRecord,
    Slot,
    append_record,
    read_records,
    record_film,
)
from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import operating_points
from pedaxr.text import counted
from pedaxr_models.datasets.film import Film
from pedaxr_models.labels import FINDINGS, Finding, sign_within

Progress = Callable[[int, int], None]
_Z = 1.959964  # of a two-sided 95 % interval


@dataclass(frozen=True)
class Share:
    """A count out of a count.

    Attributes:
        goal: what it should be, as in ">= 0.98"; empty where there is none.
    """

    name: str
    count: int
    of: int
    goal: str = ""

    @property
    def value(self) -> float | None:
        """The share; None of nothing."""
        return self.count / self.of if self.of else None

    @property
    def interval(self) -> tuple[float, float]:
        """Of 95 %, by Wilson's score; (0, 1) of nothing."""
        if not self.of:
            return 0.0, 1.0
        p, n = self.count / self.of, self.of
        middle, spread = p + _Z**2 / (2 * n), _Z * math.sqrt(p * (1 - p) / n + _Z**2 / (4 * n * n))
        return tuple(min(1.0, max(0.0, (middle + sign * spread) / (1 + _Z**2 / n))) for sign in (-1, 1))  # type: ignore[return-value]

    def to_json(self) -> dict[str, object]:
        """With its interval."""
        low, high = self.interval
        return {**asdict(self), "value": self.value, "low": round(low, 4), "high": round(high, 4)}


def evaluate_reports(
    films: Sequence[Film], *, seed: int = 0, records: Path | None = None, progress: Progress | None = None
) -> list[FilmRecord]:
    """One record a film.

    Args:
        films: of which it is known, at least in part, what they show.
        seed: of the working diagnoses that are planted.
        records: file that keeps each record as soon as it is there; the same call resumes from it.
        progress: called with (films done, films in all).

    Raises:
        ValueError: nothing is known of a film.
        ModelUnavailable, UnreadableImage, StorageError.
    """
    kept = read_records(records) if records else {}
    done: list[FilmRecord] = []
    for film in films:
        key = _key(film, seed)
        record = kept.get(key)
        if record is None:
            record = record_film(film, key, seed)
            if records:
                append_record(records, record)
        done.append(record)
        if progress is not None:
            progress(len(done), len(films))
    return done


def _key(film: Film, seed: int) -> str:
    """Digest of the film, the weights, the operating points and the seed."""
    sha256 = read_radiograph(film.image_path).sha256
    weights = models.segmenter().weights_sha256, models.reporter().weights_sha256
    said = json.dumps([sha256, weights, asdict(operating_points()), seed])
    return hashlib.sha256(said.encode()).hexdigest()[:20]


def report_figures(records: Sequence[FilmRecord]) -> list[Share]:
    """What is counted of a set of films, in the order of the table."""
    read = [record for record in records if not record.is_refused]
    claims = [claim for record in read for claim in record.claims]
    return [
        Share("films refused", len(records) - len(read), len(records)),
        *_sentence_figures(read, claims),
        *_fact_figures([record.facts for record in read if record.facts]),
        _f1("draft: facts, F1", [record.drafted for record in read if record.drafted]),
        _f1("draft, what is measured copied: facts, F1", [r.copied for r in read if r.copied]),
        *_slot_figures([slot for record in read for slot in record.slots]),
        *_critical_figures(read),
        *_diagnosis_figures(read),
        *_confidence_figures(read),
    ]


def _sentence_figures(read: Sequence[FilmRecord], claims: Sequence[Claim]) -> list[Share]:
    standing = [claim for claim in claims if claim.verdict == "grounded"]
    hedged = [claim for claim in claims if claim.verdict == "hedged"]
    struck = sum(claim.verdict == "struck" for claim in claims)
    added = [claim for claim in claims if claim.verdict == "missing"]
    shown = [(record, name) for record in read for name in record.true]
    return [
        Share("positive sentences hedged", len(hedged), len(claims)),
        Share("positive sentences struck", struck, len(claims)),
        Share("positive sentences added, as the draft was silent", len(added), len(claims)),
        Share(
            "unhedged: grounded in the true masks, on that side",
            sum(c.is_placed for c in standing),
            len(standing),
            ">= 0.98",
        ),
        Share(
            "unhedged: unsupported, got through",
            sum(not c.is_true for c in standing),
            len(standing),
            "<= 0.005",
        ),
        Share("hedged: grounded", sum(c.is_placed for c in hedged), len(hedged)),
        Share("added: grounded", sum(c.is_placed for c in added), len(added)),
        Share("true findings named, hedged or not", sum(name in r.present for r, name in shown), len(shown)),
    ]


def _fact_figures(counts: Sequence[FactCount]) -> list[Share]:
    right = sum(count.right for count in counts)
    return [
        Share("facts stated: right", right, sum(count.stated for count in counts)),
        Share("facts of the film: stated rightly", right, sum(count.true for count in counts)),
    ]


def _f1(name: str, counts: Sequence[FactCount]) -> Share:
    """Twice the facts that are right over those stated and those of the films."""
    return Share(name, sum(2 * one.right for one in counts), sum(one.stated + one.true for one in counts))


def _slot_figures(slots: Sequence[Slot]) -> list[Share]:
    """Details of the findings that are there and named, of films whose facts are known."""

    def right(name: str, title: str, finding: str | None = None) -> Share:
        chosen = [slot for slot in slots if slot.name == name and finding in (None, slot.finding)]
        return Share(title, sum(slot.is_right for slot in chosen), len(chosen))

    given = [slot for slot in slots if slot.name == "grade" and slot.said]
    return [
        right("grade", "of findings named: grade right"),
        Share("grade given", len(given), sum(slot.name == "grade" for slot in slots)),
        *(right("grade", f"grade right, {sign_within(name)}", name) for name in FINDINGS),
        right("side", "of findings named: side right"),
        right("quadrants", "of findings named: quadrants right"),
        right("levels", "number of air-fluid levels right"),
        Share("number of air-fluid levels, at most one off", sum(map(_is_near, slots)), _levels(slots)),
        right("distal gas", "distal bowel gas right"),
        right("tube", "gastric tubes told"),
        right("certainty", "free air there and outlined: said without a hedge", Finding.PNEUMOPERITONEUM),
    ]


def _levels(slots: Sequence[Slot]) -> int:
    return sum(slot.name == "levels" for slot in slots)


def _is_near(slot: Slot) -> bool:
    if slot.name != "levels" or slot.said is None or slot.true is None:
        return False
    return abs(int(slot.said) - int(slot.true)) <= 1


def _critical_figures(read: Sequence[FilmRecord]) -> list[Share]:
    air = [record for record in read if record.has_free_air]
    none = [record for record in read if Finding.PNEUMOPERITONEUM in record.known and not record.has_free_air]
    return [
        Share("free air missed (not in `critical`)", sum(not r.critical for r in air), len(air)),
        Share(
            "critical false alarms, films without free air", sum(bool(r.critical) for r in none), len(none)
        ),
    ]


def _diagnosis_figures(read: Sequence[FilmRecord]) -> list[Share]:
    wrong = [record.wrong_answer for record in read]
    right = [record.right_answer for record in read]
    return [
        Share(
            "wrong working diagnosis: disagreement said",
            sum(answer in DISAGREEING for answer in wrong),
            len(wrong),
            ">= 0.95",
        ),
        Share("of these: not to be judged on this view", wrong.count("not to be judged"), len(wrong)),
        Share("of these: not supported, not excluded", wrong.count("not excluded"), len(wrong)),
        Share("wrong working diagnosis: supported in doubt only", wrong.count("in doubt"), len(wrong)),
        Share("right working diagnosis: contradicted", right.count("contradicted"), len(right)),
        Share("right: not supported, not excluded", right.count("not excluded"), len(right)),
        Share("right: supported in doubt only", right.count("in doubt"), len(right)),
    ]


def _confidence_figures(read: Sequence[FilmRecord]) -> list[Share]:
    right = [record for record in read if record.is_right]
    wrong = [record for record in read if not record.is_right]
    return [
        Share("reports with exactly the true findings", len(right), len(read)),
        Share(
            "of the other reports: flagged for low confidence",
            sum(r.is_least_sure for r in wrong),
            len(wrong),
        ),
        Share(
            "of these reports: flagged for low confidence", sum(r.is_least_sure for r in right), len(right)
        ),
    ]


def reports_table(sets: Mapping[str, Sequence[FilmRecord]]) -> str:
    """Markdown: a row per figure, a column per set of films."""
    figures = {name: report_figures(records) for name, records in sets.items()}
    head = ["figure", "goal", *(f"{name} ({counted(len(sets[name]), 'film')})" for name in figures)]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in zip(*figures.values(), strict=True):
        goal = row[0].goal.replace(">=", "at least").replace("<=", "at most")
        lines.append(f"| {' | '.join([row[0].name, goal, *map(_cell, row)])} |")
    errors = [_error_cell(records) for records in sets.values()]
    lines.append(f"| {' | '.join(['confidence: expected calibration error', '', *errors])} |")
    return "\n".join(lines)


def confidence_error(records: Sequence[FilmRecord], bins: int = 10) -> float | None:
    """Expected calibration error of the reports' confidence, over bins of equally many reports.

    By how much, on average, the confidence and the share of reports that name exactly the true findings
    differ (Guo et al., 2017); None without any.
    """
    told = [(r.confidence, r.is_right) for r in records if r.confidence is not None]
    told.sort(key=lambda one: one[0])  # equal ones stay mixed
    if not told:
        return None
    parts = [part for part in np.array_split(np.array(told, float), min(bins, len(told))) if len(part)]
    return float(sum(abs(np.subtract(*part.mean(axis=0))) * len(part) for part in parts) / len(told))


def _error_cell(records: Sequence[FilmRecord]) -> str:
    error = confidence_error(records)
    return "none" if error is None else f"{error:.3f}"


def _cell(share: Share) -> str:
    if share.value is None:
        return "none"
    low, high = share.interval
    return f"{share.value:.3f} ({low:.3f}–{high:.3f}), {share.count} of {share.of}"
