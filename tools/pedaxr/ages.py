"""Age at a study by calendar arithmetic, never by dividing days by a mean month.

Two weeks or two months decide what a distended stomach means, so a month is the calendar's: it is completed
on the day of the month of birth, or on the first of the next month where a month has no such day.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from pedaxr_models.plausibility import ADULT_MONTHS
from pedaxr_models.written.ages import OLDEST_MONTHS, AgeRange, range_of_months
from pedaxr_models.written.dates import is_placeholder

AGE_BANDS: tuple[tuple[str, float], ...] = (
    ("newborn, under 1 month", 1),
    ("infant, 1 to 11 months", 12),
    ("toddler, 1 to 2 years", 36),
    ("child, 3 to 5 years", 72),
    ("child, 6 to 11 years", 144),
    ("adolescent, 12 to 17 years", 216),
    ("adult, 18 years and over", float("inf")),
)
UNKNOWN_AGE = "age unknown"
_DAYS_PER_MONTH = 30.436875
_SAME_AGE = 0.01  # months: less than a day, more than what rounding takes
PLACEHOLDER_BIRTH = "The birth date stands for an unknown one, such as 1900-01-01: it was not used."
PLACEHOLDER_STUDY = "The study date stands for an unknown one, such as 1900-01-01: it was not used."
IMPLAUSIBLE_BIRTH = (
    "The birth date contradicts the stated age and makes the child an adult: it was not used, the age was."
)
CONTRADICTION = "The stated age contradicts the birth date and the study date: the dates were used."
FIRST_YEAR = "The stated age, 0 years, is anywhere in the first year: it was not used."


@dataclass(frozen=True)
class KnownAge:
    """Birth date, study date and age as far as they can be believed together.

    Attributes:
        age_months: at the study; None when it is not known well enough.
        notes: what was not believed, in our own words.
    """

    birth_date: date | None
    study_date: date | None
    age_months: float | None
    notes: tuple[str, ...] = ()


def believed_age(birth_date: date | None, study_date: date | None, stated: AgeRange | None) -> KnownAge:
    """What to believe of two dates and a stated age, each of which may be missing, a placeholder or wrong."""
    notes = []
    if study_date and is_placeholder(study_date):
        study_date, notes = None, [PLACEHOLDER_STUDY]
    by_dates = _by_dates(birth_date, study_date)
    differs = by_dates is not None and stated is not None and stated.differs_from(by_dates)
    is_confirmed = by_dates is not None and stated is not None and not differs
    if birth_date and not is_confirmed and (is_placeholder(birth_date) or (by_dates or 0) > OLDEST_MONTHS):
        birth_date, by_dates = None, None
        notes.append(PLACEHOLDER_BIRTH)
    elif differs and stated is not None and stated.low < ADULT_MONTHS <= (by_dates or 0):
        birth_date, by_dates = None, None
        notes.append(IMPLAUSIBLE_BIRTH)
    elif differs:
        notes.append(CONTRADICTION)
    if by_dates is None and stated is not None and stated.months is None:
        notes.append(FIRST_YEAR)
    age = by_dates if by_dates is not None else stated.months if stated else None
    return KnownAge(birth_date, study_date, age, tuple(notes))


def _by_dates(birth_date: date | None, study_date: date | None) -> float | None:
    if birth_date is None or study_date is None or study_date < birth_date:
        return None
    return age_in_months(birth_date, study_date)


def completed_months(birth_date: date, on: date) -> int:
    """Whole calendar months lived. Raises ValueError when `on` is before birth."""
    if on < birth_date:
        raise ValueError("the date is before the birth date")
    months = (on.year - birth_date.year) * 12 + on.month - birth_date.month
    return months - (on.day < birth_date.day)


def age_in_months(birth_date: date, on: date) -> float:
    """Completed months plus the share of the running one, the form the models and results use."""
    months = completed_months(birth_date, on)
    start, end = _months_after(birth_date, months), _months_after(birth_date, months + 1)
    return months + (on - start).days / (end - start).days


def ages_differ(by_dates: float | None, stated: float | None) -> bool:
    """Whether a stated age, in months, contradicts that of the dates: by over a month and a tenth.

    Of the stated one only the number is kept: 24 months may be any age of two years.
    """
    if by_dates is None or stated is None:
        return False
    return range_of_months(stated).differs_from(by_dates)


def how_long_ago(day: date, today: date) -> str:
    """How old a film or report is, in words: "today", "3 days ago", "15 months ago"."""
    return days_ago_text(day, (today - day).days)


def days_ago_text(day: date, days: int) -> str:
    """The same from the number of days that have passed since `day`; one day ahead is another time zone's."""
    if days < -1:
        return "a date in the future: check it"
    if days < 2:
        return "yesterday" if days == 1 else "today"
    if days < 14:
        return f"{days} days ago"
    if days < 62:
        return f"{days // 7} weeks ago"
    months = completed_months(day, day + timedelta(days=days))
    return f"{months} months ago" if months < 24 else f"{months // 12} years ago"


def days_lived(age_months: float, birth_date: date | None = None, study_date: date | None = None) -> int:
    """The calendar's days, where the age is that of the two dates; else of months of mean length."""
    by_dates = _by_dates(birth_date, study_date)
    if birth_date and study_date and by_dates is not None and abs(by_dates - age_months) < _SAME_AGE:
        return (study_date - birth_date).days
    return round(age_months * _DAYS_PER_MONTH)


def age_text(age_months: float | None, birth_date: date | None = None, study_date: date | None = None) -> str:
    """An age as a doctor writes it: days in the first month, weeks to three, months to two years."""
    if age_months is None:
        return UNKNOWN_AGE
    days = days_lived(age_months, birth_date, study_date)
    if age_months < 1:
        return _counted(days, "day")
    if age_months < 3:
        return _counted(days // 7, "week")
    months = int(age_months)
    if months < 24:
        return _counted(months, "month")
    years, rest = divmod(months, 12)
    return f"{years} y {rest} mo" if rest else _counted(years, "year")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def age_band(age_months: float | None) -> str:
    """The band of `AGE_BANDS` that the age falls in."""
    if age_months is None:
        return UNKNOWN_AGE
    return next(name for name, below in AGE_BANDS if age_months < below)


def _months_after(day: date, months: int) -> date:
    """The first day on which `months` are completed."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    try:
        return date(year, month + 1, day.day)
    except ValueError:  # the month is too short, so it is not December
        return date(year, month + 2, 1)
