"""The page's address and what is on screen are always of the same film."""

import re
from pathlib import Path

import pytest

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Page, Route, expect

from .browser import chromium_path, read, search

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]
OTHER_CHILD, OTHER_BORN = "2018-06-23", "Born 2018-06-23"


def studies(home: Path, query: str) -> list[str]:
    """Study ids of the child that a query finds, newest first."""
    (match,) = find_patient(query, clinic=open_clinic(home)).matches
    return [study.study_id for study in match.studies]


def go_to(page: Page, name: str) -> None:
    """As somebody who edits the address or follows a link within the page."""
    page.evaluate("name => { location.hash = name; }", name)


def test_the_address_that_is_typed_is_the_film_that_is_shown(viewer: Page, home: Path) -> None:
    read(viewer)
    other = studies(home, OTHER_CHILD)[0]
    go_to(viewer, other)
    expect(viewer.locator("#patient")).to_contain_text(OTHER_BORN)
    expect(viewer.locator(".pane .top-left").first).to_contain_text(other)
    expect(viewer.locator(".has-film")).to_have_count(1)
    expect(viewer.locator("#patient")).not_to_contain_text(DEMO_UNAMBIGUOUS_NAME)


def test_back_and_forward_go_from_film_to_film(viewer: Page, home: Path) -> None:
    newest, older = studies(home, DEMO_UNAMBIGUOUS_NAME)
    read(viewer)
    title = viewer.locator(".pane .top-left").first
    expect(viewer).to_have_url(re.compile(f"#{newest}$"))
    viewer.locator("#studies button").nth(1).click()
    expect(title).to_contain_text(older)
    viewer.go_back()
    expect(title).to_contain_text(newest)
    expect(viewer.locator(".has-film")).to_have_count(1)
    viewer.go_forward()
    expect(title).to_contain_text(older)
    viewer.go_back()
    viewer.go_back()
    expect(viewer.locator("body")).to_have_attribute("data-stage", "search")
    expect(viewer.locator(".has-film")).to_have_count(0)
    expect(viewer.locator("#patient")).to_be_hidden()


@pytest.mark.parametrize("name", ["S-999999", "%E0%A4%A", "x" * 300, "<img src=x>"])
def test_no_film_stands_under_an_address_that_is_nobody_s(viewer: Page, name: str) -> None:
    read(viewer)
    go_to(viewer, name)
    expect(viewer.locator("#failure")).to_be_visible()
    expect(viewer.locator(".has-film")).to_have_count(0)
    expect(viewer.locator("#patient")).to_be_hidden()
    expect(viewer.locator("#report-box")).to_be_hidden()
    expect(viewer.locator("#critical")).to_be_hidden()
    assert viewer.locator(".pane path").count() == 0


def test_a_list_of_children_stands_under_no_film_s_address(viewer: Page) -> None:
    read(viewer)
    search(viewer, "윤하랑")
    expect(viewer.locator("#answer")).to_contain_text("No child matches")
    assert viewer.evaluate("location.hash") == ""


def test_a_slow_search_does_not_take_the_place_of_what_was_opened_since(viewer: Page, home: Path) -> None:
    other = studies(home, OTHER_CHILD)[0]
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if not held and DEMO_UNAMBIGUOUS_NAME in (route.request.post_data or ""):
            held.append(route)
        else:
            route.continue_()

    viewer.route("**/mcp", hold_first)
    viewer.locator("#search").fill(DEMO_UNAMBIGUOUS_NAME)
    viewer.keyboard.press("Enter")
    expect(viewer.locator("body")).to_have_attribute("data-stage", "search")
    go_to(viewer, other)
    expect(viewer.locator("#patient")).to_contain_text(OTHER_BORN)
    (late,) = held
    with viewer.expect_response("**/mcp"):
        late.continue_()
    expect(viewer.locator("#status")).to_be_hidden()
    expect(viewer.locator("#patient")).to_contain_text(OTHER_BORN)
    expect(viewer).to_have_url(re.compile(f"#{other}$"))


def test_the_name_of_the_page_leads_back_to_what_waits(viewer: Page, home: Path) -> None:
    name = viewer.get_by_role("link", name="pedaxr")
    start = viewer.locator("#answer .waiting").first
    read(viewer)
    name.click()
    expect(start).to_be_visible()
    expect(viewer.locator("#patient")).to_be_hidden()
    search(viewer, "Zzyzx Qwert")
    expect(viewer.locator("#answer")).to_contain_text("No child matches")
    name.click()
    expect(start).to_be_visible()
    viewer.go_back()
    expect(viewer).to_have_url(re.compile(f"#{studies(home, DEMO_UNAMBIGUOUS_NAME)[0]}$"))
