"""A film dropped onto the page: read where the server allows it, stored nowhere, and of no child."""

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image
from starlette.testclient import TestClient

from pedaxr.clinic import open_clinic
from pedaxr_models.phantom.film import make_film
from pedaxr_models.phantom.spec import sample_spec
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings
from pedaxr_server.viewer import dropped

from ..http_service import bearer, with_login

BYTES = {"Content-Type": "application/octet-stream"}


@pytest.fixture(scope="module")
def film() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(make_film(sample_spec(0, 3)).pixels).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
def settings(clinic_home: Path) -> Settings:
    return Settings(home=clinic_home, worker=False, films_from_page=True)


def client(settings: Settings) -> TestClient:
    return TestClient(http_app(settings), base_url=f"http://127.0.0.1:{settings.port}")


@pytest.fixture
def web(settings: Settings) -> Iterator[TestClient]:
    with client(settings) as opened:
        yield opened


def kept(home: Path) -> set[Path]:
    return {path for name in ("films", "overlays") for path in (home / name).rglob("*")}


def test_a_film_is_read_and_nothing_of_it_is_stored(web: TestClient, clinic_home: Path, film: bytes) -> None:
    before = open_clinic(clinic_home).registry.counts()
    files = kept(clinic_home)
    answer = web.post("/workplace/film", content=film, headers=BYTES)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["outlines"]["structures"] and told["report"]["sections"] and told["picture"]
    assert told["report"]["study_id"] is None and told["outlines"]["overlay_path"] is None
    assert open_clinic(clinic_home).registry.counts() == before
    assert kept(clinic_home) == files
    assert answer.headers["cache-control"] == "no-store"


def test_without_the_setting_there_is_no_such_route(settings: Settings, film: bytes) -> None:
    with client(replace(settings, films_from_page=False)) as web:
        assert web.post("/workplace/film", content=film, headers=BYTES).status_code in (404, 405)
        assert '"takesFilms": false' in web.get("/").text


def test_with_a_login_it_needs_a_scope(settings: Settings, film: bytes) -> None:
    settings = with_login(settings)
    with client(settings) as web:
        assert web.post("/workplace/film", content=film, headers=BYTES).status_code == 401
        other = {**BYTES, **bearer(settings, "patients:read")}
        assert web.post("/workplace/film", content=film, headers=other).status_code == 403


@pytest.mark.parametrize(
    ("content", "headers", "status", "said"),
    [
        (b"no film", BYTES, 422, "unreadable_image"),
        (b"", BYTES, 400, "empty"),
        (b"{}", {"Content-Type": "application/json"}, 400, "octet-stream"),
        (b"x", {**BYTES, "Origin": "https://evil.example"}, 403, ""),
    ],
    ids=["no picture", "empty", "another type", "another origin"],
)
def test_what_is_no_film_is_refused_with_a_reason(
    web: TestClient, content: bytes, headers: dict[str, str], status: int, said: str
) -> None:
    answer = web.post("/workplace/film", content=content, headers=headers)
    assert answer.status_code == status and said in answer.text


def test_a_picture_of_something_else_is_no_error_of_the_server(web: TestClient) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (300, 300), (200, 40, 40)).save(buffer, "PNG")
    answer = web.post("/workplace/film", content=buffer.getvalue(), headers=BYTES)
    assert answer.status_code == 422 and answer.json()["error"]["message"]


def test_a_file_that_is_far_too_large_is_not_taken(web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dropped, "MOST_BYTES", 1000)
    answer = web.post("/workplace/film", content=b"x" * 1001, headers=BYTES)
    assert answer.status_code == 400 and "Send one film" in answer.text
