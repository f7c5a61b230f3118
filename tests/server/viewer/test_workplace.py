"""The page's own calls: who may make them, what they refuse, and that signing asks what the terminal asks."""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from pedaxr.clinic import open_clinic
from pedaxr.clinic.export_annotations import mask_of
from pedaxr.clinic.find_patient import find_patient
from pedaxr.registry import Registry
from pedaxr.reports.signers import make_code
from pedaxr_server.auth.tokens import SCOPES, mint_token
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings

from ..conftest import canned_report
from ..http_service import bearer, with_login

CALLS = {
    "POST /workplace/reports/R-1/finalise": "reports:sign",
    "POST /workplace/reports/R-1/amend": "reports:sign",
    "GET /workplace/studies/{study}/annotations": "films:read",
    "POST /workplace/studies/{study}/annotations": "annotations:write",
    "GET /workplace/annotations.zip": "films:read",
    "GET /workplace/teaching": "patients:read",
}


@pytest.fixture
def settings(clinic_home: Path) -> Settings:
    return Settings(home=clinic_home, worker=False)


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with TestClient(http_app(settings), base_url=f"http://127.0.0.1:{settings.port}") as client:
        yield client


@pytest.fixture
def registry(clinic_home: Path) -> Registry:
    return open_clinic(clinic_home).registry


@pytest.fixture
def draft(registry: Registry) -> Callable[[str], str]:
    """Stores a canned draft of a study, critical for free air; the report's id."""

    def store(study_id: str) -> str:
        return registry.save_report(canned_report(study_id, "pain")).report_id

    return store


@pytest.fixture
def unread(registry: Registry, study_id: str) -> str:
    """A study that no other test here signs."""
    studies = (one.study_id for one in registry.newest_studies(50))
    return next(one for one in studies if one != study_id and not registry.reports(one))


def sign(**given: Any) -> dict[str, Any]:
    return {"name": "Dr Kim", "has_read_film": True, "told": "Dr Lee, ward 3", **given}


@pytest.mark.parametrize("call", CALLS)
def test_with_a_login_every_call_needs_its_scope(settings: Settings, call: str, study_id: str) -> None:
    secured = with_login(settings)
    method, path = call.format(study=study_id).split(" ")
    with TestClient(http_app(secured), base_url=f"http://127.0.0.1:{secured.port}") as client:

        def status(*scopes: str) -> int:
            return client.request(method, path, json={}, headers=bearer(secured, *scopes)).status_code

        assert client.request(method, path, json={}).status_code == 401
        assert client.request(method, path, headers={"Authorization": "Bearer no"}).status_code == 401
        assert status(*(scope for scope in SCOPES if scope != CALLS[call])) == 403
        assert status(CALLS[call]) not in (401, 403)


def test_a_page_of_another_origin_is_refused(web: TestClient, settings: Settings, study_id: str) -> None:
    path = f"/workplace/studies/{study_id}/annotations"
    assert web.post(path, json={}, headers={"Origin": "http://evil.example"}).status_code == 403
    assert web.get(path, headers={"host": "evil.example"}).status_code == 421
    form = web.post(
        path, content="{}", headers={"Content-Type": "text/plain"}
    )  # what a foreign form may send
    assert form.status_code == 400


@pytest.mark.parametrize("body", [b"{", b"[" * 100_000, b"\xff", b'{"a":' * 5000], ids=str)
def test_what_is_no_json_is_refused(web: TestClient, study_id: str, body: bytes) -> None:
    path = f"/workplace/studies/{study_id}/annotations"
    answer = web.post(path, content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "invalid_request"


def test_more_than_may_be_sent_is_refused(web: TestClient, study_id: str) -> None:
    body = json.dumps({"author": "x" * (8 * 1024**2)})
    path = f"/workplace/studies/{study_id}/annotations"
    answer = web.post(path, content=body, headers={"Content-Type": "application/json"})
    assert "MB" in answer.json()["error"]["message"]


def test_signing_asks_what_the_terminal_asks(
    web: TestClient, registry: Registry, draft: Callable[[str], str], study_id: str
) -> None:
    path = f"/workplace/reports/{draft(study_id)}/finalise"
    code = make_code(registry.path.parent, by="Dr Kim")
    for given, hint in (
        (sign(has_read_film=False), "has read the film"),
        (sign(name="agent"), "a person"),
        (sign(told=""), "who was told"),
        ({"name": "Dr Kim"}, "has_read_film"),
        (sign(has_read_film="yes"), "has_read_film"),
        (sign(extra=1), "extra"),
    ):
        answer = web.post(path, json={**given, "code": code})
        assert answer.status_code == 400, given
        assert hint in answer.json()["error"]["message"]
    signed = web.post(path, json=sign(impression="Free air under the right dome.", code=code))
    assert signed.status_code == 200, "what was refused has not spent the code"
    assert (signed.json()["status"], signed.json()["signed_by"]) == ("final", "Dr Kim")
    assert signed.json()["confirmed"] == "on the page, by a one-time code, made at a terminal"
    assert [one.status for one in registry.reports(study_id)] == ["preliminary", "final"]


def test_without_a_login_a_program_signs_nothing(
    web: TestClient, registry: Registry, draft: Callable[[str], str], unread: str
) -> None:
    path, home = f"/workplace/reports/{draft(unread)}/finalise", registry.path.parent
    for code in ("", "aaaa-bbbb-cccc-dddd", "../signers", "a\x00b", make_code(home, by="Dr Oh")):
        refused = web.post(path, json=sign(code=code))
        assert refused.status_code == 400 and "pedaxr reports code" in refused.json()["error"]["message"]
    assert web.post(path, json=sign(code="x" * 101)).status_code == 400
    assert [one.status for one in registry.reports(unread)] == ["preliminary"]
    code = make_code(home, by="Dr Kim")
    final = web.post(path, json=sign(code=code)).json()
    again = web.post(
        f"/workplace/reports/{final['report_id']}/amend",
        json={"name": "Dr Kim", "has_read_film": True, "text": "Seen again.", "code": code},
    )
    assert again.status_code == 400, "a code is good for one signature"


def test_with_a_login_no_code_is_asked_for(
    settings: Settings, registry: Registry, draft: Callable[[str], str], unread: str
) -> None:
    secured = with_login(settings)
    with TestClient(http_app(secured), base_url=f"http://127.0.0.1:{secured.port}") as client:
        path = f"/workplace/reports/{draft(unread)}/finalise"
        assert client.post(path, json=sign(), headers=bearer(secured, "reports:sign")).status_code == 200
    assert "login" in str(registry.reports(unread)[-1].confirmed)


def test_a_signed_report_is_amended(web: TestClient, draft: Callable[[str], str], registry: Registry) -> None:
    home = registry.path.parent
    other = find_patient("2018-06-23", clinic=open_clinic(home)).matches[0].studies[0].study_id
    signature = sign(code=make_code(home, by="Dr Kim"))
    final = web.post(f"/workplace/reports/{draft(other)}/finalise", json=signature).json()
    given = {
        "name": "Dr Lee",
        "has_read_film": True,
        "text": "No free air on review.",
        "code": make_code(home, by="Dr Lee"),
    }
    amended = web.post(f"/workplace/reports/{final['report_id']}/amend", json=given).json()
    assert amended["status"] == "amended"
    assert "No free air on review." in json.dumps(amended["sections"])
    unread = web.post(
        f"/workplace/reports/{amended['report_id']}/amend", json={**given, "has_read_film": False}
    )
    assert unread.status_code == 400
    given["code"] = make_code(home, by="Dr Lee")
    unknown = web.post("/workplace/reports/nobody/amend", json=given)
    assert (unknown.status_code, unknown.json()["error"]["code"]) == (404, "report_not_found")


def test_an_annotation_goes_in_and_comes_out(web: TestClient, study_id: str, registry: Registry) -> None:
    from pedaxr.radiograph.read import read_radiograph

    film = read_radiograph(registry.study(study_id).image_path)
    pixels = film.pixels > 0.5
    path = f"/workplace/studies/{study_id}/annotations"
    given = {
        "author": "Dr Kim",
        "based_on": 0,
        "model": "canned",
        "findings": {
            "pneumoperitoneum": {"decision": "corrected", "mask": mask_of(pixels).model_dump()},
            "constipation": {"decision": "rejected"},
        },
    }
    assert web.post(path, json={**given, "author": None}).status_code == 400
    assert web.post(path, json={**given, "findings": {"ghost": {"decision": "rejected"}}}).status_code == 400
    saved = web.post(path, json=given).json()
    assert (saved["annotation"]["version"], saved["meanwhile"]) == (1, [])
    assert web.get(path).json()["annotations"] == [saved["annotation"]]
    archive = web.get("/workplace/annotations.zip", params={"format": "masks", "study_id": study_id})
    assert archive.headers["content-disposition"] == 'attachment; filename="annotations-masks.zip"'
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        assert set(opened.namelist()) == {"decisions.json", f"{study_id}/pneumoperitoneum.png"}
    assert web.get("/workplace/annotations.zip", params={"format": "exe"}).status_code == 400
    assert web.get("/workplace/studies/nobody/annotations").status_code == 404


def test_staff_of_another_department_see_and_change_nothing(
    settings: Settings, draft: Callable[[str], str], study_id: str
) -> None:
    secured = replace(with_login(settings), open_departments=False)
    token = mint_token(secured, subject="nurse", scopes=list(SCOPES), minutes=5, departments=["another"])
    headers = {"Authorization": f"Bearer {token}"}
    with TestClient(http_app(secured), base_url=f"http://127.0.0.1:{secured.port}") as client:
        annotations = f"/workplace/studies/{study_id}/annotations"
        assert client.get(annotations, headers=headers).status_code == 404
        rejected = {"author": "Dr Kim", "based_on": 0, "model": "m", "is_unsuitable": True, "findings": {}}
        assert client.post(annotations, json=rejected, headers=headers).status_code == 404
        signing = client.post(f"/workplace/reports/R-{study_id}/finalise", json=sign(), headers=headers)
        assert signing.status_code == 404
