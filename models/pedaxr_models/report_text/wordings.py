"""The wording tables of each language, read from the TOML files next to this module."""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pedaxr_models.facts import DistalGas, Quadrant, Severity, Side
from pedaxr_models.labels import Finding, View

Language = Literal["en", "ko"]
_FILES: dict[Language, str] = {"en": "english.toml", "ko": "korean.toml"}
ByFinding = dict[Finding, tuple[str, ...]]


@dataclass(frozen=True)
class Words:
    """Single words that wordings are filled with.

    Attributes:
        severity, severely, grade: a severity as adjective, adverb and noun.
        numbers: words for 0, 1, 2 ...; larger numbers are written in digits.
        counter: what a count is written into, for languages that count in units.
        names: a finding as it is called where nothing more is known of it.
    """

    burdens: tuple[str, ...]
    numbers: tuple[str, ...]
    counter: str
    several: str
    views: dict[View, str]
    severity: dict[Severity, str]
    severely: dict[Severity, str]
    grade: dict[Severity, str]
    amounts: dict[DistalGas, str]
    names: dict[Finding, str]


@dataclass(frozen=True)
class Place:
    """How a side and quadrants become a phrase; `where` and `at` are its forms by what is known."""

    sides: dict[Side, str]
    quadrants: dict[Quadrant, str]
    joints: tuple[str, str]
    one: str
    many: str
    all: str
    where: dict[str, str]
    at: dict[str, str]


@dataclass(frozen=True)
class Wordings:
    """Everything a language says about a film; the first wording of each tuple is the commonest."""

    unreadable: str
    view: tuple[str, ...]
    tube: tuple[str, ...]
    unseen: tuple[str, ...]
    distal_gas: tuple[str, ...]
    stool: tuple[str, ...]
    words: Words
    place: Place
    present: ByFinding
    hedged: ByFinding
    absent: ByFinding
    not_assessed: ByFinding


def read_table(name: str) -> dict[str, Any]:
    """One TOML file of this package."""
    text = (files("pedaxr_models.report_text") / "wordings" / name).read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def wordings(language: Language) -> Wordings:
    """The tables of a language.

    Raises:
        ValueError: a language that nobody wrote tables for.
    """
    if language not in _FILES:
        raise ValueError(f"No wordings in '{language}'. Use one of: {', '.join(_FILES)}.")
    table = read_table(_FILES[language])
    return Wordings(
        unreadable=table["unreadable"],
        view=tuple(table["view"]),
        tube=tuple(table["tube"]),
        unseen=tuple(table["unseen"]),
        distal_gas=tuple(table["distal_gas"]),
        stool=tuple(table["stool"]),
        words=_words(table["words"]),
        place=_place(table["place"]),
        present=_by_finding(table["present"]),
        hedged=_by_finding(table["hedged"]),
        absent=_by_finding(table["absent"]),
        not_assessed=_by_finding(table["not_assessed"]),
    )


def _by_finding(table: dict[str, list[str]]) -> ByFinding:
    return {Finding(name): tuple(texts) for name, texts in table.items()}


def _words(table: dict[str, Any]) -> Words:
    return Words(
        burdens=tuple(table["burdens"]),
        numbers=tuple(table["numbers"]),
        counter=table.get("counter", "{0}"),
        several=table["several"],
        views={View(key): word for key, word in table["views"].items()},
        severity={Severity(key): word for key, word in table["severity"].items()},
        severely={Severity(key): word for key, word in table["severely"].items()},
        grade={Severity(key): word for key, word in table["grade"].items()},
        amounts={DistalGas(key): word for key, word in table["amounts"].items()},
        names={Finding(key): word for key, word in table["names"].items()},
    )


def _place(table: dict[str, Any]) -> Place:
    first, last = table["joints"]
    return Place(
        sides={Side(key): word for key, word in table["sides"].items()},
        quadrants={Quadrant[key]: word for key, word in table["quadrants"].items()},
        joints=(first, last),
        **{key: table[key] for key in ("one", "many", "all", "where", "at")},
    )
