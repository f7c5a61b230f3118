"""Ages as what they are: intervals. "3 years" is from 36 to 48 months, and "0 years" the whole first year."""

import re
from dataclasses import dataclass

from pedaxr_models.written import dates
from pedaxr_models.written.age_fractions import spelled_out
from pedaxr_models.written.plain import unprotected

DAYS_PER_MONTH = 30.436875  # mean of the Gregorian calendar
OLDEST_MONTHS = 130 * 12
_NEWBORN_MONTHS = 1.0
_UNITS = (
    (("세", "살", "년", "y", "yr", "yrs", "year", "years", "yo", "歳", "岁", "才"), 12.0),
    (("jahr", "jahre", "an", "ans", "año", "años", "ano", "anos", "anno", "anni", "jaar"), 12.0),
    (("개월", "달", "m", "mo", "mos", "mon", "mth", "mths", "month", "months"), 1.0),
    (
        ("monat", "monate", "mois", "mes", "meses", "mese", "mesi", "か月", "ヶ月", "カ月", "个月", "個月"),
        1.0,
    ),
    (("주", "w", "wk", "wks", "week", "weeks", "wo"), 7 / DAYS_PER_MONTH),
    (("woche", "wochen", "semaine", "semaines", "semana", "semanas", "週", "周"), 7 / DAYS_PER_MONTH),
    (("일", "d", "day", "days", "do", "tag", "tage", "jour", "jours", "día", "días"), 1 / DAYS_PER_MONTH),
    (("시간", "h", "hr", "hrs", "hour", "hours", "ho"), 1 / 24 / DAYS_PER_MONTH),
)
_MONTHS = {unit: months for units, months in _UNITS for unit in units}
_PART = re.compile(r"(\d+(?:[.,]\d+)?)\s*-?\s*([^\W\d_]*)")
_QUARTERS = {"¼": ".25", "½": ".5", "¾": ".75"}  # behind a number or alone
_DAY_OF_LIFE = re.compile(r"(?:d\+|dol|day of life)\s*(\d+)")
_AROUND = re.compile(r"(생후|만|약|미만|-?old|/o|of|aged?|under|[\s,.<])")
_BELOW = re.compile(r"<|미만|under")
_NEWBORN = frozenset({"신생아", "newborn", "neonate", "nb"})
_IS_DATE = (
    "the age is a date, as spreadsheets make of 3/12 and 2/52: format its column as text and type it again"
)
# Weeks since conception, or an age less what a child came early: 32+4, GA 32w4d, corrected 3 months.
_OF_PRETERMS = re.compile(
    r"(?<![a-z])(?:ga|pma|pca|ca|gestation\w*|post[ -]?(?:menstrual|conception\w*)|corr(?:ected)?|adjusted"
    r"|preterm|premature|term)(?![a-z])|교정|재태|수정 ?연령|임신|미숙아|조산|만삭"
    r"|(?<!\d)(?:2[2-9]|3\d|4[0-5])\s*"
    r"(?:\+\s*[0-6]|(?:w(?:ee)?ks?|w|주)\s*\+?\s*[0-6]\s*(?:d(?:ays?)?|일))(?![\da-z])",
    re.IGNORECASE,
)
_SINCE_CONCEPTION = "the age is a gestation, or corrected for one, and none since birth"
# 12-Mar, Feb-52, 03. Dez, 3월 12일, 3/12/2024: with a day's number or a year beside a month's name.
_DATE = re.compile(
    r"\d{1,2}[. -]{0,2}[^\W\d_]{3,}\.?(?:[. -]{1,2}\d{2,4})?|[^\W\d_]{3,}\.?[ -]\d{1,4}(?:, ?\d{4})?"
    r"|\d{1,2}[월月] ?\d{1,2}[일日]|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[ t].*)?"
)
# As spreadsheets shorten them.
_MONTH_NAMES = re.compile(
    r"(?<![^\W\d_])(?:jan|feb|f[ée]v|mar|mär|mrz|apr|avr|abr|may|mai|mag|jun|juin|giu|jul|juil|lug|aug"
    r"|ao[uû]|ago|sep|set|o[ck]t|ott|nov|de[cz]|d[ée]c|dic|ene|gen)[a-z]?(?![^\W\d_])"
)


@dataclass(frozen=True)
class AgeRange:
    """A stated age.

    Attributes:
        low, high: completed months; `high` is the first that it is not.
    """

    low: float
    high: float

    @property
    def months(self) -> float | None:
        """The one figure that the age stands for; None where a newborn and an older child both fit."""
        return None if self.low == 0 and self.high > _NEWBORN_MONTHS else self.low

    def differs_from(self, months: float) -> bool:
        """Whether an age by dates lies outside, by over a month and a tenth."""
        outside = max(self.low - months, months - self.high, 0.0)
        return outside > max(1.0, 0.1 * months)


def parse_age(text: str) -> AgeRange:
    """The range of `3`, `3세`, `2세 5개월`, `006Y`, `<1y`, `2-month-old`, `3 y.o.`, `6 Monate`, `D+5`, `1½`.

    A bare number is years; `3/12`, `2/52`, `5/7` and `1 3/12` are months, weeks, days, and years with months.

    Raises:
        ValueError: it is not understood, is a date or a gestation, or nobody is so old.
    """
    try:
        return _parsed(text)
    except ValueError as err:
        if _is_date(unprotected(text).casefold()):
            raise ValueError(_IS_DATE) from err
        raise


def _parsed(text: str) -> AgeRange:
    if _OF_PRETERMS.search(unprotected(text)):
        raise ValueError(_SINCE_CONCEPTION)
    for sign, part in _QUARTERS.items():
        text = re.sub(rf"(?<=\d)\s?{sign}", part, text).replace(sign, f"0{part}")
    one = re.sub(r"(?<=\d)[.,]0+(?!\d)", "", unprotected(text).casefold())  # a spreadsheet's 3.0
    one = spelled_out(one)
    one = _DAY_OF_LIFE.sub(r"\1 d", re.sub(r"(?<![a-z])([ymwd])\.\s?o\.?(?![a-z])", r"\1o", one))  # 3 y.o.
    if one in _NEWBORN:
        return AgeRange(0.0, 1.0)
    parts = _PART.findall(one)
    if not parts or _AROUND.sub("", _PART.sub("", one)):
        raise ValueError("the age is not understood")
    # "2-month-old": the words around stick to the unit.
    named = [re.sub(r"(미만|경|령|쯤|정도|째|old)$", "", unit) or "y" for _, unit in parts]
    is_range = len(parts) > 1 and not all(unit for _, unit in parts)  # 3-4 years, 6 - 8 months
    if is_range or any(unit not in _MONTHS for unit in named):
        raise ValueError("the age is not understood")
    sizes = [_MONTHS[unit] for unit in named]
    if len(set(sizes)) < len(sizes):
        raise ValueError("the age is not understood")
    low = sum(float(number.replace(",", ".")) * size for (number, _), size in zip(parts, sizes, strict=True))
    finest = min(zip(sizes, (number for number, _ in parts), strict=True))
    width = finest[0] * 10 ** -len(finest[1].replace(",", ".").partition(".")[2])
    if low > OLDEST_MONTHS:
        raise ValueError("the age is out of range")
    return AgeRange(0.0, low) if _BELOW.search(one) else AgeRange(low, low + width)


def _is_date(one: str) -> bool:
    """Whether the text is a day, perhaps without a year, a month of a year, or a spreadsheet's day number."""
    if re.fullmatch(r"[2-6]\d{4}(?:\.0+)?", one):
        return True
    has_name = not re.search(r"[a-z]{3}", one) or _MONTH_NAMES.search(one)
    if _DATE.fullmatch(one) and has_name:
        return True
    try:
        return dates.parse_date(one) is not None
    except ValueError:
        return False


def range_of_months(months: float) -> AgeRange:
    """What a stored number of months was said as: a multiple of twelve in years, else in months."""
    width = 12.0 if months and months % 12 == 0 else 1.0 if months % 1 == 0 else 0.0
    return AgeRange(months, months + width)
