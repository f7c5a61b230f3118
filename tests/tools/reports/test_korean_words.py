"""Korean texts use one term for each thing, and no sentence about a film is left in English."""

import ast
import itertools
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import pedaxr
import pedaxr_server
from pedaxr.reading.notes import no_finding_because
from pedaxr.reports.korean import in_korean
from pedaxr.reports.prose.question import _OPEN, _SEVERAL_OPEN, NOT_ON_THIS_FILM
from pedaxr.reports.prose.question_kinds import ASKED_BY_NAME, ASKED_OF_ORGANS, QUESTIONS
from pedaxr_models.labels import CHANNELS, FINDINGS, TERMS, Finding, sign
from pedaxr_models.report_text.wordings import wordings

TOOLS, SERVER = Path(pedaxr.__file__).parent, Path(pedaxr_server.__file__).parent
# What each thing is called in reports, replies and on the page, and what would be a second name for it.
ONE_TERM = {
    "outline: 윤곽": "윤곽선",
    "outlined: 윤곽 표시": r"그려|(?<!윤곽 )(?:표시된|표시되었으나|표시되지)|윤곽(?: |이 |은 )없",
    "critical finding: 위급 소견": r"긴급(?!도)|중대 ?소견",
    "whoever signed: 판독의": r"서명자|판독자",
    "qualified person: 자격 있는 의료인": r"유자격|전문가",
    "final: 최종": "확정 ?(?:판독|결론)",
    "report writer: 판독문 작성 모델": r"(?<!작성 )판독 모델|작성자 모델",
    "free intraperitoneal air: 복강 내 유리공기": r"유리 ?가스|(?<!복강 내 )(?<!횡격막하 )유리공기",
    "air-fluid level: 공기액체층": r"수평면|(?<!공)기액|공기액체음영",
    "colon: 결장": "대장",
    "stool: 분변": "대변|숙변|변비(?!를)",
    "patient id: 등록번호": r"환자 ?번호|환아 ?번호",
    "child: 환아": r"환자(?! 영상)",
    "lines and tubes: 카테터 및 튜브": r"삽입관|(?<![가-힣])관(?![가-힣])",
    "flags: 확인할 사항": r"주의 ?사항|확인할 점",
    "not known: 미상": r"불명|불분명",
    "not assessed: 평가하지 않음": r"평가되지|평가 안|판단할 수 없",
    "quadrant: 사분역": "사분면",
    "all quadrants: 복부 전반": r"복부 전체|사분역 모두",
    "moderate confidence: 보통": "신뢰도 중간",
    "hedged: 유보됨": "완화됨",
    "indication: 임상 정보": "검사 사유",
}


def own_texts() -> Iterator[tuple[str, str]]:
    """Every Korean text of ours that a reader meets, and where it stands."""
    for name in ("korean.toml", "heading.toml"):
        table = tomllib.loads((TOOLS / "reports" / name).read_text(encoding="utf-8"))
        yield from ((name, text) for text in leaves(table))
    for path in ("replies/korean_lines.py", "viewer/static/words_korean.js"):
        yield from ((path, text) for text in quoted((SERVER / path).read_text(encoding="utf-8")))
    measured = (TOOLS / "reports" / "prose" / "measured.py").read_text(encoding="utf-8")
    yield from (("prose/measured.py", text) for text in quoted(measured))
    kinds = (*QUESTIONS, *ASKED_BY_NAME, *ASKED_OF_ORGANS)
    asked = [(one.answers, one.seen, one.unjudged) for one in kinds]
    said = [
        NOT_ON_THIS_FILM,
        _OPEN,
        _SEVERAL_OPEN,
        *(words for several in asked for words in several if words),
    ]
    yield from (("prose/question_kinds.py", words["ko"]) for words in said)
    table = wordings("ko")
    firsts = [*table.present.values(), *table.hedged.values(), *table.absent.values()]
    firsts += [*table.not_assessed.values(), table.distal_gas, table.stool]
    yield from (("wordings", texts[0]) for texts in firsts)
    yield from (("wordings", name) for name in table.words.names.values())
    yield from (("labels", TERMS[channel].korean) for channel in CHANNELS[5:])


def leaves(table: object) -> Iterator[str]:
    if isinstance(table, dict):
        table = [*table.values()]
    if isinstance(table, list):
        for value in table:
            yield from leaves(value)
    else:
        yield str(table)


def quoted(code: str) -> list[str]:
    return [text for text in re.findall(r'"([^"\n]*)"', code) if re.search("[가-힣]", text)]


@pytest.mark.parametrize("thing", ONE_TERM)
def test_one_term_stands_for_one_thing(thing: str) -> None:
    texts = list(own_texts())
    assert len(texts) > 300
    assert [(where, text) for where, text in texts if re.search(ONE_TERM[thing], text)] == []
    term = thing.split(": ")[1]
    assert any(term in text for _, text in texts), "the term itself is used"


# Polite endings and the plain "-다": a Korean report ends its sentences in nouns and in -음, -함.
POLITE = re.compile(r"(?:니다|세요|[어아해]요|[가-힣]다)\s*[.;]?\s*$")


def test_reports_are_written_in_the_clipped_style() -> None:
    texts = [(where, text) for where, text in own_texts() if not where.startswith("viewer")]
    assert len(texts) > 200
    assert [(where, text) for where, text in texts if POLITE.search(text)] == []
    for text in ("위 팽만이 보입니다.", "영상을 확인하세요.", "분변 저류가 있다."):
        assert POLITE.search(text), "control"


def sentences_about_films() -> Iterator[tuple[str, bool]]:
    """Every fixed sentence that reading a film may note, as found in the code, and whether it is a doubt."""
    for folder in ("reading", "radiograph"):
        for path in sorted((TOOLS / folder).rglob("*.py")):
            said = filter(says_something, ast.walk(ast.parse(path.read_text(encoding="utf-8"))))
            for node in said:
                for text in constants(node):
                    if re.search(r"[a-z]{3} .*[a-z)]\.$", text):
                        yield filled(text), "NoteKind.DOUBT" in ast.unparse(node)


def constants(node: ast.AST) -> list[str]:
    found = (inner.value for inner in ast.walk(node) if isinstance(inner, ast.Constant))
    return [value for value in found if isinstance(value, str)]


def says_something(node: ast.AST) -> bool:
    """A constant of the module, a note made in place, or a line appended to notes."""
    if isinstance(node, ast.Assign):
        return all(isinstance(target, ast.Name) and target.id.startswith("_") for target in node.targets)
    if not isinstance(node, ast.Call):
        return False
    called = node.func
    is_note = isinstance(called, ast.Name) and called.id == "Note"
    appended = isinstance(called, ast.Attribute) and called.attr == "append"
    return is_note or (appended and ast.unparse(called.value) == "notes")


def filled(text: str) -> str:
    return text.replace("{how}", "mirrored and on its side")


# Advice inside an error, which stays in English, and the small print of the overlay.
NOT_NOTES = (
    "Choose a frontal",
    "Export the film again",
    "The file is not a PNG",
    "The PNG file holds",
    "The DICOM file's picture breaks off",
    "The DICOM file is damaged",
    "The DICOM file's header",
    "Not a medical device",
    "Research and teaching",
    "Give ",
)


def test_every_note_on_a_film_has_its_korean() -> None:
    notes = {(text, doubts) for text, doubts in sentences_about_films() if not text.startswith(NOT_NOTES)}
    assert len(notes) > 35 and sum(doubts for _, doubts in notes) > 8
    for note, doubts in sorted(notes):
        for text in (note, no_finding_because([note])) if doubts else (note,):
            assert re.findall(r"[A-Za-z]{2,}", in_korean(text).replace("MONOCHROME1", "")) == [], text


def test_a_note_that_is_not_translated_is_seen() -> None:
    assert re.findall(r"[A-Za-z]{2,}", in_korean("The film is a painting.")), "control"


SAID = (
    *("affirmed by the signer", "denied by the signer", "suspected, not outlined", "not assessed"),
    *("not outlined", "outlined", "outlined, 1 level", "outlined, 3 levels, left side"),
    "outlined, both sides",
)


@pytest.mark.parametrize("finding", FINDINGS)
def test_what_a_later_draft_says_otherwise_is_korean_throughout(finding: Finding) -> None:
    for then, now in itertools.product(SAID, SAID):
        text = f"{sign(finding)}: {then}; in the draft {now}."
        assert re.findall(r"[A-Za-z]{2,}", in_korean(text)) == [], text


def test_a_supplied_diagnosis_has_the_term_of_its_finding() -> None:
    flag = (
        "The supplied working diagnosis, Air-fluid level, is not supported by the film: nothing is outlined."
    )
    assert in_korean(flag) == "제공된 추정 진단(공기액체층)을 뒷받침하는 소견 없음: 윤곽 표시 없음."
    on_request = flag.replace("supplied working diagnosis", "working diagnosis on the request")
    assert in_korean(on_request).startswith("의뢰의 추정 진단(공기액체층)을")


def test_both_counts_of_levels_have_their_counter() -> None:
    flag = "Air-fluid levels: the draft says 5 levels; the outlines show 6. Look."
    assert in_korean(flag) == "공기액체층: 초안은 5개, 윤곽은 6개. 확인 요함."


def test_a_distended_stomach_is_one_phrase() -> None:
    first = wordings("ko").present[Finding.PYLORIC_STENOSIS][0]
    assert first.startswith("{severity} 위 팽만"), "not 위의 중등도의 팽만"
