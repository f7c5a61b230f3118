"""A request that names the film to compare with gets that one, or is told which one stands in for it."""

import hashlib
from collections.abc import Callable
from datetime import date

import pytest
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.registry import NewStudy
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.prose.named_film import named_film, names_a_film
from pedaxr.reports.prose.question import answers
from pedaxr.types import Report
from pedaxr_models.labels import View
from pedaxr_server.replies.report_lines import comparison_line

from ..conftest import phantom

TODAY = date(2026, 5, 20)
FILMS = tuple(map(date.fromisoformat, ("2024-06-02", "2025-03-10", "2026-03-14", "2026-05-06", "2026-05-19")))


def meant(asked: str) -> str | None:
    """Day of the film that is meant, "none" where none is of the time that is named."""
    named = named_film([asked], TODAY)
    if named is None:
        return None
    number = named.chosen([(day, place) for place, day in enumerate(FILMS)][::-1])
    return "none" if number is None else str(FILMS[number])


@pytest.mark.parametrize(
    ("asked", "day"),
    [
        ("compare with the film of March", "2026-03-14"),
        ("comparison with the x-ray taken in March 2025 please", "2025-03-10"),
        ("cf. 14 March", "2026-03-14"),
        ("compare with march 10th", "2025-03-10"),
        ("compare to 2026-03-14", "2026-03-14"),
        ("compare with 10/3/2025", "2025-03-10"),
        ("compare 3/14", "2026-03-14"),
        ("vs 2 weeks ago", "2026-05-06"),
        ("any interval change since a year ago?", "2025-03-10"),
        ("what has changed since last year?", "2025-03-10"),
        ("since birth", "2024-06-02"),
        ("compare with the first film", "2024-06-02"),
        ("yesterday's film", "2026-05-19"),
        ("film of 2024", "2024-06-02"),
        ("compare with August", "none"),
        ("compare with last month", "none"),
        ("3월 사진과 비교", "2026-03-14"),
        ("작년 3월 영상과 비교 바랍니다", "2025-03-10"),
        ("2주 전 사진과 비교", "2026-05-06"),
        ("두 달 전 영상 대비 변화", "2026-03-14"),
        ("어제와 비교", "2026-05-19"),
        ("출생 시 사진과 비교", "2024-06-02"),
        ("재작년 사진과 비교", "2024-06-02"),
    ],
)
def test_the_film_of_the_time_that_is_named_is_meant(asked: str, day: str) -> None:
    assert meant(asked) == day
    assert any("see the comparison" in line for line in answers([asked], []))


@pytest.mark.parametrize(
    "asked",
    [
        "vomiting since March",
        "vomiting since last year, compare with last film",
        "s/p op 2 weeks ago, constipation",
        "interval change, 2 weeks old",
        "comparison in this newborn with NEC",
        "film may show obstruction",
        "change in bowel habit since March",
        "compare w/ prev",
        "SBO vs ileus",
        "3월부터 복통으로 촬영",
        "3개월 전부터 변비, 영상 확인",
        "3개월 남아, 이전과 비교",
    ],
)
def test_a_time_of_something_else_names_no_film(asked: str) -> None:
    assert meant(asked) is None and not names_a_film(asked)


def test_what_was_asked_last_counts() -> None:
    named = named_film(["compare with 2024", "compare with March 2025"], TODAY)
    assert named is not None and named.words == "a film of 2025-03"


@pytest.fixture
def three_films(film_clinic: Clinic) -> Clinic:
    """The film of free air, with two films before it."""
    registry = film_clinic.registry
    study = registry.study("free air")
    assert study.study_date is not None
    for name, month in (("March", 3), ("May", 5)):
        path = film_clinic.home / "films" / f"{name}.png"
        Image.fromarray(phantom("normal").pixels).save(path, compress_level=month)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        day = date(study.study_date.year - 1, month, 9)
        registry.add([], [NewStudy(name, study.patient_id, path, digest, day, view_position=View.ERECT)])
    return film_clinic


def test_a_report_compares_with_the_film_that_the_request_names(
    three_films: Clinic, report_of: Callable[..., Report]
) -> None:
    latest = report_of("free air").comparison
    assert latest is not None and (latest.study_id, latest.notes) == ("May", []), "control"
    year = latest.study_date.year if latest.study_date else 0
    report = report_of("free air", indication="compare with the film of March")
    assert report.comparison is not None and report.comparison.study_id == "March"
    told = f"not with the latest earlier one, of {year}-05-09."
    assert told in report.sections["Comparison"] and told in comparison_line(report)
    assert f"가장 최근의 이전 영상({year}-05-09)이 아니라" in sections_in_korean(report)["Comparison"]


def test_a_film_that_is_not_there_is_said_to_be_none(
    three_films: Clinic, report_of: Callable[..., Report]
) -> None:
    report = report_of("free air", indication="2019년 7월 사진과 비교")
    assert report.comparison is not None and report.comparison.study_id == "May"
    told = "asks for a film of 2019-07: no earlier one of then is registered, so the latest is compared."
    assert told in report.sections["Comparison"] and told in comparison_line(report)
    korean = sections_in_korean(report)["Comparison"]
    assert "의뢰에서 2019-07 영상을 지정하였으나" in korean and "asks for" not in korean
