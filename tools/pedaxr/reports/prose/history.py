"""What a request tells as past, or denies: it is not asked for, where the request asks for something else."""

import re

from pedaxr.reports.prose.asked import MARKS

# Within one clause, up to a mark of a question or to what is so now.
_STOP = rf"(?:{MARKS}|\b(?:now|and|but|with)\b)"
_REST = rf"(?:(?!{_STOP})[^.,:;?\n])*"
_NOT_ASKED = r"(?![^.,;\n]*\?)"
_HISTORY = re.compile(
    r"\b(?:known|prev(?:ious(?:ly)?)?|prior|past|h/o|hx(?: of)?|history of|s/p|status post)\b"
    rf"{_REST}{_NOT_ASKED}"
    rf"|(?:[\w-]+ ){{1,3}}in situ{_NOT_ASKED}|[\w-]*tube[- ]fed\b"
    rf"|(?:(?!{MARKS})[^.,;?\n])*?(?:수술|절제술|정복술|교정술|문합술) ?(?:후|받|시행)\S*"
    r"|[^.,;?\n]*(?:과거력|병력|기왕력)(?!\S* ?(?:있(?!음|으며|었|어)|여부|\?))[^.,;?\n]*",
    re.IGNORECASE,
)
# Not what somebody wants to be sure of (confirm no free air), nor that a child passes nothing.
_SURE = r"(?<!confirm )(?<!ensure )(?<!check )(?<!sure )(?<!verify )(?<!there is )(?<!there's )"
_DENIED = re.compile(
    rf"{_SURE}\b(?:no|not|without|negative for)\s+"
    rf"(?!(?:stools?|bms?|flatus|meconium|gas|bowel|improv\w*|better|change|longer|response)\b){_REST}{_NOT_ASKED}"
    r"|(?:(?!\b(?:not|cannot|never|until|unless|needs?|must|should|to be|yet)\b)[^.,:;?\n])*(?<!be )"
    rf"\b(?:excluded|ruled[ -]out)\b[^.,;?\n]*{_NOT_ASKED}"
    rf"|\bnever (?:had|swallowed|ate|ingested)\b{_REST}{_NOT_ASKED}"
    rf"|(?:(?!{MARKS})[^\s.,;?\n]+ ){{1,2}}적[이은도]? ?없\S*"
    r"|(?:[가-힣]+성 )?[^\s.,;?\n]+ ?(?:없음|없었음|아님|배제됨|배제되었음|음성)(?=\s*(?:[.,;\n]|$))",
    re.IGNORECASE,
)


def of_today(text: str) -> str:
    """A request without its history and its denials."""
    return _HISTORY.sub(" ", _DENIED.sub(" ", text))
