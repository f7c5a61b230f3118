"""Age at a study by calendar arithmetic, never by dividing days by a mean month.

Two weeks or two months decide what a distended stomach means, so a month is the calendar's: it is completed
on the day of the month of birth, or on the first of the next month where a month has no such day.
"""

from datetime import date

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
_CONTRADICTION_MONTHS, _CONTRADICTION_SHARE = 1.0, 0.1


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
    """Whether a stated age, in months, contradicts that of the dates: by over a month and a tenth."""
    if by_dates is None or stated is None:
        return False
    return abs(by_dates - stated) > max(_CONTRADICTION_MONTHS, _CONTRADICTION_SHARE * by_dates)


def age_in_days(birth_date: date, on: date) -> int:
    """Days lived. Raises ValueError when `on` is before birth."""
    if on < birth_date:
        raise ValueError("the date is before the birth date")
    return (on - birth_date).days


def how_long_ago(day: date, today: date) -> str:
    """How old a film or report is, in words: "today", "3 days ago", "15 months ago"."""
    days = (today - day).days
    if days < 0:
        return "a date in the future: check it"
    if days < 2:
        return ("today", "yesterday")[days]
    if days < 14:
        return f"{days} days ago"
    if days < 62:
        return f"{days // 7} weeks ago"
    months = completed_months(day, today)
    return f"{months} months ago" if months < 24 else f"{months // 12} years ago"


def age_text(age_months: float | None) -> str:
    """An age as a doctor writes it: days in the first month, weeks to three, months to two years."""
    if age_months is None:
        return UNKNOWN_AGE
    days = round(age_months * _DAYS_PER_MONTH)
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
