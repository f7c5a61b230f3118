"""The viewer as a person meets it: in a headless Chromium, against a running server."""

import re
from pathlib import Path
from typing import Any

import pytest

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_AMBIGUOUS_NAME, DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.auth.tokens import SCOPES, mint_token
from pedaxr_server.settings import Settings

from ..http_service import running, with_login

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Locator, Page, expect

from .browser import (
    PAYLOAD,
    canned,
    chromium_path,
    drag,
    front_page,
    newest_study,
    open_app,
    open_host,
    picture,
    read,
    read_when_ready,
    search,
)
from .conftest import assert_none

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]
SLOW_MS = 120_000  # the first film loads both networks
CAPABLE: dict[str, Any] = {"serverTools": {}, "serverResources": {}}


def test_a_child_is_found_and_read_by_the_networks(page: Page, home: Path) -> None:
    with running(Settings(home=home)) as settings:
        page.goto(front_page(settings))
        page.locator("#search").fill(DEMO_UNAMBIGUOUS_NAME)
        page.get_by_role("button", name="Search").click()
        expect(page.locator("#report .sentences li").first).to_be_visible(timeout=SLOW_MS)
    expect(page.locator("#patient")).to_contain_text(DEMO_UNAMBIGUOUS_NAME)
    expect(page.locator("#studies button")).to_have_count(2)
    expect(page.locator("#critical")).to_contain_text("Free intraperitoneal air")
    outline = page.locator('.pane path[data-region="pneumoperitoneum"]').first
    expect(outline).to_be_visible()
    page.locator('.sentences li[data-finding="pneumoperitoneum"]').first.hover()
    expect(outline).to_have_class(re.compile(r"\blit\b"))


def test_namesakes_are_shown_apart_and_the_human_chooses(viewer: Page) -> None:
    viewer.locator("#search").press_sequentially(DEMO_AMBIGUOUS_NAME)
    options = viewer.get_by_role("option")
    expect(options).to_have_count(2)
    expect(options.first).to_contain_text("same name")
    viewer.keyboard.press("Enter")  # with no option marked: it must not take the first
    candidates = viewer.locator(".candidates button")
    expect(candidates).to_have_count(2)
    expect(viewer.locator("#patient")).to_be_hidden()
    viewer.get_by_role("button", name="2021-02-09").click()
    expect(viewer.locator("#patient")).to_contain_text("2021-02-09")
    expect(viewer.locator(".has-film")).to_have_count(1)


def test_a_suggestion_is_chosen_by_keyboard(viewer: Page) -> None:
    viewer.keyboard.press("/")
    viewer.keyboard.type(DEMO_AMBIGUOUS_NAME)
    expect(viewer.get_by_role("option")).to_have_count(2)
    viewer.keyboard.press("ArrowDown")
    viewer.keyboard.press("ArrowDown")
    expect(viewer.get_by_role("option").nth(1)).to_have_attribute("aria-selected", "true")
    chosen = viewer.get_by_role("option").nth(1).inner_text()
    viewer.keyboard.press("Enter")
    born = viewer.locator("#patient").inner_text().split("Born ")[1][:10]
    assert born in chosen


def test_a_name_that_nobody_has_opens_nobody(viewer: Page) -> None:
    search(viewer, "윤하랑")
    expect(viewer.locator("#answer")).to_contain_text("No child matches")
    expect(viewer.locator(".candidates button")).not_to_have_count(0)
    expect(viewer.locator("#patient")).to_be_hidden()


def test_sentence_outline_and_legend_light_each_other(viewer: Page) -> None:
    read(viewer)
    outline = viewer.locator('.pane path[data-region="pneumoperitoneum"]').first
    sentence = viewer.locator('.sentences li[data-finding="pneumoperitoneum"]')
    row = viewer.locator('.rows li[data-region="pneumoperitoneum"]')
    lit = re.compile(r"\blit\b")
    for pointed_at in (sentence, row, outline):
        # The middle of an outline of several pieces may lie between them.
        viewer.mouse.move(*point_inside(outline)) if pointed_at is outline else pointed_at.hover()
        for one in (sentence, row, outline):
            expect(one).to_have_class(lit)
        viewer.mouse.move(5, 5)
        expect(outline).not_to_have_class(lit)
    sentence.focus()
    expect(outline).to_have_class(lit)


def point_inside(outline: Locator) -> tuple[float, float]:
    """A point of the page that lies on the shape."""
    x, y = outline.evaluate(
        """path => {
            const box = path.getBBox(), to = path.getScreenCTM(), svg = path.ownerSVGElement;
            for (let i = 1; i < 40; i++) for (let j = 1; j < 40; j++) {
                const at = svg.createSVGPoint();
                at.x = box.x + box.width * i / 40; at.y = box.y + box.height * j / 40;
                const seen = at.matrixTransform(to);
                if (document.elementFromPoint(seen.x, seen.y) === path) return [seen.x, seen.y];
            }
            return [0, 0];
        }"""
    )
    return float(x), float(y)


def test_what_patients_and_requests_say_is_text(viewer: Page) -> None:
    search(viewer, "P-1")
    read_when_ready(viewer)
    expect(viewer.locator("#patient h2")).to_have_text(PAYLOAD)
    viewer.locator("#indication").fill(PAYLOAD)
    viewer.get_by_role("button", name="Draft again").click()
    expect(viewer.locator("#report blockquote")).to_have_text(PAYLOAD)
    assert viewer.locator("img").count() == 0
    assert viewer.evaluate("window.pwned") is None


def test_the_browser_itself_refuses_markup(viewer: Page, faults: list[str]) -> None:
    """What becomes of a script that forgets the rule; also shows that breaches of the policy are noticed."""
    refusal = viewer.evaluate("() => { try { document.body.innerHTML = 'x'; } catch (e) { return e.name; } }")
    assert refusal == "TypeError"
    assert any("TrustedHTML" in fault for fault in faults)
    faults.clear()


def test_films_are_windowed_inverted_zoomed_and_measured(viewer: Page) -> None:
    read(viewer)
    pane = viewer.locator(".pane").first
    pictures = [picture(viewer)]
    for key in ("i", "+", "r"):
        viewer.keyboard.press(key)
        pictures.append(picture(viewer))
    assert len(set(pictures)) == 4
    viewer.keyboard.press("0")
    assert picture(viewer) == pictures[0]
    drag(viewer, pane, button="right")
    expect(pane.locator(".bottom-left")).not_to_contain_text("W 256")
    viewer.keyboard.press("m")
    drag(viewer, pane)
    expect(pane.locator(".ruler text")).to_have_text(re.compile(r"^\d+(\.\d)? (mm|px)$"))
    viewer.keyboard.press("Escape")
    expect(pane.locator(".ruler text")).to_have_count(0)


def test_every_key_works(viewer: Page, faults: list[str]) -> None:
    read(viewer)
    outline = viewer.locator('.pane path[data-region="pneumoperitoneum"]').first
    before = outline.evaluate("path => path.style.fillOpacity")
    viewer.keyboard.press("]")
    assert float(outline.evaluate("path => path.style.fillOpacity")) > float(before)
    for key in ("[", "+", "-", "0", "i", "r", "o", "w", "m", "s", "p", ",", ".", "ArrowLeft", "Escape"):
        viewer.keyboard.press(key)
        assert_none(faults)  # "," opens the other film, whose report is asked for before there is one


def test_outlines_are_switched_off_together_and_one_by_one(viewer: Page) -> None:
    read(viewer)
    finding = viewer.locator('.pane path[data-region="pneumoperitoneum"]').first
    liver = viewer.locator('.pane path[data-region="liver"]').first
    expect(liver).to_be_hidden()
    viewer.keyboard.press("s")
    expect(liver).to_be_visible()
    viewer.keyboard.press("o")
    expect(finding).to_be_hidden()
    viewer.keyboard.press("o")
    box = viewer.locator('.rows li[data-region="pneumoperitoneum"] input')
    box.focus()
    viewer.keyboard.press("Space")
    expect(box).not_to_be_checked()
    expect(box).to_be_focused()  # so that a keyboard can go on from there
    viewer.mouse.move(5, 5)
    viewer.locator(".pane").first.focus()
    expect(finding).to_be_hidden()


def test_the_earlier_film_stands_beside_and_moves_along(viewer: Page) -> None:
    read(viewer)
    viewer.keyboard.press("p")
    prior = viewer.locator(".pane").nth(1)
    expect(prior.locator(".top-left")).to_contain_text("2024-09-03")
    before = zoom(prior)
    viewer.locator(".pane").first.focus()
    viewer.keyboard.press("+")
    expect(prior.locator(".bottom-left")).to_contain_text(f"{round(before * 1.25)} %")
    viewer.keyboard.press("p")
    expect(prior).to_be_hidden()


def zoom(pane: Locator) -> int:
    """Per cent, pixels of the screen for one of the film."""
    expect(pane.locator(".bottom-left")).to_contain_text("%")
    (shown,) = re.findall(r"(\d+) %", pane.locator(".bottom-left").inner_text())
    return int(shown)


def test_the_page_speaks_korean_and_explains_its_keys(viewer: Page) -> None:
    read(viewer)
    viewer.get_by_role("button", name="Switch to Korean").click()
    expect(viewer.locator("#critical")).to_contain_text("유리공기")
    expect(viewer.locator(".impression")).to_contain_text("유리공기")
    expect(viewer.locator(".notice")).to_contain_text("의료기기가 아닙니다")
    viewer.keyboard.press("?")
    expect(viewer.get_by_role("dialog")).to_contain_text("반전")
    viewer.keyboard.press("Escape")
    expect(viewer.get_by_role("dialog")).to_be_hidden()


def test_a_token_is_asked_for_and_kept_in_memory_only(page: Page, home: Path, canned_networks: None) -> None:
    with running(with_login(canned(home))) as settings:
        token = mint_token(settings, subject="tester", scopes=list(SCOPES), minutes=5)
        page.goto(front_page(settings))
        search(page, DEMO_UNAMBIGUOUS_NAME)
        dialog = page.get_by_role("dialog")
        expect(dialog).to_contain_text("wants an access token")
        page.locator("#token-field").fill("wrong")
        page.keyboard.press("Enter")
        expect(dialog).to_contain_text("did not accept")
        page.locator("#token-field").fill(token)
        page.keyboard.press("Enter")
        read_when_ready(page)
    kept = page.evaluate(
        "JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href])"
    )
    assert token not in kept
    assert token not in page.content()


def test_a_token_without_the_scope_is_told_so(page: Page, home: Path) -> None:
    with running(with_login(canned(home))) as settings:
        token = mint_token(settings, subject="tester", scopes=["films:read"], minutes=5)
        page.goto(front_page(settings))
        search(page, DEMO_UNAMBIGUOUS_NAME)
        page.locator("#token-field").fill(token)
        page.keyboard.press("Enter")
        expect(page.locator("#failure")).to_contain_text("does not allow")


def test_paper_gets_film_and_report_and_no_tools(viewer: Page) -> None:
    read(viewer)
    viewer.emulate_media(media="print")
    viewer.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(viewer.locator(".toolbar")).to_be_hidden()
    expect(viewer.locator("#search-form")).to_be_hidden()
    expect(viewer.locator("#report")).to_be_visible()
    expect(viewer.locator(".notice")).to_contain_text("not a medical device")
    assert viewer.evaluate("document.querySelector('.pane canvas').width") == 512
    viewer.evaluate("dispatchEvent(new Event('afterprint'))")


def test_a_chat_host_shows_the_tool_s_answer(page: Page, home: Path, canned_networks: None) -> None:
    with running(canned(home)) as settings:
        open_host(page, settings.url)
        open_app(page, newest_study(home), CAPABLE, theme="light", locale="ko-KR")
        app = page.frame_locator("#app")
        expect(app.locator("#report-box")).to_be_visible()
        expect(app.locator("#patient h2")).to_have_text(DEMO_UNAMBIGUOUS_NAME)
        expect(app.locator("#critical")).to_contain_text("유리공기")
        expect(app.locator("#search-form")).to_be_hidden()
        told = app.locator(".sentences li[data-finding=pneumoperitoneum]").first
        expect(told).to_contain_text("유리공기")
        told.hover()
        outline = app.locator('.pane path[data-region="pneumoperitoneum"]').first
        expect(outline).to_have_class(re.compile(r"\blit\b"))
        assert page.evaluate("mimeType") == "text/html;profile=mcp-app"
        heard = page.evaluate("heard")
        assert heard[0] == "ui/initialize"
        assert "ui/notifications/size-changed" in heard
        assert "tools/call" in heard  # find_patient, for the name


def test_no_film_stands_under_the_name_of_the_child_before(
    page: Page, home: Path, canned_networks: None
) -> None:
    other = find_patient("2018-06-23", clinic=open_clinic(home)).matches[0].studies[0].study_id
    with running(canned(home)) as settings:
        open_host(page, settings.url)
        open_app(page, newest_study(home), CAPABLE, theme="light", locale="en-US")
        app = page.frame_locator("#app")
        expect(app.locator("#patient h2")).to_have_text(DEMO_UNAMBIGUOUS_NAME)
        page.evaluate("window.broken = 'tools/call'")  # so that nobody can say whose the next film is
        page.evaluate("study_id => answerAgain('segment_xray', {study_id})", other)
        expect(app.locator(".pane .top-left").first).to_have_text(other)
        expect(app.locator("#patient")).to_be_hidden()
        expect(app.locator("#studies")).to_be_hidden()


def test_a_host_that_passes_nothing_on_still_shows_the_picture(
    page: Page, home: Path, canned_networks: None
) -> None:
    with running(canned(home)) as settings:
        open_host(page, settings.url)
        open_app(page, newest_study(home), {}, theme="dark", locale="en-US")
        app = page.frame_locator("#app")
        expect(app.locator(".is-picture")).to_be_visible()
        assert not {"tools/call", "resources/read"} & set(page.evaluate("heard"))


AGES = {
    0.0: "0 days",
    0.2: "6 days",
    1.5: "6 weeks",
    3.0: "3 months",
    23.9: "23 months",
    76.0: "6 years",
}


def test_ages_are_said_as_a_doctor_says_them(viewer: Page) -> None:
    said = viewer.evaluate(
        """async ages => {
            const { ageOf } = await import('./viewer/search.js');
            return ages.map(months => ageOf({ age_months: months }));
        }""",
        list(AGES),
    )
    assert dict(zip(AGES, said, strict=True)) == AGES
