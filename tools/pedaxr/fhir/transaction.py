"""A study's report as one FHIR R4 transaction: what was seen, by which device, and who answers for it."""

from base64 import b64encode
from datetime import datetime
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, note
from pedaxr.errors import InvalidRequest
from pedaxr.fhir.elements import (
    ISSUER,
    Resource,
    Transaction,
    asserted_by,
    coding,
    concept,
    found_by,
    term,
)
from pedaxr.fhir.observations import category, observation_identifier, observed
from pedaxr.reports.current import current_report
from pedaxr.reports.generate_report import generate_report
from pedaxr.reports.heading import critical_line
from pedaxr.types import Report
from pedaxr_models.codes import AI_FAMILY, RADIOGRAPH

if TYPE_CHECKING:
    from pydicom import Dataset

    from pedaxr.clinic import Clinic
    from pedaxr.records import Study


def transaction_of(clinic: "Clinic", study_id: str) -> Resource:
    """The study's report as it stands: signed, or else the newest draft; one is drafted where there is none.

    Resources are created only where the server has none with their identifier, so the same transaction twice
    changes nothing. The patient is named by the id alone.

    Raises:
        StudyNotFound, UnreadableImage, NotAnAbdominalFilm, ModelUnavailable, StorageError.
    """
    with accessing(clinic.home, "export_fhir", study_id=study_id):
        study = clinic.registry.study(study_id)
        report = current_report(study_id, clinic=clinic, as_made=True) or generate_report(
            study_id, clinic=clinic
        )
        note(report_id=report.report_id, patient_ids=[study.patient_id])
        return _transaction(report, study)


def _transaction(report: Report, study: "Study") -> Resource:
    made = Transaction(report)
    subject = {"type": "Patient", "identifier": {"system": "urn:pedaxr:patient", "value": study.patient_id}}
    device = _add_device(made)
    images = _add_images(made, study, _header(study), subject)
    shared = {
        "subject": subject,
        **({"effectiveDateTime": f"{study.study_date}"} if study.study_date else {}),
    }
    results = [
        made.add(
            "Observation",
            {
                "meta": asserted_by(human=one.by_human),
                "identifier": [identifier := observation_identifier(report, one.key)],
                "status": report.status,
                "category": category(),
                **shared,
                "issued": _instant(report.signed_at or report.created_at),
                "device": device,
                "derivedFrom": [images],
                **one.content,
            },
            one.key,
            found_by=found_by(identifier),
        )
        for one in observed(report)
    ]
    _add_report(made, shared, images, results)
    _add_provenance(made, device, images, results)
    return made.bundle()


def _add_device(made: Transaction) -> Resource:
    """The networks, by their names and the digests of their weights."""
    identifier = {"system": "urn:pedaxr:device", "value": made.report.model}
    device = {
        "identifier": [identifier],
        "manufacturer": "pedaxr",
        "deviceName": [{"name": "pedaxr", "type": "user-friendly-name"}],
        "type": {"coding": [coding(AI_FAMILY)]},
        "version": [{"value": made.report.model}],
    }
    return made.add("Device", device, found_by=found_by(identifier))


def _header(study: "Study") -> "Dataset | None":
    """Of the film; None where it is no DICOM file of an archive."""
    from pedaxr.dicom_objects.header import read_header

    try:
        return read_header(study.image_path)
    except InvalidRequest:
        return None


def _add_images(made: Transaction, study: "Study", header: "Dataset | None", subject: Resource) -> Resource:
    """The study, by the identifier that the archive has it under; of a film without one by ours."""
    identifier = {"system": "urn:pedaxr:study", "value": study.study_id}
    if header is not None:
        identifier = {"system": "urn:dicom:uid", "value": f"urn:oid:{header.StudyInstanceUID}"}
    images: Resource = {
        "identifier": [identifier],
        "status": "available",
        "subject": subject,
        **({"started": f"{study.study_date}"} if study.study_date else {}),
        **({"series": [_series(header)]} if header is not None else {}),
    }
    return made.add("ImagingStudy", images, found_by=found_by(identifier))


def _series(header: "Dataset") -> Resource:
    """The film's own series. What is made of it is named only by the archive that holds it."""
    of_class = {"system": "urn:ietf:rfc:3986", "code": f"urn:oid:{header.SOPClassUID}"}
    return {
        "uid": str(header.SeriesInstanceUID),
        "modality": {
            "system": "http://dicom.nema.org/resources/ontology/DCM",
            "code": str(header.get("Modality") or "CR"),
        },
        "instance": [{"uid": str(header.SOPInstanceUID), "sopClass": of_class}],
    }


def _add_report(made: Transaction, shared: Resource, images: Resource, results: list[Resource]) -> None:
    report = made.report
    identifier = {"system": ISSUER, "value": f"{report.report_id}/{report.version}"}
    sections = [f"{name}: {said}" for name, said in report.sections.items() if said]
    critical = critical_line(report.critical, report.critical_certainty)
    said = [*filter(None, [critical]), *sections, *(f"Check: {flag}" for flag in report.flags)]
    is_signed = report.status != "preliminary"
    title = f"Signed by {report.signed_by}" if is_signed else "AI draft, preliminary, not verified"
    content: Resource = {
        "meta": asserted_by(human=is_signed),
        "identifier": [identifier],
        "status": report.status,
        "category": [{"coding": [term("v2-0074", "RAD", "Radiology")]}],
        "code": concept(RADIOGRAPH, "Plain radiograph of the abdomen"),
        **shared,
        "issued": _instant(report.signed_at or report.created_at),
        **({"resultsInterpreter": [{"display": report.signed_by}]} if is_signed else {}),
        "result": results,
        "imagingStudy": [images],
        "conclusion": f"{title}. {report.sections.get('Impression', '')} {report.disclaimer}",
        "presentedForm": [
            {
                "contentType": "text/plain; charset=utf-8",
                "language": "en",
                "data": b64encode("\n".join([title, report.disclaimer, *said]).encode()).decode(),
                "title": title,
            }
        ],
    }
    made.add("DiagnosticReport", content, found_by=found_by(identifier))


def _add_provenance(made: Transaction, device: Resource, images: Resource, results: list[Resource]) -> None:
    """Who made the report of what. A Provenance has no identifier: a tag finds it again."""
    report = made.report
    tag = {"system": ISSUER, "code": f"{report.report_id}/{report.version}"}
    agents = [_agent("author", "Author", device)]
    if report.signed_by is not None:
        agents.append(_agent("verifier", "Verifier", {"display": report.signed_by}))
    content: Resource = {
        "meta": {**asserted_by(human=False), "tag": [tag]},
        "target": [{"reference": made.name("DiagnosticReport")}, *results],
        "recorded": _instant(report.signed_at or report.created_at),
        "activity": {"coding": [term("v3-DataOperation", "CREATE", "create")]},
        "agent": agents,
        "entity": [{"role": "source", "what": images}],
    }
    made.add("Provenance", content, found_by=f"_tag={ISSUER}|{tag['code']}")


def _agent(code: str, display: str, who: Resource) -> Resource:
    return {"type": {"coding": [term("provenance-participant-type", code, display)]}, "who": who}


def _instant(at: datetime) -> str:
    """A moment, to the second (FHIR instant)."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
