"""What `generate_report` said of one film, held against what the film truly shows."""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.evaluation.ground_truth import TrueFindings, true_findings
from pedaxr.reading import networks as models
from pedaxr.reading.read_film import Source, read_film
from pedaxr.reports.ahead import draft_of
from pedaxr.reports.generate_report import generate_report
from pedaxr.storage.files import disk_errors
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.datasets.film import Film
from pedaxr_models.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.labels import FINDINGS, LABELS, NORMAL, Finding
from pedaxr_models.report_text.fact_scores import Fact, copied, outspoken, slots, stated
from pedaxr_models.report_text.parser import parse, parse_findings

# How a supplied diagnosis is answered, the firmest "no" first. The first three say that the film does not
# support it; "in doubt" says that it does, but that one of the witnesses doubts it.
Answer = Literal["contradicted", "not excluded", "not to be judged", "in doubt", "accepted"]
DISAGREEING: frozenset[Answer] = frozenset({"contradicted", "not excluded", "not to be judged"})
_DIAGNOSIS = ("The supplied working diagnosis", "The working diagnosis")
_SAID: dict[str, Answer] = {
    "cannot be judged": "not to be judged",
    "in doubt only": "in doubt",
    "does not exclude it": "not excluded",
    "is in doubt": "not excluded",
    "is suspected": "not to be judged",
}


@dataclass(frozen=True)
class Claim:
    """One finding that a sentence affirms.

    Attributes:
        verdict: of its sentence: grounded, hedged, struck, or missing from the draft and added.
        is_true: the film shows that finding.
        is_placed: it shows it on every side that is said.
    """

    finding: str
    verdict: str
    is_true: bool
    is_placed: bool


@dataclass(frozen=True)
class Slot:
    """One detail of a film whose facts are known, as the report gives it and as it is.

    Attributes:
        name: grade, side, quadrants, levels or certainty, of a finding that is there and named; distal gas or
            tube, of the film.
        said: None where the report leaves it open.
    """

    finding: str | None
    name: str
    said: str | None
    true: str | None

    @property
    def is_right(self) -> bool:
        """Whether the report says what is so."""
        return self.said == self.true


@dataclass(frozen=True)
class FactCount:
    """How many facts a report states, of a film whose facts are known; what is left open is not stated."""

    stated: int
    true: int
    right: int  # stated and true


@dataclass(frozen=True)
class FilmRecord:
    """One film.

    Attributes:
        film: name of its file.
        key: of what the record depends on, so that one that is kept is used only where nothing has changed.
        is_refused: as no abdominal film; nothing else is known then but what is true.
        present: findings that the report says are there, hedged or not.
        is_least_sure: whether it is flagged for low confidence.
        confidence: of the report, calibrated.
        known: findings of which it is known whether the film shows them; no claim of another is judged.
        wrong_answer: to a working diagnosis that the film does not show.
        right_answer: to one that it shows.
        slots: details, of a film whose facts are known.
        facts: all that it states, of such a film.
        drafted: what the report writer's draft says of it, silence included.
        copied: the same, with what is measured copied from the report.
    """

    film: str
    key: str
    is_refused: bool
    true: tuple[str, ...]
    present: tuple[str, ...] = ()
    critical: tuple[str, ...] = ()
    claims: tuple[Claim, ...] = ()
    is_least_sure: bool = False
    wrong_answer: Answer | None = None
    right_answer: Answer | None = None
    confidence: float | None = None
    known: tuple[str, ...] = tuple(FINDINGS)
    slots: tuple[Slot, ...] = ()
    facts: FactCount | None = None
    drafted: FactCount | None = None
    copied: FactCount | None = None

    @property
    def has_free_air(self) -> bool:
        """Whether the film shows it."""
        return Finding.PNEUMOPERITONEUM in self.true

    @property
    def is_right(self) -> bool:
        """Whether the report names, of the findings that are known, exactly those that the film shows."""
        return set(self.present) - (set(FINDINGS) - set(self.known)) == set(self.true)


def record_film(film: Film, key: str, seed: int) -> FilmRecord:
    """Have the film reported on three times: without, with a wrong and with a right working diagnosis.

    Args:
        film: of which something is known.
        key: see `FilmRecord`.
        seed: of the choice of the two diagnoses.

    Raises:
        ValueError: nothing is known of the film.
        UnreadableImage, ModelUnavailable: as `generate_report`.
    """
    true = true_findings(film)
    try:
        report = _report(film)
        wrong, right = planted_diagnoses(film, true, seed)
        answers = _answer(_report(film, wrong)), _answer(_report(film, right))
    except NotAnAbdominalFilm:
        return FilmRecord(film.image_path.name, key, True, true.present, known=_ordered(true))
    return FilmRecord(
        film.image_path.name,
        key,
        False,
        true.present,
        tuple(f.finding for f in report.findings if f.presence is Presence.PRESENT),
        tuple(report.critical),
        tuple(_claims(report, true)),
        any(flag.startswith("Low confidence") for flag in report.flags),
        *answers,
        report.confidence,
        _ordered(true),
        tuple(_slots(report, film.facts.as_view_allows())) if film.facts else (),
        *(_facts(report, film, film.facts.as_view_allows()) if film.facts else ()),
    )


def _slots(report: Report, facts: FilmFacts) -> Iterator[Slot]:
    """Of a report that is not in doubt."""
    named = {f.finding: f for f in report.findings if f.presence is Presence.PRESENT}
    for fact in facts.findings:
        if fact.is_present and (told := named.get(fact.finding.value)):
            yield from _finding_slots(told, fact)
    said = parse(report.narrative)
    if facts.distal_gas is not None and not report.in_doubt:
        yield Slot(None, "distal gas", said.distal_gas, facts.distal_gas)
    if facts.gastric_tube and not report.in_doubt:
        yield Slot(None, "tube", "seen" if said.gastric_tube else None, "seen")


def _facts(report: Report, film: Film, facts: FilmFacts) -> Iterator[FactCount]:
    """Of the report, which may leave things open; of the draft; of the draft with what is measured."""
    told, true = stated(report.narrative)[0], slots(facts.findings, facts)
    yield _counted(outspoken(told), outspoken(true))
    drafted = stated(_draft(film))[0]
    yield _counted(drafted, true)
    yield _counted(copied(drafted, told), true)


def _counted(said: set[Fact], true: set[Fact]) -> FactCount:
    return FactCount(len(said), len(true), len(said & true))


def _finding_slots(told: StructuredFinding, fact: FindingFact) -> Iterator[Slot]:
    name = told.finding
    yield Slot(name, "grade", told.severity, fact.severity)
    yield Slot(name, "side", told.side, fact.side)
    yield Slot(name, "quadrants", ", ".join(sorted(told.quadrants)), ", ".join(sorted(fact.quadrants)))
    yield Slot(name, "certainty", told.certainty, "outlined")
    if fact.count is not None:
        yield Slot(name, "levels", None if told.count is None else str(told.count), str(fact.count))


def _ordered(true: TrueFindings) -> tuple[str, ...]:
    return tuple(finding.value for finding in FINDINGS if finding in true.known)


def planted_diagnoses(film: Film, true: TrueFindings, seed: int) -> tuple[str, str]:
    """A working diagnosis that the film does not show, and one that it does; the same for the same seed."""
    draw = random.Random(f"{seed} {film.image_path.name}")
    right = list(true.present) or [NORMAL]
    wrong = [label for label in LABELS if label not in right and label in (*true.known, NORMAL)]
    return draw.choice(wrong), draw.choice(right)


def _report(film: Film, working_diagnosis: str | None = None) -> Report:
    meta = film.metadata
    return generate_report(
        file=film.image_path,
        view=meta.view,
        age_months=meta.age_months,
        indication=meta.indication,
        working_diagnosis=working_diagnosis,
    )


def _draft(film: Film) -> str:
    """What the report writer wrote of the film, as the report of it was made."""
    reading, given = read_film(Source(film.image_path)), film.metadata
    told = {"view": given.view, "age_months": given.age_months, "indication": given.indication}
    known = {name: value for name, value in told.items() if value is not None}
    metadata = replace(reading.metadata, **known)  # type: ignore[arg-type]
    return draft_of(replace(reading, metadata=metadata), models.reporter()).text


def _answer(report: Report) -> Answer:
    said = [flag for flag in report.flags if flag.startswith(_DIAGNOSIS)]
    if not said:
        return "accepted"
    return next((answer for words, answer in _SAID.items() if words in said[0]), "contradicted")


def _claims(report: Report, true: TrueFindings) -> Iterator[Claim]:
    for sentence in report.sentences:
        for said in parse_findings(sentence.text):
            if said.finding in true.known and said.presence is Presence.PRESENT:
                name = said.finding.value
                yield Claim(name, sentence.verdict, name in true.present, true.lies_on(name, said.side))


def read_records(path: Path) -> dict[str, FilmRecord]:
    """Those kept so far, by film and key; a line that an interruption cut short is left out."""
    if not path.is_file():
        return {}
    records = map(_parsed, path.read_text(encoding="utf-8").splitlines())
    return {record.key: record for record in records if record is not None}


def _parsed(line: str) -> FilmRecord | None:
    try:
        kept = json.loads(line)
        kept["claims"] = tuple(Claim(**claim) for claim in kept["claims"])
        kept["slots"] = tuple(Slot(**slot) for slot in kept["slots"])
        for name in ("facts", "drafted", "copied"):
            kept[name] = kept[name] and FactCount(**kept[name])
        for name in ("true", "present", "critical", "known"):
            kept[name] = tuple(kept[name])
        return FilmRecord(**kept)
    except (TypeError, ValueError, KeyError):
        return None


def append_record(path: Path, record: FilmRecord) -> None:
    """Keep one more. Raises StorageError."""
    with disk_errors(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(record)) + "\n")
