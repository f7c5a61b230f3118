"""Cells of label files as values: class names, ages, outlines, views, dates, in every spelling met so far."""

import ast
import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np

from pedaxr_models.datasets.film import FloatArray, check_masks
from pedaxr_models.datasets.read_report import RowError
from pedaxr_models.labels import NORMAL, TERMS, Finding, View
from pedaxr_models.written import ages, dates
from pedaxr_models.written.ages import AgeRange
from pedaxr_models.written.nobody import names_nobody
from pedaxr_models.written.numbers import parse_number, parse_numbers
from pedaxr_models.written.plain import plain
from pedaxr_models.written.sexes import sex_in
from pedaxr_models.written.views import view_in

_LONGEST_OUTLINE = 4_000_000  # characters
_SCALAR = re.compile(r"\b(?:np|numpy)\.(?:int|uint|float)\d*\(([^()]*)\)")
_ARRAY = re.compile(r"\b(?:(?:np|numpy)\.)?array\(([^()]*?)(?:,\s*dtype=[\w.]+)?\)")
_BETWEEN = re.compile(r"(?<=[\d.\]])\s+(?=[-\d.\[])")
FREE_AIR_KOREAN = "기복증"
NOTHING = "nothing"  # what a label is said to mean that is no finding, and does not say that there is none

_SYNONYMS: dict[str, str] = {
    **dict.fromkeys(
        ("ihps", "hypertrophicpyloricstenosis", "congenitalpyloricstenosis"), Finding.PYLORIC_STENOSIS
    ),
    **dict.fromkeys(("선천성유문협착증", "비후성유문협착증"), Finding.PYLORIC_STENOSIS),
    **dict.fromkeys(("airfluidlevels", "airfluid", "공기액체층"), Finding.AIR_FLUID_LEVEL),
    **dict.fromkeys(
        ("distension", "distention", "abdominaldistention", "복부팽창"), Finding.ABDOMINAL_DISTENSION
    ),
    **dict.fromkeys(("freeair", "freegas", "기복"), Finding.PNEUMOPERITONEUM),
}
_EMPTY = frozenset({"", "nan", "none", "null", "na", "n/a", "-"})
_UNKNOWN = frozenset(
    {"unknown", "unk", "not known", "undefined", "missing", "nil", "n.a.", "#n/a", "?", "??", "--"}
    | {
        "미상",
        "불명",
        "모름",
        "알수없음",
        "알 수 없음",
        "해당없음",
        "해당 없음",
        "unbekannt",
        "inconnu",
        "desconocido",
    }
)
# 변비?, constipation (-), free air +/-: the signs would be squeezed out of the name.
_DOUBTED = re.compile(
    r"[?¿±]|\(\s*[+/]*[-\u2013\u2212]\s*\)|\+\s*/\s*-|[-\u2013\u2212]\s*$|^\s*[-\u2013\u2212]"
)


def _squeezed(text: str) -> str:
    """Letters and digits alone, in lower case and of usual width, Hangul in composed form."""
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold()


_LABEL_OF: dict[str, str] = {
    **{
        _squeezed(spelling): name
        for name in (*Finding, NORMAL)
        for spelling in (name, TERMS[name].english, TERMS[name].korean)
    },
    **_SYNONYMS,
}


def is_missing(text: str | None) -> bool:
    """Whether a cell says nothing, or that nothing is known."""
    return text is None or text.strip().casefold() in _EMPTY or plain(text).casefold() in _UNKNOWN


def somebody(text: str | None) -> str | None:
    """An id or a name; None for an empty cell and for what stands for nobody."""
    return None if text is None or is_missing(text) or names_nobody(text) else text.strip()


def parse_label(text: str, *, treat_as_distension: bool = False) -> str:
    """A class name in English or Korean, any case, perhaps numbered, as a label of `LABELS`.

    Args:
        text: such as `Air-Fluid Level`, `2.기복증` or `ihps`.
        treat_as_distension: read 기복증 as abdominal distension instead of pneumoperitoneum.
    """
    if text == NOTHING:
        raise RowError("the class is said to mean nothing here")
    if _DOUBTED.search(plain(text)):
        raise RowError(f"the class {plain(text)[:60]!r} is in doubt or denied by a sign; write what is known")
    name = re.sub(r"^\d+", "", _squeezed(text))
    if treat_as_distension and name == FREE_AIR_KOREAN:
        return Finding.ABDOMINAL_DISTENSION.value
    if name not in _LABEL_OF:
        raise RowError(f"the class {plain(text)[:60]!r} is {_not_a_class(text)}")
    return str(_LABEL_OF[name])


def _not_a_class(text: str) -> str:
    """What is wrong with a class that is none, and what to write."""
    if _names_several(text):
        return "several; write the one that matters most, and the outlines of all into the column Findings"
    known = ", ".join(TERMS[name].english for name in (*Finding, NORMAL))
    return f"none of the known ones: {known}"


def _names_several(text: str) -> bool:
    parts = re.split(r"[;,/+&|]|\band\b", text)
    return len(parts) > 1 and all(_squeezed(part) in _LABEL_OF for part in parts)


def is_strange_class(text: str) -> bool:
    """Whether a class may be a hospital's own: neither empty, nor in doubt, nor one or more of ours."""
    name = re.sub(r"^\d+", "", _squeezed(text))
    is_clear = not is_missing(text) and not _DOUBTED.search(plain(text)) and not _names_several(text)
    return is_clear and name not in _LABEL_OF and name != NOTHING


def parse_age(text: str | None) -> float | None:
    """Months of an age in any spelling of `pedaxr_models.written.ages`.

    None for an empty cell and for "0 years", which is anywhere in the first: see `is_first_year`.
    """
    age = _age_range(text)
    return None if age is None else age.months


def is_first_year(text: str | None) -> bool:
    """Whether an age says "under a year" and no more."""
    try:
        age = _age_range(text)
    except RowError:
        return False
    return age is not None and age.months is None


def _age_range(text: str | None) -> AgeRange | None:
    if text is None or is_missing(text):
        return None
    try:
        return ages.parse_age(text)
    except ValueError as err:
        raise RowError(f"{err}; write it as 2Y, 5M or 12D") from err


def parse_months(text: str) -> float:
    """An age from a column of months: a number, or one with its own unit, such as `3/12` or `5M`."""
    try:
        return valid_age(parse_number(text))
    except ValueError as err:
        says_unit = re.search(r"\d[ -]?[^\W\d_]|\d ?[-/] ?\d", plain(text)) is not None
        months = parse_age(text) if says_unit else None
        if months is None:
            raise RowError("AgeMonths is not an age in months") from err
        return months


def valid_age(months: float) -> float:
    """The age itself when a person can have it."""
    if not 0 <= months <= ages.OLDEST_MONTHS:
        raise RowError("the age is out of range")
    return months


def parse_sex(text: str | None) -> str | None:
    """DICOM M, F or O, which is both or another; None where no word says it, as in a table's own numbers."""
    if text is None or is_missing(text):
        return None
    return sex_in(text)


def parse_view(text: str | None) -> View | None:
    """The one view that a word or phrase names; None when it names none, several or another."""
    return view_in(text)


def parse_date(text: str | None) -> str | None:
    """ISO 8601 from any spelling of `pedaxr_models.written.dates`; None for an empty cell.

    `2021114` and `04.03.2021` are refused: each may be either of two days.
    """
    if text is None or is_missing(text):
        return None
    try:
        day = dates.parse_date(text)
    except ValueError as err:
        said = str(err)
        raise RowError(said[:1].lower() + said[1:].rstrip(".")) from err
    return day.isoformat() if day else None


def parse_literal(text: str) -> Any:
    """A JSON or Python literal; whatever else is written there is refused, never run."""
    if len(text) > _LONGEST_OUTLINE:
        raise RowError("the outline is too long")
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    for written in (text.strip(), _without_numpy(text.strip())):
        try:
            return ast.literal_eval(written)
        except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError) as err:
            cause = err
    raise RowError("the outline is neither JSON nor a Python list") from cause


def _without_numpy(text: str) -> str:
    """A list as Python would print it where NumPy did: `np.float64(1.5)`, `array([...])`, no commas.

    What NumPy left out of a long one stays `...`, which is no point.
    """
    bare = _ARRAY.sub(r"\1", _SCALAR.sub(r"\1", text))
    return bare if "," in bare else _BETWEEN.sub(", ", bare)


def parse_outlines(text: str | None) -> list[FloatArray]:
    """Polygons of a cell that holds one polygon, a list of polygons, or nothing."""
    return [] if text is None or is_missing(text) else outlines(parse_literal(text))


def outlines(value: Any) -> list[FloatArray]:
    """Polygons (n, 2) from `[[x, y], ...]`, a list of such lists, or a flat `[x, y, x, y, ...]`."""
    if value is None or not isinstance(value, list | tuple):
        raise RowError("the outline is not a list of points")
    if not value:
        return []
    first = value[0]
    if _is_number(first):
        return [outline([value[i : i + 2] for i in range(0, len(value), 2)])]
    if isinstance(first, list | tuple) and first and _is_number(first[0]) and len(first) == 2:
        return [outline(value)]
    return [polygon for part in value for polygon in outlines(part)]


def outline(points: Any) -> FloatArray:
    """One polygon (n, 2) float32 of at least three finite points."""
    try:
        polygon = np.asarray(points, dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as err:
        raise RowError("a point of the outline is not two numbers") from err
    if polygon.ndim != 2 or polygon.shape[1] != 2 or not np.isfinite(polygon).all():
        raise RowError("a point of the outline is not two finite numbers")
    if len(polygon) < 3:
        raise RowError("the outline has fewer than three points")
    return polygon


def parse_spacing(text: str | None) -> tuple[float, float] | None:
    """Row and column spacing in mm from `[0.4, 0.4]` or `0.4\\0.4` or one number; None for an empty cell."""
    if text is None or is_missing(text):
        return None
    try:
        found = parse_numbers(text)
    except ValueError as err:
        raise RowError(
            f"the pixel spacing {plain(text)[:40]!r} is not understood; write it as 0.4\\0.4"
        ) from err
    if len(found) not in (1, 2) or not all(0 < number < 10 for number in found):
        raise RowError("the pixel spacing is not one or two numbers of millimetres; write it as 0.4\\0.4")
    return found[0], found[-1]


def check_mask_file(path: Path, film: tuple[float, float] | None) -> None:
    """Refuse masks that are none, or not of a film of that width and height. Raises RowError."""
    try:
        check_masks(path, None if film is None else (int(film[1]), int(film[0])))
    except ValueError as err:
        raise RowError(str(err).rstrip(".")) from err
    except OSError as err:
        raise RowError(f"{path.name} cannot be opened") from err


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
