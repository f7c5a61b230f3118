"""Draft a preliminary report of one film: written by the reader, checked against the segmentation."""

import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr import models
from pedaxr.audit import audited, note
from pedaxr.comparison import compare_with_earlier
from pedaxr.compose import compose_sections, critical_findings, present_findings, standing_text
from pedaxr.errors import InvalidRequest
from pedaxr.flags import flags_of
from pedaxr.printable import printable
from pedaxr.reading import Reading, find_source, read_film
from pedaxr.segment_xray import model_name
from pedaxr.types import Report
from pedaxr.verify import check_sentences, structure_findings
from pedaxr_models.labels import LABELS, NORMAL, View

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr_models.runtime.film_reporter import FilmReporter, Narrative

# Below this no word of the report depends on the film: whatever it says was not read off it.
LEAST_DEPENDENCE = 0.05
DATA_STATEMENT = (
    "Both networks were trained on synthetic films from pedaxr's own generator; figures in their model cards "
    "hold for such films only."
)


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
        return source.clinic.registry.save_report(report)
    return report


def _draft(reading: Reading, reporter: "FilmReporter") -> Report:
    told = reporter.describe(reading.radiograph.pixels, reading.segmentation, reading.metadata)
    is_withheld = told.is_refusal or told.image_dependence < LEAST_DEPENDENCE
    drafted = () if is_withheld else told.sentences
    view = reading.metadata.view
    sentences = check_sentences(drafted, reading.findings, view)
    findings = structure_findings(drafted, reading.findings, told.probabilities, view)
    present = present_findings(findings)
    return Report(
        report_id=_report_id(reading, reporter),
        study_id=reading.source.study.study_id if reading.source.study else None,
        created_at=datetime.now(UTC),
        critical=critical_findings(findings),
        label=present[0].value if present else NORMAL,
        narrative=standing_text(sentences),
        sections=compose_sections(
            reading,
            sentences,
            findings,
            indication=reading.metadata.indication,
            comparison=compare_with_earlier(reading),
            is_withheld=is_withheld,
        ),
        sentences=sentences,
        findings=findings,
        measures=reading.measures,
        flags=[
            *_withheld_flags(told),
            *flags_of(sentences, findings, reading.findings, reading.metadata, confidence=told.confidence),
        ],
        image_dependence=told.image_dependence,
        image_sha256=reading.radiograph.sha256,
        model=f"{model_name(reading)}; {reporter.name} {reporter.weights_sha256[:12]}".strip(),
        data_statement=DATA_STATEMENT,
    )


def _withheld_flags(told: "Narrative") -> list[str]:
    if told.is_refusal:
        return ["The reader says that it cannot read this film: nothing it would say is shown."]
    if told.image_dependence < LEAST_DEPENDENCE:
        return [f"Image dependence is {told.image_dependence:.2f}: the narrative was withheld."]
    return []


def _report_id(reading: Reading, reporter: "FilmReporter") -> str:
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
    ]
    return "R" + hashlib.sha256(json.dumps(request).encode()).hexdigest()[:20]
