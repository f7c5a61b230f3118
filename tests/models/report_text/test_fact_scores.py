"""Facts of a draft, with what is measured copied from what is told of the same film."""

from pedaxr_models.facts import Presence
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.fact_scores import copied

LEVELS, LOOPS = Finding.AIR_FLUID_LEVEL, Finding.ABDOMINAL_DISTENSION
DRAFT = {
    (LEVELS, "presence", Presence.PRESENT),
    (LEVELS, "severity", "mild"),
    (LEVELS, "count", "2"),
    (LEVELS, "quadrant", "left upper quadrant"),
    ("film", "stool_0", "scant"),
    ("film", "gastric_tube", "False"),
}


def test_grade_number_and_place_are_copied_and_all_else_stays() -> None:
    told = {
        (LEVELS, "presence", Presence.PRESENT),
        (LEVELS, "count", "4"),
        (LEVELS, "quadrant", "right upper quadrant"),
        (LEVELS, "quadrant", "right lower quadrant"),
        ("film", "distal_gas", "reduced"),
        ("film", "gastric_tube", "True"),
    }
    assert copied(DRAFT, told) == {
        (LEVELS, "presence", Presence.PRESENT),
        (LEVELS, "severity", "mild"),  # not told: the draft's
        (LEVELS, "count", "4"),
        (LEVELS, "quadrant", "right upper quadrant"),
        (LEVELS, "quadrant", "right lower quadrant"),
        ("film", "stool_0", "scant"),
        ("film", "gastric_tube", "True"),
    }, "gas beyond the stomach is the draft's"


def test_of_a_finding_that_one_of_both_denies_nothing_is_copied() -> None:
    told = {
        (LEVELS, "presence", Presence.ABSENT),
        (LOOPS, "presence", Presence.PRESENT),
        (LOOPS, "side", "left"),
    }
    assert copied(DRAFT, told) == DRAFT
