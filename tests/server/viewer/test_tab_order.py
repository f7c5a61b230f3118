"""The whole page walked by Tab: in which order, and that one always sees where one is."""

from typing import Any

import pytest

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Page, expect

from .browser import chromium_path, read

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
    pytest.mark.usefixtures("clinic"),
]
HEAD = [
    "Film",
    "pedaxr",
    "Child's name, patient id or birth date",
    "Search",
    "Switch to Korean",
    "Keyboard ?",
]
FILMS = ["2025-08-14erect · 6 yearsS-", "2024-09-03supine · 5 yearsS-"]
LEGEND = [
    *("All Findings", "Opacity: Findings", "Free intraperitoneal air"),
    *("All Structures", "Opacity: Structures", "Liver", "Stool", "Correct outlines"),
]
MISSED = ["Not there", "Cannot say", "Draw"]
PANEL = [
    *(4 * MISSED),
    *("Accept", "Reject", "Cannot say", "Draw", "Brush", "Eraser", "Polygon", "By keyboard", "Size"),
    *("This film is unsuitable", "Remark", "Your name", "Close"),
    *("COCO", "LabelMe", "CVAT", "Masks (PNG)", "CSV"),
]
TOOLS = [
    *("Move", "Window", "Ruler", "Farther", "Fit", "One film pixel on one screen pixel", "Closer"),
    *("Window preset", "Invert", "Reset", "Mirror the film to compare its sides", "Outlines", "Prior"),
    *("Save picture", "Print"),
]
FILM = ["Film 윤하람", "Free intraperitoneal air, left upper"]
REPORT = [
    "Sign",
    "Copy as text",
    "✓Free air.",
    "Two readings of each finding",
    "Reason for the film",
    "Draft again",
]
# What has the focus: its name, the ring around it, and what that ring lies on.
LOOK = """() => {
    const node = document.activeElement, shape = node.closest('svg'), box = node.getBoundingClientRect();
    const own = getComputedStyle(node), after = getComputedStyle(node, '::after');
    const words = node.getAttribute('aria-label') || node.labels?.[0]?.textContent || node.textContent;
    const rgb = (text) => {
        const pen = document.createElement('canvas').getContext('2d');
        pen.fillStyle = text; pen.fillRect(0, 0, 1, 1);
        return [...pen.getImageData(0, 0, 1, 1).data];
    };
    const below = (one) => {
        for (let at = one; at; at = at.parentElement) {
            const colour = rgb(getComputedStyle(at).backgroundColor);
            if (colour[3] > 250) return colour;
        }
        return rgb(getComputedStyle(document.body).backgroundColor);
    };
    const [ring, width] = shape ? [own.stroke, own.strokeWidth]
        : own.outlineStyle === 'none' ? [after.borderColor, after.borderWidth]
        : [own.outlineColor, own.outlineWidth];
    const pane = node.closest('.pane');  // its ring lies inside it
    return {
        name: words.trim().replace(/\\s+/g, ' ').slice(0, 40), tag: node.localName,
        width: parseFloat(width), ring: rgb(ring), ground: below(pane ?? node.parentElement),
        inSight: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
    };
}"""


def walk(page: Page) -> list[dict[str, Any]]:
    """Every place that Tab stops at, from the top of the page until it leaves it."""
    page.evaluate("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
    page.evaluate(
        "document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')"
    )
    stops: list[dict[str, Any]] = []
    while len(stops) < 150:
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement === document.body"):
            return stops
        stops.append(page.evaluate(LOOK))
    raise AssertionError("Tab never leaves the page")


def luminance(colour: list[int]) -> float:
    parts = [value / 255 for value in colour[:3]]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: list[int], other: list[int]) -> float:
    """As WCAG 2.2 has it, 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def assert_order(stops: list[dict[str, Any]], names: list[str]) -> None:
    walked = [stop["name"] for stop in stops]
    assert [name[: len(wanted)] for name, wanted in zip(walked, names, strict=True)] == names


def assert_seen(stops: list[dict[str, Any]]) -> None:
    """Where the focus is: in sight, with a ring of two pixels and three to one against what it lies on."""
    assert [stop["name"] for stop in stops if not stop["inSight"]] == []
    faint = [stop for stop in stops if stop["width"] < 2 or contrast(stop["ring"], stop["ground"]) < 3]
    assert faint == []


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_every_stop_is_in_order_and_seen(viewer: Page, scheme: Any) -> None:
    viewer.emulate_media(color_scheme=scheme)
    expect(viewer.locator(".waiting button").first).to_be_visible()
    before = walk(viewer)
    assert [stop["name"] for stop in before[:6]] == HEAD
    assert all(stop["tag"] == "button" for stop in before[6:]), "names to try, orders, then who waits"
    assert_seen(before)
    read(viewer)
    reading = walk(viewer)
    assert_order(reading, HEAD + FILMS + LEGEND + TOOLS + FILM + REPORT)
    assert_seen(reading)
    viewer.locator("#annotate-open").press("Enter")
    expect(viewer.locator("#annotate")).to_be_visible()
    correcting = walk(viewer)
    assert_order(correcting, HEAD + FILMS + PANEL + TOOLS + FILM + REPORT)
    assert_seen(correcting)


def test_the_first_stop_leads_past_everything_to_the_film(viewer: Page) -> None:
    read(viewer)
    viewer.locator(".skip").press("Enter")
    viewer.keyboard.press("Tab")
    expect(viewer.locator(".pane").first).to_be_focused()


def test_a_ring_that_nobody_sees_would_be_found(viewer: Page) -> None:
    viewer.evaluate("document.querySelector('#help').style.outline = '1px solid #191e24'")
    (faint,) = [stop for stop in walk(viewer)[:6] if stop["name"] == "Keyboard ?"]
    with pytest.raises(AssertionError):
        assert_seen([faint])
