"""A report's FHIR transaction is posted to the server that was named, and the token to no other."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pedaxr.clinic import Clinic
from pedaxr.clinic.import_film import import_film
from pedaxr.fhir import transaction
from pedaxr_server.cli import main

from ..ports import free_ports
from .films import SEOYEON, film

BUNDLE = {"resourceType": "Bundle", "type": "transaction", "entry": [{}, {}]}
TAKEN = {
    "resourceType": "Bundle",
    "type": "transaction-response",
    "entry": [{"response": {"status": "201 Created"}}, {"response": {"status": "200 OK"}}],
}


@pytest.fixture(autouse=True)
def _a_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(clinic: Clinic, study_id: str) -> dict[str, object]:
        return {**BUNDLE, "id": clinic.registry.study(study_id).study_id}

    monkeypatch.setattr(transaction, "transaction_of", made)


@pytest.fixture
def clinic_home(clinic: Clinic) -> Path:
    return clinic.home


@pytest.fixture
def study_id(clinic: Clinic, tmp_path: Path) -> str:
    (tmp_path / "film.dcm").write_bytes(film(SEOYEON, "F1"))
    return import_film(tmp_path / "film.dcm", clinic=clinic)


@contextmanager
def fhir_server(
    status: int = 200, answer: bytes = json.dumps(TAKEN).encode()
) -> Iterator[tuple[str, list[tuple[str | None, str, dict[str, object]]]]]:
    """Its address, and what it was sent: token, type and body of each request."""
    got: list[tuple[str | None, str, dict[str, object]]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            got.append((self.headers.get("Authorization"), self.headers["Content-Type"], body))
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/fhir", got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def send(clinic_home: Path, study_id: str, target: str, **settings: str) -> Result:
    environment = {"PEDAXR_HOME": str(clinic_home), **settings}
    return CliRunner().invoke(main, ["send", study_id, "--fhir", target], env=environment)


def test_a_transaction_is_posted_and_the_token_is_shown_to_its_own_server_alone(
    clinic_home: Path, study_id: str
) -> None:
    with fhir_server() as (url, got), fhir_server() as (other, strange):
        ours = {"PEDAXR_PACS_HOST": "127.0.0.1", "PEDAXR_FHIR_URL": url, "PEDAXR_FHIR_TOKEN": "secret"}
        for target in ("-", url, other):
            result = send(clinic_home, study_id, target, **ours)
            assert result.exit_code == 0, result.output
    assert [(token, body["id"]) for token, _, body in got] == [("Bearer secret", study_id)] * 2
    assert [token for token, _, _ in strange] == [None]
    assert got[0][1] == "application/fhir+json"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("http://192.0.2.7/fhir", "not encrypted"),
        ("https://user:pw@192.0.2.7/fhir", "valid URL"),
        ("ftp://127.0.0.1/fhir", "valid URL"),
        ("-", "fhir_url"),
    ],
)
def test_an_address_that_is_unsafe_or_none_is_refused(
    clinic_home: Path, study_id: str, target: str, said: str
) -> None:
    result = send(clinic_home, study_id, target)
    assert result.exit_code == 1 and said in result.output


def test_a_server_that_refuses_or_is_away_is_said_without_its_words(clinic_home: Path, study_id: str) -> None:
    with fhir_server(422, b'{"text": "Lee Seoyeon"}') as (url, _):
        result = send(clinic_home, study_id, url)
    assert result.exit_code == 1 and "422" in result.output and "Seoyeon" not in result.output
    result = send(clinic_home, study_id, f"http://127.0.0.1:{free_ports(1)[0]}/fhir")
    assert result.exit_code == 1 and "cannot be reached" in result.output


def _answered(**changed: object) -> bytes:
    return json.dumps(TAKEN | changed).encode()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"<html>Lee Seoyeon: welcome</html>",
        b'["transaction-response"]',
        _answered()[:-20],
        _answered(type="searchset"),
        _answered(entry=TAKEN["entry"][:1]),
        _answered(entry=[TAKEN["entry"][0], {"response": {"status": "422"}}]),
        _answered(entry=[{}, {}]),
        _answered(text="x" * (17 * 2**20)),
    ],
    ids=["empty", "a page", "a list", "half", "a search", "one missing", "one refused", "bare", "a flood"],
)
def test_an_answer_that_does_not_say_that_everything_was_taken_is_no_success(
    clinic_home: Path, study_id: str, answer: bytes
) -> None:
    with fhir_server(200, answer) as (url, _):
        result = send(clinic_home, study_id, url)
    assert result.exit_code == 1 and "posted" not in result.output and "Seoyeon" not in result.output
