"""What a report answers to the questions that the film was requested with, by words of the request.

The request is data: it is searched for words, never quoted, and no answer claims more than the settled
findings. Every question is answered, or said to stay open, or not to be judged on this film: a report that is
silent on it would be read as no. What leads the impression already is not said again.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from pedaxr.reports.prose.asked import asked_parts, bare_parts, cleaned, is_marked, names_diagnosis
from pedaxr.reports.prose.findings import disputed, is_named
from pedaxr.reports.prose.history import of_today
from pedaxr.reports.prose.named_film import names_a_film
from pedaxr.reports.prose.question_kinds import (
    ASKED_BY_NAME,
    ASKED_OF_ORGANS,
    COMPARE,
    LINES,
    OF_OTHER_SECTIONS,
    QUESTIONS,
    Question,
)
from pedaxr.text import LONGEST_REQUEST, is_cut
from pedaxr.types import StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.wordings import Language

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
    "en": "A question of the request is not answered by this model: it stays open.",
    "ko": "의뢰에서 묻는 사항 한 가지에 본 모델은 답할 수 없음.",
}
_SEVERAL_OPEN: Mapping[Language, str] = {
    "en": "{count} questions of the request are not answered by this model: each stays open.",
    "ko": "의뢰에서 묻는 사항 {count}가지에 본 모델은 답할 수 없음.",
}
_CUT_OFF: Mapping[Language, str] = {
    "en": f"The request is cut after {LONGEST_REQUEST} characters: what it asks beyond stays open.",
    "ko": f"의뢰가 {LONGEST_REQUEST}자에서 잘려 그 뒤에서 묻는 사항에는 답할 수 없음.",
}
# Asks on about what another question of the request names: "swallowed coin, query position".
_OF_ANOTHER = re.compile(
    r"(?:(?:the|its|it|is|what|has|of|tip|this) )*(?:positions?|locations?|where|placement|tip|size|stage"
    r"|progress\w*|passed|passage|moved|위치|상태|크기|정도|통과|배출)\S*(?: is it| now| [됐되]\S*)?"
    r"|(?:is|are) (?:it|they|these)(?: now)?|in situ"
    r"|(?:(?:in|at|past|the) )*(?:o?esophagus|stomach|duodenum|small bowel|colon|rectum)",
    re.IGNORECASE,
)
_MOST_WORDS_ALONE = 3  # of what is nothing but the name of what is asked for


def answers(
    requests: Iterable[str],
    findings: Sequence[StructuredFinding],
    language: Language = "en",
    *,
    tube: str | None = None,
) -> list[str]:
    """What an impression adds for the questions in a request; empty where it says all of it already.

    Each question has a line of its own: its answer, or that it stays open, or that it cannot be judged on
    this film. Those that no kind is known for are counted in one line.

    Args:
        requests: as supplied, by whomever.
        findings: settled.
        language: of the answer.
        tube: what is said of the gastric tube that is seen, in that language: the answer to who asks for no
            other line.
    """
    requests = list(requests)
    asked = "\n".join(map(cleaned, requests))
    of_kind, unknown = _kinds_today(asked)
    told = [(q, words) for q in of_kind if (words := _said(q, findings))]
    saying = [q.about for q, words in told if words is not q.seen]
    said = [words[language] for q, words in told if not _is_within(q.about, saying)]
    if tube is not None and not _OTHER_LINES.search(asked):
        said = [tube if one == LINES.answers[language] else one for one in said]
    several = _OPEN if unknown == 1 else _SEVERAL_OPEN
    said += [several[language].format(count=unknown)] if unknown else []
    said += [_CUT_OFF[language]] if any(map(is_cut, requests)) else []
    return list(dict.fromkeys(said))


def is_asked(requests: Iterable[str]) -> bool:
    """Whether a request asks anything."""
    asked = "\n".join(map(cleaned, requests))
    return is_marked(asked) or any(_kinds(asked))


@lru_cache(maxsize=4)  # a report asks it of its request in each language, and again where it is checked
def _kinds_today(asked: str) -> tuple[list[Question], int]:
    """Without what is past or denied, where the rest asks for more than the change in it."""
    kinds, unknown = _kinds(of_today(asked))
    asks_more = any(kind not in OF_OTHER_SECTIONS for kind in kinds)
    return (kinds, unknown) if asks_more else _kinds(asked)


def _kinds(asked: str) -> tuple[list[Question], int]:
    """The kinds of question in a request, and how many of its questions are of none."""
    text = " ".join(asked.split())
    parts = list(dict.fromkeys(asked_parts(asked, _is_known)))
    if not parts and not is_marked(text):
        parts = _bare(asked, text)
    of_parts = [kind for part in parts for kind in _kinds_of(part)]
    bare = [q for q in (*QUESTIONS, COMPARE) if q.is_in(text)]  # a question wherever their words stand
    bare += [COMPARE] if names_a_film(text) else []
    named = {id(kind) for kind in (*of_parts, *bare)}  # kinds themselves are slow to compare
    kinds = [q for q in (*QUESTIONS, *ASKED_BY_NAME, *ASKED_OF_ORGANS, COMPARE) if id(q) in named]
    unknown = [part for part in parts if not _kinds_of(part) and not (kinds and _OF_ANOTHER.fullmatch(part))]
    return kinds, len(unknown)


def _bare(asked: str, text: str) -> list[str]:
    """What a request without a mark names and nothing more: NEC; vomiting, hernia; ovarian torsion."""
    parts = [part for part in bare_parts(asked, _MOST_WORDS_ALONE) if of_today(part) == part]
    if named := [part for part in parts if any(q not in OF_OTHER_SECTIONS for q in _kinds_of(part))]:
        return named
    is_alone = len(text.split()) <= _MOST_WORDS_ALONE and (_is_known(text) or names_diagnosis(text))
    return [text] if is_alone else []


def _kinds_of(part: str) -> list[Question]:
    """The kinds of one question; of an organ only where it is of no other kind."""
    named = [q for q in (*QUESTIONS, *ASKED_BY_NAME) if q.is_in(part)]
    return named or [q for q in ASKED_OF_ORGANS if q.is_in(part)]


def _is_known(part: str) -> bool:
    return bool(_kinds_of(part))


def _said(question: Question, findings: Sequence[StructuredFinding]) -> Mapping[Language, str] | None:
    """What of a question is said beside the findings; nothing where they lead the impression as an answer."""
    about = [finding for finding in findings if finding.finding in question.about]
    absent = {Finding(f.finding) for f in about if f.presence is Presence.ABSENT and f.agreed}
    if set(question.about) <= absent:
        return question.answers
    is_said = [f for f in about if is_named(f)] + disputed(about)
    if is_said or question.unjudged is None:
        return question.seen if is_said else None
    denied = [q.answers for q in QUESTIONS if len(q.about) == 1 and set(q.about) <= absent]
    parts = (*denied, question.unjudged)
    return {"en": " ".join(one["en"] for one in parts), "ko": " ".join(one["ko"] for one in parts)}


def _is_within(about: Collection[Finding], others: Iterable[Collection[Finding]]) -> bool:
    """Whether the answer to another question says it as well."""
    return bool(about) and any(set(about) < set(other) for other in others)
