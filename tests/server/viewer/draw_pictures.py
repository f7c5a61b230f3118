"""Draw the pictures of the viewer in docs: `python -m tests.server.viewer.draw_pictures URL STUDY docs`.

URL is the endpoint of a running server (`pedaxr serve --http`), STUDY a study id of its clinic.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, FrameLocator, Page
from tests.server.viewer.browser import chromium, open_host

_MOST_BYTES = 300_000
_GREYS = 96


def main(url: str, study_id: str, folder: Path) -> None:
    """The page and the App, with the sentence of the first outlined finding lit, and an outline corrected."""
    with chromium() as browser:
        write(folder / "viewer_page.png", draw_page(browser, url, study_id))
        write(folder / "viewer_app.png", draw_app(browser, url, study_id))
        write(folder / "viewer_correct.png", draw_correction(browser, url, study_id))


def draw_page(browser: Browser, url: str, study_id: str) -> bytes:
    """The page, dark, in English."""
    page = browser.new_page(viewport={"width": 1360, "height": 850}, color_scheme="dark", locale="en-GB")
    page.goto(f"{url.removesuffix('/mcp')}/#{study_id}")
    return shot(page, page)


def draw_app(browser: Browser, url: str, study_id: str) -> bytes:
    """The App inside a chat host, light, in Korean."""
    page = browser.new_page(viewport={"width": 1060, "height": 780}, color_scheme="light")
    open_host(page, url)
    abilities = {
        "capabilities": {"serverTools": {}, "serverResources": {}},
        "context": {"theme": "light", "locale": "ko-KR"},
    }
    page.evaluate("call => openApp(...call)", ["segment_xray", {"study_id": study_id}, abilities])
    return shot(page, page.frame_locator("#app"))


def draw_correction(browser: Browser, url: str, study_id: str) -> bytes:
    """A finding that the network missed is added with the brush; then the keyboard takes over."""
    page = browser.new_page(viewport={"width": 1360, "height": 850}, color_scheme="dark", locale="en-GB")
    page.goto(f"{url.removesuffix('/mcp')}/#{study_id}")
    shot(page, page)
    page.get_by_role("button", name="Correct outlines").click()
    page.locator("[data-decide=constipation]").get_by_role("button", name="Draw").click()
    box = page.locator(".pane").first.bounding_box()
    assert box is not None
    x, y = box["x"] + 0.55 * box["width"], box["y"] + 0.55 * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 80, steps=8)
    page.mouse.move(x - 20, y + 150, steps=8)
    page.mouse.up()
    page.keyboard.press("d")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowDown")
    page.wait_for_timeout(1_000)  # until the position is said
    return page.screenshot()


def shot(page: Page, viewer: Page | FrameLocator) -> bytes:
    """A picture once the report is there."""
    viewer.locator("#report-box:not([hidden])").wait_for(timeout=120_000)
    viewer.locator("#status").wait_for(state="hidden", timeout=120_000)
    viewer.locator(".sentences li.grounded").first.hover()
    page.wait_for_timeout(400)  # for the fading of the other outlines
    return page.screenshot()


def write(path: Path, png: bytes) -> None:
    """With a palette, at a third of the size: greys for the film, the page's commonest hues as they are."""
    with Image.open(io.BytesIO(png)) as opened:
        picture = opened.convert("RGB")
    counted = sorted(picture.getcolors(picture.width * picture.height) or [], reverse=True)
    hues = [colour for _, colour in counted if max(colour) - min(colour) > 8][: 256 - _GREYS]
    greys = [(round(255 * i / (_GREYS - 1)),) * 3 for i in range(_GREYS)]
    palette = Image.new("P", (1, 1))
    palette.putpalette([value for colour in (*greys, *hues) for value in colour])
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(path, optimize=True)
    assert path.stat().st_size < _MOST_BYTES, f"{path} has {path.stat().st_size} bytes"


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
