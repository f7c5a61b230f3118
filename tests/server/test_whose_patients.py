"""Over HTTP with a login: whose patients each door shows, and what every call leaves in the audit trail."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client

from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.callers import current_caller
from pedaxr.audit.chain import Entry, links
from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.registry.schema import reading
from pedaxr_server.admission import Busy, Slots
from pedaxr_server.auth import identity
from pedaxr_server.auth.tokens import FILMS_READ, SCOPES, mint_token
from pedaxr_server.http import middleware as gates
from pedaxr_server.mcp.server import create_server
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.settings import Settings

from .conftest import canned_report
from .http_service import running, with_login

pytestmark = pytest.mark.anyio
ERA = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientInfo": {"name": "test", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
}


@dataclass(frozen=True)
class Child:
    """Ids and name of a child, all of which stand as # in what is compared."""

    patient_id: str
    study_id: str
    name: str

    @property
    def report_id(self) -> str:
        return f"R-{self.study_id}"

    def taken_out(self, text: str) -> str:
        for own in (self.report_id, self.study_id, self.patient_id, self.name):
            text = text.replace(own, "#")
        return text


ABSENT = Child("PX-00404", "S-000000000404", "Nemo Nusquam")


@dataclass(frozen=True)
class Divided:
    """A clinic of which surgery sees one child, and a server of it."""

    settings: Settings
    clinic: Clinic
    own: Child
    hidden: Child

    def token(self, *departments: str, scopes: tuple[str, ...] = SCOPES) -> dict[str, str]:
        named = list(departments) or None
        made = mint_token(self.settings, subject="nurse-7", scopes=list(scopes), minutes=5, departments=named)
        return {"Authorization": f"Bearer {made}"}

    async def ask(self, headers: dict[str, str], method: str, **params: Any) -> httpx2.Response:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params | {"_meta": META}}
        name = params.get("name") or params.get("uri")
        era = {"MCP-Protocol-Version": ERA, "Mcp-Method": method} | ({"Mcp-Name": name} if name else {})
        accept = {"Accept": "application/json, text/event-stream", "X-Request-Id": "req-1"}
        async with httpx2.AsyncClient(timeout=120) as http:
            return await http.post(self.settings.url, json=body, headers=accept | era | headers)

    def entries(self) -> list[Entry]:
        """Of the accesses, all so far."""
        log = AccessLog(self.clinic.home)
        log.fold()
        with log.connected() as connection:
            return [link.entry for link in links(connection)]


@pytest.fixture(scope="module")
def divided(clinic_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Divided]:
    folder = tmp_path_factory.mktemp("divided")
    back_up(open_clinic(clinic_home), folder / "copy.zip")
    clinic = restore(folder / "copy.zip", folder / "home")
    own, hidden = _two_children(clinic)
    clinic.registry.assign(own.patient_id, "surgery")
    clinic.registry.assign(hidden.patient_id, "oncology")
    for child in (own, hidden):
        clinic.registry.save_report(canned_report(child.study_id, ""))
    with running(with_login(Settings(home=clinic.home, worker=False))) as settings:
        yield Divided(settings, clinic, own, hidden)


def _two_children(clinic: Clinic) -> list[Child]:
    """Of names that nobody else has."""
    with reading(clinic.registry.path) as connection:
        rows = connection.execute(
            "SELECT patient_id, min(study_id), patient_name FROM patients JOIN studies USING (patient_id) "
            "GROUP BY patient_id HAVING (SELECT count(*) FROM patients p WHERE p.patient_name = "
            "patients.patient_name) = 1 ORDER BY patient_id LIMIT 2"
        ).fetchall()
    return [Child(*row) for row in rows]


def _resource(document: str) -> Any:
    return lambda child: ("resources/read", {"uri": f"pedaxr://studies/{child.study_id}/{document}"})


def _tool(name: str, **arguments: str) -> Any:
    """Arguments name attributes of the child."""
    return lambda child: (
        "tools/call",
        {"name": name, "arguments": {key: getattr(child, value) for key, value in arguments.items()}},
    )


def _completion(argument: str, value: str, **context: str) -> Any:
    def params(child: Child) -> tuple[str, dict[str, Any]]:
        given = {key: getattr(child, attribute) for key, attribute in context.items()}
        return "completion/complete", {
            "ref": {"type": "ref/resource", "uri": "pedaxr://patients/{patient_id}"},
            "argument": {"name": argument, "value": getattr(child, value) if value else ""},
            **({"context": {"arguments": given}} if given else {}),
        }

    return params


DOORS = {
    "find_patient by name": _tool("find_patient", query="name"),
    "find_patient by id": _tool("find_patient", query="patient_id"),
    "find_patient by study": _tool("find_patient", query="study_id"),
    "segment_xray": _tool("segment_xray", study_id="study_id"),
    "generate_report": _tool("generate_report", study_id="study_id"),
    "finalise_report": _tool("finalise_report", report_id="report_id"),
    "patient": lambda child: ("resources/read", {"uri": f"pedaxr://patients/{child.patient_id}"}),
    **{
        document: _resource(document)
        for document in ("image.png", "overlay.png", "masks/liver.png", "segmentation.json")
    },
    **{
        document: _resource(document)
        for document in ("report.json", "reports.json", "report.txt", "report.html")
    },
    "completion of a name": _completion("patient", "name"),
    "completion of an id": _completion("patient_id", "patient_id"),
    "completion of a study": _completion("study_id", "", patient_id="patient_id"),
}


@pytest.mark.parametrize("door", DOORS)
async def test_another_department_s_child_is_absent_at_every_door(
    divided: Divided, door: str, canned_networks: None
) -> None:
    surgeon, everybody = divided.token("surgery"), divided.token()

    async def told(headers: dict[str, str], child: Child) -> tuple[int, str]:
        method, params = DOORS[door](child)
        reply = await divided.ask(headers, method, **params)
        return reply.status_code, child.taken_out(reply.text)

    before = len(divided.entries())
    hidden = await told(surgeon, divided.hidden)
    left = divided.entries()[before:]
    absent = await told(surgeon, ABSENT)
    assert hidden == absent
    assert _traces(left, divided.hidden) == _traces(divided.entries()[before + len(left) :], ABSENT)
    assert await told(surgeon, divided.own) != absent, "control: their own child"
    assert await told(everybody, divided.hidden) != absent, "control: somebody who may see all"


def _traces(entries: list[Entry], child: Child) -> list[str]:
    """What the audit trail holds, but for the times and what was asked for."""
    return [
        child.taken_out(f"{e.action} {e.outcome} {e.patient_ids} {e.study_id} {e.image_sha256} {e.query}")
        for e in entries
    ]


async def test_a_token_of_no_department_sees_nobody(divided: Divided) -> None:
    method, params = DOORS["find_patient by name"](divided.own)
    nobody = await divided.ask(divided.token("made up"), method, **params)
    assert divided.own.patient_id not in nobody.text
    some = await divided.ask(divided.token("oncology", "surgery"), method, **params)
    assert divided.own.patient_id in some.text, "control"


READS = {
    "find_patient by name": ("find_patient", "ok"),
    "patient": ("read_patient", "ok"),
    "image.png": ("read_image", "ok"),
    "report.json": ("read_report", "ok"),
    "reports.json": ("read_report_versions", "ok"),
    "report.txt": ("read_report", "ok"),
    "report.html": ("read_report", "ok"),
    "completion of a name": ("complete", "ok"),
    "completion of a study": ("complete", "ok"),
    "segment_xray": ("segment_xray", "study_not_found"),
    "generate_report": ("generate_report", "study_not_found"),
    "overlay.png": ("segment_xray", "study_not_found"),
    "finalise_report": ("read_report", "report_not_found"),
}


@pytest.mark.parametrize("door", READS)
async def test_every_call_leaves_one_entry_with_who_and_what(divided: Divided, door: str) -> None:
    """What needs a network is asked for a film that is not there, which is written down as well."""
    action, outcome = READS[door]
    child = divided.own if outcome == "ok" else ABSENT
    before = len(divided.entries())
    method, params = DOORS[door](child)
    assert (await divided.ask(divided.token(), method, **params)).status_code in (200, 400, 404)
    (entry,) = divided.entries()[before:]
    assert (entry.action, entry.outcome) == (action, outcome)
    assert (entry.user, entry.client, entry.request_id) == ("nurse-7", "pedaxr-token", "req-1")
    assert entry.patient_ids == ((child.patient_id,) if outcome == "ok" else ())
    if door == "image.png":
        assert entry.study_id == child.study_id and entry.image_sha256


async def test_refusals_at_the_gate_are_written_down(divided: Divided) -> None:
    before = len(divided.entries())
    method, params = DOORS["find_patient by name"](divided.own)
    assert (await divided.ask({}, method, **params)).status_code == 401
    assert (await divided.ask(divided.token(scopes=(FILMS_READ,)), method, **params)).status_code == 403
    login, scope = divided.entries()[before:]
    assert (login.action, login.outcome, login.user) == ("login", "unauthorized", "nobody")
    assert (scope.action, scope.outcome, scope.user) == ("patients:read", "forbidden", "nurse-7")
    assert login.client == "127.0.0.1" and scope.client == "pedaxr-token"
    assert {login.request_id, scope.request_id} == {"req-1"}
    assert not [e for e in (login, scope) if e.query or e.patient_ids], "nothing of what was asked for"


@pytest.mark.parametrize("path", ["/workplace/reports/R-1/finalise", "/workplace/annotations.zip"])
async def test_the_page_s_calls_without_a_login_are_written_down(divided: Divided, path: str) -> None:
    before = len(divided.entries())
    address = f"http://{divided.settings.host}:{divided.settings.port}{path}"
    async with httpx2.AsyncClient(headers={"X-Request-Id": "req-2"}) as http:
        reply = await (http.get(address) if path.endswith("zip") else http.post(address, json={}))
    assert reply.status_code == 401
    (login,) = divided.entries()[before:]
    assert (login.action, login.outcome, login.user) == ("login", "unauthorized", "nobody")
    assert (login.client, login.request_id) == ("127.0.0.1", "req-2")


async def test_a_flood_of_unauthenticated_callers_fills_no_disk_and_is_counted(
    divided: Divided, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def left_by(count: int) -> list[str | None]:
        before = len(divided.entries())
        for _ in range(count):
            assert (await divided.ask({}, "tools/list")).status_code == 401
        return [entry.detail for entry in divided.entries()[before:]]

    monkeypatch.setattr(gates, "_MINUTE_S", 0.0)  # every refusal begins a minute
    assert await left_by(3) == [None] * 3, "control"
    monkeypatch.setattr(gates, "_MINUTE_S", 3600.0)
    monkeypatch.setattr(gates, "MOST_WRITTEN", 1)  # and the last of them has used it up
    assert await left_by(4) == []
    monkeypatch.setattr(gates, "_MINUTE_S", 0.0)
    assert await left_by(1) == ["4 more before this one"]


class _FullReader:
    """Stands in for networks that are all taken."""

    slots = Slots(1, 0)
    is_ready = True

    async def read(self, job: str, **arguments: str | None) -> bytes:
        raise Busy(3)

    def warm(self, delay_s: float = 0.0) -> None:
        pass

    def expect(self) -> None:
        pass

    def close(self) -> None:
        pass


async def test_a_call_that_is_told_busy_is_written_down(
    divided: Divided, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=divided.clinic.home, worker=False)

    async def call() -> list[Entry]:
        before = len(divided.entries())
        async with Client(create_server(settings, XrayTools(settings, _FullReader()))) as client:
            reply = await client.call_tool("segment_xray", {"study_id": divided.own.study_id})
        assert reply.is_error and "[busy]" in reply.content[0].text  # type: ignore[union-attr]
        return divided.entries()[before:]

    (entry,) = await call()
    assert (entry.action, entry.outcome, entry.study_id) == ("segment_xray", "busy", divided.own.study_id)
    assert entry.user == current_caller().user
    monkeypatch.setattr(identity, "_UNSEEN", frozenset())
    assert await call() == [], "control"


async def test_the_answers_compared_are_answers(divided: Divided, canned_networks: None) -> None:
    """Control of the doors: what their own child gets is a result, not another kind of refusal."""
    refused = []
    for door, make in DOORS.items():
        method, params = make(divided.own)
        reply = await divided.ask(divided.token("surgery"), method, **params)
        sent = next((line[5:] for line in reply.text.splitlines() if line.startswith("data:")), reply.text)
        result = json.loads(sent).get("result", {})
        if not result or result.get("isError"):
            refused.append(door)
    assert refused == []
