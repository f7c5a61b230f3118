"""A tab of a headless Chromium, a clinic with a child whose name is an attack, and the page of a server."""

import hashlib
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from pedaxr.clinic import Clinic, open_clinic
from pedaxr.registry import NewStudy, Patient
from pedaxr_models.phantom.film import make_film
from pedaxr_models.phantom.spec import sample_spec

from ..http_service import running

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page


@pytest.fixture(scope="package")
def browser() -> "Iterator[Browser]":
    """One for all tests of this folder. None of them may be asynchronous: playwright's own loop runs."""
    pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
    from playwright.sync_api import expect

    from .browser import chromium

    expect.set_options(timeout=30_000)  # on a machine that also trains
    with chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def home(clinic_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small clinic with one more child, whose name is an attack."""
    from .browser import PAYLOAD

    home = tmp_path_factory.mktemp("viewer") / "home"
    shutil.copytree(clinic_home, home, ignore=shutil.ignore_patterns("access.*"))  # in use
    registry = open_clinic(home).registry
    film = home / "films" / "S-000001.png"
    Image.fromarray(make_film(sample_spec(0, 3)).pixels).save(film)
    digest = hashlib.sha256(film.read_bytes()).hexdigest()
    study = NewStudy("S-000001", "P-1", film, digest, study_date=date(2025, 1, 1))
    registry.add([Patient("P-1", PAYLOAD, date(2020, 1, 1), "F")], [study])
    return home


@pytest.fixture
def clinic(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clinic]:
    """The registry as it was before, for the next test; it may still be open when it is put back."""
    kept = tmp_path_factory.mktemp("kept") / "registry.sqlite3"
    copy_database(home / "registry.sqlite3", kept)
    yield open_clinic(home)
    copy_database(kept, home / "registry.sqlite3")


def copy_database(source: Path, target: Path) -> None:
    """By SQLite itself: bytes written over a database that somebody has open mix two of them."""
    with closing(sqlite3.connect(source)) as old, closing(sqlite3.connect(target, timeout=60)) as new:
        old.backup(new)


@pytest.fixture
def faults() -> list[str]:
    """What scripts and the browser complained of; a test that provokes a complaint takes it out."""
    return []


@pytest.fixture(scope="package")
def screen(browser: "Browser") -> "Iterator[BrowserContext]":
    """What tabs are opened in: one for all tests, as a new one takes as long as most of them."""
    with opened_for_tabs(browser, viewport={"width": 1440, "height": 900}, color_scheme="dark") as context:
        yield context


@pytest.fixture(scope="package")
def hand(browser: "Browser") -> "Iterator[BrowserContext]":
    """A phone: 390 pixels of page with three of the screen each, and fingers."""
    viewport = {"width": 390, "height": 844}
    with opened_for_tabs(
        browser, viewport=viewport, device_scale_factor=3, has_touch=True, is_mobile=True
    ) as context:
        yield context


@contextmanager
def opened_for_tabs(browser: "Browser", **described: Any) -> "Iterator[BrowserContext]":
    """The first tab stays: beside it, those of the tests need no process of their own."""
    context = browser.new_context(locale="en-GB", **described)
    context.new_page()
    yield context
    context.close()


@contextmanager
def tab(context: "BrowserContext", faults: list[str]) -> "Iterator[Page]":
    """A tab of which nothing stays: each server has a port, and so a storage, of its own."""
    opened = context.new_page()
    listen_for_faults(opened, faults)
    yield opened
    for left in context.pages[1:]:
        left.close()
    context.clear_permissions()
    assert context.cookies() == []
    assert_none(faults)


@pytest.fixture
def page(screen: "BrowserContext", faults: list[str]) -> "Iterator[Page]":
    """A tab in which any script error, console error or breach of the policy fails the test."""
    with tab(screen, faults) as opened:
        yield opened


@pytest.fixture
def viewer(page: "Page", home: Path, canned_networks: None) -> "Iterator[Page]":
    """The page, with canned answers instead of the networks."""
    from .browser import canned, front_page

    with running(canned(home)) as settings:
        page.goto(front_page(settings))
        yield page


@pytest.fixture
def phone(hand: "BrowserContext", home: Path, canned_networks: None, faults: list[str]) -> "Iterator[Page]":
    """The same on a phone."""
    from .browser import canned, front_page

    with tab(hand, faults) as opened, running(canned(home)) as settings:
        opened.goto(front_page(settings))
        yield opened


def listen_for_faults(page: "Page", faults: list[str]) -> None:
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)


def assert_none(faults: list[str]) -> None:
    """Answers such as 401 and 404 are part of the conversation, but a browser reports them all."""
    assert [fault for fault in faults if not fault.startswith("Failed to load resource")] == []
