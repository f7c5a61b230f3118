"""Text from files and callers, made safe to show: one line, nothing invisible, quoted as data."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from pedaxr_models.written.plain import UNSEEN

# What a host could draw as a tag, a link or a picture, and what ends a line for some readers.
_IN_NUMBER = re.compile(r"\[([^\[\]|]*)\|([^\[\]|]*)\]")
_PLAIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LIVE = re.compile(r"[\x7f-\x9f\u2028\u2029<>]|\](?=\()|(?<=:)/(?=/)")


LONGEST_REQUEST = 500  # characters
CUT = "…"


def printable(text: str, limit: int = 500) -> str:
    """One line of at most `limit` characters without invisible ones.

    Control, format (bidirectional marks, zero-width joiners, tags), surrogate and private-use characters and
    fillers are dropped: in a name or an indication they can only hide or reverse what a reader sees.
    """
    spaced = "".join(" " if char.isspace() else char for char in unicodedata.normalize("NFC", text))
    visible = "".join(char for char in spaced if not unicodedata.category(char).startswith("C"))
    return " ".join(UNSEEN.sub("", visible).split())[:limit]


def request_text(text: str) -> str:
    """A request as one line; where it is too long, that it is cut shows: what it asks beyond is not read."""
    shown = printable(text, LONGEST_REQUEST + 1)
    return shown if len(shown) <= LONGEST_REQUEST else f"{shown[: LONGEST_REQUEST - 1]}{CUT}"


def is_cut(request: str) -> bool:
    """Whether `request_text` has cut it."""
    return len(request) >= LONGEST_REQUEST and request.endswith(CUT)


def one_line(data: object) -> str:
    """JSON on one line, also for readers that take U+2028 and its kin for the end of a line.

    What a host could draw as a tag, a link or a picture is written in JSON's escapes: the data are the same.
    """
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return _LIVE.sub(lambda char: f"\\u{ord(char[0]):04x}", text)


def counted(number: int, thing: str) -> str:
    """`1 film`, `2 films`, `2 studies`, `2 children`."""
    if number == 1:
        return f"1 {thing}"
    if thing.endswith("child"):
        return f"{number} {thing}ren"
    plural = f"{thing[:-1]}ies" if thing.endswith("y") and thing[-2] not in "aeou" else f"{thing}s"
    return f"{number} {plural}"


def in_number(number: int, text: str) -> str:
    """A sentence about one thing or several: of each [one|several] what goes with the number."""
    return _IN_NUMBER.sub(lambda found: found[1 if number == 1 else 2], text)


def shown_id(some_id: str) -> str:
    """An id as it stands in a text: plain where it looks like one, else quoted as foreign text."""
    return some_id if _PLAIN_ID.fullmatch(some_id) else str(ForeignText(some_id, 64))


def as_data(fields: Mapping[str, object], limit: int = 200) -> str:
    """A JSON object on one line of what a human or a file supplied; what is not known is left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    return one_line({name: printable(str(value), limit) for name, value in known.items()})


def cleaned(data: Any, limit: int = 200) -> Any:
    """JSON data with every text in it on one line, without what cannot be seen."""
    if isinstance(data, str):
        return printable(data, limit)
    if isinstance(data, dict):
        return {name: cleaned(value, limit) for name, value in data.items()}
    return [cleaned(value, limit) for value in data] if isinstance(data, list) else data


class ForeignText:
    """Text that a human or a file supplied, on its way into a text that a language model reads.

    It has one way out, whether by `str`, `format` or an f-string: as one escaped JSON string that cannot end
    early, start a line, draw a link or hide a character. It is not a `str`: joined or added to words of our
    own it raises TypeError, so that nothing is quoted by hand.
    """

    __slots__ = ("_quoted",)

    def __init__(self, text: str, limit: int = 200) -> None:
        shown = printable(text, limit + 1)
        self._quoted = one_line(shown if len(shown) <= limit else f"{shown[:limit]}…")

    def __str__(self) -> str:
        """The JSON string, quotation marks included."""
        return self._quoted

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        """As `str`: a width or precision could cut the closing quotation mark off."""
        return self._quoted

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ForeignText) and self._quoted == other._quoted

    def __hash__(self) -> int:
        return hash(self._quoted)

    def __bool__(self) -> bool:
        """Whether there is anything to read."""
        return self._quoted != '""'
