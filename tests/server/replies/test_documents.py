"""The report as a page: it loads and runs nothing, says what it is not, and on each sheet whose it is."""

import re
from datetime import date

import pytest

from pedaxr.types import FilmIdentity, Report
from pedaxr_models.report_text.wordings import Language
from pedaxr_server.replies.documents import report_html

from ..conftest import canned_report

ATTACKS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title><style>body{display:none}</style>",
    "김민준 <b>bold</b> & co",
]


def report_of(name: str) -> Report:
    film = FilmIdentity(
        study_id="S-1",
        patient_id="P-1",
        patient_name=name,
        patient_birth_date=date(2019, 4, 11),
        patient_sex="M",
        study_date=date(2025, 8, 14),
        view_position="erect",
        age_months=76.0,
    )
    return canned_report("S-1", name).model_copy(update={"film": film})


@pytest.mark.parametrize("language", ["en", "ko"])
@pytest.mark.parametrize("name", ATTACKS)
def test_no_name_and_no_request_becomes_markup(name: str, language: Language) -> None:
    html, plain = report_html(report_of(name), language), report_html(report_of("Kim"), language)
    tags = re.findall(r"<[^>]+>", html)
    assert [tag.split()[0] for tag in tags] == [tag.split()[0] for tag in re.findall(r"<[^>]+>", plain)]
    assert not re.search(r"\son\w+=|src=|href=", "".join(tags))


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("not a medical device", "2019-04-11", "erect")), ("ko", ("의료기기가 아", "2019-04-11", "P-1"))],
)
def test_each_sheet_says_what_it_is_not_and_whose_it_is(language: Language, words: tuple[str, ...]) -> None:
    html = report_html(report_of("윤하람"), language)
    head = html.split('<div class="head">')[1].split("</div>")[0]
    for word in (*words, "윤하람", "S-1"):
        assert word in head
    assert html.index('<div class="head">') < html.index("<h1>")
    assert "table-header-group" in html and "break-inside:avoid" in html  # repeated on every sheet


def test_korean_is_parted_between_words() -> None:
    html = report_html(report_of("윤하람"), "ko")
    assert '<html lang="ko">' in html and ":lang(ko){word-break:keep-all" in html
