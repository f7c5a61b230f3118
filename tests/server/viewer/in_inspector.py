"""The MCP Inspector's web page in a headless Chromium: the App view, and the form with which a human signs.

Usage: in_inspector.py INSPECTOR_URL STUDY_ID REPORT_ID FOLDER   (run by judges.sh; pictures go into FOLDER)
"""

import sys
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from tests.server.viewer.browser import chromium_path

SLOW_MS = 120_000  # the first film loads both networks
REPORT_TOOL, SIGN_TOOL = "Draft a report of a film", "Have a human sign a report"


def connect(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("switch").first.click(force=True)
    expect(page.get_by_text("Connected").first).to_be_visible(timeout=SLOW_MS)
    page.get_by_label("Close monitoring sidebar").click()


def show_app(page: Page, study_id: str, picture: Path) -> None:
    """Open the App of generate_report and wait for film and report."""
    page.get_by_text("Apps", exact=True).first.click()
    page.get_by_text(REPORT_TOOL).first.click()
    page.get_by_label("study_id").first.fill(study_id)
    page.get_by_role("button", name="Open App").click()
    view = page.frame_locator("iframe").frame_locator("iframe")
    expect(view.locator("#report .stamp").first).to_have_text("Preliminary", timeout=SLOW_MS)
    expect(view.get_by_text("Research and teaching use only").first).to_be_visible()
    film = view.locator("canvas").first
    expect(film).to_be_visible()
    page.wait_for_timeout(3000)
    page.screenshot(path=str(picture))


def decline_to_sign(page: Page, report_id: str, picture: Path) -> None:
    """Have the Inspector ask its user, who declines: the report stays a draft."""
    page.get_by_text("Tools", exact=True).first.click()
    page.get_by_text(SIGN_TOOL).first.click()
    page.get_by_label("report_id").first.fill(report_id)
    page.get_by_role("button", name="Execute Tool").first.click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("I have read the film myself")).to_be_visible(timeout=SLOW_MS)
    page.screenshot(path=str(picture))
    form.get_by_role("button", name="Decline").click()
    expect(page.get_by_text("The human did not sign").first).to_be_visible(timeout=SLOW_MS)


def main() -> None:
    url, study_id, report_id, folder = *sys.argv[1:4], Path(sys.argv[4])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=chromium_path(), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(viewport={"width": 1500, "height": 900})
        connect(page, url)
        show_app(page, study_id, folder / "inspector_app.png")
        print("[Inspector, web] the App view shows the film and its report")  # noqa: T201
        decline_to_sign(page, report_id, folder / "inspector_form.png")
        print("[Inspector, web] the form asks the human, who declines; nothing is signed")  # noqa: T201
        browser.close()


if __name__ == "__main__":
    main()
