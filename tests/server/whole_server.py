"""Two users of two departments call a whole server at random, with faults between, beside a model of it.

The model knows of each child whose it is, which films it has and what was signed. Whatever a user is answered
must hold nothing of a child that is not theirs: neither ids nor names, nor what stands beside them and was
never asked for. What is theirs must be there. Names and ids are random, so that none contains another.
"""

import hashlib
import io
import json
import random
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from starlette.testclient import TestClient

from pedaxr.audit.access_log import ASIDE_FILE, PENDING_FILE, AccessLog
from pedaxr.audit.chain import links
from pedaxr.clinic import Clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.integrity import check_clinic
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr_server.auth.tokens import SCOPES, mint_token
from pedaxr_server.mcp.completions import MOST_SUGGESTED
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings

from .http_service import with_login
from .whole_model import Child, Film

ERA = "2026-07-28"
INTERNAL_ERROR = -32603
META = {
    "io.modelcontextprotocol/protocolVersion": ERA,
    "io.modelcontextprotocol/clientInfo": {"name": "whole", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
USERS = {"surgeon": "surgery", "oncologist": "oncology"}
DEPARTMENTS = (*USERS.values(), None)
READABLE = ("[storage]", "[unreadable_image]", "[busy]")  # what a resource may end with
CANNED = ("segment_xray", "generate_report")  # their stand-ins leave no entry
KINDS = ("find", "find", "patient", "document", "document", "segment", "report", "complete")
DOCUMENTS = ("report.json", "reports.json", "report.txt", "report.html", "report.ko.json", "image.png")


class WholeServer:
    """One run: a clinic, its server, its model."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.rng = random.Random(seed)
        self.folder = folder
        self.children: list[Child] = []
        self.gone: set[str] = set()  # marks of children that were deleted or renamed
        self.met: Counter[str] = Counter()
        self.number = 0
        self.visible: dict[str, tuple[str, set[str]]] = {}  # by request: the user, and whom they could see
        self.expected: set[str] = set()  # requests that must leave an entry
        self.checked = 0
        self._running = ExitStack()
        home = folder / "home-0"
        (home / "films").mkdir(parents=True)
        self.clinic = Clinic(home, Registry.create(home / REGISTRY_FILE))
        self._start()
        for _ in range(6):
            self.register()

    def close(self) -> None:
        """Stop the server."""
        self._running.close()

    def run(self, steps: int) -> None:
        """Take so many steps. Raises AssertionError at the first that shows what it must not."""
        acts = [*(self.ask,) * 40, *(self.sign,) * 3, self.register, self.another_film, self.rename]
        acts += [self.assign, self.assign, self.merge, self.delete, self.bad_login]
        faults = [self.locked, self.film_lost, self.garbage, self.restart, self.restored]
        for step in range(1, steps + 1):
            act: Callable[[], None] = self.rng.choice(acts)
            self.met[act.__name__] += 1
            act()
            if step % 60 == 0:
                fault = self.rng.choice(faults)
                self.met[fault.__name__] += 1
                fault()
            if step % 250 == 0:
                self.check_audit()
        self.check_audit()
        self.check_clinic()

    # What users do

    def ask(self) -> None:
        """Any question of any user about any child, theirs or not, there or not."""
        user = self.rng.choice(list(USERS))
        child = self.rng.choice(self.children)
        film = self.rng.choice(child.films)
        kind = self.rng.choice(KINDS)
        self.met[f"ask {kind}"] += 1
        getattr(self, f"_ask_{kind}")(user, child, film)

    def _ask_find(self, user: str, child: Child, film: Film) -> None:
        exact = (child.name, child.patient_id, film.study_id)
        query = self.rng.choice([*exact, child.name[:-1], child.name.upper()])
        reply = self.call(user, "tools/call", name="find_patient", arguments={"query": query})
        found = [match["patient_id"] for match in reply["result"]["structuredContent"]["matches"]]
        assert set(found) <= self._seen_by(user)
        if query in exact:
            assert (child.patient_id in found) is self._is_theirs(user, child)

    def _ask_patient(self, user: str, child: Child, film: Film) -> None:
        reply = self.call(user, "resources/read", uri=f"pedaxr://patients/{child.patient_id}")
        if self._is_theirs(user, child):
            told = json.loads(reply["result"]["contents"][0]["text"])
            assert {study["study_id"] for study in told["studies"]} == {one.study_id for one in child.films}
            assert told["patient_name"] == child.name
        else:
            assert "error" in reply

    def _ask_document(self, user: str, child: Child, film: Film) -> None:
        document = self.rng.choice(DOCUMENTS)
        reply = self.call(user, "resources/read", uri=f"pedaxr://studies/{film.study_id}/{document}")
        there = document in ("image.png", "reports.json") or film.drafted
        assert ("result" in reply) is (self._is_theirs(user, child) and there), document
        if "result" in reply and document == "report.json":
            told = json.loads(reply["result"]["contents"][0]["text"])
            assert told["study_id"] == film.study_id
            assert told.get("signed_by") == (film.signed[-1] if film.signed else None)

    def _ask_segment(self, user: str, child: Child, film: Film) -> None:
        self._read(user, child, film, "segment_xray")

    def _ask_report(self, user: str, child: Child, film: Film) -> None:
        if self._read(user, child, film, "generate_report") and not film.drafted:
            film.drafted, film.newest_report = True, f"R-{film.study_id}"

    def _read(self, user: str, child: Child, film: Film, tool: str) -> bool:
        reply = self.call(user, "tools/call", name=tool, arguments={"study_id": film.study_id})
        is_answered = not reply["result"].get("isError", False)
        assert is_answered is self._is_theirs(user, child)
        return is_answered

    def _ask_complete(self, user: str, child: Child, film: Film) -> None:
        name = self.rng.choice(["patient", "patient_id", "study_id"])
        ref = {"type": "ref/resource", "uri": "pedaxr://patients/{patient_id}"}
        reply = self.call(user, "completion/complete", ref=ref, argument={"name": name, "value": child.name})
        shown = reply["result"]["completion"]["values"]
        own = {"patient": [child.name], "patient_id": [child.patient_id]}
        theirs = self._is_theirs(user, child)
        if name == "study_id":
            films = {one.study_id for one in child.films} if theirs else set()
            assert set(shown) <= films and len(shown) == min(len(films), MOST_SUGGESTED)
        else:
            assert (own[name][0] in shown) is theirs

    def sign(self) -> None:
        """Finalise a draft, or amend what was signed, of a film that is theirs or not."""
        user, child = self.rng.choice(list(USERS)), self.rng.choice(self.children)
        film = self.rng.choice(child.films)
        by = f"Dr {self._word()}"
        act = "amend" if film.signed else "finalise"
        body = {"name": by, "has_read_film": True}
        body |= {"text": "Seen."} if film.signed else {"told": "Dr Ward"}
        report_id = film.newest_report or f"R-{film.study_id}"
        path = f"/workplace/reports/{report_id}/{act}"
        status, text = self.send(user, path, body)
        may = self._is_theirs(user, child) and film.drafted
        assert status == (200 if may else 404), (status, text[:200])
        if may:
            film.signed.append(by)
            film.newest_report = json.loads(text)["report_id"]

    def bad_login(self) -> None:
        """A token that is expired, of another key, or lacks the scope."""
        child = self.rng.choice(self.children)
        good = mint_token(self.settings, subject="surgeon", scopes=["films:read"], minutes=5)
        old = mint_token(self.settings, subject="surgeon", scopes=list(SCOPES), minutes=-10)
        for token, status in ((good, 403), (old, 401), (good + "x", 401)):
            arguments = {"query": child.name}
            reply = self._post(token, "tools/call", {"name": "find_patient", "arguments": arguments}, "bad")
            assert reply.status_code == status
            self._holds_nothing_of(reply.text, self._all_marks(), json.dumps(arguments))

    # What the clinic does

    def register(self) -> None:
        """A new child of any department, or of none, with a film."""
        child = Child(f"P{self._word()}", f"{self._word()} {self._word()}", self.rng.choice(DEPARTMENTS))
        patient = Patient(child.patient_id, child.name, date(2020, 1, 2), "F", child.department)
        film, study = self._new_film(child)
        self.clinic.registry.add([patient], [study])
        child.films.append(film)
        self.children.append(child)

    def another_film(self) -> None:
        """One more film of a child."""
        child = self.rng.choice(self.children)
        film, study = self._new_film(child)
        self.clinic.registry.add([], [study])
        child.films.append(film)

    def rename(self) -> None:
        """Another name; the old one finds nobody."""
        child = self.rng.choice(self.children)
        self.gone.add(child.name)
        child.name = f"{self._word()} {self._word()}"
        self.clinic.registry.rename(child.patient_id, child.name)

    def assign(self) -> None:
        """Another department: from the next call on, others see the child."""
        child = self.rng.choice(self.children)
        child.department = self.rng.choice(DEPARTMENTS)
        self.clinic.registry.assign(child.patient_id, child.department)

    def merge(self) -> None:
        """Two children are one: the films go over, with who may see them."""
        if len(self.children) < 6:
            return
        duplicate, kept = self.rng.sample(self.children, 2)
        self.clinic.registry.merge(duplicate.patient_id, into=kept.patient_id)
        kept.films += duplicate.films
        self.gone.add(duplicate.name)
        self.children.remove(duplicate)

    def delete(self) -> None:
        """A child is forgotten."""
        if len(self.children) < 6:
            return
        child = self.rng.choice(self.children)
        self.gone |= child.marks()
        for path in self.clinic.registry.delete(child.patient_id):
            path.unlink(missing_ok=True)
        self.children.remove(child)

    # Faults

    def locked(self) -> None:
        """Another program holds the registry: answered rightly, or told to come back."""
        with closing(sqlite3.connect(self.clinic.registry.path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            user, child = self.rng.choice(list(USERS)), self.rng.choice(self.children)
            reply = self.call(user, "tools/call", name="find_patient", arguments={"query": child.name})
            assert reply["result"]["isError"] and "[busy]" in reply["result"]["content"][0]["text"]
            path = f"/workplace/reports/R-{child.films[0].study_id}/finalise"
            assert self.send(user, path, {"name": "Dr Late", "has_read_film": True})[0] == 503

    def film_lost(self) -> None:
        """A film's file is exchanged for another's: neither is shown; then it is put back."""
        child, other = self.rng.choice(self.children), self.rng.choice(self.children)
        film = child.films[0]
        path = self.clinic.registry.study(film.study_id).image_path
        whole, another = path.read_bytes(), self.clinic.registry.study(other.films[0].study_id).image_path
        path.write_bytes(another.read_bytes() if child is not other else whole[:-30])
        for user in USERS:
            reply = self.call(user, "resources/read", uri=f"pedaxr://studies/{film.study_id}/image.png")
            assert "error" in reply
        path.write_bytes(whole)

    def garbage(self) -> None:
        """Somebody writes into the access log."""
        with (self.clinic.home / PENDING_FILE).open("ab") as pending:
            pending.write(self.rng.choice([b'\n{"entry_id": 7}\n', b"\n\xff\xfe\n", b"\n[[[\n"]))

    def restart(self) -> None:
        """The server goes and comes."""
        self._start()

    def restored(self) -> None:
        """The clinic goes on from a backup of itself, in another folder."""
        self.check_audit()
        copy = self.folder / "b.zip"
        back_up(self.clinic, copy)
        before, self.number = self.clinic.home, self.number + 1
        self.clinic = restore(copy, self.folder / f"home-{self.number}")
        copy.unlink()
        self._start()
        shutil.rmtree(before, ignore_errors=True)

    # What must hold

    def check_audit(self) -> None:
        """Every call left an entry, of its user, and of nobody they could not see at that time."""
        log = AccessLog(self.clinic.home)
        log.fold()
        found: set[str] = set()
        with log.connected() as connection:
            for link in links(connection, after=self.checked):
                self.checked, entry = link.sequence, link.entry
                user, seen = self.visible.get(str(entry.request_id), ("", set()))
                if user:
                    found.add(str(entry.request_id))
                    assert entry.user == user and set(entry.patient_ids) <= seen, entry.action
        assert self.expected <= found, f"{len(self.expected - found)} calls without an entry"
        self.visible.clear()
        self.expected.clear()

    def check_clinic(self) -> None:
        """Nothing is wrong but what was written into the access log."""
        faults = [fault for check in check_clinic(self.clinic) for fault in check.faults]
        assert [fault for fault in faults if ASIDE_FILE not in fault] == []

    def call(self, user: str, method: str, **params: Any) -> dict[str, Any]:
        """A message of a user; what comes back holds nothing that is not theirs."""
        request_id = self._remember(user)
        if params.get("name") not in CANNED:
            self.expected.add(request_id)
        reply = self._post(self._token(user), method, params, request_id)
        assert reply.status_code < 500, reply.text[:300]
        self._holds_nothing_of(reply.text, self._hidden_from(user), json.dumps(params, ensure_ascii=False))
        lines = [line[5:] for line in reply.text.splitlines() if line.startswith("data:")]
        answer: dict[str, Any] = json.loads(lines[-1] if lines else reply.text)
        error = answer.get("error", {})
        assert error.get("code") != INTERNAL_ERROR or error["message"].endswith(READABLE), error
        return answer

    def send(self, user: str, path: str, body: dict[str, Any]) -> tuple[int, str]:
        """A call of the page."""
        headers = {"Authorization": f"Bearer {self._token(user)}", "X-Request-Id": self._remember(user)}
        reply = self.web.post(path, json=body, headers=headers)
        self._holds_nothing_of(reply.text, self._hidden_from(user), path + json.dumps(body))
        return reply.status_code, reply.text

    def _holds_nothing_of(self, text: str, marks: set[str], asked: str) -> None:
        shown = [mark for mark in marks if mark in text and mark not in asked]
        assert not shown, f"{len(shown)} marks of a child that is not theirs"

    def _hidden_from(self, user: str) -> set[str]:
        hidden = [child.marks() for child in self.children if not self._is_theirs(user, child)]
        return self.gone.union(*hidden)

    def _all_marks(self) -> set[str]:
        return self.gone.union(*(child.marks() for child in self.children))

    def _is_theirs(self, user: str, child: Child) -> bool:
        return child.department == USERS[user]

    def _seen_by(self, user: str) -> set[str]:
        return {child.patient_id for child in self.children if self._is_theirs(user, child)}

    def _remember(self, user: str) -> str:
        self.number += 1
        self.visible[f"step-{self.number}"] = (user, self._seen_by(user))
        return f"step-{self.number}"

    def _token(self, user: str) -> str:
        own = [USERS[user]]
        return mint_token(self.settings, subject=user, scopes=list(SCOPES), minutes=5, departments=own)

    def _post(self, token: str, method: str, params: dict[str, Any], request_id: str) -> Any:
        headers = {"Authorization": f"Bearer {token}", "X-Request-Id": request_id, "Mcp-Method": method}
        headers |= {"MCP-Protocol-Version": ERA, "Accept": "application/json, text/event-stream"}
        if name := params.get("name") or params.get("uri"):
            headers["Mcp-Name"] = name
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
        return self.web.post("/mcp", json=body, headers=headers)

    def _start(self) -> None:
        self._running.close()
        self.settings = with_login(Settings(home=self.clinic.home, worker=False, open_departments=False))
        base = f"http://127.0.0.1:{self.settings.port}"
        self.web = self._running.enter_context(TestClient(http_app(self.settings), base_url=base))

    def _new_film(self, child: Child) -> tuple[Film, NewStudy]:
        film = Film(f"S{self._word()}", f"because {self._word()}")
        pixels = np.random.default_rng(self.rng.randrange(2**32)).integers(0, 255, (24, 24), np.uint8)
        buffer = io.BytesIO()
        Image.fromarray(pixels).save(buffer, "PNG")
        path = Path("films") / f"{film.study_id}.png"
        (self.clinic.home / path).write_bytes(buffer.getvalue())
        digest = hashlib.sha256(buffer.getvalue()).hexdigest()
        day = date(2024, 1, 1 + len(child.films) % 28)
        return film, NewStudy(film.study_id, child.patient_id, path, digest, day, indication=film.indication)

    def _word(self) -> str:
        letters = "".join(self.rng.choice("bdfgklmnprstvz") + self.rng.choice("aeiou") for _ in range(5))
        return letters.capitalize()


@contextmanager
def whole_server(folder: Path, seed: int) -> Iterator[WholeServer]:
    """A run that is stopped at the end of the block."""
    run = WholeServer(folder, seed)
    try:
        yield run
    finally:
        run.close()
