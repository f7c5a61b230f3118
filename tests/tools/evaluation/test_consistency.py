"""Consistency over films: the states are really made, and what is found is counted and said."""

from dataclasses import replace
from pathlib import Path

import pytest

from pedaxr.evaluation import consistency
from pedaxr.evaluation.consistency import WAYS, consistency_table, evaluate_consistency
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.consistency import Contradiction
from pedaxr_models.datasets.film import Film

from ..conftest import PerfectSegmenter
from .test_evaluate_reports import Reader, films  # noqa: F401


class NearestReader(Reader):
    """Knows a cropped film by the one it was cut from: it says of it what is true of the whole."""

    def describe(self, pixels, segmentation, metadata):  # type: ignore[no-untyped-def]
        try:
            return super().describe(pixels, segmentation, metadata)
        except (StopIteration, ValueError):
            from ..reports.witnesses import truth, witness_of

            return witness_of(truth("normal")).describe(pixels, segmentation, metadata)


@pytest.fixture
def two(films: list[Film], segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch) -> list[Film]:  # noqa: F811
    monkeypatch.setattr(models, "reporter", NearestReader)
    return [films[0], films[2]]


def test_every_film_is_told_in_every_state_and_nothing_contradicts_itself(two: list[Film]) -> None:
    seen: list[tuple[int, int]] = []
    told = evaluate_consistency(two, progress=lambda done, total: seen.append((done, total)))
    assert list(told) == list(WAYS) and seen[-1] == (8, 8)
    assert told["as it is"].films == 2 and told["as it is"].denied == 2, (
        "control: with the domes it is denied"
    )
    assert told["view not stated"].denied == 0 and told["free air suspected"].denied == 0
    assert told["free air suspected"].suspected == 2
    assert told["domes cut off"].denied == 0
    assert all(not one.found for one in told.values())


def test_free_air_is_suspected_everywhere_whatever_points_are_in_use(two: list[Film]) -> None:
    """The bundled points call no suspicion of which the outlines have no trace: the state must be made."""
    with using(replace(operating_points(), free_air_trace=0.5, free_air_suspicion=0.9)):
        told = evaluate_consistency(two)
    assert told["free air suspected"].suspected == 2 and told["as it is"].suspected == 0


def test_a_contradiction_is_counted_named_and_said(two: list[Film], monkeypatch: pytest.MonkeyPatch) -> None:
    planted = [Contradiction("side", "en Findings: on the left", "right")]
    monkeypatch.setattr(consistency, "contradictions", lambda report: planted)
    told = evaluate_consistency(two[:1])
    assert told["as it is"].kinds == {"side": 1}
    assert "1 (side 1)" in consistency_table({"test": told})
    words = told["as it is"].to_json()["found"]
    assert words == {two[0].image_path.name: ["side: en Findings: on the left / right"]}


def test_a_run_that_was_stopped_resumes_and_one_with_other_points_begins_again(
    two: list[Film], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = tmp_path / "records.jsonl"
    first = evaluate_consistency(two, records=records)
    records.write_text("".join(records.read_text().splitlines(keepends=True)[:5]) + '{"key": "cut sh')
    made: list[str] = []
    tell = consistency._tell
    monkeypatch.setattr(consistency, "_tell", lambda *given: made.append(given[1]) or tell(*given))
    assert evaluate_consistency(two, records=records) == first
    assert made == list(WAYS[1:])  # of the second film
    with using(replace(operating_points(), least_confidence=0.5)):
        evaluate_consistency(two[:1], records=records)
    assert len(made) == len(WAYS) - 1 + len(WAYS)


def test_a_film_without_masks_is_not_cut(two: list[Film], tmp_path: Path) -> None:
    told = evaluate_consistency([replace(two[0], mask_path=None)])
    assert told["domes cut off"].films == 0 and told["as it is"].films == 1
