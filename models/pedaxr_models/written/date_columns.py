"""A table's column of dates: whether its day stands first, as some of them can only be read."""

import re
from collections.abc import Iterable, Sequence

from pedaxr_models.written import dates
from pedaxr_models.written.other_calendars import is_short_minguo
from pedaxr_models.written.plain import unprotected

_LONG_YEAR_LAST = re.compile(r"(\d{1,2}) ?([-./]) ?(\d{1,2}) ?\2 ?(\d{4})(?!\d)")
_FEWEST = 2  # one that can only be read one way may be a slip
_MONTHS = 12


def is_unsure(cells: Iterable[str | None]) -> bool:
    """Whether one of a column's short dates can only be read from its end: then none of them is read."""
    for cell in cells:
        try:
            dates.parse_date(cell)
        except dates.UnsureYear:
            return True
        except ValueError:
            continue
    return False


def is_taiwanese(cells: Iterable[str | None]) -> bool:
    """Whether a column has dates with years of three digits: its others, of two, may be Taiwan's as well."""
    return any(cell is not None and is_short_minguo(unprotected(cell)) for cell in cells)


def with_years_first(cells: Sequence[str | None]) -> tuple[list[str | None], str]:
    """The cells of a column, its 31.12.2021 as 2021-12-31 where it shows that the day stands first, or last.

    Several must show it, and none the contrary.

    Returns:
        The cells, and a note on those that could have been read either way; empty where there are none.
    """
    found = [_LONG_YEAR_LAST.match(unprotected(cell)) if cell else None for cell in cells]
    pairs = [(int(one[1]), int(one[3])) for one in found if one]
    day_first = sum(first > _MONTHS >= second for first, second in pairs)
    month_first = sum(second > _MONTHS >= first for first, second in pairs)
    if min(day_first, month_first) or max(day_first, month_first) < _FEWEST:
        return list(cells), ""
    either = sum(first != second and max(first, second) <= _MONTHS for first, second in pairs)
    order = "day" if day_first else "month"
    note = f"{either} dates were read {order} first, as others there can only be." if either else ""
    turned = zip(cells, found, strict=True)
    return [_year_first(cell, one, order) if cell and one else cell for cell, one in turned], note


def _year_first(cell: str, found: re.Match[str], order: str) -> str:
    day, month = (found[1], found[3]) if order == "day" else (found[3], found[1])
    return f"{found[4]}-{month:0>2}-{day:0>2}{unprotected(cell)[found.end() :]}"
