"""The Korean report says what the English one says, from the structured findings."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.comparison import ComparedFilm, compare
from pedaxr.reports.korean import in_korean, korean_sections, korean_text
from pedaxr.types import Report
from pedaxr_models.facts import UNREADABLE, Presence
from pedaxr_models.labels import FINDINGS, Finding, View
from pedaxr_models.report_text.parser import parse

from ..conftest import PerfectSegmenter
from .witnesses import Witness, inventing_stool, truth, with_finding, witness_of

AIR = Finding.PNEUMOPERITONEUM


@pytest.fixture
def draft(report_of: Callable[..., Report]) -> Callable[..., Report]:
    return report_of


def english_left(report: Report) -> str:
    """Latin words, apart from the quoted indication, sources in square brackets and sizes."""
    text = " ".join(korean_sections(report).values()).replace(report.sections["Indication"], "")
    return " ".join(re.findall(r"[A-Za-z]{2,}", re.sub(r"\[[^]]*\]|\d+ x \d+|\d+ mm|X선", "", text)))


@pytest.mark.parametrize("name", ["normal", "normal supine", "levels", "free air", "pyloric"])
def test_the_korean_findings_read_back_as_the_structured_ones(draft, name: str) -> None:
    report = draft(name)
    sections = korean_sections(report)
    said = {fact.finding: fact for fact in parse(sections["소견"]).findings}
    for structured in report.findings:
        fact = said[Finding(structured.finding)]
        assert (fact.presence, fact.count, fact.is_hedged) == (structured.presence, structured.count, False)
        assert {q.value for q in fact.quadrants} == set(structured.quadrants)
        assert fact.side is (None if structured.quadrants else structured.side), "the place is said once"
        is_counted = structured.count is not None
        assert fact.severity is (None if is_counted else structured.severity), "a number says how much"
    english = parse(report.narrative)
    assert parse(sections["소견"]).stool_burden == parse(report.sections["Findings"]).stool_burden
    assert parse(sections["검사 방법"]).view == english.view
    assert len(sections) == len(report.sections) + bool(report.flags)
    assert english_left(report) == ""


@pytest.mark.parametrize(
    ("count", "said"), [(1, "공기액체층 1개"), (2, "공기액체층 약 2개"), (6, "공기액체층 약 6개")]
)
def test_many_levels_are_about_so_many_in_korean_too(draft, count: int, said: str) -> None:
    report = draft("levels")
    counted = [f.model_copy(update={"count": count}) if f.count is not None else f for f in report.findings]
    told = korean_sections(report.model_copy(update={"findings": counted}))["소견"]
    assert said in told
    (level,) = (fact for fact in parse(told).findings if fact.count is not None)
    assert level.count == count


def test_free_air_comes_first_and_asks_for_a_human(draft) -> None:
    sections = korean_sections(draft("free air"))
    assert "기복증" in sections["결론"].split("2.")[0]
    assert "담당 의사에게 즉시" in sections["위급 소견 통보"] and "담당 의사에게 즉시" in sections["권고"]
    assert "위급 소견 통보" not in korean_sections(draft("normal"))


def test_a_supine_film_never_excludes_free_air(draft) -> None:
    sections = korean_sections(draft("normal supine"))
    assert "배제할 수 없음" in sections["결론"] and "배제할 수 없음" in sections["소견"]


def test_what_only_one_witness_sees_is_doubtful_in_korean_too(draft) -> None:
    sections = korean_sections(draft("normal", inventing_stool()))
    told = "분변 저류: 윤곽 표시 없으나 판독문 작성 모델은 있는 것으로 봄"
    assert told in sections["소견"] and told in sections["결론"] and "분변 저류 없음" not in sections["소견"]
    silent = with_finding(
        truth("free air"), AIR, presence=Presence.ABSENT, severity=None, side=None, quadrants=()
    )
    report = draft("free air", witness_of(silent))
    air = next(f for f in parse(korean_sections(report)["소견"]).findings if f.finding is AIR)
    assert air.presence is Presence.PRESENT and air.is_hedged
    suspects = Witness(witness_of(truth("normal")).text, {**dict.fromkeys(FINDINGS, 0.02), AIR: 0.7})
    sections = korean_sections(draft("normal", suspects, indication="again"))
    assert sections["결론"].startswith("1. 복강 내 유리공기 의심되나 윤곽 표시 없음")
    assert "의심하나" in sections["확인할 사항"]


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("pyloric", {"working_diagnosis": "constipation", "age_months": 120.0}),
        ("normal supine", {"working_diagnosis": "pneumoperitoneum"}),
        ("levels", {"working_diagnosis": "normal"}),
        ("levels", {"witness": Witness(UNREADABLE, dict.fromkeys(FINDINGS, 0.0))}),
        ("levels", {"witness": Witness("Free air on the left.", dict.fromkeys(FINDINGS, 0.0), 0.0, 0.3)}),
        (
            "normal supine",
            {
                "witness": Witness(
                    "Supine film. Marked air-fluid levels. Marked faecal loading. No free gas.",
                    dict.fromkeys(FINDINGS, 0.6),
                )
            },
        ),
    ],
)
def test_flags_and_comparisons_are_told_in_korean(draft, name: str, request_: dict[str, object]) -> None:
    report = draft(name, **request_)
    assert report.flags
    assert english_left(report) == ""


@pytest.mark.parametrize(
    ("points", "witness"),
    [
        ({"doubted_below": 1.0}, None),
        ({"spine_off_centre": 0.0, "largest_colon": 0.0}, None),
        ({"largest_oddness": -1.0}, None),
        ({}, Witness(UNREADABLE, dict.fromkeys(FINDINGS, 0.9))),
    ],
    ids=["unsure", "spine and colon", "odd", "the writer"],
)
def test_a_film_in_doubt_says_so_in_korean_and_nothing_else(
    draft, segmenter: PerfectSegmenter, points: dict[str, float], witness: Witness | None
) -> None:
    segmenter.doubt |= dict.fromkeys(("spine", "liver", "ribs", "pelvis"), 0.93)
    with using(replace(operating_points(), **points)):
        report = draft("free air", witness)
    assert report.in_doubt and english_left(report) == ""
    told = korean_text(report)
    assert "결론\n소견을 제시하지 않음(" in told
    assert "유리가스" not in told and "위급" not in told


def test_an_indication_is_quoted_and_an_unknown_phrase_is_kept(draft) -> None:
    assert korean_sections(draft("normal", indication="bilious vomiting"))["임상 정보"] == "bilious vomiting"
    assert in_korean("A new kind of note.") == "A new kind of note."


def test_the_film_is_never_said_to_show_a_diagnosis() -> None:
    flag = "The supplied working diagnosis, Constipation, is not supported by the film: the film shows "
    told = in_korean(f"{flag}pyloric stenosis, constipation.")
    assert told == "제공된 추정 진단(변비)은 영상과 일치하지 않음: 영상 소견은 위 팽만, 분변 저류."


def test_nothing_on_either_film_is_told_in_korean() -> None:
    nothing = ComparedFilm(View.ERECT, {}, {})
    assert in_korean(compare(nothing, nothing)) == "두 영상 모두 윤곽 표시된 소견 없음."


def test_free_air_is_sought_below_the_domes_of_an_erect_child_only(draft) -> None:
    assert "횡격막하 유리공기 없음" in korean_sections(draft("normal"))["소견"]
    lying = korean_sections(draft("normal", view="left_lateral_decubitus"))["소견"]
    assert "복강 내 유리공기 없음" in lying and "횡격막하" not in lying
