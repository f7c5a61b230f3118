"""Codes: one of every label, each found in the tables that it is said to be of."""

import re

import pydicom.sr._concepts_dict as tables
import pytest

from pedaxr.reading.measurements import CALIBRES, LEVELS, STOOL_PARTS
from pedaxr_models import codes
from pedaxr_models.codes import (
    FINDING_CODES,
    OWN_SCHEME,
    QUADRANT_CODES,
    SEGMENTS,
    SIDE_CODES,
    Code,
    measure_codes,
    what_is_measured,
)
from pedaxr_models.facts import Side
from pedaxr_models.labels import CHANNELS, FINDINGS


def _every_code() -> dict[str, Code]:
    found = {name: value for name, value in vars(codes).items() if isinstance(value, Code)}
    for name, segment in SEGMENTS.items():
        of_segment = {"category": segment.category, "type": segment.type, "region": segment.region}
        found |= {f"{name} {part}": code for part, code in of_segment.items() if code is not None}
    for table in (FINDING_CODES, QUADRANT_CODES, SIDE_CODES):
        found |= {str(name): code for name, code in table.items()}
    return found


CODES = _every_code()
STANDARD = [name for name, code in CODES.items() if code.origin == "ps3.16"]


def words(text: str) -> set[str]:
    return set(re.sub(r"[^a-z0-9 ]", " ", text.lower().replace("millimeter", "mm")).split())


def meanings_in_ps3_16(code: Code) -> list[str]:
    """Every meaning, and pydicom's own word, that the standard's tables have for a code."""
    return [
        f"{re.sub('(?<=[a-z])(?=[A-Z0-9])', ' ', keyword)} {entry[code.value][0]}"
        for keyword, entry in tables.concepts[code.scheme].items()
        if code.value in entry
    ]


@pytest.mark.parametrize("name", STANDARD)
def test_a_code_of_the_standard_means_there_what_it_means_here(name: str) -> None:
    code = CODES[name]
    meanings = meanings_in_ps3_16(code)
    assert meanings, f"{code.value} is not in PS3.16"
    assert any(words(code.meaning) & words(meaning) for meaning in meanings), meanings


def test_a_wrong_code_would_be_found() -> None:
    """48661000 is peritonitis: taken for pneumoperitoneum, it would put another disease into an archive."""
    assert not meanings_in_ps3_16(Code("48661000", "SCT", "Pneumoperitoneum"))
    assert not any(words("Heart") & words(meaning) for meaning in meanings_in_ps3_16(CODES["liver type"]))


def test_every_label_has_its_codes() -> None:
    assert set(SEGMENTS) == set(CHANNELS) and set(FINDING_CODES) == set(FINDINGS)
    assert {side.value for side in Side} == set(SIDE_CODES) and len(QUADRANT_CODES) == 4


def test_what_is_not_the_standards_says_so() -> None:
    for name, code in CODES.items():
        assert (code.scheme == OWN_SCHEME) == (code.origin == "own"), name


def test_no_code_asserts_a_disease_that_a_film_cannot_show() -> None:
    meanings = {code.meaning.casefold() for code in FINDING_CODES.values()}
    assert not {"pyloric stenosis", "constipation"} & meanings
    assert not [one for one in meanings if "stenosis" in one or "constipation" in one]


def test_every_measure_of_a_reading_has_a_code() -> None:
    lengths = [*CALIBRES, "free_air_gap"]
    keys = [f"{name}{unit}" for name in lengths for unit in ("_to_l2", "_mm")]
    keys += ["l2_width_mm", LEVELS, "longest_level_to_l2", *(f"stool_share_{part}" for part in STOOL_PARTS)]
    assert [key for key in keys if measure_codes(key) is None] == []
    assert measure_codes("something_else_mm") is None
    assert what_is_measured("l2_width_mm") == "l2_width" and what_is_measured("rectum_to_l2") == "rectum"
