"""What a search asks for, taken apart: name, ids and birth date of one line of text."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from numbers import Integral

from pedaxr.errors import InvalidRequest
from pedaxr.patient_search.hangul import is_hangul
from pedaxr.text import printable
from pedaxr_models.written.dates import FoundDate, NoSuchDay, UnsureYear, find_date, parse_date
from pedaxr_models.written.other_calendars import OtherCalendar
from pedaxr_models.written.plain import plain, unescaped, without_markup

_LONGEST_QUERY = 200
# What people write before an id or a birth date. "No" and "Born" are surnames as well: only before one.
_LABELS = re.compile(
    r"(?<![\w-])(?:"
    r"(?:(?:patient|hospital|chart|(?:medical )?record|study|accession|mr)[ _-]?)?(?:mrn|p?id|no|nr|number)\b"
    r"|(?:등록|환자|병록|차트|검사|접수|주민(?: ?등록)?|외국인 ?등록) ?(?:번호|id)|(?=#))"
    r"(?:\s*[.:=#])*\s*(?=[a-z]{0,4}[-_]?\d)"
    r"|(?<![\w-])(?:study|film|exam|image|x-?ray|studie|aufnahme|검사|사진|영상|필름) (?=[a-z]{1,4}-\d)"
    r"|(?<![\w-])(?:d\.?o\.?b\b\.?|date of birth|birth ?da(?:te|y)|born(?: on)?|생년월일|생일|출생일?)"
    r"\s*[:=]?\s*(?='?\d|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]* \d)"
    r"|(?<!\w)(?:(?:patient|full|last|first|family|given)[ _-]?)?name\s*[:=]\s*"
    r"|(?<!\w)(?:이름|성명|성함|환자명|환아명)(?:\s*[:=]\s*|\s+)(?=\w)",
    re.IGNORECASE,
)
_BESIDE_DATE = re.compile(r"(?<=[\d.일])\s?(?:출생|생)(?!\w)|(?<=\d)T00:00(?::00(?:\.0+)?)?Z?(?!\w)")
_BESIDE_ID = re.compile(r"(?<=[a-z\d]\d)번(?!\w)", re.IGNORECASE)
# Tried where nobody is called so: some of them are surnames as well.
_HONORIFIC = re.compile(
    r"(?:(?:(?:der|die|the|le|la|el) )?(?:klein(?:e[rsn]?)|little|petite?|pequeñ[oa])\s+|"
    r"(?:herrn?|frau|fräulein|monsieur|madame|mademoiselle|mme|mlle|señor(?:a|ita)?|signor[aei]?|sra"
    r"|prof(?:essor)?|(?:hr|fr|m|mme|mlle|sr|sra|dott|prof)\.)\s+)+(?=\w)",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"[(\[]([^()\[\]]*\d[^()\[\]]*)[)\]]")  # an id, a date, an age


@dataclass(frozen=True)
class Asked:
    """What was asked, taken apart: a birth date inside the text is a condition like the argument.

    Attributes:
        text: all of it, made printable.
        unlabelled: without the words that say what an id or a date is, such as MRN or 생년월일.
        name: what is left of that without the date.
        born_in_text, born: the dates in the text and in the argument.
        is_short: six digits are all that was asked, a birth date or a mistyped id.
        no_such_day: what to say of a date in it that is none, or may be two, unless it is somebody's id.
    """

    text: str
    name: str
    born_in_text: date | None
    born: date | None
    is_short: bool = False
    unlabelled: str = ""
    no_such_day: str = ""

    @property
    def words(self) -> list[str]:
        """The words that may be ids, without what ends a sentence or surrounds them."""
        return [bare for word in re.split(r"[\s,]+", self.unlabelled) if (bare := word.strip(".;:/()[]"))]

    @property
    def without_honorific(self) -> str:
        """The name without Herr, Mme, Señora or the little before it; empty where none of them is there."""
        found = _HONORIFIC.match(self.name)
        return self.name[found.end() :] if found else ""

    @property
    def day(self) -> date | None:
        """The birth date asked for."""
        return self.born_in_text or self.born

    @property
    def contradicts_itself(self) -> bool:
        """Whether two birth dates are asked for at once."""
        return None not in (self.born_in_text, self.born) and self.born_in_text != self.born


def parse_query(query: str, patient_birth_date: date | str | None = None) -> Asked:
    """What is asked for, taken apart. Raises InvalidRequest: too short or long, or the date is no date."""
    if len(query) > _LONGEST_QUERY:
        raise InvalidRequest(
            f"The query is longer than {_LONGEST_QUERY} characters. Give a name, an id or a date."
        )
    typed = unescaped(query)
    text = printable(plain(without_markup(typed)))  # full-width digits are digits, as they are for names
    if len(text) < 2:  # the signs of a name such as 0| are no markup
        text = printable(plain(typed))
    if len(text) < 2 and not any(map(is_hangul, text)):
        raise InvalidRequest("Give at least two characters of a name, an id or a birth date.")
    try:
        asked = _day(patient_birth_date)
    except ValueError as err:
        raise InvalidRequest(f"patient_birth_date: {err}") from err
    bare = _unlabelled(text)
    try:
        found = date_in(bare)
    except InvalidRequest as err:
        if not isinstance(err.__cause__, NoSuchDay | OtherCalendar | UnsureYear):
            raise
        return Asked(text, bare, None, asked, unlabelled=bare, no_such_day=str(err))
    if found is None:
        return Asked(text, bare, None, asked, unlabelled=bare)
    is_short = found.is_short and not found.rest and bare == text  # no word says what they are
    return Asked(text, found.rest, found.day, asked, is_short=is_short, unlabelled=bare)


def check_arguments(query: object, patient_birth_date: object, limit: object, offset: object) -> None:
    """Raises InvalidRequest: one of them is of another type than a search takes."""
    if not isinstance(query, str):
        raise InvalidRequest("The query must be text: a name, an id or a birth date.")
    is_missing = patient_birth_date != patient_birth_date  # a data frame's NaT is a date and equals nothing
    if is_missing or not isinstance(patient_birth_date, str | date | None):
        raise InvalidRequest("patient_birth_date must be a date, or text such as 2021-03-04.")
    if not all(isinstance(number, Integral) for number in (limit, offset)):
        raise InvalidRequest("limit and offset must be whole numbers.")


def _day(born: date | str | None) -> date | None:
    """A birth date alone: that of a data frame has an hour, with which it would be no child's."""
    if isinstance(born, datetime):
        return born.date()
    return parse_date(born) if isinstance(born, str) else born


def _unlabelled(text: str) -> str:
    for beside in (_LABELS, _BESIDE_DATE, _BESIDE_ID):
        text = beside.sub(" ", text)
    return " ".join(_BRACKETED.sub(r" \1 ", text).split())


def date_in(text: str) -> FoundDate | None:
    """The birth date in a text, and what is left of it. Raises InvalidRequest where it is no date."""
    try:
        return find_date(text)
    except ValueError as err:
        raise InvalidRequest(str(err)) from err
