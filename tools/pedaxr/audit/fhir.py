"""The audit trail as FHIR AuditEvent resources, one JSON object a line, in the patterns of IHE BALP.

R4 (4.0.1) by default, the version of the Basic Audit Log Patterns 1.1: one event for each patient, and the
profile named in it where the event has all that the profile asks for. What was refused or failed, and what
concerns no resource, names none. R5 (5.0.0) on request, for which there are no such profiles: one event for
each entry. Entries of digests (`state`) are left out: the act whose rows they bind has an entry of its own,
so the numbers of events have gaps where they stand. Searches hold the query as given, base64 as FHIR wants
it. Client and server are known by their names, not by addresses.

Sources: https://profiles.ihe.net/ITI/BALP/ and http://hl7.org/fhir/R5/auditevent.html.
"""

import base64
import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal
from urllib.parse import quote

from pedaxr.audit.chain import OK, STATE, Entry, Link

Version = Literal["R4", "R5"]
Resource = dict[str, Any]

_DCM = "http://dicom.nema.org/resources/ontology/DCM"
_ROLE = "http://terminology.hl7.org/CodeSystem/object-role"
_KIND = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_EVENT = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_PART = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType"
_PROVENANCE = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_RESTFUL = "http://hl7.org/fhir/restful-interaction"
_BALP = "https://profiles.ihe.net/ITI/BALP"
_OURS = "urn:pedaxr:audit"
_SERVER = {"display": "pedaxr"}
_SEARCHES = frozenset({"find_patient", "complete", "query"})
_CREATES = frozenset(
    {"register", "import", "report", "finalise", "amend", "annotate", "adopt_report", "begin", "send"}
)
_UPDATES = frozenset({"rename", "complete", "merge", "assign", "restore", "move_film"})
_PROFILES = {"E": "Query", "R": "Read", "C": "Create", "U": "Update", "D": "Delete"}
_INTERACTIONS = {"E": "search", "R": "read", "C": "create", "U": "update", "D": "delete"}
_SOURCE, _DESTINATION = (_DCM, "110153", "Source Role ID"), (_DCM, "110152", "Destination Role ID")
_RECIPIENT, _AUTHOR = (_PART, "IRCP", "information recipient"), (_PART, "AUT", "Author")
# What client, server and user are in each kind of event: in searches the question flows, in reads the answer.
_PARTS = {
    "E": (_SOURCE, _DESTINATION, _RECIPIENT),
    "R": (_DESTINATION, _SOURCE, _RECIPIENT),
    "C": (_SOURCE, _DESTINATION, _AUTHOR),
    "U": (_SOURCE, _DESTINATION, _AUTHOR),
    "D": ((_DCM, "110150", "Application"), (_PROVENANCE, "custodian", "Custodian"), _AUTHOR),
}


def audit_events(links: Iterator[Link], *, chain: str, version: Version = "R4") -> Iterator[str]:
    """Lines of NDJSON: one for each entry, in R4 one for each patient of it."""
    for link in links:
        if link.entry.action == STATE:
            continue  # digests of rows, which the entry of the act itself is about
        events = [_r5(link, chain)] if version == "R5" else _r4(link, chain)
        for event in events:
            yield json.dumps(event, ensure_ascii=False)


def _r4(link: Link, chain: str) -> Iterator[Resource]:
    entry, action = link.entry, _action(link.entry)
    is_ok = entry.outcome == OK
    for number, patient_id in enumerate(entry.patient_ids or (None,)):
        profile = _profile(entry, action, patient_id)
        event: Resource = {
            "resourceType": "AuditEvent",
            **_identity(link, chain, number),
            **({"meta": {"profile": [profile]}} if profile else {}),
            "type": _coding(_EVENT, "rest", "RESTful Operation"),
            "subtype": _subtypes(entry, action),
            "action": action,
            "recorded": entry.at,
            "outcome": "0" if is_ok else "4",
            **({} if is_ok else {"outcomeDesc": entry.outcome}),
            "agent": _agents_r4(entry, action),
            "source": {
                "observer": _SERVER,
                "type": [_coding("http://terminology.hl7.org/CodeSystem/security-source-type", "4")],
            },
        }
        entities = list(_entities(entry, action, [patient_id] if patient_id else []))
        yield event | ({"entity": entities} if entities else {})


def _profile(entry: Entry, action: str, patient_id: str | None) -> str | None:
    """The pattern that the event follows in all its parts."""
    is_complete = entry.query is not None if action == "E" else _resource(entry, patient_id) is not None
    if entry.outcome != OK or not is_complete:
        return None
    whose = "Patient" if patient_id else ""
    return f"{_BALP}/StructureDefinition/IHE.BasicAudit.{whose}{_PROFILES[action]}"


def _subtypes(entry: Entry, action: str) -> list[Resource]:
    """The profile of deletions takes one only."""
    interaction = _coding(_RESTFUL, _INTERACTIONS[action])
    return [interaction] if action == "D" else [interaction, _coding(_OURS, entry.action)]


def _agents_r4(entry: Entry, action: str) -> list[Resource]:
    client, server, user = ({"type": {"coding": [_coding(*part)]}} for part in _PARTS[action])
    name = entry.client or "unknown"
    return [
        {
            **client,
            "who": {"display": name},
            "requestor": False,
            "network": _network(f"client:{quote(name)}"),
        },
        {**server, "who": _SERVER, "requestor": False, "network": _network("server")},
        {**user, "who": {"identifier": {"value": entry.user or "unknown"}}, "requestor": True},
    ]


def _network(name: str) -> Resource:
    return {"address": f"urn:pedaxr:{name}", "type": "5"}  # 5: a URI


def _r5(link: Link, chain: str) -> Resource:
    entry, action = link.entry, _action(link.entry)
    is_ok = entry.outcome == OK
    outcome = _coding("http://terminology.hl7.org/CodeSystem/issue-severity", "success" if is_ok else "error")
    patients = [{"identifier": {"value": patient_id}} for patient_id in entry.patient_ids]
    entities = [_as_r5(entity) for entity in _entities(entry, action, entry.patient_ids)]
    return {
        "resourceType": "AuditEvent",
        **_identity(link, chain, 0),
        "category": [{"coding": [_coding(_EVENT, "rest", "RESTful Operation")]}],
        "code": {"coding": [_coding(_RESTFUL, _INTERACTIONS[action]), _coding(_OURS, entry.action)]},
        "action": action,
        "recorded": entry.at,
        "outcome": {"code": outcome, **({} if is_ok else {"detail": [{"text": entry.outcome}]})},
        "agent": [
            {"who": {"display": entry.client or "unknown"}, "requestor": False},
            {"who": _SERVER, "requestor": False},
            {"who": {"identifier": {"value": entry.user or "unknown"}}, "requestor": True},
        ],
        "source": {"observer": _SERVER},
        **({"patient": patients[0]} if len(patients) == 1 else {}),
        **({"entity": entities} if entities else {}),
    }


def _identity(link: Link, chain: str, number: int) -> Resource:
    """Several events of one entry have its id, its place and its hash, and a number of their own."""
    return {
        "id": f"{link.entry.entry_id}-{number}" if number else link.entry.entry_id,
        "extension": [
            {"url": f"{_OURS}:chain", "valueString": chain},
            {"url": f"{_OURS}:sequence", "valueString": str(link.sequence)},
            {"url": f"{_OURS}:hash", "valueString": link.hash},
        ],
    }


def _resource(entry: Entry, patient_id: str | None) -> str | None:
    """What was read or changed: the film, else the report, else the patient."""
    return entry.study_id or entry.report_id or patient_id


def _entities(entry: Entry, action: str, patient_ids: Sequence[str]) -> Iterator[Resource]:
    """Patients, the one thing that was looked for, read or changed, the request, and what else is known."""
    for patient_id in patient_ids:
        what = {"type": "Patient", "identifier": {"value": patient_id}}
        yield _entity("1", "1", "Patient", {"what": what})
    details = _details(entry)
    resource = _resource(entry, patient_ids[0] if patient_ids else None)
    if action == "E" and entry.query is not None:
        encoded = base64.b64encode(entry.query.encode()).decode()
        yield _entity("2", "24", "Query", {"query": encoded})
    elif action != "E" and resource is not None:
        role = ("3", "Report") if entry.report_id else ("4", "Domain Resource")
        yield _entity("2", *role, {"what": {"identifier": {"value": resource}}})
    if entry.request_id:
        kind = _coding(f"{_BALP}/CodeSystem/BasicAuditEntityType", "XrequestId")
        yield {"what": {"identifier": {"value": entry.request_id}}, "type": kind}
    if details:
        yield _entity("4", "20", "Job", {"detail": details})


def _details(entry: Entry) -> list[Resource]:
    named = {
        "study": entry.study_id,
        "report": entry.report_id,
        "image-sha256": entry.image_sha256,
        "detail": entry.detail,
    }
    known = [(name, value) for name, value in named.items() if value]
    known += [("weights-sha256", weights) for weights in entry.weights]
    return [{"type": name, "valueString": value} for name, value in known]


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
