"""Numbers with a point or a comma before their decimals, and the pairs of them that spacings are."""

import math
import re

from pedaxr_models.written.plain import plain

_NUMBER = re.compile(r"[-+]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:e[-+]?\d+)?", re.IGNORECASE)
_BETWEEN = re.compile(r"\s*(?:[\\;|/x×*]|(?<=\d)\s+(?=[\d.,])|,(?=\s)|\s,)\s*|\s+", re.IGNORECASE)


def parse_number(text: str) -> float:
    """The finite number that is written, with a decimal point or a decimal comma.

    Raises:
        ValueError: it is none.
    """
    one = plain(text)
    if not _NUMBER.fullmatch(one):
        raise ValueError("it is not a number")
    number = float(one.replace(",", "."))
    if not math.isfinite(number):
        raise ValueError("it is not a finite number")
    return number


def parse_numbers(text: str) -> list[float]:
    r"""The numbers of `0.4\0.4`, `[0.4, 0.4]`, `0,143 \ 0,143`, `0.4 x 0.4 mm`, `0,4`.

    A comma inside a number is a decimal comma where the numbers are parted otherwise or where there is one
    only; in brackets, or beside decimal points, it parts them.

    Raises:
        ValueError: a part is not a number, or commas both part and divide.
    """
    one = plain(text)
    is_list = one[:1] in ("[", "(")
    one = re.sub(r"\s*mm\b", " ", one.strip("[]()"), flags=re.IGNORECASE).strip()
    if is_list and ";" not in one and "\\" not in one:
        return [parse_number(part) for part in one.split(",")]
    parts = [part for part in _BETWEEN.split(one) if part]
    if len(parts) == 1 and ("." in one or one.count(",") > 1):
        parts = one.split(",")
        if len(parts) > 2:
            raise ValueError("commas may part the numbers or stand before decimals")
    return [parse_number(part) for part in parts]
