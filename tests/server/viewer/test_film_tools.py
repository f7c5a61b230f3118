"""What a reader does with a film on the page: window, zoom, rulers, sides; and what a finger can hit."""

import importlib
import re
from typing import Any

import pytest

from pedaxr.errors import NotAnAbdominalFilm

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Locator, Page, expect

from .browser import chromium_path, read, read_when_ready, search

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]
# Elements that are seen and can be hit; of a box with a label the label is what one hits.
SMALL_TARGETS = """() => [...document.querySelectorAll('button, select, summary, a, input, [role=option]')]
    .map(node => node.closest('label') ?? node)
    .filter(node => node.checkVisibility() && !node.closest('.skip, .hidden'))
    .map(node => [node, node.getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 44 || box.height < 44))
    .map(([node, box]) => `${node.tagName} ${node.id} ${node.textContent} ${box.width} x ${box.height}`)"""
BROKEN_WORDS = """table => {
    const broken = [], walk = document.createTreeWalker(table, NodeFilter.SHOW_TEXT);
    for (let node = walk.nextNode(); node; node = walk.nextNode()) {
        for (const word of node.data.matchAll(/\\S+/g)) {
            const range = document.createRange();
            range.setStart(node, word.index);
            range.setEnd(node, word.index + word[0].length);
            const lines = new Set([...range.getClientRects()].map(box => Math.round(box.top)));
            if (lines.size > 1) broken.push(word[0]);
        }
    }
    return broken;
}"""


def test_dragging_on_the_film_selects_no_text(viewer: Page) -> None:
    read(viewer)
    box = pane_box(viewer)
    viewer.mouse.move(box["x"] + 20, box["y"] + 12)  # on the name in the corner
    viewer.mouse.down()
    viewer.mouse.move(box["x"] + 300, box["y"] + box["height"] - 12, steps=6)
    assert viewer.evaluate("getSelection().toString()") == ""
    viewer.mouse.up()
    viewer.mouse.dblclick(box["x"] + 60, box["y"] + 12)
    assert viewer.evaluate("getSelection().toString()") == ""


@pytest.mark.parametrize("device", ["viewer", "phone"], ids=["screen", "phone with 3 pixels in 1"])
def test_actual_size_is_one_film_pixel_on_one_screen_pixel(
    device: str, request: pytest.FixtureRequest
) -> None:
    page: Page = request.getfixturevalue(device)
    read(page)
    page.locator("[data-do=actual]").click()
    expect(page.locator(".pane .bottom-left").first).to_contain_text("1:1")
    drawn = page.evaluate(
        """() => {
            const canvas = document.querySelector('.pane canvas'), pen = canvas.getContext('2d');
            const { a, d, e, f } = pen.getTransform(), box = canvas.getBoundingClientRect();
            const dense = devicePixelRatio;
            return { scale: [a, d], shift: [e % 1, f % 1], smooth: pen.imageSmoothingEnabled,
                     css: [canvas.width / box.width / dense, canvas.height / box.height / dense] };
        }"""
    )
    assert drawn["scale"] == pytest.approx([1, 1])
    assert [round(part, 6) % 1 for part in drawn["shift"]] == [0, 0]  # on the grid of the screen
    assert drawn["css"] == pytest.approx([1, 1], rel=1e-3)
    assert not drawn["smooth"]


def test_presets_window_the_film_by_its_own_greys(viewer: Page) -> None:
    read(viewer)
    numbers = viewer.locator(".pane .bottom-left").first
    windows = [numbers.inner_text()]
    for key in "2345":
        viewer.keyboard.press(key)
        windows.append(numbers.inner_text())
    assert len(set(windows)) == 5
    levels = [int(re.findall(r"L (\d+)", shown)[0]) for shown in windows]
    assert levels[2] < levels[3] < levels[4]  # gas is dark, bone bright
    expect(viewer.locator("#preset")).to_have_value("bone")
    viewer.locator("#preset").select_option("Full range")
    expect(numbers).to_contain_text("W 256  L 128")
    viewer.keyboard.press("5")
    viewer.mouse.move(**middle(viewer))
    viewer.mouse.down(button="right")
    viewer.mouse.move(middle(viewer)["x"] + 40, middle(viewer)["y"])
    viewer.mouse.up(button="right")
    expect(viewer.locator("#preset")).to_have_value("")  # a window of one's own


def test_rulers_stay_until_they_are_taken_away(viewer: Page) -> None:
    read(viewer)
    labels = viewer.locator(".pane").first.locator(".ruler text")
    clear = viewer.locator("[data-do=clearRulers]")
    expect(clear).to_be_hidden()
    viewer.keyboard.press("m")
    for down in (0, 60, 120):
        lay_ruler(viewer, down)
    expect(labels).to_have_count(3)
    viewer.mouse.click(**middle(viewer))  # a click is not a ruler
    expect(labels).to_have_count(3)
    lengths = labels.all_text_contents()
    viewer.keyboard.press("+")
    assert labels.all_text_contents() == lengths  # of the film, not of the screen
    viewer.keyboard.press("Backspace")
    expect(labels).to_have_count(2)
    clear.click()
    expect(labels).to_have_count(0)
    expect(clear).to_be_hidden()


def test_a_flipped_film_says_so_and_its_sides_turn_along(viewer: Page) -> None:
    read(viewer)
    pane = viewer.locator(".pane").first
    left_edge, right_edge = pane.locator(".side.right"), pane.locator(".side.left")
    assert (left_edge.inner_text(), right_edge.inner_text()) == ("R", "L")
    viewer.keyboard.press("m")
    lay_ruler(viewer, 0)
    before, label = outline_middle(pane), pane.locator(".ruler text").text_content()
    viewer.keyboard.press("f")
    assert (left_edge.inner_text(), right_edge.inner_text()) == ("L", "R")
    expect(pane.locator(".mirrored")).to_be_visible()
    middle_x = pane_box(viewer)["x"] + pane_box(viewer)["width"] / 2
    assert outline_middle(pane) == pytest.approx(2 * middle_x - before, abs=1)
    assert pane.locator(".ruler text").text_content() == label
    assert pane.locator(".ruler text").evaluate("text => text.getScreenCTM().a") > 0  # figures stay readable
    viewer.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert (left_edge.inner_text(), right_edge.inner_text()) == ("R", "L")  # paper shows it as exposed
    viewer.evaluate("dispatchEvent(new Event('afterprint'))")
    viewer.keyboard.press(".")  # another film is shown as it was exposed
    expect(pane.locator(".top-left")).to_contain_text("2024-09-03")
    assert (left_edge.inner_text(), right_edge.inner_text()) == ("R", "L")
    expect(pane.locator(".mirrored")).to_be_hidden()


@pytest.mark.parametrize(
    ("towards_left", "stored", "flipped"),
    [((1, 0), "RL", "LR"), ((-1, 0), "LR", "RL"), ((0, 1), "RL", "RL"), ((0, -1), "LR", "LR")],
    ids=["as usual", "hung mirrored", "on the right side", "on the left side"],
)
def test_sides_are_named_as_the_film_hangs(
    viewer: Page,
    monkeypatch: pytest.MonkeyPatch,
    towards_left: tuple[int, int],
    stored: str,
    flipped: str,
) -> None:
    segmented = importlib.import_module("pedaxr.reading.segment_xray")
    outline = segmented.segment_xray

    def segment(*args: Any, **kwargs: Any) -> Any:
        return outline(*args, **kwargs).model_copy(update={"towards_left": towards_left})

    monkeypatch.setattr(segmented, "segment_xray", segment)
    read(viewer)
    pane = viewer.locator(".pane").first
    assert "".join(pane.locator(".side").all_inner_texts()) == stored
    first, last = (pane.locator(".side").nth(i).bounding_box() for i in (0, 1))
    assert first and last
    lies = towards_left[0] == 0
    assert (first["y"] < last["y"] - 100) if lies else (first["x"] < last["x"] - 100)
    viewer.keyboard.press("f")
    assert "".join(pane.locator(".side").all_inner_texts()) == flipped


def test_no_side_is_named_before_it_is_known(viewer: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor where the film is refused: nobody knows how it hangs."""
    segmented = importlib.import_module("pedaxr.reading.segment_xray")

    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise NotAnAbdominalFilm("Two films in one picture. Cut them apart and import each.")

    monkeypatch.setattr(segmented, "segment_xray", refuse)
    search(viewer, "P-1")
    expect(viewer.locator("#failure")).to_contain_text("Two films in one picture")
    expect(viewer.locator("#failure button")).to_have_count(0)  # the same film is refused again
    expect(viewer.locator(".has-film")).to_have_count(1)
    assert "".join(viewer.locator(".pane").first.locator(".side").all_inner_texts()) == ""
    assert viewer.locator(".pane path").count() == 0
    expect(viewer.locator("#report-box")).to_be_hidden()


def test_a_flipped_film_stays_where_it_was_looked_at(viewer: Page) -> None:
    read(viewer)
    pane = viewer.locator(".pane").first
    for key in ("+", "+", "ArrowRight", "ArrowRight"):
        viewer.keyboard.press(key)
    before = outline_middle(pane)
    viewer.keyboard.press("f")
    middle_x = pane_box(viewer)["x"] + pane_box(viewer)["width"] / 2
    assert outline_middle(pane) == pytest.approx(2 * middle_x - before, abs=1)
    viewer.keyboard.press("f")
    assert outline_middle(pane) == pytest.approx(before, abs=1)


def test_two_fingers_zoom(phone: Page) -> None:
    read(phone)
    pane = phone.locator(".pane").first
    pane.scroll_into_view_if_needed()
    numbers = pane.locator(".bottom-left")
    before = int(re.findall(r"(\d+) %", numbers.inner_text())[0])
    touch = phone.context.new_cdp_session(phone)
    box = pane_box(phone)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    for kind, apart in (("touchStart", 40), ("touchMove", 60), ("touchMove", 80)):
        points = [{"x": x - apart, "y": y, "id": 0}, {"x": x + apart, "y": y, "id": 1}]
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    after = int(re.findall(r"(\d+) %", numbers.inner_text())[0])
    assert after == pytest.approx(2 * before, abs=2)


def test_a_finger_can_hit_everything(phone: Page) -> None:
    read(phone)
    phone.locator("details summary").first.click()
    assert phone.evaluate(SMALL_TARGETS) == []
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    search(phone, "윤하랑")
    expect(phone.locator(".candidates button")).not_to_have_count(0)
    assert phone.evaluate(SMALL_TARGETS) == []


@pytest.mark.parametrize("device", ["viewer", "phone"])
def test_tables_break_no_word(device: str, request: pytest.FixtureRequest) -> None:
    page: Page = request.getfixturevalue(device)
    search(page, "P-1")
    read_when_ready(page)
    page.locator("details summary").first.click()
    table = page.locator("#report table")
    expect(table).to_be_visible()
    assert table.evaluate(BROKEN_WORDS) == []
    page.get_by_role("button", name="Switch to Korean").click()
    page.locator("details:has(table) summary").click()
    assert page.locator("#report table").evaluate(BROKEN_WORDS) == []


def pane_box(page: Page) -> dict[str, Any]:
    box = page.locator(".pane").first.bounding_box()
    assert box is not None
    return {**box}


def middle(page: Page) -> dict[str, float]:
    box = pane_box(page)
    return {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}


def lay_ruler(page: Page, down: int) -> None:
    at = middle(page)
    page.mouse.move(at["x"] - 50, at["y"] + down)
    page.mouse.down()
    page.mouse.move(at["x"] + 50, at["y"] + down, steps=3)
    page.mouse.up()


def outline_middle(pane: Locator) -> float:
    """Where the outlined finding lies across the screen."""
    box = pane.locator('path[data-region="pneumoperitoneum"]').first.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2
