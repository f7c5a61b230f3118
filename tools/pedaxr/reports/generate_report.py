"""Draft a preliminary report of one film: written by the reader, checked against the segmentation."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import audited, note
from pedaxr.errors import InvalidRequest
from pedaxr.reading import networks as models
from pedaxr.reading.notes import NoteKind, no_finding_because, texts
from pedaxr.reading.operating_points import OperatingPoints, operating_points
from pedaxr.reading.provenance import provenance
from pedaxr.reading.read_film import Reading, find_source, read_film
from pedaxr.registry.film_identity import film_identity
from pedaxr.reports.comparison import compare_with_earlier
from pedaxr.reports.current import in_context
from pedaxr.reports.flags import flags_of, least_sure, suspicion_of_free_air
from pedaxr.reports.grounding import check_sentences, structure_findings
from pedaxr.reports.sections import (
    NOT_COMPARED,
    compose_sections,
    critical_findings,
    present_findings,
    sections_in_doubt,
    standing_text,
)
from pedaxr.text import printable
from pedaxr.types import Report, Sentence, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, LABELS, NORMAL, Finding, View

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr_models.captioning.film_reporter import FilmReporter, Narrative

# Below this no word of the report depends on the film: whatever it says was not read off it.
LEAST_DEPENDENCE = 0.05
AFFIRMED = 0.5  # from this probability the report writer's own finding of free air is heard in any case
WRITER_CANNOT_READ = "The report writer says that it cannot read this film."


@audited
def generate_report(
    study_id: str | None = None,
    *,
    file: Path | None = None,
    view: View | None = None,
    age_months: float | None = None,
    indication: str | None = None,
    working_diagnosis: str | None = None,
    clinic: "Clinic | None" = None,
) -> Report:
    """Draft a report of a registered study's film, or of a PNG, JPEG or DICOM file.

    The same film, weights and request give the same report_id; of a study, the stored report is returned.

    Args:
        study_id: from find_patient. Either this or `file`.
        file: a film outside any registry; its report is not stored.
        view: how the child lay or stood; overrides what the registry or the file says.
        age_months: at the study; overrides likewise.
        indication: reason for the film, quoted in the report as data.
        working_diagnosis: a label of `pedaxr_models.labels.LABELS`; context, never evidence.
        clinic: by default the one of `open_clinic()`; a file needs none.

    Raises:
        InvalidRequest, StudyNotFound, UnreadableImage, NotAnAbdominalFilm, ModelUnavailable, StorageError.
    """
    if working_diagnosis is not None and working_diagnosis not in LABELS:
        raise InvalidRequest(f"working_diagnosis must be one of {', '.join(LABELS)}, or left out.")
    source = find_source(study_id, file, clinic)
    reporter = models.reporter()  # before the film is segmented: without it there is no report
    note(weights=reporter.weights_sha256)
    reading = read_film(source)
    given = {
        "view": view,
        "age_months": age_months,
        "indication": printable(indication) if indication else None,
        "working_diagnosis": working_diagnosis,
    }
    metadata = replace(reading.metadata, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    reading = replace(reading, metadata=metadata)
    report = _draft(reading, reporter)
    if source.study is not None and source.clinic is not None:
        return in_context(source.clinic.registry.save_report(report), clinic=source.clinic)
    return report


@dataclass(frozen=True)
class CheckedDraft:
    """What both witnesses leave of a draft.

    Attributes:
        in_doubt: why the film gives no finding at all, and what to do; None where it was read.
        is_withheld: the report writer does not look at the film: none of its sentences is shown.
        critical: findings to tell a human about now.
        confidence: calibrated, that the report names exactly the findings that the film shows.
    """

    is_withheld: bool
    sentences: list[Sentence]
    findings: list[StructuredFinding]
    critical: list[str]
    flags: list[str]
    confidence: float
    in_doubt: str | None = None


def check_draft(reading: Reading, told: "Narrative", points: OperatingPoints) -> CheckedDraft:
    """Hold what the reader tells of a film against what is outlined on it."""
    if reasons := [*reading.doubts, *([WRITER_CANNOT_READ] if told.is_refusal else [])]:
        return _nothing_because(reasons)
    view, outlined = reading.metadata.view, reading.findings
    is_withheld = told.image_dependence < LEAST_DEPENDENCE
    drafted = () if is_withheld else told.sentences
    support = points.least_support
    sentences = check_sentences(
        drafted, outlined, view, least_support=support, probabilities=told.probabilities
    )
    findings = structure_findings(drafted, outlined, told.probabilities, view, least_support=support)
    air = told.probabilities.get(Finding.PNEUMOPERITONEUM, 0.0)
    if air < AFFIRMED and reading.counted.has_left_out(Finding.PNEUMOPERITONEUM):
        air = 0.0  # the writer is shown the outlines: it faintly suspects the one that does not count
    suspicion = suspicion_of_free_air(findings, air, reading.faint_free_air, points)
    flags = flags_of(sentences, findings, outlined, reading.metadata, points, told.probabilities)
    critical = critical_findings(findings, is_suspected=bool(suspicion))
    small = texts(reading.notes, NoteKind.SMALL)
    flags = [*_withheld_flags(told), *suspicion, *flags, *small]
    confidence = points.confidence(least_sure(told.probabilities, outlined, view)[0])
    return CheckedDraft(is_withheld, sentences, findings, critical, flags, confidence)


def _nothing_because(reasons: list[str]) -> CheckedDraft:
    """Of a film in doubt no finding is present or absent, and none is critical."""
    findings = [
        StructuredFinding(finding=finding, presence=Presence.NOT_ASSESSED, agreed=True)
        for finding in FINDINGS
    ]
    return CheckedDraft(True, [], findings, [], reasons, 0.0, no_finding_because(reasons))


def _draft(reading: Reading, reporter: "FilmReporter") -> Report:
    told = reporter.describe(reading.film, reading.segmentation, reading.metadata)
    checked = check_draft(reading, told, operating_points())
    comparison = NOT_COMPARED if checked.in_doubt else compare_with_earlier(reading)
    trained = provenance(reading.segmenter, reporter)
    return Report(
        report_id=_report_id(reading, reporter, comparison),
        study_id=reading.source.study.study_id if reading.source.study else None,
        created_at=datetime.now(UTC),
        critical=checked.critical,
        in_doubt=checked.in_doubt,
        label=_label(checked),
        narrative=standing_text(checked.sentences),
        sections=_sections(reading, checked, comparison),
        sentences=checked.sentences,
        findings=checked.findings,
        measures={} if checked.in_doubt else reading.measures,
        flags=checked.flags,
        confidence=None if checked.in_doubt else round(checked.confidence, 3),
        image_dependence=told.image_dependence,
        image_sha256=reading.radiograph.sha256,
        model=f"{reading.model_name}; {reporter.name} {reporter.weights_sha256[:12]}".strip(),
        film=film_identity(reading.source.study, reading.metadata),
        trained_on=trained.trained_on,
        data_statement=trained.statement,
    )


def _label(checked: CheckedDraft) -> str | None:
    present = present_findings(checked.findings)
    if checked.in_doubt:
        return None
    return present[0].value if present else NORMAL


def _sections(reading: Reading, checked: CheckedDraft, comparison: str) -> dict[str, str]:
    if checked.in_doubt:
        return sections_in_doubt(reading, checked.in_doubt)
    return compose_sections(
        reading,
        checked.sentences,
        checked.findings,
        indication=reading.metadata.indication,
        comparison=comparison,
        critical=checked.critical,
        is_withheld=checked.is_withheld,
    )


def _withheld_flags(told: "Narrative") -> list[str]:
    if told.image_dependence < LEAST_DEPENDENCE:
        return [f"Image dependence is {told.image_dependence:.2f}: the narrative was withheld."]
    return []


def _report_id(reading: Reading, reporter: "FilmReporter", comparison: str) -> str:
    """Digest of all that decides what the report says: the idempotency key of storing it."""
    metadata = reading.metadata
    request = [
        reading.source.study.study_id if reading.source.study else None,
        reading.radiograph.sha256,
        reading.segmenter.weights_sha256,
        reporter.weights_sha256,
        metadata.view,
        metadata.age_months,
        metadata.patient_sex,
        metadata.indication,
        metadata.working_diagnosis,
        asdict(operating_points()),
        comparison,
    ]
    return "R" + hashlib.sha256(json.dumps(request).encode()).hexdigest()[:20]
