"""Outlines drawn and corrected without a pointer: a crosshair on the film, and words for what it did."""

import re

import pytest

from pedaxr.clinic import Clinic

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Page, expect

from .browser import chromium_path, read
from .test_annotating import AIR, STOOL, begin, drag_on_film, film_to_page, pixels, row, save, stored

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]


def start(page: Page, name: str, pen: str) -> None:
    """From the decision on a finding to the film, by keys alone."""
    row(page, name).get_by_role("button", name="Draw").press("Enter")
    page.keyboard.press(pen)
    page.keyboard.press("d")
    expect(page.locator(".pane").first).to_be_focused()


def position(page: Page) -> tuple[int, int]:
    x, y = re.findall(r"\d+", page.locator(".aimed").inner_text())
    return int(x), int(y)


def aim(page: Page, x: int, y: int) -> None:
    """Arrow keys until the crosshair is within a small step of the point."""
    for axis, (back, on) in enumerate((("ArrowLeft", "ArrowRight"), ("ArrowUp", "ArrowDown"))):
        for keys in (f"Shift+{back}", f"Shift+{on}"), (back, on):
            step = 16 if keys[0].startswith("Shift") else 2
            while abs(missing := (x, y)[axis] - position(page)[axis]) > step:
                page.keyboard.press(keys[missing > 0])


def told(page: Page) -> str:
    return page.locator(".told").inner_text()


def test_a_polygon_is_set_point_by_point_and_closed_on_its_first(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    start(viewer, STOOL, "g")
    for number, corner in enumerate(((60, 350), (160, 350), (160, 450), (60, 450)), start=1):
        aim(viewer, *corner)
        viewer.keyboard.press("Enter" if number % 2 else "Space")
        assert told(viewer).startswith(f"Point {number} at x ")
    aim(viewer, 20, 480)
    viewer.keyboard.press("Enter")  # a slip
    viewer.keyboard.press("Backspace")
    assert told(viewer) == "Last point taken back; 4 left."
    aim(viewer, 60, 350)
    assert told(viewer) == "On the first point: Enter closes the polygon."
    viewer.keyboard.press("Enter")
    assert told(viewer).startswith("Polygon of 4 points closed: ")
    save(viewer)
    drawn = pixels(stored(clinic)[0], STOOL)
    assert drawn[360:440, 70:150].all()
    assert 8_500 < drawn.sum() < 12_000


def test_brush_and_eraser_are_put_down_moved_and_lifted(viewer: Page, clinic: Clinic) -> None:
    begin(viewer)
    start(viewer, AIR, "e")
    aim(viewer, 300, 150)
    viewer.keyboard.press("Space")
    assert told(viewer).startswith("Eraser down")
    aim(viewer, 300, 350)
    viewer.keyboard.press("Space")
    assert told(viewer) == "Eraser lifted."
    aim(viewer, 200, 250)  # lifted: nothing goes on the way
    viewer.keyboard.press("b")
    viewer.keyboard.press("Enter")
    viewer.keyboard.press("Shift+ArrowDown")
    viewer.keyboard.press("Backspace")
    assert "Last change taken back" in told(viewer)
    save(viewer)
    drawn = pixels(stored(clinic)[0], AIR)
    assert not drawn[170:330, 300].any()
    assert drawn[250, 200] and drawn[250, 400]


@pytest.mark.usefixtures("clinic")
def test_the_crosshair_is_on_the_film_where_it_says_and_stays_in_sight(viewer: Page) -> None:
    begin(viewer)
    start(viewer, STOOL, "b")
    for keys in (["f"], ["+", "+", "+", "+", "+"]):  # mirrored, then closer in
        for key in keys:
            viewer.keyboard.press(key)
        before = film_to_page(viewer, *position(viewer))
        viewer.keyboard.press("ArrowRight")
        assert film_to_page(viewer, *position(viewer))[0] > before[0], "right is right on the screen"
    for _ in range(200):
        viewer.keyboard.press("Shift+ArrowRight")
    assert position(viewer)[0] == 0, "the edge of the mirrored film"
    box = viewer.locator(".pane").first.bounding_box()
    assert box
    x, y = film_to_page(viewer, *position(viewer))
    assert box["x"] <= x <= box["x"] + box["width"] and box["y"] <= y <= box["y"] + box["height"]
    assert viewer.locator(".aim circle.over").count() == 1, "the size of the brush"


@pytest.mark.usefixtures("clinic")
def test_escape_leaves_the_film_and_the_other_keys_keep_their_meaning(viewer: Page) -> None:
    begin(viewer)
    pane = viewer.locator(".pane").first
    expect(row(viewer, AIR).get_by_role("button", name="Draw")).to_be_focused()  # the panel was opened
    expect(pane).to_have_attribute("role", "application")
    expect(pane).to_have_accessible_description(re.compile("Arrow keys move a crosshair"))
    start(viewer, STOOL, "g")
    viewer.keyboard.press("Enter")
    viewer.keyboard.press("c")
    assert told(viewer).startswith("A polygon needs three points; it had 1.")
    viewer.keyboard.press("Enter")
    viewer.keyboard.press("Escape")
    expect(viewer.locator("[data-key=aim]")).to_be_focused()
    expect(viewer.locator(".aimed")).to_be_hidden()
    viewer.get_by_role("button", name="Undo").press("Enter")  # and does not close the polygon
    assert told(viewer) == "Last point taken back; 0 left."
    expect(viewer.locator("[data-key=polygon]")).to_be_focused()  # Undo has nothing left
    viewer.locator("#annotate").get_by_role("button", name="Close").press("Enter")
    expect(viewer.locator("#annotate-open")).to_be_focused()
    expect(pane).to_have_attribute("role", "group")
    before = film_to_page(viewer, 0, 0)
    pane.focus()
    viewer.keyboard.press("ArrowLeft")
    assert film_to_page(viewer, 0, 0)[0] == pytest.approx(before[0] + 40), "arrows move the film again"


@pytest.mark.usefixtures("clinic")
def test_the_keyboard_is_explained_and_heard_in_korean(viewer: Page) -> None:
    viewer.get_by_role("button", name="Switch to Korean").click()
    read(viewer)
    viewer.locator("#annotate-open").press("Enter")
    expect(viewer.locator("#annotate")).to_be_visible()
    viewer.keyboard.press("g")
    viewer.get_by_role("button", name="키보드로 그리기").press("Enter")
    expect(viewer.locator(".pane").first).to_have_accessible_description(re.compile("화살표 키로"))
    viewer.keyboard.press("Enter")
    assert told(viewer).startswith("점 1: x ")
    assert viewer.locator(".told").get_attribute("role") == "status"


@pytest.mark.usefixtures("clinic")
def test_a_pen_on_the_earlier_film_draws_nothing_and_breaks_nothing(viewer: Page) -> None:
    begin(viewer)
    viewer.keyboard.press("p")
    prior = viewer.locator(".pane").nth(1)
    expect(prior.locator(".top-left")).to_contain_text("2024-09-03")
    box = prior.bounding_box()
    assert box
    before = prior.locator("svg > g").get_attribute("transform")
    viewer.mouse.move(box["x"] + 100, box["y"] + 200)
    viewer.mouse.down()
    viewer.mouse.move(box["x"] + 140, box["y"] + 200)
    viewer.mouse.up()
    assert prior.locator("svg > g").get_attribute("transform") != before, "it is moved instead"
    drag_on_film(viewer, (100, 400), (220, 400))
    expect(row(viewer, AIR)).to_contain_text("corrected")
