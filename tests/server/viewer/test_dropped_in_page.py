"""A film chosen or dropped in the page is shown, and can be neither signed nor corrected."""

import io
from pathlib import Path

import pytest
from PIL import Image

from pedaxr_models.phantom.film import make_film
from pedaxr_models.phantom.spec import sample_spec
from pedaxr_server.settings import Settings

from ..http_service import running

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Page, expect

from .browser import chromium_path, front_page

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]
DROP = """(bytes) => {
    const files = new DataTransfer();
    files.items.add(new File([new Uint8Array(bytes)], "nothing.png", { type: "image/png" }));
    document.dispatchEvent(new DragEvent("drop", { dataTransfer: files, cancelable: true }));
}"""


def test_a_film_of_no_study_is_shown_and_what_is_no_film_is_told(
    page: Page, clinic_home: Path, faults: list[str]
) -> None:
    buffer = io.BytesIO()
    Image.fromarray(make_film(sample_spec(0, 3)).pixels).save(buffer, "PNG")
    film = {"name": "belly.png", "mimeType": "image/png", "buffer": buffer.getvalue()}
    with running(Settings(home=clinic_home, worker=False, films_from_page=True)) as served:
        page.goto(front_page(served))
        page.set_input_files("#film-file", film)  # type: ignore[arg-type]
        expect(page.locator("#report .report-head")).to_be_visible(timeout=120_000)
        expect(page.locator("#layers")).to_be_visible()
        expect(page.locator("#annotate-open")).to_be_hidden()
        expect(page.locator('[data-act="sign"]')).to_have_count(0)
        expect(page.locator(".redraft")).to_have_count(0)
        page.evaluate(DROP, list(b"not a film"))
        expect(page.locator("#failure")).to_be_visible(timeout=30_000)
        expect(page.locator("#report-box")).to_be_hidden()  # the film before is gone
    faults[:] = [fault for fault in faults if "422" not in fault]  # the browser tells of the refusal
