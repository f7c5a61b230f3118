"""The audit trail as FHIR AuditEvent: who, what, when and how it ended, in the shape that FHIR gives it."""

import base64
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pedaxr import reports
from pedaxr.access_log import AccessLog
from pedaxr.audit import accessing, note, refused
from pedaxr.audit_chain import links
from pedaxr.audit_fhir import audit_events
from pedaxr.callers import Caller, called_by
from pedaxr.clinic import Clinic
from pedaxr.errors import PatientNotFound
from pedaxr.find_patient import find_patient
from pedaxr.registry_schema import connected

from .small_clinic import a_report, small_clinic

NURSE = Caller("nurse-7", "chat", request_id="req-1")
Resource = dict[str, Any]

# http://hl7.org/fhir/R4/auditevent.html and http://hl7.org/fhir/R5/auditevent.html: the elements, those that
# must be there with a star.
SHAPE: dict[str, dict[str, set[str]]] = {
    "R4": {
        "": {"resourceType*", "id", "meta", "extension", "type*", "subtype", "action", "recorded*"}
        | {"period", "outcome", "outcomeDesc", "purposeOfEvent", "agent*", "source*", "entity"},
        "agent": {"type", "role", "who", "altId", "name", "requestor*", "location", "policy", "network"},
        "source": {"site", "observer*", "type"},
        "entity": {"what", "type", "role", "lifecycle", "securityLabel", "name", "query", "detail"},
        "detail": {"type*", "valueString*"},
    },
    "R5": {
        "": {"resourceType*", "id", "meta", "extension", "category", "code*", "action", "severity"}
        | {"recorded*", "outcome", "authorization", "basedOn", "patient", "encounter", "agent*", "source*"}
        | {"entity"},
        "agent": {"type", "role", "who*", "requestor", "location", "policy", "authorization"},
        "source": {"site", "observer*", "type"},
        "entity": {"what", "role", "securityLabel", "query", "detail", "agent"},
        "detail": {"type*", "valueString*"},
    },
}
_ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


def faults(event: Resource, version: str) -> list[str]:
    """What FHIR would not take."""
    shape = SHAPE[version]
    found = _misshapen(event, shape[""], "")
    for name in ("agent", "entity", "source"):
        for one in _listed(event.get(name, [])):
            found += _misshapen(one, shape[name], name)
            for detail in one.get("detail", []):
                found += _misshapen(detail, shape["detail"], "detail")
    if event.get("action") not in {"C", "R", "U", "D", "E"}:
        found.append("action")
    if version == "R4" and event.get("outcome") not in {"0", "4", "8", "12"}:
        found.append("outcome")
    if not _ID.fullmatch(str(event.get("id"))) or not _INSTANT.fullmatch(str(event.get("recorded"))):
        found.append("id or recorded")
    return found


def _misshapen(part: Resource, elements: set[str], where: str) -> list[str]:
    known = {element.rstrip("*") for element in elements}
    needed = {element[:-1] for element in elements if element.endswith("*")}
    wrong = [f"{where}.{name} unknown" for name in part.keys() - known]
    wrong += [f"{where}.{name} missing" for name in needed - part.keys()]
    return wrong + [f"{where}.{name} empty" for name, value in part.items() if value in ("", [], {}, None)]


def _listed(value: object) -> list[Resource]:
    return value if isinstance(value, list) else [value]  # type: ignore[list-item]


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """One entry of every kind."""
    clinic = small_clinic(tmp_path / "home")
    with called_by(NURSE):
        clinic.registry.save_report(a_report("R-1"))
        final = reports.finalise("R-1", by="Dr. Han", clinic=clinic)
        reports.amend(final.report_id, by="Dr. Han", text="More.", clinic=clinic)
        clinic.registry.rename("P-2", "김민서")
        clinic.registry.assign("P-2", "surgery")
        clinic.registry.merge("P-2", into="P-1")
        clinic.registry.delete("P-3")
        find_patient("김민준", clinic=clinic)
        with pytest.raises(PatientNotFound), accessing(clinic.home, "read_patient"):
            clinic.registry.patient("P-404")
        with accessing(clinic.home, "segment_xray"):
            clinic.registry.study("S-1")
            note(weights="w1")
    refused(clinic.home, "segment_xray", "busy", caller=Caller("", ""), study_id="S-1")
    return clinic


def exported(clinic: Clinic, version: str) -> list[Resource]:
    """Changes, then accesses."""
    log = AccessLog(clinic.home)
    log.fold()
    events: list[Resource] = []
    with connected(clinic.registry.path) as changed, log.connected() as accessed:
        for chain, connection in (("changes", changed), ("accesses", accessed)):
            lines = audit_events(links(connection), chain=chain, version=version)  # type: ignore[arg-type]
            events += map(json.loads, lines)
    return events


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_every_kind_of_entry_has_the_shape_of_fhir(clinic: Clinic, version: str) -> None:
    events = exported(clinic, version)
    assert {event["action"] for event in events} == {"C", "R", "U", "D", "E"}
    assert [fault for event in events for fault in faults(event, version)] == []


@pytest.mark.parametrize(
    "change",
    [
        {"agent": []},
        {"action": "X"},
        {"recorded": "yesterday"},
        {"id": "a b"},
        {"made_up": 1},
        {"source": {}},
    ],
    ids=str,
)
@pytest.mark.parametrize("version", ["R4", "R5"])
def test_another_shape_is_seen(clinic: Clinic, version: str, change: Resource) -> None:
    assert faults(exported(clinic, version)[-1] | change, version)


@pytest.mark.slow
@pytest.mark.parametrize("version", ["R4", "R5"])
def test_another_program_s_idea_of_fhir_agrees(clinic: Clinic, version: str) -> None:
    """With `pip install fhir.resources`; its R4B has the AuditEvent of R4."""
    pytest.importorskip("fhir.resources")
    place = "fhir.resources.R4B.auditevent" if version == "R4" else "fhir.resources.auditevent"
    model = importlib.import_module(place).AuditEvent
    for event in exported(clinic, version):
        model.model_validate(event)
    with pytest.raises(ValueError):
        model.model_validate(exported(clinic, version)[0] | {"agent": []} | {"recorded": "yesterday"})


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_an_event_names_patient_agents_query_and_outcome(clinic: Clinic, version: str) -> None:
    search, failure = exported(clinic, version)[-4:-2]
    assert search["action"] == "E" and failure["action"] == "R"
    assert [agent["requestor"] for agent in search["agent"]] == [False, True]
    assert search["agent"][1]["who"]["identifier"]["value"] == "nurse-7"
    texts = json.dumps(search)
    assert "P-1" in texts and base64.b64encode("김민준".encode()).decode() in texts and "req-1" in texts
    assert "김민준" not in texts
    outcome = failure["outcomeDesc"] if version == "R4" else failure["outcome"]["detail"][0]["text"]
    assert outcome == "patient_not_found"
