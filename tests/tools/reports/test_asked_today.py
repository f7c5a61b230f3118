"""What a request tells as past, denies, or only resembles is not asked for; what it asks is never silent."""

import pytest

from pedaxr.reports.prose import question
from pedaxr.reports.prose.question import answers
from pedaxr.types import StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS
from pedaxr_models.report_text.parser import parse

ABSENT = [StructuredFinding(finding=name, presence=Presence.ABSENT, agreed=True) for name in FINDINGS]
AIR, BOWEL, STOOL = "No free intraperitoneal air", "does not exclude obstruction", "No faecal loading"
CHANGE, OPEN = "an earlier film see the comparison", "A question of the request"
DOCTOR = "are for a doctor to decide"
STOMACH, WIDTH, LINES = "No gastric distension", "No bowel distension is outlined.", "Lines and tubes"


def told(asked: str) -> list[str]:
    english, korean = answers([asked], ABSENT), answers([asked], ABSENT, "ko")
    assert len(english) == len(korean), "a line each in both languages"
    return english


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ("imperforate anus, level?", [OPEN]),
        ("appendicectomy 3 days ago. Constipation?", [STOOL]),
        ("충수절제술 후 장마비", [BOWEL]),
        ("H. pylori ulcer, ?perf", [AIR]),
        ("비담즙성 구토 3주", [STOMACH]),
        ("담즙정체, 변비 의심", [STOOL]),
        ("선천거대결장", ["Hirschsprung disease"]),
        ("megacolon?", ["Megacolon is not assessed"]),
        ("vomiting, no bilious vomiting", []),
        ("구토, 담즙성 구토 없음", []),
    ],
)
def test_words_within_other_words_ask_for_nothing(asked: str, lines: list[str]) -> None:
    assert all(words in line for words, line in zip(lines, told(asked), strict=True))


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ("s/p laparotomy for perforated NEC. Distension today", [WIDTH]),
        ("Previous NEC, now distended", [WIDTH]),
        ("h/o foreign body removed, constipation?", [STOOL]),
        ("No signs of obstruction clinically. Constipation?", [STOOL]),
        ("no vomiting, no distension. r/o free air", [AIR]),
        ("NEC ruled out last week. Distension today.", [WIDTH]),
        ("VP shunt in situ, constipation?", [STOOL]),
        ("장중첩증 정복술 후, 천공 여부", [AIR]),
        ("NEC 과거력, 복부팽만", [WIDTH]),
        ("천공 없음, 변비 확인", [STOOL]),
        ("이물 삼킨 적 없음. 변비?", [STOOL]),
        ("장중첩증 과거력 있음. 변비?", [STOOL]),
        ("never had intussusception; constipation?", [STOOL]),
    ],
)
def test_what_is_past_or_denied_is_not_asked_for_beside_a_question(asked: str, lines: list[str]) -> None:
    assert all(words in line for words, line in zip(lines, told(asked), strict=True))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("Known kidney stones", "Calcification"),
        ("previously had pneumoperitoneum, resolved?", AIR),
        ("s/p intussusception reduction, ?recurrence", "Intussusception"),
        ("never resolved distension", WIDTH),
        ("변비 과거력이 있나요", STOOL),
        ("please confirm no free air; constipation?", AIR),
        ("perforation not yet ruled out. Constipation?", AIR),
        ("no free air? constipation?", AIR),
        ("since previous film, free air? obstruction?", AIR),
        ("known ALL, r/o perforation, ?constipation", AIR),
        ("장중첩증 정복술 후", "Intussusception"),
    ],
)
def test_what_may_be_asked_for_is_answered(asked: str, words: str) -> None:
    assert any(words in line for line in told(asked))


@pytest.mark.parametrize(
    ("asked", "lines"),
    [
        ("f/u constipation, compare w/ prev", [STOOL, CHANGE]),
        ("3월 영상과 비교 바랍니다", [CHANGE]),
        ("지난 3월과 비교하여 호전되었는지", [CHANGE]),
        ("천공 의심, 수술 필요한가요", [AIR, DOCTOR]),
        ("수유 가능한지", [DOCTOR]),
        ("수술한지 3일, 변비 의심", [STOOL]),
        ("what is wrong with him", [OPEN]),
        ("is it safe to feed", [DOCTOR]),
        ("can he eat", [DOCTOR]),
        ("is the free air new?", [AIR, CHANGE]),
        ("how many cm is the stomach?", ["For widths see the measurements"]),
        ("is free air increasing?", [AIR, CHANGE]),
        ("is the distension better?", [WIDTH, CHANGE]),
        ("복부팽만 호전되었는지", [WIDTH, CHANGE]),
        ("변을 안 봐요", [STOOL]),
        ("post bowel prep, residual stool?", [STOOL]),
        ("How much stool?", [STOOL]),
        ("UC flare - colonic dilatation?", [WIDTH]),
        ("bowel obst?", [BOWEL]),
        ("r/o intuss", ["Intussusception is not assessed"]),
        ("담석", ["Calcification"]),
        ("Hickman position", [LINES]),
        ("중심정맥관 위치", [LINES]),
        ("기관내관 위치 확인", [LINES]),
        ("swallowed 2 magnets, where are they now", ["Foreign bodies"]),
    ],
)
def test_no_question_is_passed_over(asked: str, lines: list[str]) -> None:
    assert all(words in line for words, line in zip(lines, told(asked), strict=True))


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        (
            AIR,
            "r/o pneumo-peritoneum|free abdominal gas|extraluminal air?|subdiaphragmatic gas?|football sign?"
            "|subphrenic air?",
        ),
        (AIR, "자유공기|복강내 공기|배안공기 의심|공기배증"),
        ("bowel wall and the portal vein", "PVG?|gas in portal vein?|air in bowel wall?"),
        ("Intussusception is", "창자겹침증|장충첩"),
        ("Volvulus is", "창자꼬임|장꼬임 의심"),
        (
            STOMACH,
            "날문협착증 의심|is the stomach dilated?|is his stomach big?|is the stomach very distended",
        ),
        (STOMACH, "위가 팽만되어 있는지|위 팽창 여부|위장이 부풀었나요"),
        (WIDTH, "위장관 확장 여부|bowel very distended?"),
        (
            "how full the colon and rectum are",
            "is stool in the rectum?|rectum full?|직장에 변이 있나요?|변이 많이 찼나요?",
        ),
        ("For widths see the measurements", "rectum dilated?|직장 확장?|megarectum?|폭은 얼마인지"),
        (BOWEL, "green vomit|초록색 구토"),
        (STOOL, "fecal load|stool retention"),
        ("No air-fluid levels", "AFL?"),
        ("Foreign bodies", "is the coin past the pylorus?|retained sponge|ate a marble|핀 먹음"),
        (LINES, "transpyloric tube position?|umbilical cath position|chest tube"),
        (
            "Rectal gas is not assessed",
            "gas in rectum?|직장 가스 있나요|직장에 가스 있나요?|does gas reach the rectum?",
        ),
        ("see the findings", "distal gas?|gasless abdomen?"),
        (
            "For widths see the measurements",
            "how wide is the widest loop?|rectal diameter?|직장 지름은 얼마인지",
        ),
        ("see the comparison", "bigger than yesterday?|same as before?|나빠졌나요"),
    ],
)
def test_other_words_for_one_thing_get_its_answer_alone(words: str, asked: str) -> None:
    for one in asked.split("|"):
        (line,) = told(one)
        assert words in line, one


@pytest.mark.parametrize("asked", ["supine position", "복강내 공기액체층", "wide awake boy, vomiting"])
def test_words_that_only_resemble_ask_for_no_free_air_and_no_width(asked: str) -> None:
    assert not any(AIR in line or "widths" in line for line in told(asked))


def test_a_line_says_of_itself_what_it_speaks_of() -> None:
    """Behind other lines, "whether it is" would be read of the one before."""
    there = [one.model_copy(update={"presence": Presence.PRESENT}) for one in ABSENT]
    for asked, english, korean in (
        ("?obstruction", "Whether the bowel is obstructed", "장폐색 여부는"),
        ("?pyloric stenosis", "Ultrasound tells whether the outlet is blocked", "위출구의 폐쇄 여부는"),
    ):
        (line,), (line_ko,) = answers([asked], there), answers([asked], there, "ko")
        assert line.startswith(english) and line_ko.startswith(korean)
        assert parse(line).findings == parse(line_ko).findings == (), "it claims no finding"


def test_a_request_is_taken_apart_once_for_both_languages(monkeypatch: pytest.MonkeyPatch) -> None:
    read, asked_parts = list[str](), question.asked_parts
    monkeypatch.setattr(question, "asked_parts", lambda *a: read.append(a[0]) or asked_parts(*a))
    assert told("crying since Tuesday noon, ?constipation") == told(
        "crying since Tuesday noon, ?constipation"
    )
    assert len(read) == 1
    told("crying since Tuesday night, ?constipation")
    assert len(read) == 2, "another request is another"
