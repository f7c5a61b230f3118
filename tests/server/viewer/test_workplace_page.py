"""The page as a workplace: what waits, signing and amending, versions; a human's words stay on top."""

import re
from pathlib import Path
from typing import Any

import pytest

from pedaxr.clinic import Clinic
from pedaxr.demo.patients import DEMO_AMBIGUOUS_NAME, DEMO_UNAMBIGUOUS_NAME
from pedaxr.reports.sign_off import amend, finalise
from pedaxr.reports.signers import make_code
from pedaxr_server.auth.tokens import SCOPES, mint_token

from ..conftest import canned_report
from ..http_service import running, with_login

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Page, expect

from .browser import canned, chromium_path, front_page, newest_study, read, read_when_ready, search

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]
DENIAL = "No free air on review."


@pytest.fixture
def signed(clinic: Clinic, home: Path) -> str:
    """A study whose critical draft was signed and amended away; then a newer draft was made."""
    study_id = newest_study(home)
    draft = clinic.registry.save_report(canned_report(study_id, "pain"))
    final = finalise(draft.report_id, by="Dr Kim", told="Dr Lee", clinic=clinic)
    amend(final.report_id, by="Dr Lee", text=DENIAL, clinic=clinic)
    newer = canned_report(study_id, "vomiting").model_copy(update={"report_id": "R-newer"})
    clinic.registry.save_report(newer)
    return study_id


@pytest.mark.usefixtures("signed")
def test_a_draft_never_hides_the_signed_report(viewer: Page) -> None:
    search(viewer, DEMO_UNAMBIGUOUS_NAME)
    read_when_ready(viewer)
    report = viewer.locator("#report")
    expect(report.locator(".stamp").first).to_have_text("Amended")
    expect(report.locator(".report-head")).to_contain_text("Dr Lee")
    expect(report.locator(".impression")).to_contain_text(DENIAL)
    expect(viewer.locator("#critical")).to_be_hidden()  # a human has amended it away
    expect(report).to_contain_text("whoever signed denies it")
    expect(viewer.locator("#layers")).to_contain_text("says that it is not there")
    expect(report.locator(".beside").first).to_contain_text("made after the signature")
    report.get_by_role("button", name="Show that draft").click()
    expect(report.locator(".stamp").first).to_have_text("Preliminary")
    expect(report.locator(".beside.signed")).to_contain_text(DENIAL)  # and the signed one above it
    expect(viewer.locator("#critical")).to_be_hidden()
    expect(viewer.locator("[data-act=sign]")).to_have_count(0)  # there is a final report
    report.get_by_role("button", name="Show the signed report").click()
    expect(report.locator(".stamp").first).to_have_text("Amended")


def test_a_draft_is_signed_and_amended_in_the_page(viewer: Page, clinic: Clinic, home: Path) -> None:
    read(viewer)
    viewer.locator("[data-act=sign]").click()
    form = viewer.get_by_role("dialog")
    expect(form).to_contain_text(DEMO_UNAMBIGUOUS_NAME)
    expect(form).to_contain_text("Free intraperitoneal air")
    expect(form.locator(".who")).to_contain_text(re.compile(r"Born \d{4}-\d\d-\d\d · Film \d{4}-\d\d-\d\d"))
    send = form.get_by_role("button", name="Sign")
    viewer.locator("#sign-name").fill("agent")
    viewer.locator("#sign-told").fill("Dr Lee, ward 3")
    viewer.locator("#sign-code").fill(make_code(home, by="Dr Kim"))
    send.click()
    expect(form).to_be_visible()  # the browser asks for the tick
    viewer.locator("#sign-read").check()
    send.click()
    expect(form.locator(".refusal")).to_contain_text("signed by a person")
    viewer.locator("#sign-name").fill("Dr Kim")
    viewer.locator("#sign-words").fill("Free air under the right dome.")
    send.click()
    expect(form).to_be_hidden()
    expect(viewer.locator("#report .stamp").first).to_have_text("Final")
    expect(viewer.locator(".impression")).to_contain_text("Free air under the right dome.")
    viewer.locator("[data-act=amend]").click()
    viewer.locator("#sign-name").fill("Dr Lee")
    viewer.locator("#sign-words").fill(DENIAL)
    viewer.locator("#sign-code").fill(make_code(home, by="Dr Lee"))
    viewer.locator("#sign-read").check()
    form.get_by_role("button", name="Amend").click()
    expect(viewer.locator("#report .stamp").first).to_have_text("Amended")
    expect(viewer.locator("#critical")).to_be_hidden()
    stored = clinic.registry.reports(newest_study(home))
    assert [(one.status, one.signed_by) for one in stored] == [
        ("preliminary", None),
        ("final", "Dr Kim"),
        ("amended", "Dr Lee"),
    ]


@pytest.mark.usefixtures("signed")
def test_versions_are_listed_and_compared(viewer: Page) -> None:
    search(viewer, DEMO_UNAMBIGUOUS_NAME)
    read_when_ready(viewer)
    viewer.get_by_role("button", name="Versions").click()
    listed = viewer.locator("#versions .versions li")
    expect(listed).to_have_count(4)
    expect(listed.nth(1)).to_have_attribute("aria-current", "true")
    listed.nth(2).get_by_role("button", name="Compare").click()
    differences = viewer.locator(".differences")
    expect(differences.locator("ins", has_text=DENIAL).first).to_be_visible()
    expect(differences.locator("del", has_text="Free air.").first).to_be_visible()
    listed.nth(3).get_by_role("button", name="Show").click()
    expect(viewer.locator("#report .stamp").first).to_have_text("Preliminary")


def test_the_report_is_copied_as_text(viewer: Page) -> None:
    viewer.context.grant_permissions(["clipboard-read", "clipboard-write"])
    read(viewer)
    viewer.get_by_role("button", name="Copy as text").click()
    expect(viewer.locator("#versions")).to_contain_text("Copied")
    text = viewer.evaluate("navigator.clipboard.readText()")
    assert "IMPRESSION" in text and newest_id(viewer) in text


def test_the_page_begins_with_what_waits(viewer: Page, clinic: Clinic, home: Path) -> None:
    clinic.registry.save_report(canned_report(newest_study(home), ""))
    viewer.reload()
    groups = viewer.locator(".waiting h2")
    expect(groups.first).to_contain_text("Critical (1)")
    expect(groups.nth(1)).to_contain_text("Not read yet")
    first = viewer.locator(".waiting.critical button").first
    expect(first).to_contain_text(DEMO_UNAMBIGUOUS_NAME)
    expect(first).to_contain_text("Free intraperitoneal air")
    expect(viewer.locator(".try button")).to_have_count(2)
    viewer.locator(".try button", has_text=DEMO_AMBIGUOUS_NAME).click()
    expect(viewer.locator("#answer")).to_contain_text("children match")
    viewer.go_back() if viewer.evaluate("location.hash") else viewer.reload()
    viewer.locator(".waiting.critical button").first.click()
    read_when_ready(viewer)
    expect(viewer).to_have_url(re.compile(f"#{newest_study(home)}$"))


def test_with_a_login_the_list_is_asked_for_and_signing_needs_its_scope(
    page: Page, home: Path, canned_networks: None
) -> None:
    with running(with_login(canned(home))) as settings:
        scopes = [scope for scope in SCOPES if scope != "reports:sign"]
        token = mint_token(settings, subject="tester", scopes=scopes, minutes=5)
        page.goto(front_page(settings))
        expect(page.get_by_role("dialog")).to_be_hidden()  # nothing is asked before it is wanted
        page.get_by_role("button", name="Show what waits").click()
        page.locator("#token-field").fill(token)
        page.keyboard.press("Enter")
        expect(page.locator(".waiting").first).to_be_visible()
        search(page, DEMO_UNAMBIGUOUS_NAME)
        read_when_ready(page)
        page.locator("[data-act=sign]").click()
        for field, text in (("name", "Dr Kim"), ("told", "Dr Lee")):
            page.locator(f"#sign-{field}").fill(text)
        page.locator("#sign-read").check()
        page.get_by_role("dialog").get_by_role("button", name="Sign").click()
        expect(page.locator(".refusal")).to_contain_text("scope reports:sign")


def test_a_film_in_doubt_shows_one_sentence_and_no_finding(
    viewer: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    why = "This may be a chest film, so nothing is named. Check what was exposed and read it yourself."
    doubt(monkeypatch, why)
    search(viewer, "P-1")
    expect(viewer.locator("#report .in-doubt")).to_have_text(why)
    expect(viewer.locator("#critical")).to_have_text(why)
    expect(viewer.locator("#critical")).to_have_class(re.compile(r"\bdoubt\b"))
    assert "".join(viewer.locator(".pane").first.locator(".side").all_inner_texts()) == ""  # nor a side
    assert viewer.locator('.pane path[data-kind="finding"]').count() == 0
    expect(viewer.locator("#report .sentences, #report table, .impression")).to_have_count(0)
    expect(viewer.locator("#layers")).not_to_contain_text("Free intraperitoneal air")


def test_every_sheet_of_paper_says_whose_film_it_is(viewer: Page) -> None:
    read(viewer)
    viewer.emulate_media(media="print")
    head = viewer.locator("#paper-head")
    for known in (DEMO_UNAMBIGUOUS_NAME, "Yoon Haram", "2019-04-11", "boy", "P-", newest_id(viewer), "erect"):
        expect(head).to_contain_text(known)
    expect(head).to_contain_text("not a medical device")
    # The head of a table is on every sheet that the table runs over.
    style = head.evaluate("node => [getComputedStyle(node).display, getComputedStyle(node).breakInside]")
    assert style == ["table-header-group", "avoid"]
    assert head.evaluate("node => getComputedStyle(node.parentElement).display") == "table"
    expect(viewer.locator(".pane .side").first).to_be_visible()
    expect(viewer.locator("#acts")).to_be_hidden()


def doubt(monkeypatch: pytest.MonkeyPatch, why: str) -> None:
    """Have the canned networks doubt every film, with findings that must not be shown."""
    import importlib

    segmented = importlib.import_module("pedaxr.reading.segment_xray")
    drafted = importlib.import_module("pedaxr.reports.generate_report")
    outline, draft = segmented.segment_xray, drafted.generate_report

    def segment(*args: Any, **kwargs: Any) -> Any:
        return outline(*args, **kwargs).model_copy(update={"in_doubt": why})

    def report(*args: Any, **kwargs: Any) -> Any:
        update = {"in_doubt": why, "label": None, "critical": [], "report_id": "R-doubt"}
        doubted = draft(*args, **kwargs).model_copy(update=update)
        kwargs["clinic"].registry.save_report(doubted)
        return doubted

    monkeypatch.setattr(segmented, "segment_xray", segment)
    monkeypatch.setattr(drafted, "generate_report", report)


def newest_id(page: Page) -> str:
    return str(page.evaluate("decodeURIComponent(location.hash.slice(1))"))


def test_the_list_can_be_ordered_by_what_would_teach_most(viewer: Page, clinic: Clinic, home: Path) -> None:
    study_id = newest_study(home)
    clinic.registry.save_report(canned_report(study_id, "pain"))
    viewer.reload()
    orders = viewer.locator(".orders")
    expect(orders.get_by_role("button", name="By urgency")).to_have_attribute("aria-pressed", "true")
    orders.get_by_role("button", name="What would teach most").click()
    # Films of other tests on the same page may stand before it.
    films = viewer.locator(".teaching .candidates button").filter(has_text=study_id)
    expect(films).to_have_count(1)
    expect(viewer.locator(".waiting.unread")).to_have_count(0)
    orders.get_by_role("button", name="By urgency").click()
    expect(viewer.locator(".teaching")).to_have_count(0)
    expect(viewer.locator(".waiting").first).to_be_visible()
    orders.get_by_role("button", name="What would teach most").click()
    films.first.click()
    read_when_ready(viewer)
