"""What the request asks and no network looks for stays open in words: silence would be read as no."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.consistency import contradictions
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.prose.question import answers
from pedaxr.reports.prose.question_kinds import ASKED_BY_NAME, ASKED_OF_ORGANS, QUESTIONS
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_models.report_text.parser import parse

ABSENT = [StructuredFinding(finding=name, presence=Presence.ABSENT, agreed=True) for name in FINDINGS]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("preterm, rule out NEC", "bowel wall and the portal vein are not assessed"),
        ("괴사성 장염 의심", "bowel wall and the portal vein are not assessed"),
        ("pneumatosis", "bowel wall and the portal vein are not assessed"),
        ("VP shunt, vomiting", "Lines and tubes are not assessed"),
        ("palpable mass", "Organs and masses are not assessed"),
        ("폐렴 의심", "Lungs are not assessed"),
        ("? malrotation", "Malrotation is not assessed"),
        ("inguinal hernia?", "A hernia is not assessed"),
        ("r/o Hirschsprung", "Hirschsprung disease is not assessed"),
        ("r/o SMA syndrome", "it stays open"),
        ("충수염 의심", "appendix is not assessed"),
        ("appendicitis", "appendix is not assessed"),
        ("scoliosis", "Bones are not assessed"),
        ("ascites", "Free fluid is not assessed"),
        ("복수 의심", "Free fluid is not assessed"),
    ],
)
def test_what_no_network_looks_for_stays_open_in_both_languages(asked: str, words: str) -> None:
    (english,), (korean,) = answers([asked], ABSENT), answers([asked], ABSENT, "ko")
    assert words in english and "답할 수 없음" in korean
    assert parse(english).findings == parse(korean).findings == (), "it speaks of no finding"


@pytest.mark.parametrize(
    "asked",
    [
        "air under diaphragm?",
        "gas below the right hemidiaphragm",
        "Ileus? Freie Luft?",
        "횡격막 아래 공기 여부",
    ],
)
def test_free_air_is_asked_for_in_other_words_too(asked: str) -> None:
    told = answers([asked], ABSENT)
    assert any(answer.startswith("No free intraperitoneal air") for answer in told)
    assert not any("stays open" in answer for answer in told)


def test_one_of_two_questions_is_answered_and_the_other_stays_open() -> None:
    air, rest = answers(["perforation? SMA syndrome?"], ABSENT)
    assert air.startswith("No free intraperitoneal air") and "stays open" in rest


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("Term neonate, no meconium at 48 h, Hirschsprung", ["Hirschsprung disease is not"]),
        ("fever, UTI", ["Organs and masses are not"]),
        ("복통, 탈장", ["A hernia is not"]),
        ("trauma, free air", ["No free intraperitoneal air", "Injuries are not"]),
        ("ovarian torsion", ["Organs and masses are not"]),
        ("난소 염전", ["Organs and masses are not"]),
        ("췌장염", ["Organs and masses are not"]),
        ("비장 파열", ["Organs and masses are not"]),
        ("맹장", ["The appendix is not"]),
        ("SMA syndrome", ["it stays open"]),
        ("HSP", ["it stays open"]),
        ("패혈증", ["it stays open"]),
        ("abdominal pain", []),
        ("KUB", []),
        ("Down syndrome, vomiting", []),
        ("s/p Kasai, fever", []),
        ("wide awake boy, vomiting", []),
    ],
)
def test_a_diagnosis_without_a_mark_is_asked_for_and_a_complaint_is_not(asked: str, words: list[str]) -> None:
    told = answers([asked], ABSENT)
    assert len(told) == len(words) and all(one in line for one, line in zip(words, told, strict=True)), told
    assert len(answers([asked], ABSENT, "ko")) == len(words)


@pytest.mark.parametrize("told", ["s/p appendectomy", "?", "🤒", "vomiting, fever", "susp. ileus"])
def test_what_asks_nothing_or_has_an_answer_leaves_nothing_open(told: str) -> None:
    assert not any("stays open" in answer for answer in answers([told], ABSENT))


def test_a_report_says_that_nobody_looked_at_the_bowel_wall(report_of: Callable[..., Report]) -> None:
    report = report_of("normal", indication="rule out NEC")
    assert "bowel wall and the portal vein are not assessed" in report.sections["Impression"]
    assert "장벽과 간문맥을 평가하지 않으므로" in sections_in_korean(report)["Impression"]
    assert "bowel_wall_gas" in {one.what for one in report.not_assessed}
    assert contradictions(report) == []


LEVEL, BOWEL, STOMACH = Finding.AIR_FLUID_LEVEL, Finding.ABDOMINAL_DISTENSION, Finding.PYLORIC_STENOSIS


def settled(**changed: Presence) -> list[StructuredFinding]:
    """Absent, but for those given."""
    return [
        StructuredFinding(finding=name, presence=changed.get(name, Presence.ABSENT), agreed=True)
        for name in FINDINGS
    ]


# Each a whole clinical question, as it is typed; by the word that says how it stands.
BARE = {
    "Intussusception is not assessed": ("r/o intussusception", "?intussusception", "장중첩증 r/o"),
    "Volvulus is not assessed": ("r/o volvulus", "염전 의심"),
    "bowel wall and the portal vein are not assessed": ("?NEC", "? NEC", "Query NEC"),
    "Foreign bodies are not assessed": ("? foreign body swallowed", "?FB", "?ingested battery"),
    "Lines and tubes are not assessed": ("?NGT position", "? NG position", "ETT?"),
    "A hernia is not assessed": ("?hernia", "fever ? hernia", "탈장 있나요?"),
    "Inflammation of the bowel is not assessed": ("?toxic megacolon", "장염 의심"),
    "Hirschsprung disease is not assessed": ("r/o Hirschsprung", "Hirschprungs?", "히르슈슈프룽병 의심"),
    "Injuries are not assessed": ("concern for NAI",),
    "Organs and masses are not assessed": ("distended bladder?", "PUJ obstruction", "방광 팽만"),
    "it stays open": ("?SMA syndrome", "target sign?", "airway obstruction?"),
    "does not exclude obstruction": ("?SBO", "? LBO", "?ileus", "obstuction?", "장이 막혔는지 봐주세요"),
    "No free intraperitoneal air": ("?perf", "perf?", "perferation", "GI perfo 의심"),
    "No gastric distension": ("?IHPS", "r/o HPS", "gastric outlet obstruction?", "위 팽만 의심"),
    "No faecal loading": ("?obstipation", "? impaction", "stool?"),
    "No bowel distension is outlined.": ("dilated bowel loops?",),
    "No air-fluid levels are outlined.": ("air and fluid levels?", "A/F level 확인"),
}


@pytest.mark.parametrize(
    ("words", "asked"), [(words, one) for words, several in BARE.items() for one in several]
)
def test_a_bare_question_is_answered_or_said_to_stay_open(words: str, asked: str) -> None:
    (told,) = answers([asked], ABSENT)
    assert words in told
    assert len(answers([asked], ABSENT, "ko")) == 1


@pytest.mark.parametrize("asked", ["r/o obstruction", "?SBO", "bilious vomiting"])
def test_a_question_that_the_view_leaves_open_cannot_be_judged(asked: str) -> None:
    lying = settled(**{LEVEL: Presence.NOT_ASSESSED})
    (told,), (korean,) = answers([asked], lying), answers([asked], lying, "ko")
    left = "Obstruction cannot be judged on this film: the question asked stays open."
    assert told == f"No bowel distension is outlined. {left}"
    assert "평가할 수 없으므로" in korean
    assert {fact.presence for fact in parse(told).findings} == {Presence.ABSENT}, "of distension alone"


@pytest.mark.parametrize(
    ("asked", "there", "words"),
    [
        ("?obstruction", BOWEL, "Whether the bowel is obstructed"),
        ("r/o SBO", LEVEL, "Whether the bowel is obstructed"),
        ("?IHPS", STOMACH, "Ultrasound tells"),
        ("r/o intussusception", BOWEL, "Intussusception is not assessed"),
    ],
)
def test_a_sign_that_is_there_is_not_yet_the_answer(asked: str, there: Finding, words: str) -> None:
    (told,) = answers([asked], settled(**{there: Presence.PRESENT}))
    assert told.startswith(words) and "stays open" in told and parse(told).findings == ()
    assert len(answers([asked], settled(**{there: Presence.PRESENT}), "ko")) == 1


LINE_OF = {
    "air": "No free intraperitoneal air",
    "bowel": "does not exclude obstruction",
    "stool": "No faecal loading",
    "nec": "bowel wall and the portal vein",
    "hernia": "A hernia is",
    "hirschsprung": "Hirschsprung disease is",
    "lines": "Lines and tubes",
    "coin": "Foreign bodies",
    "volvulus": "Volvulus is",
    "one": "A question of the request",
    "two": "2 questions of the request",
}


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ("r/o NEC, r/o hernia", "nec hernia"),
        ("?NEC ?hernia ?Hirschsprung", "nec hernia hirschsprung"),
        ("r/o hernia and obstruction", "bowel hernia"),
        ("obstruction or left inguinal hernia?", "bowel hernia"),
        ("SBO/NEC/perf?", "nec air bowel"),
        ("hernia, volvulus or obstruction?", "bowel volvulus hernia"),
        ("Please exclude: obstruction, perforation, hernia", "air bowel hernia"),
        ("r/o Hirschsprung dz vs. functional constipation vs. hypothyroidism", "stool hirschsprung one"),
        ("1. free air? 2. NEC? 3. line position?", "lines nec air"),
        ("- hernia?\n- stool?\n- SMA syndrome?\n- target sign?", "hernia stool two"),
        ("구토 r/o 장폐색, 서혜부 탈장 확인", "bowel hernia"),
        ("장폐색과 히르슈슈프룽병 의심", "bowel hirschsprung"),
        ("변비？탈장？", "stool hernia"),
        ("복통으로 탈장 의심되어 내원, 장폐색 의심 소견 있어 의뢰", "bowel hernia"),
        ("복통, NG tube 위치 확인 부탁드립니다, r/o AGE, free air 있는지", "lines air one"),
        ("Has the coin passed? Is the tube ok? Any free air?", "coin lines air"),
    ],
)
def test_each_of_several_questions_has_a_line_of_its_own(asked: str, lines: str) -> None:
    told = answers([asked], ABSENT)
    assert [name for line in told for name, words in LINE_OF.items() if words in line] == lines.split()
    assert len(told) == len(answers([asked], ABSENT, "ko")) == len(lines.split())


def test_what_no_network_looks_for_is_no_statement_on_a_finding() -> None:
    unseen = [one for one in (*QUESTIONS, *ASKED_BY_NAME, *ASKED_OF_ORGANS) if not one.about]
    assert len(unseen) > 15, "control: there are some"
    assert [one for one in unseen for words in one.answers.values() if parse(words).findings] == []


def test_two_requests_are_not_read_as_one_sentence() -> None:
    assert len(answers(["constipation", "hernia?"], ABSENT)) == 2


@pytest.mark.parametrize(
    "told",
    [
        "s/p hernia repair 3 months ago, bilious vomiting ?obstruction",
        "known Hirschsprung's disease, constipation",
        "fever, vomiting and obstruction?",
        "r/o obstruction, hernia repair 2 weeks ago",
        "코 막힘, 변비 의심",
        "performed yesterday: constipation",
        "s/p appe OP, free air f/u",
        "denies foreign body ingestion. ?constipation",
        "no known h/o FB, r/o obstruction",
        "변비 의심되며 이물 삼킨 병력 없음",
    ],
)
def test_what_a_history_names_is_not_asked_for(told: str) -> None:
    (answer,) = answers([told], ABSENT)
    assert "stays open" not in answer


@pytest.mark.parametrize(
    "asked",
    ["no history of foreign body?", "cannot deny foreign body", "denies pain but coin seen", "이물 병력?"],
)
def test_what_is_not_surely_denied_is_asked_for(asked: str) -> None:
    assert any("Foreign bodies" in line for line in answers([asked], ABSENT))


@pytest.mark.parametrize(
    ("asked", "section"),
    [
        ("interval change?", "comparison"),
        ("f/u ileus, 호전 여부", "comparison"),
        ("gas pattern?", "findings"),
    ],
)
def test_what_another_section_answers_is_left_to_it(asked: str, section: str) -> None:
    assert answers([asked], ABSENT)[-1].endswith(f"see the {section}.")
    assert not any("not answered" in line for line in answers([asked], ABSENT))
    assert answers(["bloody stool"], ABSENT) == [], "control: no amount is asked for"


def test_a_finding_that_is_the_answer_is_not_said_twice() -> None:
    assert answers(["?constipation"], settled(**{Finding.CONSTIPATION: Presence.PRESENT})) == []
    assert answers(["?perf"], settled(**{Finding.PNEUMOPERITONEUM: Presence.PRESENT})) == []
    both = answers(["bowel distension, ?obstruction"], settled(**{LEVEL: Presence.PRESENT}))
    assert "No bowel distension is outlined." in both and any("stays open" in one for one in both)


def test_a_mark_in_front_belongs_to_what_stands_behind_it() -> None:
    assert answers(["fever ?constipation"], ABSENT) == ["No faecal loading is outlined."]
    assert len(answers(["fever? constipation"], ABSENT)) == 2, "control: the fever is asked for"


def test_a_film_that_gives_no_finding_says_that_it_does_not_answer(report_of: Callable[..., Report]) -> None:
    def impressions(indication: str | None) -> tuple[str, str]:
        with using(replace(operating_points(), largest_oddness=-1.0)):
            report = report_of("normal", indication=indication)
        assert report.in_doubt and contradictions(report) == []
        return report.sections["Impression"], sections_in_korean(report)["Impression"]

    english, korean = impressions("r/o intussusception")
    assert english.endswith("The question asked cannot be judged on this film.")
    assert korean.endswith("의뢰된 사항은 본 촬영에서 평가할 수 없음.")
    assert not any("question asked" in told or "의뢰된" in told for told in impressions("vomiting"))
