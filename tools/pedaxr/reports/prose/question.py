"""What a report answers to the question that the film was requested with, by words of the request.

The request is data: it is searched for words, never quoted, and no answer claims more than the settled
findings. Every question is answered, or said to stay open, or not to be judged on this film: a report that is
silent on it would be read as no. What leads the impression already is not said again.
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
        seen: what is said beside one of them that is there, where it is only a sign of what was asked.
        unjudged: what is said where it is not known of each of them whether it is there, and none is named.
    """

    asked: re.Pattern[str]
    about: tuple[Finding, ...]
    answers: Mapping[Language, str]
    seen: Mapping[Language, str] | None = None
    unjudged: Mapping[Language, str] | None = None


def _kind(
    asked: str,
    about: Sequence[Finding],
    english: str,
    korean: str,
    *,
    seen: Mapping[Language, str] | None = None,
    unjudged: Mapping[Language, str] | None = None,
) -> _Question:
    pattern = re.compile(asked, re.IGNORECASE)
    return _Question(pattern, tuple(about), {"en": english, "ko": korean}, seen, unjudged)


_LINES = _kind(
    r"\btubes?\b|catheter|\b(?:central|umbilical|venous|arterial) lines?\b"
    r"|\b(?:uvc|uac|n[gj]t?|ogt?|ett|picc)\b"
    r"|\bshunt|\bstents?\b|\bdrains?\b|gastrostomy|\bpeg\b|튜브|카테터|위관|단락|션트|스텐트|배액관|위루",
    (),
    "Lines and tubes are not assessed by this model: the question asked stays open.",
    "본 모델은 카테터 및 튜브를 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
)
_QUESTIONS = (
    _kind(
        r"coin|\bp?fbs?\b|swallowed|\bswallowing an?\b|foreign bod|ingest|batter(?:y|ies)|magnet|bezoar"
        r"|\bneedle|동전|삼킨|삼킴|삼켰|이물|건전지|자석|위석",
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
        r"perforat|\bperf(?:s|ed)?\b|free (?:intraperitoneal )?(?:air|gas)|pneumoperitoneum"
        r"|천공|기복증|유리 ?공기|유리 ?가스"
        r"|(?:air|gas) (?:under|below|beneath) (?:the |a )?(?:either |right |left )?(?:hemi)?-?diaphragm"
        r"|횡격막 ?(?:아래|하) ?(?:공기|가스)"
        r"|freie luft|air libre|aire libre|aria libera|pneumoperiton|perfora[cz]i|파열",
        (Finding.PNEUMOPERITONEUM,),
        "No free intraperitoneal air; a small amount may escape a film.",
        "횡격막하 유리공기 없음. 소량은 단순촬영에서 보이지 않을 수 있음.",
    ),
    _kind(
        r"obstruct|\b[sl]bo\b|\bileus\b|(?<!non-)(?<!non )\bbilious|폐색|담즙",
        (Finding.ABDOMINAL_DISTENSION, Finding.AIR_FLUID_LEVEL),
        "No bowel distension or air-fluid levels; a film does not exclude obstruction.",
        "장관 팽만, 공기액체층 없음. 단순촬영으로 장폐색을 배제할 수 없음.",
        seen={
            "en": "Whether it is an obstruction is not for this model to say: the question asked stays open.",
            "ko": "이것이 장폐색인지는 본 모델이 평가하지 않으므로 의뢰된 사항에 답할 수 없음.",
        },
        unjudged={
            "en": "Obstruction cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 장폐색은 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
    ),
    _kind(
        r"intussus|장중첩",
        (),
        "Intussusception is not assessed by this model, and a film does not exclude it: the question asked "
        "stays open.",
        "본 모델은 장중첩증을 평가하지 않고 단순촬영으로 배제할 수 없으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"volvul|염전",
        (),
        "Volvulus is not assessed by this model, and a film does not exclude it: the question asked stays "
        "open.",
        "본 모델은 장염전을 평가하지 않고 단순촬영으로 배제할 수 없으므로 의뢰된 사항에 답할 수 없음.",
    ),
    _kind(
        r"pylor|\bi?hps\b|projectile|non-?bilious|poor weight gain|유문|분출성",
        (Finding.PYLORIC_STENOSIS,),
        "No gastric distension; a film does not exclude outlet obstruction, ultrasound does.",
        "위 팽만 없음. 단순촬영으로 위출구폐쇄를 배제할 수 없으며 초음파로 판단함.",
        seen={
            "en": "Ultrasound tells whether it is; on this film the question asked stays open.",
            "ko": "원인은 초음파로 판단하며 본 촬영으로는 의뢰된 사항에 답할 수 없음.",
        },
        unjudged={
            "en": "The gastric outlet cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 위출구는 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
    ),
    _kind(
        r"constipat|obstipat|impact(?:ion|ed)|(?:no|hard) stools?\b|soiling"
        r"|(?:query|faecal|fecal|stool) (?:loading|burden)"
        r"|변비|변을 못|배변",
        (Finding.CONSTIPATION,),
        "No faecal loading.",
        "분변 저류 없음.",
        unjudged={
            "en": "The stool cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 분변 양은 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
    ),
    _kind(
        r"\bdisten|bloat|팽만",
        (Finding.ABDOMINAL_DISTENSION,),
        "No bowel distension.",
        "장관 팽만 없음.",
        unjudged={
            "en": "The width of the bowel cannot be judged on this film: the question asked stays open.",
            "ko": "본 촬영에서 장관 확장은 평가할 수 없으므로 의뢰된 사항에 답할 수 없음.",
        },
    ),
)

# What makes a question of a part of a request, and parts one from the next.
_ASKING = re.compile(
    r"\?|\br[/.]?o\b|\bruled? ?out|\bexclud|\bquery\b|\bquestion of\b|\bsusp(?:ect\w*|icion)?\b|\bs/o\b"
    r"|\b(?:eval(?:uate|uation)?|assess(?:ment)?|check|look(?:ing)?) for\b|\bconcern\w* (?:for|of|about)\b"
    r"|의심|배제|감별|여부|유무",
    re.IGNORECASE,
)
_PARTS = re.compile(r"\?*[^?;,\n]*\w[^?;,\n]*\?*")
_QUERIED = re.compile(r"(?<!\S)\?+\s*(?=\w)")  # ?NEC, fever ? hernia: the mark of what stands behind it
# Asked for beside a gastric tube, or instead of one.
_OTHER_LINES = re.compile(
    r"catheter|\blines?\b|\b(?:uvc|uac|picc|ett|peg)\b|\bshunt|\bstents?\b|\bdrains?\b|gastrostomy|"
    r"endotracheal|tracheal|카테터|단락|션트|스텐트|배액관|위루|기관",
    re.IGNORECASE,
)
NOT_ON_THIS_FILM: Mapping[Language, str] = {
    "en": "The question asked cannot be judged on this film.",
    "ko": "의뢰된 사항은 본 촬영에서 평가할 수 없음.",
}
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

    A question that has no answer is said to stay open, or not to be judged on this film.

    Args:
        requests: as supplied, by whomever.
        findings: settled.
        language: of the answer.
        tube: what is said of the gastric tube that is seen, in that language: the answer to who asks for no
            other line.
    """
    asked = " ".join(requests)
    of_kind = [q for q in _QUESTIONS if q.asked.search(asked)]
    told = [(q, words) for q in of_kind if (words := _said(q, findings))]
    replies = {id(q): words[language] for q, words in told}
    if tube is not None and not _OTHER_LINES.search(asked):
        replies |= {id(_LINES): tube} if _LINES in of_kind else {}
    saying = [q.about for q, words in told if words is not q.seen]
    said = [replies[id(q)] for q, _ in told if not _is_within(q.about, saying)]
    is_said = any(words is not q.answers or not q.about for q, words in told)
    if not is_said and any(map(_is_left_open, _PARTS.findall(_QUERIED.sub(";?", asked)))):
        return [*said, _OPEN[language]]  # where another answer is that it stays open, once is enough
    return said


def is_asked(requests: Iterable[str]) -> bool:
    """Whether a request asks anything."""
    asked = " ".join(requests)
    return bool(_ASKING.search(asked)) or any(q.asked.search(asked) for q in _QUESTIONS)


def _said(question: _Question, findings: Sequence[StructuredFinding]) -> Mapping[Language, str] | None:
    """What of a question is said beside the findings; nothing where they lead the impression as an answer."""
    about = [finding for finding in findings if finding.finding in question.about]
    absent = {Finding(f.finding) for f in about if f.presence is Presence.ABSENT and f.agreed}
    if set(question.about) <= absent:
        return question.answers
    is_named = any(f.presence is Presence.PRESENT or f.certainty == "suspected" for f in about)
    if is_named or question.unjudged is None:
        return question.seen if is_named else None
    denied = [q.answers for q in _QUESTIONS if len(q.about) == 1 and set(q.about) <= absent]
    parts = (*denied, question.unjudged)
    return {"en": " ".join(one["en"] for one in parts), "ko": " ".join(one["ko"] for one in parts)}


def _is_left_open(part: str) -> bool:
    """Whether a part of a request asks something, and nothing that one of the answers is for."""
    return bool(_ASKING.search(part)) and not any(q.asked.search(part) for q in _QUESTIONS)


def _is_within(about: Collection[Finding], others: Iterable[Collection[Finding]]) -> bool:
    """Whether the answer to another question says it as well."""
    return bool(about) and any(set(about) < set(other) for other in others)
