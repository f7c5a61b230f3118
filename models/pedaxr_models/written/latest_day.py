"""The last day that a film or a birth can be dated, anywhere on earth, by a clock that may have stopped."""

from datetime import UTC, date, datetime, timedelta

# A computer whose battery is empty starts in 1970 or 2000: a year of two digits would be a century too early.
_WRITTEN = date(2026, 11, 30)


def latest_day() -> date:
    """Tomorrow by universal time, which today is in another time zone; never before this was written."""
    return max(datetime.now(UTC).date(), _WRITTEN) + timedelta(days=1)
