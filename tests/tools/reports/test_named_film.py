"""A request that names the film to compare with gets that one, or is told which one stands in for it."""

import hashlib
import re
from collections.abc import Callable
from datetime import date

import pytest
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.registry import NewStudy
from pedaxr.reports import comparison
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.prose.named_film import named_films, names_a_film
from pedaxr.reports.prose.question import answers
from pedaxr.types import Report
from pedaxr_models.labels import View
from pedaxr_server.replies.report_lines import comparison_line

from ..conftest import phantom

TODAY = date(2026, 5, 20)
FILMS = tuple(map(date.fromisoformat, ("2024-06-02", "2025-03-10", "2026-03-14", "2026-05-06", "2026-05-19")))


def meant(asked: str) -> str | None:
    """Day of the film that is meant, "none" where none is of the time that is named."""
    return next(iter(all_meant(asked)), None)


def all_meant(asked: str) -> list[str]:
    days = [(day, place) for place, day in enumerate(FILMS)][::-1]
    chosen = [named.chosen(days) for named in named_films([asked], TODAY)]
    return ["none" if number is None else str(FILMS[number]) for number in chosen]


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
        ("better than yesterday?", "2026-05-19"),
        ("more gas than in March?", "2026-03-14"),
        ("어제보다 가스가 줄었나요", "2026-05-19"),
        ("3월에 비해 호전되었는지", "2026-03-14"),
        ("film of 2024", "2024-06-02"),
        ("compare with the one from last night", "2026-05-19"),
        ("어젯밤 사진과 비교", "2026-05-19"),
        ("compare with Tuesday's film", "2026-05-19"),
        ("지난 화요일 사진과 비교", "2026-05-19"),
        ("compare with 2/12 ago", "2026-03-14"),
        ("compare with 14-Mar-26", "2026-03-14"),
        ("26.3.14 사진과 비교", "2026-03-14"),
        ("5.19 영상과 비교", "2026-05-19"),
        ("compare with 20260314", "2026-03-14"),
        ("두 달 전과 비교", "2026-03-14"),
        ("is it worse since March?", "2026-03-14"),
        ("3월부터 달라진 점은?", "2026-03-14"),
        ("compare with half a year ago", "none"),
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
        "vomiting for less than a month ago",
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
    (named,) = named_films(["compare with 2024", "compare with March 2025"], TODAY)
    assert named.words == "a film of 2025-03"


@pytest.mark.parametrize(
    ("asked", "days"),
    [
        ("compare with March and 6 May", ["2026-03-14", "2026-05-06"]),
        ("compare with March, 6 May, and yesterday", ["2026-03-14", "2026-05-06", "2026-05-19"]),
        ("compare with the film of March 2025 and with the one of last year", ["2025-03-10"] * 2),
        ("March and August films please", ["2026-03-14", "none"]),
        ("cf. 2025-03-10 & 2026-05-06", ["2025-03-10", "2026-05-06"]),
        ("compare with birth and 2 weeks ago", ["2024-06-02", "2026-05-06"]),
        ("yesterday's film and the film of March", ["2026-05-19", "2026-03-14"]),
        ("3월, 5월 6일 사진과 비교", ["2026-03-14", "2026-05-06"]),
        ("3월과 2주 전 사진 비교 바랍니다", ["2026-03-14", "2026-05-06"]),
        ("작년 3월 영상 및 어제 영상과 비교", ["2025-03-10", "2026-05-19"]),
        ("vomiting since March, compare with 2024", ["2024-06-02"]),
        ("compare with March; surgery in May", ["2026-03-14"]),
        ("compare with March 2025 and March 2025", ["2025-03-10"]),
        ("change since March as well as since birth", ["2026-03-14", "2024-06-02"]),
        ("3월·5월 6일 사진 비교", ["2026-03-14", "2026-05-06"]),
    ],
)
def test_each_film_that_is_named_is_meant(asked: str, days: list[str]) -> None:
    assert all_meant(asked) == days


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


def test_where_the_latest_film_cannot_be_read_the_one_before_is_compared(
    three_films: Clinic, report_of: Callable[..., Report]
) -> None:
    unreadable = re.compile(r"Film of \d{4}-05-09 could not be read; not compared\.")
    assert not unreadable.search(report_of("free air").sections["Comparison"]), "control"
    (three_films.home / "films" / "May.png").unlink()
    report = report_of("free air", indication="seen again")
    assert report.comparison is not None and report.comparison.study_id == "March"
    assert unreadable.search(report.sections["Comparison"]) and unreadable.search(comparison_line(report))
    assert re.search(r"-05-09 영상을 읽을 수 없어", sections_in_korean(report)["Comparison"])
    asked = report_of("free air", indication="compare with the film of May")
    assert asked.comparison is not None and asked.comparison.study_id == "March"
    (three_films.home / "films" / "March.png").unlink()
    neither = report_of("free air", indication="seen a third time")
    assert neither.comparison is None
    assert len(re.findall("could not be read", neither.sections["Comparison"])) == 2
    assert comparison_line(neither) == neither.sections["Comparison"], "our own words, which are not quoted"


def test_of_several_films_each_that_is_not_compared_is_said(
    three_films: Clinic, report_of: Callable[..., Report]
) -> None:
    report = report_of("free air", indication="compare with 2001-01, March and May, and July 2019")
    assert report.comparison is not None and report.comparison.study_id == "March"
    told = report.sections["Comparison"]
    assert "compared with that one, not with the latest" in told
    assert re.search(r"also asks for a film of \S+-05[^:]*: not compared here; a report asked for with", told)
    assert "also asks for a film of 2019-07: no earlier film of that time is registered." in told
    assert all(note in comparison_line(report) for note in report.comparison.notes)
    korean = sections_in_korean(report)["Comparison"]
    assert "2019-07 영상도 지정하였으나 그때의" in korean and "also" not in korean and " or " not in korean


@pytest.mark.parametrize(
    "asked",
    ["compare with the last two films", "comparison with all priors", "serial films", "이전 영상들과 비교"],
)
def test_several_films_without_a_time_are_said_not_to_be_compared(
    asked: str, three_films: Clinic, report_of: Callable[..., Report]
) -> None:
    report = report_of("free air", indication=asked)
    assert "several earlier films: only the latest is compared here." in comparison_line(report)
    assert "가장 최근 영상과만 비교함" in sections_in_korean(report)["Comparison"]


@pytest.mark.parametrize(
    ("asked", "is_named"),
    [
        ("compare with the film before the operation", True),
        ("vs pre-op", True),
        ("worse since surgery?", True),
        ("compare with 6 hours ago", True),
        ("수술 전 사진과 비교", True),
        ("치료 전보다 좋아졌나요", True),
        ("수유 전과 비교", True),
        ("better than before treatment?", True),
        ("compare with the film before decompression", True),
        ("after treatment, compare with last film", False),
        ("생후 3일째 사진과 비교", True),
        ("pre-op film", False),
        ("s/p op 2 weeks ago, compare with last film", False),
        ("distension since admission; interval change?", False),
        ("수술 후 3일째 사진", False),
    ],
)
def test_a_film_named_by_an_event_is_said_not_to_be_known(
    asked: str, is_named: bool, three_films: Clinic
) -> None:
    registry = three_films.registry
    registry.add([], [same_child(three_films, "S-8", date(2026, 1, 1))])
    earlier = registry.earlier_studies("S-8")
    meant, notes = comparison._meant(earlier, registry.study("S-8"), [asked])
    assert meant == earlier[0]
    assert [note for note in notes if "by an event, an hour or an age" in note] == notes
    assert bool(notes) is is_named


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("compare with sister", ["the film of another child"]),
        ("same as his twin brother?", ["the film of another child"]),
        ("쌍둥이 언니와 비교 부탁드립니다", ["the film of another child"]),
        ("compare with the other twin", ["the film of another child"]),
        ("compared to baby B?", ["the film of another child"]),
        ("compare with another patient", ["the film of another child"]),
        ("compare with a normal child's film", ["the film of another child"]),
        ("다른 환아와 비교", ["the film of another child"]),
        ("정상 아이와 비교해 주세요", ["the film of another child"]),
        ("who is worse, twin A or B?", ["the film of another child"]),
        ("쌍둥이 중 누가 더 나쁜가요", ["the film of another child"]),
        ("compare with P77", ["an id that no earlier film"]),
        ("a normal child, compare with last film", []),
        ("term baby boy, compare with previous", []),
        ("compare with S-434672 (his brother) and March 2026", ["that time", "an id that no earlier film"]),
        ("sister had pyloric stenosis, compare with last film", []),
        ("형태 비교", []),
    ],
)
def test_no_other_child_is_compared_and_that_is_said(
    asked: str, words: list[str], three_films: Clinic
) -> None:
    registry = three_films.registry
    registry.add([], [same_child(three_films, "S-6", date(2026, 1, 1))])
    _, notes = comparison._meant(registry.earlier_studies("S-6"), registry.study("S-6"), [asked])
    assert len(notes) == len(words) and all(told in note for told, note in zip(words, notes, strict=True))


def test_without_an_earlier_film_too_no_other_child_is_compared(report_of: Callable[..., Report]) -> None:
    report = report_of("free air", indication="same as sister?")
    assert comparison_line(report).startswith(
        "No earlier film is registered. The request asks for the film of"
    )
    assert "환아끼리는 비교하지 않음" in sections_in_korean(report)["Comparison"]


def test_a_film_is_named_by_its_id(three_films: Clinic, report_of: Callable[..., Report]) -> None:
    three_films.registry.add([], [same_child(three_films, "S-7", date(2020, 1, 1))])
    report = report_of("free air", indication="compare with s-7 please")
    assert report.comparison is not None and report.comparison.study_id == "S-7"
    assert "asks for film S-7: compared with that one" in comparison_line(report)
    assert "의뢰에서 S-7 영상을 지정하여" in sections_in_korean(report)["Comparison"]


def same_child(clinic: Clinic, name: str, day: date) -> NewStudy:
    study, path = clinic.registry.study("free air"), clinic.home / "films" / f"{name}.png"
    Image.fromarray(phantom("normal").pixels).save(path, compress_level=7)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return NewStudy(name, study.patient_id, path, digest, day, view_position=View.ERECT)


@pytest.mark.parametrize("asked", ["compare with S-434672", "same as S-7?"])
def test_the_id_of_no_earlier_film_of_the_child_is_said_to_be_none(
    asked: str, three_films: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = three_films.registry
    registry.add([], [same_child(three_films, "S-9", date(2026, 1, 1))])
    earlier = registry.earlier_studies("S-9")
    meant, notes = comparison._meant(earlier, registry.study("S-9"), [asked])
    assert meant == earlier[0] and "an id that no earlier film of this child has" in notes[0]
    assert comparison._meant(earlier, registry.study("S-9"), ["T2-weighted, L2, 3rd film of S-9"])[1] == []


def test_a_film_that_is_not_there_is_said_to_be_none(
    three_films: Clinic, report_of: Callable[..., Report]
) -> None:
    report = report_of("free air", indication="2019년 7월 사진과 비교")
    assert report.comparison is not None and report.comparison.study_id == "May"
    told = "a film of 2019-07: no earlier film of that time is registered, so the latest is compared."
    assert told in report.sections["Comparison"] and told in comparison_line(report)
    korean = sections_in_korean(report)["Comparison"]
    assert "의뢰에서 2019-07 영상을 지정하였으나" in korean and "asks for" not in korean
