"""Corrections that somebody else, a slip or the browser could lose: none is."""

from collections.abc import Iterator

import numpy as np
import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import annotations_of, merged

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Browser, Dialog, Page, expect

from .browser import chromium_path, newest_study, read_when_ready
from .conftest import assert_none, listen_for_faults
from .test_annotating import AIR, STOOL, begin, drag_on_film, film_to_page, pixels, row, save, stored

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]


@pytest.fixture
def other(browser: Browser, faults: list[str]) -> Iterator[Page]:
    """Another browser: nothing is shared with the first."""
    context = browser.new_context(viewport={"width": 1200, "height": 800}, locale="ko-KR")
    opened = context.new_page()
    listen_for_faults(opened, faults)
    yield opened
    context.close()
    assert_none(faults)


def decisions(clinic: Clinic) -> dict[str, str]:
    current = merged(annotations_of(newest_study(clinic.home), clinic=clinic))
    return {name.value: one.decision for name, one in current.findings.items()} if current else {}


def undo(page: Page) -> None:
    page.locator("[data-do-undo]").click()


def test_whoever_saves_again_after_both_saved_takes_nothing_of_the_other_back(
    viewer: Page, other: Page, clinic: Clinic
) -> None:
    """The second version of the one names the first of the other as seen, so it has to be on the screen."""
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    drag_on_film(viewer, (100, 400), (220, 400))
    other.goto(viewer.url)
    read_when_ready(other)
    other.locator("#annotate-open").click()
    row(other, AIR).get_by_role("button").nth(1).click()  # not there, in Korean
    other.locator("#annotate-author").fill("이서연")
    other.locator("#annotate .primary").click()
    expect(other.locator("#annotate-told")).to_contain_text("1")
    save(viewer)
    expect(row(viewer, AIR)).to_contain_text("not there")
    drag_on_film(viewer, (100, 430), (220, 430))
    save(viewer)
    expect(viewer.locator("#annotate-told")).to_contain_text("version 3")
    assert decisions(clinic) == {STOOL: "added", AIR: "rejected"}
    assert stored(clinic)[2].findings.keys() == {STOOL, AIR}


def test_the_browser_asks_before_it_loses_what_is_not_saved(viewer: Page, clinic: Clinic) -> None:
    """A reload in the middle; once it is saved, or where nothing was done, nobody is asked."""
    asked: list[str] = []

    def answer(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    viewer.on("dialog", answer)
    begin(viewer)
    viewer.reload()
    assert asked == [], "control: the panel alone is no work"
    read_when_ready(viewer)
    viewer.get_by_role("button", name="Correct outlines").click()
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    drag_on_film(viewer, (100, 400), (220, 400))
    viewer.reload()
    assert asked == ["beforeunload"] and stored(clinic) == []
    read_when_ready(viewer)
    viewer.get_by_role("button", name="Correct outlines").click()
    row(viewer, STOOL).get_by_role("button", name="Not there").click()
    save(viewer)
    viewer.reload()
    assert len(asked) == 1 and decisions(clinic) == {STOOL: "rejected"}


def test_what_was_not_saved_is_there_when_the_film_comes_back(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    drag_on_film(viewer, (100, 400), (220, 400))
    for number, day in ((1, "2024-09-03"), (0, "2025-")):
        viewer.locator("#studies button").nth(number).click()
        expect(viewer.locator(".pane .top-left").first).to_contain_text(day)
        read_when_ready(viewer)
    viewer.get_by_role("button", name="Correct outlines").click()
    expect(row(viewer, STOOL)).to_contain_text("added")
    expect(viewer.locator("#annotate-told")).to_contain_text("not saved")
    save(viewer)
    assert pixels(stored(clinic)[0], STOOL)[400, 110:210].all()


def test_a_decision_that_was_saved_is_taken_back_by_undo(viewer: Page, clinic: Clinic) -> None:
    """Also the only one; the version in which it was said stays."""
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Not there").click()
    save(viewer)
    undo(viewer)
    save(viewer)
    assert decisions(clinic) == {} and [len(one.findings) for one in stored(clinic)] == [1, 0]
    viewer.reload()
    read_when_ready(viewer)
    viewer.get_by_role("button", name="Correct outlines").click()
    expect(row(viewer, STOOL)).to_contain_text("not outlined")


def test_an_eraser_where_nothing_is_outlined_says_nothing(viewer: Page, clinic: Clinic) -> None:
    """It would be stored as a finding that is known to be absent."""
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    viewer.keyboard.press("e")
    drag_on_film(viewer, (100, 400), (220, 400))
    expect(row(viewer, STOOL)).to_contain_text("not outlined")
    expect(viewer.locator("#annotate .primary")).to_be_disabled()
    assert stored(clinic) == []


def test_a_polygon_that_crosses_itself_is_stored_as_it_is_seen(viewer: Page, clinic: Clinic) -> None:
    """A loop drawn round the bowel overlaps itself: its middle is inside."""
    begin(viewer)
    row(viewer, STOOL).get_by_role("button", name="Draw").click()
    viewer.keyboard.press("g")
    star = [(256 + 90 * np.sin(4 * np.pi * k / 5), 380 - 90 * np.cos(4 * np.pi * k / 5)) for k in range(5)]
    for x, y in star:
        viewer.mouse.click(*film_to_page(viewer, x, y))
    viewer.keyboard.press("Enter")
    save(viewer)
    drawn = pixels(stored(clinic)[0], STOOL)
    assert drawn[380, 256] and drawn[310, 256] and not drawn[330, 200]
    viewer.reload()
    read_when_ready(viewer)
    viewer.get_by_role("button", name="Correct outlines").click()
    row(viewer, AIR).get_by_role("button", name="Accept").click()
    save(viewer)
    assert np.array_equal(pixels(stored(clinic)[1], STOOL), drawn)
