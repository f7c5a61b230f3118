"""Draft a preliminary report of one film: written by the reader, checked against the segmentation."""

import hashlib
import json
import numbers
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pedaxr.audit.trail import audited, note
from pedaxr.clinic.provenance import Provenance, provenance
from pedaxr.errors import InvalidRequest
from pedaxr.reading import networks as models
from pedaxr.reading.notes import by_hand_flags, decided_by_hand, same_picture_flags
from pedaxr.reading.operating_points import operating_points
from pedaxr.reading.read_film import Reading, find_source, read_film
from pedaxr.registry.film_identity import film_identity
from pedaxr.reports.ahead import begin_earlier, draft_of
from pedaxr.reports.check_draft import CheckedDraft, check_draft, in_a_word
from pedaxr.reports.comparison import NOT_COMPARED_FILM, ComparedWithEarlier, compare_with_earlier
from pedaxr.reports.consistency import without_contradictions
from pedaxr.reports.current import in_context
from pedaxr.reports.flags import VIEW_CONTRADICTED
from pedaxr.reports.human_words import UNDETERMINED
from pedaxr.reports.prose.tubes import seen_tube, tube_sentence
from pedaxr.reports.sections import compose_sections, present_findings, sections_in_doubt, standing_text
from pedaxr.stage_times import stage
from pedaxr.text import request_text
from pedaxr.types import Report, Supplied
from pedaxr_models.labels import LABELS, NORMAL, View
from pedaxr_models.runtime.threads import begin
from pedaxr_models.written.ages import OLDEST_MONTHS
from pedaxr_models.written.views import view_in

if TYPE_CHECKING:
    from pedaxr.clinic import ClinicLike
    from pedaxr.clinic.annotate import HumanDecision
    from pedaxr.radiograph.in_memory import FilmLike
    from pedaxr_models.captioning.film_reporter import FilmReporter
    from pedaxr_models.datasets.film import FilmMetadata
    from pedaxr_models.tubes.finder import TubeFinder


@audited
def generate_report(
    study_id: str | None = None,
    *,
    file: "FilmLike | None" = None,
    view: View | str | None = None,
    age_months: float | None = None,
    indication: str | None = None,
    working_diagnosis: str | None = None,
    clinic: "ClinicLike | None" = None,
) -> Report:
    """Draft a report of a registered study's film, of a PNG, JPEG or DICOM file, or of a film in memory.

    The same film, weights and request give the same report_id; of a study, the stored report is returned.

    Args:
        study_id: from find_patient. Either this or `file`.
        file: a film outside any registry, as `segment_xray` takes it; its report is not stored.
        view: how the child lay or stood, in any usual words; overrides what the registry or the file says.
        age_months: at the study, from 0 to 130 years; overrides likewise.
        indication: reason for the film, or what is asked of it: quoted in the report as data, and answered.
            Of a registered study the report writer is shown what its request says, and never this.
        working_diagnosis: a label of `pedaxr_models.labels.LABELS`; context, never evidence; likewise.
        clinic: or its folder; by default the one of `open_clinic()`; a file needs none.

    Raises:
        InvalidRequest, StudyNotFound, UnreadableImage, NotAnAbdominalFilm, ModelUnavailable, StorageError.
    """
    given_view, age_months = _view(view), _age(age_months)
    if working_diagnosis is not None and working_diagnosis not in LABELS:
        raise InvalidRequest(
            f"working_diagnosis must be one of {', '.join(LABELS)}, or left out. "
            "Put any other into indication."
        )
    if not isinstance(indication, str | None):
        raise InvalidRequest("indication, the reason for the film, must be text, or left out.")
    source = find_source(study_id, file, clinic)
    reporter = models.reporter()  # before the film is segmented: without it there is no report
    note(weights=reporter.weights_sha256)
    reading = read_film(source)
    indication = request_text(indication) if indication else None
    given = {
        "view": given_view,
        "age_months": age_months,
        "indication": indication,
        "working_diagnosis": working_diagnosis,
    }
    metadata = replace(reading.metadata, **{k: v for k, v in given.items() if v is not None})  # type: ignore[arg-type]
    supplied = _Supplied(
        _both(reading.metadata.indication, indication),
        _both(reading.metadata.working_diagnosis, working_diagnosis),
    )
    shown = reading.metadata if source.study is not None else metadata
    report = _draft(replace(reading, metadata=metadata), reporter, supplied, shown)
    if source.study is not None and source.clinic is not None:
        return in_context(source.clinic.registry.save_report(report), clinic=source.clinic)
    return report


def _view(given: View | str | None) -> View | None:
    """Raises InvalidRequest where the words name none of the three views, or several."""
    if given is None or isinstance(given, View):
        return given
    named = given if isinstance(given, str) else ""
    view = View(named) if named in set(View) else view_in(named)
    if view is None:
        raise InvalidRequest(f"The view must be one of {', '.join(View)}, or left out.")
    return view


def _age(given: float | None) -> float | None:
    """Raises InvalidRequest where nobody can be so old."""
    if given is None:
        return None
    is_number = isinstance(given, numbers.Real) and not isinstance(given, bool)
    if not is_number or not 0 <= given <= OLDEST_MONTHS:
        raise InvalidRequest(
            f"age_months, the age at the film, must be a number from 0 to {OLDEST_MONTHS}, or left out."
        )
    return float(given)


@dataclass(frozen=True)
class _Supplied:
    """Why the film was made and what was suspected, by whom; what is on the request is never replaced."""

    indications: list[Supplied]
    working_diagnoses: list[Supplied]


def _both(requested: str | None, given: str | None) -> list[Supplied]:
    """On the request first; the same words again count once."""
    requested = request_text(requested) if requested else None
    told = [Supplied(text=requested, source="request")] if requested else []
    if given and given != requested:
        told.append(Supplied(text=given, source="chat"))
    return told


@dataclass(frozen=True)
class _Told:
    """What the sentences of a draft do not say themselves.

    Attributes:
        past: how the film compares with an earlier one.
        image_dependence: how much the draft hangs on the film, from 0 to 1.
        on_film: flags of the film, not of its sentences.
        model: names and digests of the networks that wrote it.
    """

    reading: Reading
    supplied: _Supplied
    past: ComparedWithEarlier
    image_dependence: float
    on_film: list[str]
    model: str
    trained: Provenance

    def report(self, checked: CheckedDraft) -> Report:
        """Without its id, which hangs on the words."""
        reading, is_read = self.reading, not checked.in_doubt
        study = reading.source.study
        requests = [one.text for one in self.supplied.indications]
        return Report(
            report_id=_NOT_YET,
            study_id=study.study_id if study else None,
            created_at=datetime.now(UTC),
            film=film_identity(study, reading.metadata),
            critical=list(checked.critical),
            critical_certainty=checked.critical,
            not_assessed=checked.not_assessed,
            indications=self.supplied.indications,
            working_diagnoses=self.supplied.working_diagnoses,
            comparison=self.past.data,
            in_doubt=checked.in_doubt,
            label=_label(checked),
            narrative=standing_text(checked.sentences),
            sections=_sections(reading, checked, self.past.text, requests),
            sentences=checked.sentences,
            findings=checked.findings,
            measures=reading.measures if is_read else {},
            flags=[*self.on_film, *checked.flags],
            confidence=round(checked.confidence, 3) if is_read else None,
            sureness=in_a_word(checked.confidence) if is_read else None,
            image_dependence=self.image_dependence,
            image_sha256=reading.radiograph.sha256,
            model=self.model,
            trained_on=self.trained.trained_on,
            data_statement=self.trained.statement,
        )


def _draft(
    reading: Reading, reporter: "FilmReporter", supplied: _Supplied, request: "FilmMetadata"
) -> Report:
    if not reading.doubts:  # else it is compared with nothing, and no tube is told
        begin_earlier(reading.source)
        begin(lambda: tube_sentence(reading))  # looked for while the draft is written
    with stage("write_report"):
        narrative = draft_of(_of_request(reading, request), reporter)
    with stage("check_report"):
        decided = decided_by_hand(reading)
        checked = check_draft(reading, narrative, operating_points(), supplied.working_diagnoses, decided)
    told = _told(reading, reporter, supplied, checked, decided, narrative.image_dependence)
    report = without_contradictions(told.report, checked)
    return report.model_copy(update={"report_id": _report_id(reading, reporter, report, supplied)})


def _of_request(reading: Reading, request: "FilmMetadata") -> Reading:
    """As the report writer is told of the film: by its request, and not by what a conversation asks.

    Were a question shown to a network, what is seen on one film would hang on how it is worded.
    """
    metadata = replace(
        reading.metadata, indication=request.indication, working_diagnosis=request.working_diagnosis
    )
    return replace(reading, metadata=metadata)


def _told(
    reading: Reading,
    reporter: "FilmReporter",
    supplied: _Supplied,
    checked: CheckedDraft,
    decided: "Sequence[HumanDecision]",
    image_dependence: float,
) -> _Told:
    requests = [one.text for one in supplied.indications]
    past = NOT_COMPARED_FILM if checked.in_doubt else compare_with_earlier(reading, checked, requests)
    outlined = [] if checked.in_doubt else [region.name for region in reading.findings]
    on_film = [*same_picture_flags(reading), *by_hand_flags(decided, outlined)]
    finder = models.tube_finder() if seen_tube(checked.sentences) else None
    trained = provenance(reading.segmenter, reporter, *([finder] if finder else []))
    written = [reading.model_name, *(_model_name(one) for one in (reporter, finder) if one)]
    return _Told(reading, supplied, past, image_dependence, on_film, "; ".join(written).strip(), trained)


def _model_name(network: "FilmReporter | TubeFinder") -> str:
    return f"{network.name} {network.weights_sha256[:12]}"


_NOT_YET = "R"  # the id, while the words that it hangs on are being found


def _label(checked: CheckedDraft) -> str | None:
    """The most urgent finding; none of a film in doubt, and not normal where something is suspected.

    Nor where something is outlined that the stated view cannot show: the film may be of another.
    """
    present = present_findings(checked.findings)
    if checked.in_doubt:
        return None
    if present:
        return present[0].value
    return UNDETERMINED if checked.critical or VIEW_CONTRADICTED in checked.flags else NORMAL


def _sections(
    reading: Reading, checked: CheckedDraft, comparison: str, requests: list[str]
) -> dict[str, str]:
    if checked.in_doubt:
        return sections_in_doubt(reading, checked.in_doubt, requests)
    return compose_sections(
        reading,
        checked.sentences,
        checked.findings,
        checked.limits,
        comparison=comparison,
        is_withheld=checked.is_withheld,
        requests=requests,
    )


def _report_id(reading: Reading, reporter: "FilmReporter", report: Report, supplied: "_Supplied") -> str:
    """Digest of all that decides what the report says: the idempotency key of storing it.

    The words are among it: with the rules of a later pedaxr the draft is another, and a stored one that those
    would not write any more is not given back.
    """
    metadata = reading.metadata
    request = [
        reading.source.study.study_id if reading.source.study else None,
        reading.radiograph.sha256,
        reading.segmenter.weights_sha256,
        reporter.weights_sha256,
        metadata.view,
        metadata.age_months,
        metadata.patient_sex,
        [one.model_dump() for one in supplied.indications],
        [one.model_dump() for one in supplied.working_diagnoses],
        operating_points().figures,
        [report.label, report.in_doubt, report.sections, report.flags],
    ]
    return "R" + hashlib.sha256(json.dumps(request).encode()).hexdigest()[:20]
