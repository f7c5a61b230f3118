"""The audit trail as FHIR AuditEvent resources, one JSON object a line, in the patterns of IHE BALP.

R4 (4.0.1) by default, the version of the Basic Audit Log Patterns 1.1; R5 (5.0.0) on request. Searches are
Patient queries with the query as given, base64 as FHIR wants it; reads, writes and deletes name patient and
study. Sources: https://profiles.ihe.net/ITI/BALP/ and http://hl7.org/fhir/R5/auditevent.html.
"""

import base64
import json
from collections.abc import Iterator
from typing import Any, Literal

from pedaxr.audit_chain import OK, Entry, Link

Version = Literal["R4", "R5"]
Resource = dict[str, Any]

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_KIND = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_EVENT = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_RESTFUL = "http://hl7.org/fhir/restful-interaction"
_BALP = "https://profiles.ihe.net/ITI/BALP/StructureDefinition"
_OURS = "urn:pedaxr:audit"
_SEARCHES = frozenset({"find_patient", "complete"})
_CREATES = frozenset({"register", "import", "report", "finalise", "amend", "adopt_report", "begin"})
_UPDATES = frozenset({"rename", "merge", "assign", "restore"})
_PROFILES = {
    "E": "IHE.BasicAudit.PatientQuery",
    "R": "IHE.BasicAudit.PatientRead",
    "C": "IHE.BasicAudit.PatientCreate",
    "U": "IHE.BasicAudit.PatientUpdate",
    "D": "IHE.BasicAudit.PatientDelete",
}
_INTERACTIONS = {"E": "search", "R": "read", "C": "create", "U": "update", "D": "delete"}


def audit_events(links: Iterator[Link], *, chain: str, version: Version = "R4") -> Iterator[str]:
    """One line of NDJSON for each entry."""
    for link in links:
        event = _r5(link, chain) if version == "R5" else _r4(link, chain)
        yield json.dumps(event, ensure_ascii=False)


def _r4(link: Link, chain: str) -> Resource:
    entry, action = link.entry, _action(link.entry)
    is_ok = entry.outcome == OK
    return {
        "resourceType": "AuditEvent",
        **_identity(link, chain, action),
        "type": _coding(_EVENT, "rest", "RESTful Operation"),
        "subtype": [_coding(_RESTFUL, _INTERACTIONS[action]), _coding(_OURS, entry.action)],
        "action": action,
        "recorded": entry.at,
        "outcome": "0" if is_ok else "4",
        **({} if is_ok else {"outcomeDesc": entry.outcome}),
        "agent": [
            {
                "type": {"coding": [_coding(_DCM, "110153", "Source Role ID")]},
                "who": {"display": entry.client or "unknown"},
                "requestor": False,
            },
            {
                "type": {
                    "coding": [_coding("http://terminology.hl7.org/CodeSystem/v3-ParticipationType", "IRCP")]
                },
                "who": {"identifier": {"value": entry.user or "unknown"}},
                "requestor": True,
            },
        ],
        "source": {
            "observer": {"display": "pedaxr"},
            "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4")],
        },
        "entity": list(_entities_r4(entry)),
    }


def _r5(link: Link, chain: str) -> Resource:
    entry, action = link.entry, _action(link.entry)
    is_ok = entry.outcome == OK
    outcome = _coding("http://terminology.hl7.org/CodeSystem/issue-severity", "success" if is_ok else "error")
    patients = [{"identifier": {"value": patient_id}} for patient_id in entry.patient_ids]
    return {
        "resourceType": "AuditEvent",
        **_identity(link, chain, action),
        "category": [{"coding": [_coding(_EVENT, "rest", "RESTful Operation")]}],
        "code": {"coding": [_coding(_RESTFUL, _INTERACTIONS[action]), _coding(_OURS, entry.action)]},
        "action": action,
        "recorded": entry.at,
        "outcome": {"code": outcome, **({} if is_ok else {"detail": [{"text": entry.outcome}]})},
        "agent": [
            {"who": {"display": entry.client or "unknown"}, "requestor": False},
            {"who": {"identifier": {"value": entry.user or "unknown"}}, "requestor": True},
        ],
        "source": {"observer": {"display": "pedaxr"}},
        **({"patient": patients[0]} if len(patients) == 1 else {}),
        "entity": [_as_r5(entity) for entity in _entities_r4(entry)],
    }


def _identity(link: Link, chain: str, action: str) -> Resource:
    return {
        "id": link.entry.entry_id,
        "meta": {"profile": [f"{_BALP}/{_PROFILES[action]}"]},
        "extension": [
            {"url": f"{_OURS}:chain", "valueString": chain},
            {"url": f"{_OURS}:sequence", "valueString": str(link.sequence)},
            {"url": f"{_OURS}:hash", "valueString": link.hash},
        ],
    }


def _entities_r4(entry: Entry) -> Iterator[Resource]:
    """Patients, study, report, query, the request, and what the networks were."""
    for patient_id in entry.patient_ids:
        yield _entity("1", "1", "Patient", {"what": {"identifier": {"value": patient_id}}})
    if entry.study_id:
        hashes = [{"type": "image-sha256", "valueString": entry.image_sha256}] if entry.image_sha256 else []
        hashes += [{"type": "weights-sha256", "valueString": weights} for weights in entry.weights]
        what = {"what": {"identifier": {"value": entry.study_id}}}
        yield _entity("2", "3", "Report", what | ({"detail": hashes} if hashes else {}))
    if entry.report_id:
        yield _entity("2", "4", "Domain Resource", {"what": {"identifier": {"value": entry.report_id}}})
    if entry.query is not None:
        encoded = base64.b64encode(entry.query.encode()).decode()
        yield _entity("2", "24", "Query", {"query": encoded})
    if entry.request_id:
        yield {
            "what": {"identifier": {"value": entry.request_id}},
            "type": _coding(
                "https://profiles.ihe.net/ITI/BALP/CodeSystem/BasicAuditEntityType", "XrequestId"
            ),
        }
    if entry.detail:
        yield _entity("4", "20", "Job", {"detail": [{"type": "detail", "valueString": entry.detail}]})


def _entity(kind: str, role: str, display: str, content: Resource) -> Resource:
    return {**content, "type": _coding(_KIND, kind), "role": _coding(_ROLE, role, display)}


def _as_r5(entity: Resource) -> Resource:
    """R5 has no type of an entity, a CodeableConcept as role, and details whose type is one too."""
    changed = {name: value for name, value in entity.items() if name != "type"}
    if "role" in entity:
        changed["role"] = {"coding": [entity["role"]]}
    if "detail" in entity:
        changed["detail"] = [
            {"type": {"text": one["type"]}, "valueString": one["valueString"]} for one in entity["detail"]
        ]
    return changed


def _action(entry: Entry) -> str:
    if entry.action in _SEARCHES:
        return "E"
    if entry.action == "delete":
        return "D"
    if entry.action in _CREATES:
        return "C"
    return "U" if entry.action in _UPDATES else "R"


def _coding(system: str, code: str, display: str | None = None) -> Resource:
    return {"system": system, "code": code, **({"display": display} if display else {})}
