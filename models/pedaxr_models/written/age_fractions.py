"""Ages as British paediatrics writes them: 3/12 is three months, 2/52 two weeks, 5/7 days, 4/24 hours."""

import re

_UNITS = {12: "m", 52: "w", 7: "d", 24: "h"}
_GESTATION = 40
_TERM = re.compile(r"(?<![\d/])(\d{1,3}(?:[.,]\d+)?)/(\d{1,3})(?![\d/.,])")
# "1 3/12", "1 + 3/12", "1 and 3/12": the whole number is years before twelfths and fifty-seconds alone.
_YEARS = re.compile(r"(?<![\d/.,])(\d{1,2})(?: ?\+ ?| and | )(?=\d{1,2}/(?:12|52)(?!\d))")
# What a spreadsheet makes of 1 6/12 and 1 2/52.
_REDUCED = re.compile(r"(?<![\d/.,])(\d{1,2}) +(\d{1,2})/(2|3|4|6|13|26)(?![\d/.,])")
_NUMBERED = re.compile(r"(?<![\d.,])\d+(?:[.,]\d+)?(?![\d.,]| ?-?[^\W\d_])")


def spelled_out(text: str) -> str:
    """An age with its fractions in letters: `1 3/12` as `1y 3m`, `1 1/2` as `1.5`; others as they are.

    Args:
        text: in lower case and plain.

    Raises:
        ValueError: it is a gestation, such as 34/40, or a number beside the fraction has no unit.
    """
    one = re.sub(r"(?<=\d) ?[/\u2044] ?(?=\d)", "/", text)
    one = _REDUCED.sub(_unreduced, _YEARS.sub(r"\1y ", one))
    if not (terms := _TERM.findall(one)):
        return one
    if any(int(below) == _GESTATION for _, below in terms):
        raise ValueError("the age is a gestation, in weeks of 40, and none since birth")
    told = _TERM.sub(_in_letters, one.replace("+", " "))
    if _NUMBERED.search(told):
        raise ValueError("the age is not understood")
    return " ".join(told.split())


def _in_letters(term: re.Match[str]) -> str:
    unit = _UNITS.get(int(term[2]))
    return term[0] if unit is None else f"{term[1]}{unit} "


def _unreduced(term: re.Match[str]) -> str:
    whole, above, below = (int(part) for part in term.groups())
    if above >= below:
        return term[0]
    if below in (2, 4):  # whatever the unit behind is
        return f"{whole + above / below:g}"
    return f"{whole}y {above * 12 // below}/12" if below in (3, 6) else f"{whole}y {above * 52 // below}/52"
