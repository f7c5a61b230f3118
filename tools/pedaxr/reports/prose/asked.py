"""What a request asks for: its text taken apart into the questions that it holds, one by one.

A mark (r/o, ?, query, 의심) makes a question of the words behind it or, where it ends them, of those before;
what a list goes on with ("hernia and obstruction?", "r/o NEC, volvulus") is asked for as well.
"""

import re
import unicodedata
from collections.abc import Callable

from rapidfuzz import process
from rapidfuzz.distance import OSA

# Marks that stand in front of what they ask for, or behind it.
MARKS = (
    r"\?+|\br[/.]?o\b:?|\brul(?:ed?|ing)[- ]?out\b|\bexclu\w*|\bquery\b|\bquestion of\b|\bs/o\b"
    r"|\bd?/?ddx?\b:?|\bsusp(?:ect\w*|icion|icious)?\b(?: of| for)?"
    r"|\b(?:eval\w*|assess\w*|check\w*|look\w*) for\b"
    r"|\bconcern\w* (?:for|of|about)\b|\b(?:is|are) there(?: any)?\b|\bany (?:evidence|signs?) of\b|^any\b"
    r"|^(?:is|are|was|can|could|should|does|do|did|has|have|will|would|may)"
    r" (?:it|he|she|they|we|i|you|this|that|these|the|there|his|her|my|our)\b"
    r"|\bcomment (?:on|about)\b:?|\blook at\b|^(?:what|where|how|why)\b|\bwhether\b"
    r"|의심|배제|감별|여부|유무|확인|인지|있나요?|인가요?|까요|궁금|[나가]요(?![가-힣])"
    r"|[닐일을될할질]까(?=[ ,.]|$)"
    # but not since when: 수술한지 3일
    r"|[는은닌한할된될]지[요도]?(?![가-힣])(?! *(?:\d|며칠|오래|약(?!\S)))"
)
_MARK = re.compile(MARKS, re.IGNORECASE)
_IN_FRONT = re.compile(r"(?<![^\s(])\?+\s*(?=\w)")  # ?NEC, fever ? hernia
_SENTENCE = re.compile(r"[;\n]|(?<!vs)[.!](?=\s|$)|(?<=\?)(?!\?)")
_JOINT = re.compile(
    r"\s*(?:\b(?:and|or|vs|versus|and/or)\b\.?|[&+]|및|또는|혹은|그리고|(?<=[^\W\d]{2}) ?/ ?(?=[^\W\d]{2})"
    r"|(?<=[가-힣])(?:과|와|이나|하고|랑)(?=\s)|(?P<comma>[,、]))\s*",
    re.IGNORECASE,
)
# What a history denies is not asked for: denies swallowing a coin, no h/o FB, 이물 삼킨 병력 없음.
_DENIED = re.compile(
    r"(?<!not )(?<!cannot )\b(?:den(?:y|ies|ied|ying)|no (?:known )?(?:h/o|hx|history)(?: of)?)\b"
    r"(?:(?!\b(?:but|however|al?though|except|r/?o|query|susp\w*|rule)\b)[^.,;?\n])*(?![^.,;\n]*\?)"
    r"|(?:(?!\S*(?:의심|배제|확인|여부|r/o))[^\s.,;?\n]+\s+){0,2}(?:병력|과거력|기왕력)"
    r"(?:은|이|상)? ?(?:없|부정)\S*",
    re.IGNORECASE,
)
# How an answer is wanted is no question: just yes or no: is there free air?
_ANSWER_WANTED = re.compile(
    r"\b(?:(?:please|just|only|simply|answer|reply|tell me|give me|with|in) )*(?:a )?"
    r"(?:yes ?(?:or|/) ?no|y ?/ ?n)\b(?: (?:only|please|answer))*[:,.\s-]*"
    r"|(?:(?:네|예) ?(?:/|,|또는|혹은)? ?아니[오요])\S*(?: ?로만)?(?: ?(?:답|대답|말)\S*)?",
    re.IGNORECASE,
)
_IS_KOREAN = re.compile("[가-힣]")
_DOTTED = re.compile(r"\b(?:[a-z]\.){2,}", re.IGNORECASE)  # N.E.C.
_POLITE = re.compile(
    r"\b(?:please|pls|plz|thanks?|thank you|kindly)\b|부탁\S*|바랍니다|드립니다|요망|주세요", re.IGNORECASE
)
# Complaints and circumstances, which a list may go on with, and what only describes the word behind it.
_CONTEXT = re.compile(
    r"\d|\b(?:fever|pains?|vomit\w*|emesis|nausea|diarrh\w*|cry\w*|irritab\w*|bleed\w*|letharg\w*|unwell|cough"
    r"|boy|girl|male|female|(?:pre)?term|infant|neonate|newborn|baby|child|old|days?|weeks?|months?|years?|hx|history"
    r"|known|previous|post|repair(?:ed)?|since|after|before|due|then|f/u|s/p)\b"
    r"|발열|복통|구토|설사|보챔|보채|오심|기침|혈변|남아|여아|미숙아|신생아|수술|경과|추적|상태|위치",
    re.IGNORECASE,
)
_DESCRIBING = re.compile(
    r"(?:air|gas|bowel|stool|small|large|left|right|upper|lower|free|acute|chronic|other|\w+(?:al|ic|ary|ous))",
    re.IGNORECASE,
)
# What nobody complains of but a doctor suspects, by its ending; or in capitals, where it is no view or ward.
_DIAGNOSIS = re.compile(
    r"(?:itis|osis|oma|schisis|cele|sepsis|torsion|syndrome|disease|fistula|atresia|adhesions?|stricture)\W*$"
    r"|^(?!(?:KUB|AXR|ABD|NICU|PICU|ICU|OPD|AP|PA|ER|ED|OP|XR|NPO|PRN|DOB|LLD|LUQ|RUQ|LLQ|RLQ|N/?V)\W*$)[A-Z]{2,6}\W*$"
    r"|(?:염|증후군|패혈증|질환|종|누공|협착증?|꼬임|유착|비후|거상|비대|탈구)\W*$"
)
_MOST_WORDS = 4  # of what a list goes on with
_TERMS = (
    "obstruction",
    "perforation",
    "perforated",
    "pneumoperitoneum",
    "constipation",
    "intussusception",
    "volvulus",
    "appendicitis",
    "distension",
    "distention",
    "distended",
    "malrotation",
    "pneumatosis",
    "necrotising",
    "necrotizing",
    "hirschsprung",
    "pyloric",
    "swallowed",
    "ingested",
    "ingestion",
    "calcification",
    "hernia",
    "ascites",
    "fracture",
)


def cleaned(request: str) -> str:
    """A request in one width of letters, without what it denies, and with misspelt terms spelt right."""
    text = unicodedata.normalize("NFKC", request)
    text = _ANSWER_WANTED.sub(" ", text)
    text = _DENIED.sub(" ", text)
    text = _DOTTED.sub(lambda found: found[0].replace(".", ""), text)
    text = re.sub(r"\b(air|gas) (?:and|&) fluid\b", r"\1-fluid", text, flags=re.IGNORECASE)
    return re.sub(r"[A-Za-z]{6,}", lambda found: _spelt(found[0]), text)


def _spelt(word: str) -> str:
    """The term that a word is a slip of: one letter of a short word, two of a long one, never the first."""
    slips = 1 if len(word) < 10 else 2
    found = process.extractOne(word.lower(), _TERMS, scorer=OSA.distance, score_cutoff=slips)
    return found[0] if found and found[0][0] == word[0].lower() else word


def asked_parts(text: str, is_known: Callable[[str], bool]) -> list[str]:
    """What each question of a request is about, in its order.

    Args:
        text: cleaned.
        is_known: whether words name a kind of question: then a comma, too, adds it to a list.
    """
    marked = _IN_FRONT.sub("; r/o ", text)
    return [part for sentence in _SENTENCE.split(marked) for part in _of_sentence(sentence, is_known)]


def names_diagnosis(text: str) -> bool:
    """Whether a request of a few words is nothing but what a doctor suspects: HSP, 패혈증."""
    return not _CONTEXT.search(text) and _DIAGNOSIS.search(text) is not None


def bare_parts(text: str, most_words: int) -> list[str]:
    """The parts of a request without a mark that are a few words each."""
    parts = [part.strip() for sentence in _SENTENCE.split(text) for part in re.split("[,、]", sentence)]
    return [part for part in parts if 0 < len(part.split()) <= most_words]


def is_marked(text: str) -> bool:
    """Whether a request has a mark that makes a question."""
    return _MARK.search(text) is not None


def _of_sentence(sentence: str, is_known: Callable[[str], bool]) -> list[str]:
    joints = list(_JOINT.finditer(sentence))
    starts = [0, *(joint.end() for joint in joints)]
    ends = [*(joint.start() for joint in joints), len(sentence)]
    parts = [_POLITE.sub(" ", sentence[start:end]).strip() for start, end in zip(starts, ends, strict=True)]
    commas = [joint["comma"] is not None for joint in joints]
    marked = [_object(part) for part in parts]
    asked = {place: words for place, (words, _) in enumerate(marked) if words}
    for place in list(asked):
        step = -1 if marked[place][1] else 1
        asked = _listed(parts, commas, place, step, is_known) | asked
    return [asked[place] for place in sorted(asked)]


def _object(part: str) -> tuple[str, bool]:
    """What a mark in a part asks for, empty without one; and whether the mark stands behind it."""
    marks = list(_MARK.finditer(part))
    if not marks:
        return "", False
    *others, last = marks
    if _IS_KOREAN.match(last[0]):  # stands behind in any case: 탈장 의심되어 내원
        start = next((mark.end() for mark in others[::-1] if not _IS_KOREAN.match(mark[0])), 0)
        return _words(_MARK.sub(" ", part[start : last.start()])), True
    behind = _words(part[last.end() :])
    return (behind, False) if behind else (_words(_MARK.sub(" ", part)), True)


def _words(text: str) -> str:
    """Without what surrounds words; nothing of what has no more than a particle's letter."""
    return re.sub(r"^\W+|\W+$", "", text) if re.search(r"\w\w", text) else ""


def _listed(
    parts: list[str], commas: list[bool], place: int, step: int, is_known: Callable[[str], bool]
) -> dict[int, str]:
    """The parts beside one that is asked for that belong to its list; commas alone list nothing before it."""
    found: dict[int, str] = {}
    is_list = step > 0
    at = place + step
    while 0 <= at < len(parts):
        comma = commas[min(at, at - step)]
        is_list |= not comma
        if not is_list or not _is_listed(parts[at], is_known=is_known(parts[at]), comma=comma):
            break
        found[at] = parts[at]
        at += step
    return found


def _is_listed(part: str, *, is_known: bool, comma: bool) -> bool:
    if _MARK.search(part) or _CONTEXT.search(part) or not 0 < len(part.split()) <= _MOST_WORDS:
        return False
    return is_known or not (comma or _DESCRIBING.fullmatch(part))
