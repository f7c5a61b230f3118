"""The audit trail as FHIR AuditEvent: who, what, when and how it ended, in the shape that FHIR gives it."""

import base64
import importlib
import json
import re
from pathlib import Path
from typing import Any

import pytest

from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.callers import Caller, called_by
from pedaxr.audit.chain import links
from pedaxr.audit.fhir import audit_events
from pedaxr.audit.trail import accessing, note, refused
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import PatientNotFound
from pedaxr.registry.schema import connected

from ..small_clinic import change_everything, small_clinic

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


# What the profiles of BALP 1.1 ask for beyond FHIR itself, from the FSH sources of the guide: the codes of
# client, server and user, and of the interaction. Entities: at most one X-Request-Id, one patient where the
# profile's name has the word, one query in searches and one resource in all others.
_USERS = {"AUT", "INF", "CST"}
BALP: dict[str, tuple[str, str, set[str], set[str], str]] = {
    "Query": ("110153", "110152", {"IRCP"}, {"search", "search-type", "search-system"}, "E"),
    "Read": ("110152", "110153", {"IRCP"}, {"read", "vread"}, "R"),
    "Create": ("110153", "110152", _USERS, {"create"}, "C"),
    "Update": ("110153", "110152", _USERS, {"update", "patch"}, "U"),
    "Delete": ("110150", "custodian", _USERS, {"delete"}, "D"),
}
_PROFILE = re.compile(
    r"https://profiles\.ihe\.net/ITI/BALP/StructureDefinition/IHE\.BasicAudit\.(Patient)?(\w+)"
)


def profile_faults(event: Resource) -> list[str]:
    """Where an event breaks the profile that it names."""
    named = [_PROFILE.fullmatch(name) for name in event.get("meta", {}).get("profile", [])]
    if len(named) != 1 or named[0] is None or named[0][2] not in BALP:
        return ["profile"]
    client, server, users, interactions, action = BALP[named[0][2]]
    agents = {agent["type"]["coding"][0]["code"]: agent for agent in event["agent"]}
    kinds = [entity["type"]["code"] for entity in event.get("entity", [])]
    subtypes = [subtype["code"] for subtype in event["subtype"]]
    (subject,) = [e for e in event["entity"] if e["type"]["code"] == "2"] or [{}]
    patients = [e for e in event["entity"] if e["type"]["code"] == "1"]
    checks = {
        "action": event["action"] == action and bool(interactions & set(subtypes)),
        "one subtype": action != "D" or len(subtypes) == 1,
        "outcome": event["outcome"] == "0" and event["type"]["code"] == "rest",
        "client and server": len(agents) == len(event["agent"]) and {client, server} <= agents.keys(),
        "network": all(agents.get(code, {}).get("network") for code in (client, server)),
        "user": any(code in users and agent["requestor"] for code, agent in agents.items()),
        "one request": kinds.count("XrequestId") <= 1,
        "patient": len(patients) == (1 if named[0][1] else 0),
        "reference": all(patient["what"]["type"] == "Patient" for patient in patients),
        "role": subject.get("role", {}).get("code") in ({"24"} if action == "E" else {"3", "4", "20"}),
        "subject": ("query" in subject and "what" not in subject) if action == "E" else "what" in subject,
        "bare": "detail" not in subject or action not in "ED",
    }
    return [name for name, is_met in checks.items() if not is_met]


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """One entry of every kind."""
    clinic = small_clinic(tmp_path / "home")
    with called_by(NURSE):
        change_everything(clinic)
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


def test_events_that_name_a_profile_of_balp_keep_to_it(clinic: Clinic) -> None:
    events = exported(clinic, "R4")
    naming = [event for event in events if "meta" in event]
    assert {event["action"] for event in naming} == {"C", "R", "U", "D", "E"}
    assert [fault for event in naming for fault in profile_faults(event)] == []
    assert all(
        "meta" in event
        for event in events
        if event["outcome"] == "0" and event["subtype"][-1]["code"] != "begin"
    )
    assert not [event for event in exported(clinic, "R5") if "meta" in event], "they are profiles of R4"


def test_an_entry_of_two_patients_is_two_events_of_r4(clinic: Clinic) -> None:
    merge = [event for event in exported(clinic, "R4") if event["subtype"][-1]["code"] == "merge"]
    assert len(merge) == len({event["id"] for event in merge}) == 2
    named = {entity["what"]["identifier"]["value"] for event in merge for entity in event["entity"][:1]}
    assert named == {"P-1", "P-2"}


@pytest.mark.parametrize("action", "CRUDE")
def test_a_broken_profile_is_seen(clinic: Clinic, action: str) -> None:
    good = next(event for event in exported(clinic, "R4") if event["action"] == action and "meta" in event)
    assert profile_faults(good) == [], "control"
    client, server, user = good["agent"]
    without_network = {name: value for name, value in server.items() if name != "network"}
    for change in (
        {"agent": [client, user]},
        {"agent": [client, without_network, user]},
        {"agent": [server, client]},
        {"entity": [entity for entity in good["entity"] if entity["type"]["code"] != "1"]},
        {"entity": [entity for entity in good["entity"] if entity["type"]["code"] != "2"]},
        {"entity": [*good["entity"], good["entity"][0]]},
        {"outcome": "4"},
        {"action": "E" if action != "E" else "R"},
        {"meta": {"profile": ["https://example.org/other"]}},
    ):
        assert profile_faults(good | change), change


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
    assert [agent["requestor"] for agent in search["agent"]] == [False, False, True]
    assert search["agent"][2]["who"]["identifier"]["value"] == "nurse-7"
    texts = json.dumps(search)
    assert "P-1" in texts and base64.b64encode("김민준".encode()).decode() in texts and "req-1" in texts
    assert "김민준" not in texts
    outcome = failure["outcomeDesc"] if version == "R4" else failure["outcome"]["detail"][0]["text"]
    assert outcome == "patient_not_found"
