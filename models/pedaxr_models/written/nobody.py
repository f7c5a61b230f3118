"""Ids and names that stand for nobody: what anonymisers write, and people who have to type something.

Two films under such a word are not one child's.
"""

import re

from pedaxr_models.written.plain import plain

_WORDS = frozenset(
    {
        "anonymous",
        "anonymised",
        "anonymized",
        "anonymisiert",
        "anonym",
        "anonyme",
        "anonimo",
        "anon",
        "anonymus",
    }
    | {
        "deidentified",
        "deid",
        "removed",
        "redacted",
        "masked",
        "deleted",
        "withheld",
        "hidden",
        "confidential",
    }
    | {"unknown", "unk", "unbekannt", "inconnu", "inconnue", "desconocido", "desconocida", "sconosciuto"}
    | {"none", "null", "nil", "nan", "na", "undefined", "unnamed", "noname", "noid", "nobody", "missing"}
    | {
        "익명",
        "미상",
        "무명",
        "불명",
        "없음",
        "모름",
        "신원미상",
        "이름없음",
        "비식별",
        "비식별화",
        "무명남",
        "무명녀",
    }
)
_PHRASES = {
    "de identified": "deidentified",
    "no name": "noname",
    "no id": "noid",
    "n a": "na",
    "not known": "unknown",
}
_BESIDE = frozenset({"patient", "pat", "name", "id", "subject", "person", "환자", "환아", "이름", "성명"})
# Names under which programs act, and words for anybody.
_PROGRAM = re.compile(
    r"(dr\.? )?(the )?(admin|administrator|agent|ai|assistant|bot|model|pedaxr|root|system|user|"
    r"(open|anthropic |google )?(ai )?(chatgpt|gpt|claude|gemini|copilot|llama|mistral|deepseek|qwen|grok)"
    r"([ -](code|agent|assistant|ai|opus|sonnet|haiku|pro|flash|[\w.]*\d[\w.]*))*"
    r"|(ki[ -]?)?assistent|ki|(ai|인공지능) ?(판독|모델|비서|도우미)?|관리자|시스템|사용자|챗봇|모델|비서"
    r"|me|myself|user ?\d+|dr\.?|doctor|physician|radiologist|arzt|ärztin|médecin|의사|전문의|영상의학과)"
)
_SAME_SIGN = re.compile(r"0+|9{5,}|x+|[^\w]+|_+")
# A formula that failed, and the same as above: an id that every such row would share.
_OF_A_SPREADSHEET = re.compile(
    r"#(?:[a-z]+|div/0)[!?]|#n/a|#getting_data|err:\d{3}|ditto|same as above|상동|위와 ?같음|同上"
)
_ANY_CHILD = frozenset(
    {
        "baby",
        "babies",
        "babyboy",
        "babygirl",
        "boy",
        "girl",
        "infant",
        "newborn",
        "neonate",
        "child",
        "nb",
        "bb",
    }
    | {"of", "male", "female", "신생아", "아기", "애기", "아가", "남아", "여아", "영아", "소아"}
)


def names_nobody(text: str) -> bool:
    """Whether an id or name is empty, or a word, zeros or signs that stand for none."""
    one = plain(text).casefold()
    if _OF_A_SPREADSHEET.fullmatch(one) or _SAME_SIGN.fullmatch(re.sub(r"[\s^=.-]+", "", one) or "-"):
        return True
    words = " ".join(re.split(r"[\W_]+", one)).strip()
    for phrase, word in _PHRASES.items():
        words = re.sub(rf"\b{phrase}\b", word, words)
    said = set(words.split())
    return bool(said & _WORDS) and said <= _WORDS | _BESIDE


def names_any_child(text: str) -> bool:
    """Whether a name says no more than that somebody is a child or a patient, as `Baby` and `신생아` do."""
    return names_nobody(text) or set(re.split(r"[\W_]+", plain(text).casefold())) <= _ANY_CHILD | _BESIDE


def names_somebody(text: str) -> bool:
    """Whether a name may be that of one person who can be asked: no program's, and no word for anybody."""
    one = plain(text).casefold()
    return sum(map(str.isalpha, one)) > 1 and not names_nobody(one) and _PROGRAM.fullmatch(one) is None
