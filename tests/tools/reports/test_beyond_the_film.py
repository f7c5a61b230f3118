"""Questions of other organs, of what a doctor decides, of all at once: none is answered by a finding."""

import pytest

from pedaxr.reports.prose.question import answers
from pedaxr.text import request_text
from pedaxr.types import StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding

ABSENT = [StructuredFinding(finding=f, presence=Presence.ABSENT, agreed=True) for f in FINDINGS]
LOADED = [
    f.model_copy(update={"presence": Presence.PRESENT}) if f.finding == Finding.CONSTIPATION else f
    for f in ABSENT
]
DOCTOR = "Discharge, feeding, treatment and surgery are for a doctor to decide, not for this report."


@pytest.mark.parametrize(
    "asked",
    [
        "방광 파열 의심|식도 천공 의심|간이 파열되었는지|횡격막 파열?",
        "perforation of the esophagus?|perforated eardrum?|ruptured bladder?",
        "기도가 막혔나요|위루관이 막혔는지 확인|shunt blocked?",
        "혈관 확장 있나요|distended veins?|hydrocolpos, distended uterus?",
    ],
)
def test_another_organ_is_not_answered_as_the_bowel(asked: str) -> None:
    for one in asked.split("|"):
        told = answers([one], ABSENT)
        assert told and all("stays open" in line for line in told), one
        assert len(answers([one], ABSENT, "ko")) == len(told)


@pytest.mark.parametrize(
    "asked", ["위 천공 의심", "소장 파열 의심", "perforated gastric ulcer?", "파열 의심"]
)
def test_the_bowel_that_is_torn_is_asked_for(asked: str) -> None:
    assert answers([asked], ABSENT)[0].startswith("No free intraperitoneal air is outlined")


@pytest.mark.parametrize(
    "asked",
    [
        "is it safe to discharge?|can he go home?|check before discharge|can she eat?|should we operate?",
        "does she need surgery?|safe to restart feeds?|should we do an enema?",
        "퇴원해도 될까요?|수유 진행 가능할까요?|관장해도 되나요?|수술이 필요할까요?|집에 가도 되나요?",
    ],
)
def test_what_a_doctor_decides_is_left_to_one(asked: str) -> None:
    for one in asked.split("|"):
        assert answers([one], ABSENT) == [DOCTOR], one
        assert "의사가 결정할 사항" in answers([one], ABSENT, "ko")[0]


@pytest.mark.parametrize(
    "asked",
    [
        "discharged last week, vomiting|umbilical discharge|vaginal discharge|poor feeding",
        "퇴원 후 구토|수유 불량|수술 후 3일|관장 후 추적|응급실 내원, 복통",
    ],
)
def test_what_was_done_or_complained_of_is_no_question(asked: str) -> None:
    for one in asked.split("|"):
        assert answers([one], ABSENT) == [], one


@pytest.mark.parametrize(
    "asked",
    [
        "is it normal?|is everything OK?|anything wrong?|is the film normal?|is there anything urgent?",
        "정상인가요?|이상 없나요?|이상소견 유무|응급인가요?|정상 소견인지 확인 바랍니다",
    ],
)
def test_that_all_is_normal_is_never_the_answer(asked: str) -> None:
    for one in asked.split("|"):
        (told,) = answers([one], ABSENT)
        assert told.startswith("Whether all is normal"), one
        assert "정상 여부나 응급 여부" in answers([one], ABSENT, "ko")[0]


@pytest.mark.parametrize(
    "asked",
    ["just yes or no: is there free air?", "free air, yes/no?", "예/아니오로만 답해 주세요: 천공 있나요?"],
)
def test_how_an_answer_is_wanted_is_no_question(asked: str) -> None:
    (told,) = answers([asked], ABSENT)
    assert told.startswith("No free intraperitoneal air is outlined")


@pytest.mark.parametrize("asked", ["chronic constipation, query loading", "?loading", "faecal load?"])
def test_loading_alone_is_of_the_colon(asked: str) -> None:
    assert answers([asked], ABSENT) == ["No faecal loading is outlined."]
    assert answers([asked], LOADED) == []


@pytest.mark.parametrize(
    "asked", ["fixed dilated loop on serial films?", "persistent loop?", "고정된 장고리 있나요"]
)
def test_a_fixed_loop_is_not_answered_by_its_width_alone(asked: str) -> None:
    assert answers([asked], ABSENT)[-1].startswith("Whether a loop is fixed is not assessed")


def test_an_operation_that_was_is_no_question_of_what_it_was_for() -> None:
    assert answers(["유문근절개술 후 3일, 구토 지속"], ABSENT) == []
    assert answers(["유문협착 의심"], ABSENT), "control"


@pytest.mark.parametrize("asked", ["장벽 비후", "횡격막 거상"])
def test_what_only_a_doctor_names_is_a_question_without_a_mark(asked: str) -> None:
    assert len(answers([asked], ABSENT)) == len(answers([asked], ABSENT, "ko")) == 1


@pytest.mark.parametrize("length", [499, 500, 501, 5000])
def test_a_request_too_long_to_be_read_to_its_end_says_so(length: int) -> None:
    asked = "?perforation " + "x" * (length - len("?perforation  ?NEC")) + " ?NEC"
    assert len(asked) == length
    told, korean = (answers([request_text(asked)], ABSENT, language) for language in ("en", "ko"))
    assert len(told) == len(korean) and told[0].startswith(("The bowel wall", "No free intraperitoneal air"))
    assert ("cut after 500 characters" in told[-1]) is (length > 500) is ("500자에서 잘려" in korean[-1])
    assert any("bowel wall" in line for line in told) is (length <= 500)
    assert request_text(request_text(asked)) == request_text(asked), "stored and read again"


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("가스가 너무 많이 차 있는 건 아닌지요", "see the findings"),
        ("장이 꼬인 건 아닐까 걱정됩니다", "Volvulus is not assessed"),
        ("변비가 심한 편은 아닌지요?", "No faecal loading is outlined."),
        ("배에 물이 찼는지도 확인해 주실 수 있을까요", "Free fluid is not assessed"),
        ("관 끝이 어디에 있는지 알려주십시오", "Lines and tubes are not assessed"),
        ("탈장은 아닐까 해서요", "A hernia is not assessed"),
    ],
)
def test_a_polite_question_is_one(asked: str, words: str) -> None:
    told = answers([asked], ABSENT)
    assert any(words in line for line in told) and len(answers([asked], ABSENT, "ko")) == len(told)


@pytest.mark.parametrize("asked", ["구토한지 3일", "수술한지도 오래", "복통을 호소"])
def test_since_when_is_no_question(asked: str) -> None:
    assert answers([asked], ABSENT) == []


def test_where_it_lies_is_asked_of_what_was_swallowed() -> None:
    (told,) = answers(["button battery, esophagus or stomach?"], ABSENT)
    assert told.startswith("Foreign bodies are not assessed")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("초록색 토", "does not exclude obstruction"),
        ("green bile vomiting", "does not exclude obstruction"),
        ("배가 빵빵해요", "No bowel distension is outlined."),
        ("분수처럼 토해요", "ultrasound does"),
        ("유치도뇨관 위치", "Lines and tubes are not assessed"),
    ],
)
def test_a_parents_words_are_understood(asked: str, words: str) -> None:
    (told,) = answers([asked], ABSENT)
    assert words in told
