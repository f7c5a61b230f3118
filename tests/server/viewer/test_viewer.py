"""The viewer's documents and routes: what they may load, run and hold, before any browser sees them."""

import json
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, get_args

import pytest
from starlette.testclient import TestClient

from pedaxr.reading.measurements import CALIBRES, LEVELS, STOOL_PARTS
from pedaxr.types import Report, Sentence, Sex
from pedaxr_models.facts import Presence
from pedaxr_models.labels import CHANNELS, TERMS, View
from pedaxr_server.serve import http_app
from pedaxr_server.settings import Settings
from pedaxr_server.viewer import documents
from pedaxr_server.viewer.documents import (
    MODULES,
    PAGE_MODULES,
    STYLE,
    app_html,
    joined_modules,
    page_html,
    read_asset,
)

from ..http_service import with_login

STATIC = Path(documents.__file__).parent / "static"
# Ways to turn text into markup or code.
SINKS = re.compile(
    r"innerHTML|outerHTML|insertAdjacentHTML|createContextualFragment|DOMParser|document\.write|srcdoc"
    r"|\beval\(|new Function|setTimeout\(\s*[\"'`]|setAttribute\(\s*[\"']on"
)
ADDRESSES = re.compile(r"(?:https?:)?//[a-z0-9-]+\.[a-z]", re.IGNORECASE)
SVG_NAMESPACE = "http://www.w3.org/2000/svg"


@pytest.fixture(params=["open", "login"])
def web(request: pytest.FixtureRequest, clinic_home: Path) -> Iterator[TestClient]:
    settings = Settings(home=clinic_home, worker=False)
    settings = with_login(settings) if request.param == "login" else settings
    with TestClient(http_app(settings), base_url=f"http://127.0.0.1:{settings.port}") as client:
        yield client


def test_the_page_and_its_files_need_no_login_and_hold_no_patient(web: TestClient) -> None:
    page = web.get("/")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    for name in (STYLE, *MODULES, *PAGE_MODULES):
        answer = web.get(f"/viewer/{name}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/css" if name == STYLE else "text/javascript")
    assert "윤하람" not in page.text + joined_modules()


def test_the_policy_lets_the_page_run_its_own_files_only_and_be_framed_by_nobody(web: TestClient) -> None:
    for path in ("/", f"/viewer/{STYLE}", "/viewer/main.js", "/viewer/none.js"):
        headers = web.get(path).headers
        policy = dict(part.split(" ", 1) for part in headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert policy["require-trusted-types-for"] == "'script'"
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize(
    "path", ["none.js", "index.html", "..%2fapp.py", "%2e%2e/app.py", "..%5capp.py", "main.js%00.css"]
)
def test_no_other_file_can_be_fetched(web: TestClient, path: str) -> None:
    assert web.get(f"/viewer/{path}").status_code == 404


def test_a_foreign_host_gets_nothing(web: TestClient) -> None:
    assert web.get("/", headers={"host": "evil.example"}).status_code == 421


def test_the_page_has_no_inline_script_style_or_listener() -> None:
    html = page_html(is_demo=True)
    assert re.findall(r"<script[^>]*>", html) == [
        '<script type="application/json" id="config">',
        '<script type="module" src="viewer/main.js">',
    ]
    assert "<style" not in html
    assert not re.search(r"\s(style|on[a-z]+)=", html)


def test_no_script_turns_text_into_markup() -> None:
    for name in (*MODULES, *PAGE_MODULES):
        assert not SINKS.search(read_asset(name)), name


@pytest.mark.parametrize(
    "script",
    ["node.innerHTML = name", "setTimeout('go()', 1)", "node.setAttribute('onclick', name)", "eval(name)"],
)
def test_the_search_for_such_scripts_finds_them(script: str) -> None:
    assert SINKS.search(script)


@pytest.mark.parametrize("html", [page_html(is_demo=False), app_html(is_demo=True), read_asset(STYLE)])
def test_nothing_comes_from_elsewhere(html: str) -> None:
    assert not ADDRESSES.search(html.replace(SVG_NAMESPACE, ""))
    assert not re.search(r"url\(|@import", html)


def test_the_search_for_addresses_finds_them() -> None:
    assert ADDRESSES.search('<img src="//cdn.example.org/x.png">')


def test_every_script_is_listed_and_imports_only_from_scripts_before_it() -> None:
    assert sorted(path.name for path in STATIC.glob("*.js")) == sorted((*MODULES, *PAGE_MODULES))
    every_one = (*MODULES, *PAGE_MODULES)
    for i, name in enumerate(every_one):
        imported = re.findall(r'from "\./([a-z_]+\.js)"', read_asset(name))
        assert set(imported) <= set(every_one[:i]), name


def test_the_joined_script_has_no_imports_and_no_name_twice() -> None:
    script = joined_modules()
    assert not re.search(r"^\s*(import|export)\b", script, re.MULTILINE)
    names = re.findall(r"^(?:async )?(?:const|let|class|function\*?) (\w+)", script, re.MULTILINE)
    assert len(names) > 100
    assert sorted(names) == sorted(set(names))


def test_the_app_is_one_document() -> None:
    html = app_html(is_demo=False)
    assert "<link" not in html
    assert " src=" not in html
    assert html.count("<script") == 2
    assert len(html.encode()) < 150_000


def test_what_the_server_writes_into_the_page_cannot_end_its_element(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "version", lambda _: "</script><script>alert(1)</script>")
    html = page_html(is_demo=False)
    assert "alert" in html
    assert html.count("<script") == page_html(is_demo=True).count("<script") == 2
    assert config_in(html)["version"].startswith("</script>")


def test_the_vocabulary_is_the_networks_own_and_findings_are_called_by_their_signs() -> None:
    config = config_in(page_html(is_demo=False))
    assert (*config["findings"], *config["structures"]) == CHANNELS
    assert config["terms"]["pneumoperitoneum"] == {
        "en": "Free intraperitoneal air",
        "ko": "복강 내 유리공기",
        "colour": "#d55e00",
    }
    assert set(config["terms"]) == {str(name) for name in TERMS}


def test_both_languages_say_the_same_things() -> None:
    english, korean = words("en"), words("ko")
    assert english.keys() == korean.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{\d\}", text)) == sorted(re.findall(r"\{\d\}", korean[key])), key


def test_every_text_that_is_asked_for_exists() -> None:
    known = words("en")
    for name in (*MODULES, *PAGE_MODULES, "index.html"):
        text = read_asset(name)
        asked = re.findall(r'\bt\("(\w+)"', text) + re.findall(r'data-t(?:-title|-hint)?="(\w+)"', text)
        asked += re.findall(r'\bwait\("(\w+)"', text) + re.findall(r'"(key_\w+)"', text)
        assert set(asked) <= known.keys(), name


def test_every_value_that_a_reply_may_hold_has_a_word() -> None:
    known = words("en").keys()
    values = {
        "verdict": Sentence.model_fields["verdict"].annotation,
        "status": Report.model_fields["status"].annotation,
        "sex": Sex,
    }
    for kind, literal in values.items():
        assert {f"{kind}_{value}" for value in get_args(literal)} <= known
    assert {f"view_{view}" for view in View} | {f"presence_{one.value}" for one in Presence} <= known
    lengths = {f"measure_{name}" for name in (*CALIBRES, "free_air_gap", "l2_width", "longest_level")}
    shares = {f"measure_stool_share_{part}" for part in STOOL_PARTS}
    assert lengths | shares | {f"measure_{LEVELS}"} <= known


def test_sections_are_called_as_in_the_korean_report() -> None:
    table = tomllib.loads((files("pedaxr.reports") / "korean.toml").read_text(encoding="utf-8"))["headings"]
    del table["Flags"]  # they stand in a box of their own
    text = read_asset("words_korean.js").split("const KOREAN_PHRASES = {")[1].split("};")[0]
    phrases = dict(re.findall(r'^  "?([^":]+)"?: "(.*)",$', text, re.MULTILINE))
    assert table.items() <= phrases.items()


@pytest.mark.parametrize(("language", "outline"), [("en", "outline"), ("ko", "윤곽")])
def test_why_a_sentence_is_struck_is_left_to_its_reason(language: str, outline: str) -> None:
    """Which may be the view, or the rest of the report: "the outlines contradict it" stood before each."""
    told = words(language)
    assert outline in told["verdict_grounded"], "control"
    assert outline not in told["verdict_struck"]


def test_modules_stay_readable() -> None:
    for name in (*MODULES, *PAGE_MODULES):
        assert len(read_asset(name).splitlines()) < 400, name


def config_in(html: str) -> dict[str, Any]:
    (text,) = re.findall(r'<script type="application/json" id="config">(.*?)</script>', html, re.DOTALL)
    config: dict[str, Any] = json.loads(text)
    return config


def words(language: str) -> dict[str, str]:
    """The page's own words in one language."""
    name = {"en": "english", "ko": "korean"}[language]
    table = read_asset(f"words_{name}.js").split(f"const {name.upper()} = {{\n")[1].split("\n};")[0]
    return dict(re.findall(r'^  (\w+): "(.*)",$', table, re.MULTILINE))
