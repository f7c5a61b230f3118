"""What a report answers to the question that the film was requested with, by words of the request.

The request is data: it is searched for words, never quoted, and no answer claims more than the settled
findings. What leads the impression already is not said again. A question that no answer here is for is said
to stay open: a report that is silent on it would be read as no.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from pedaxr.types import StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.wordings import Language


@dataclass(frozen=True)
class _Question:
    """One kind of question.

    Attributes:
        asked: words of a request, in English or Korean.
        about: findings that would answer it with yes; empty where no network looks for it.
        answers: by language, what is said where none of them is there.
    """

    asked: re.Pattern[str]
    about: tuple[Finding, ...]
    answers: Mapping[Language, str]


def _kind(asked: str, about: Sequence[Finding], english: str, korean: str) -> _Question:
    return _Question(re.compile(asked, re.IGNORECASE), tuple(about), {"en": english, "ko": korean})


_LINES = _kind(
    r"\btubes?\b|catheter|\b(?:central|umbilical|venous|arterial) lines?\b|\b(?:uvc|uac|ng|og|picc)\b"
    r"|\bshunt|\bstents?\b|\bdrains?\b|gastrostomy|\bpeg\b|튜브|카테터|위관|단락|션트|스텐트|배액관|위루",
    (),
    "Lines and tubes are not assessed by this model: the question asked stays open.",
    "본 모델은 카테터 및 튜브를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
)
_QUESTIONS = (
    _kind(
        r"coin|swallowed|\bswallowing an?\b|foreign bod|ingest|batter(?:y|ies)|magnet|bezoar|\bneedle"
        r"|동전|삼킨|삼킴|삼켰|이물|건전지|자석|위석",
        (),
        "Foreign bodies are not assessed by this model: the question asked stays open.",
        "본 모델은 이물을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _LINES,
    _kind(
        r"\bstones?\b|calcul|calcif|결석|석회",
        (),
        "Calcification is not assessed by this model: the question asked stays open.",
        "본 모델은 석회화를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"\bnec\b|necroti[sz]ing|pneumatosis|portal (?:venous |vein )?(?:gas|air)"
        r"|(?:intramural|bowel wall) (?:gas|air)|괴사성|괴사 ?장염|장벽 ?(?:내 ?)?(?:가스|공기|기종)"
        r"|문맥 ?(?:내 ?)?(?:가스|공기)",
        (),
        "The bowel wall and the portal vein are not assessed by this model: the question asked stays open.",
        "본 모델은 장벽과 간문맥을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"(?:hepato|spleno|organo|nephro)\w*megal|\bmass(?:es)?\b|tumou?r|neuroblastoma|wilms|lymphoma"
        r"|종괴|종양|간비대|비장비대|간종대|비종대|신경모세포종",
        (),
        "Organs and masses are not assessed by this model: the question asked stays open.",
        "본 모델은 실질 장기와 종괴를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"pneumonia|\blungs?\b|pleural|\bchest\b|폐렴|폐야|흉막|흉수|흉부",
        (),
        "Lungs are not assessed by this model: the question asked stays open.",
        "본 모델은 폐를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"malrotat|회전 ?이상",
        (),
        "Malrotation is not assessed by this model: the question asked stays open.",
        "본 모델은 장회전이상을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"appendic|충수|맹장염",
        (),
        "The appendix is not assessed by this model: the question asked stays open.",
        "본 모델은 충수를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"ascites|free fluid|복수(?!의)|복강 ?내 ?액체",
        (),
        "Free fluid is not assessed by this model: the question asked stays open.",
        "본 모델은 복수를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"fractur|\bbones?\b|scolio|kypho|vertebra|spina bifida|\brickets\b|골절|골격|측만|척추|구루병",
        (),
        "Bones are not assessed by this model: the question asked stays open.",
        "본 모델은 골격을 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"perforat|free (?:intraperitoneal )?(?:air|gas)|pneumoperitoneum|천공|기복증|유리 ?공기|유리 ?가스"
        r"|(?:air|gas) (?:under|below|beneath) (?:the |a )?(?:either |right |left )?(?:hemi)?-?diaphragm"
        r"|횡격막 ?(?:아래|하) ?(?:공기|가스)"
        r"|freie luft|air libre|aire libre|aria libera|pneumoperiton|perfora[cz]i|파열",
        (Finding.PNEUMOPERITONEUM,),
        "No free intraperitoneal air; a small amount may escape a film.",
        "횡격막하 유리공기 없음. 소량은 단순촬영에서 보이지 않을 수 있음.",
    ),
    _kind(
        r"obstruct|\bileus\b|volvul|intussus|(?<!non-)(?<!non )\bbilious|폐색|담즙|장중첩|염전",
        (Finding.ABDOMINAL_DISTENSION, Finding.AIR_FLUID_LEVEL),
        "No bowel distension or air-fluid levels; a film does not exclude obstruction.",
        "장관 팽만, 공기액체층 없음. 단순촬영으로 장폐색을 배제할 수 없음.",
    ),
    _kind(
        r"pylor|projectile|non-?bilious|poor weight gain|유문|분출성",
        (Finding.PYLORIC_STENOSIS,),
        "No gastric distension; a film does not exclude outlet obstruction, ultrasound does.",
        "위 팽만 없음. 단순촬영으로 위출구폐쇄를 배제할 수 없으며 초음파로 판단함.",
    ),
    _kind(
        r"constipat|(?:no|hard) stools?\b|soiling|(?:query|faecal|fecal|stool) (?:loading|burden)"
        r"|변비|변을 못|배변",
        (Finding.CONSTIPATION,),
        "No faecal loading.",
        "분변 저류 없음.",
    ),
    _kind(
        r"\bdisten|bloat|팽만",
        (Finding.ABDOMINAL_DISTENSION,),
        "No bowel distension.",
        "장관 팽만 없음.",
    ),
)

# What makes a question of a part of a request, and parts one from the next.
_ASKING = re.compile(
    r"\?|\br[/.]?o\b|\bruled? ?out|\bexclud|\bquery\b|\bquestion of\b|\bsusp(?:ect\w*|icion)?\b|\bs/o\b"
    r"|의심|배제|감별|여부|유무",
    re.IGNORECASE,
)
_PARTS = re.compile(r"[^?;,\n]*\w[^?;,\n]*\?*")
# Asked for beside a gastric tube, or instead of one.
_OTHER_LINES = re.compile(
    r"catheter|\blines?\b|\b(?:uvc|uac|picc|ett|peg)\b|\bshunt|\bstents?\b|\bdrains?\b|gastrostomy|"
    r"endotracheal|tracheal|카테터|단락|션트|스텐트|배액관|위루|기관",
    re.IGNORECASE,
)
_OPEN: Mapping[Language, str] = {
    "en": "A question of the request is about nothing that this model looks for: it stays open.",
    "ko": "의뢰에서 묻는 사항 중 본 모델이 찾지 않는 것이 있어 답할 수 없음.",
}


def answers(
    requests: Iterable[str],
    findings: Sequence[StructuredFinding],
    language: Language = "en",
    *,
    tube: str | None = None,
) -> list[str]:
    """What an impression adds for the questions in a request; empty where it says all of it already.

    Args:
        requests: as supplied, by whomever.
        findings: settled.
        language: of the answer.
        tube: what is said of the gastric tube that is seen, in that language: the answer to who asks for no
            other line.
    """
    asked = " ".join(requests)
    absent = {f.finding for f in findings if f.presence is Presence.ABSENT and f.agreed}
    told = [q for q in _QUESTIONS if q.asked.search(asked) and set(q.about) <= absent]
    replies = {id(q): q.answers[language] for q in told}
    if tube is not None and not _OTHER_LINES.search(asked):
        replies |= {id(_LINES): tube} if _LINES in told else {}
    said = [replies[id(q)] for q in told if not _is_within(q.about, [o.about for o in told])]
    if all(q.about for q in told) and any(map(_is_left_open, _PARTS.findall(asked))):
        return [*said, _OPEN[language]]  # where another answer is that it stays open, once is enough
    return said


def _is_left_open(part: str) -> bool:
    """Whether a part of a request asks something, and nothing that one of the answers is for."""
    return bool(_ASKING.search(part)) and not any(q.asked.search(part) for q in _QUESTIONS)


def _is_within(about: Collection[Finding], others: Iterable[Collection[Finding]]) -> bool:
    """Whether the answer to another question says it as well."""
    return bool(about) and any(set(about) < set(other) for other in others)
