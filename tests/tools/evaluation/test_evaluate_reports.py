"""Reports against true masks: two perfect witnesses score perfectly, and planted faults are counted."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.evaluation.ground_truth import TrueFindings, true_findings
from pedaxr.evaluation.report_records import FilmRecord, planted_diagnoses, read_records
from pedaxr.evaluation.reports import (
    Share,
    confidence_error,
    evaluate_reports,
    report_figures,
    reports_table,
)
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import operating_points, using
from pedaxr_models.datasets.film import Film, FilmMetadata, write_masks
from pedaxr_models.facts import FilmFacts, Presence, Severity, Side
from pedaxr_models.labels import FINDINGS, LABELS, Finding, View
from pedaxr_models.report_text.grammar import narrate

from ..conftest import FILMS, PerfectSegmenter, phantom, recognised
from ..reports.witnesses import Witness, truth, with_finding, witness_of


class Reader:
    """Knows each phantom by its pixels and tells of it what `facts` makes of the truth."""

    name, weights_sha256, data = "truthful-witness", "ef" * 32, {}

    def __init__(self, facts: Callable[[str], FilmFacts] = truth) -> None:
        self.facts = facts

    def describe(self, pixels, segmentation, metadata):  # type: ignore[no-untyped-def]
        found = recognised(pixels)
        assert found is not None
        return witness_of(self.facts(found[0])).describe(pixels, segmentation, metadata)


@pytest.fixture
def films(tmp_path: Path) -> list[Film]:
    """Every phantom as a film of a data set, with its masks."""
    made = []
    for number, (name, (view, age_months, _)) in enumerate(FILMS.items()):
        path = tmp_path / f"{number}.png"
        Image.fromarray(phantom(name).pixels).save(path)
        write_masks(path.with_suffix(".npz"), phantom(name).masks)
        meta = FilmMetadata(age_months=age_months, view=view, indication="belly pain")
        made.append(Film(path, None, metadata=meta, facts=truth(name), mask_path=path.with_suffix(".npz")))
    return made


@pytest.fixture
def measured(
    films: list[Film], segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., list[FilmRecord]]:
    def measure(reader: object | None = None, **options: object) -> list[FilmRecord]:
        monkeypatch.setattr(models, "reporter", lambda: reader or Reader())
        return evaluate_reports(films, **options)  # type: ignore[arg-type]

    return measure


_TRUTHFUL: list[FilmRecord] = []


@pytest.fixture
def truthful(measured: Callable[..., list[FilmRecord]]) -> list[FilmRecord]:
    """Of every phantom, by two witnesses who know the truth: measured for the first test that asks."""
    if not _TRUTHFUL:
        _TRUTHFUL.extend(measured())
    return list(_TRUTHFUL)


def share(records: list[FilmRecord], name: str) -> Share:
    return next(share for share in report_figures(records) if name in share.name)


def test_the_truth_is_that_of_the_masks_and_of_the_view(films: list[Film]) -> None:
    for film in films:
        facts = film.facts
        assert facts is not None
        assert set(true_findings(film).present) == {f.value for f in facts.present}
    with pytest.raises(ValueError, match="nothing is known"):
        true_findings(replace(films[0], mask_path=None))


def test_a_film_that_knows_some_findings_is_judged_by_those_alone(films: list[Film]) -> None:
    """The documented CSV outlines the finding of its class; of the others it says nothing."""
    box = np.array([[60, 120], [200, 120], [200, 160], [60, 160]], np.float32)
    drawn = replace(
        films[list(FILMS).index("free air")],
        mask_path=None,
        label="pneumoperitoneum",
        polygons={Finding.PNEUMOPERITONEUM: [box]},
        labelled_channels=frozenset({"pneumoperitoneum"}),
    )
    true = true_findings(drawn)
    assert (true.present, true.known) == (("pneumoperitoneum",), {"pneumoperitoneum"})
    assert true.lies_on("pneumoperitoneum", Side.RIGHT) and not true.lies_on("pneumoperitoneum", Side.LEFT)
    class_only = true_findings(replace(drawn, polygons={}, labelled_channels=frozenset()))
    assert class_only.present == ("pneumoperitoneum",) and class_only.lies_on("pneumoperitoneum", Side.LEFT)
    normal = true_findings(replace(drawn, polygons={}, label="normal"))
    assert normal.present == () and normal.known == {f.value for f in FINDINGS}


def test_a_claim_of_what_is_unknown_is_neither_right_nor_wrong(measured, films: list[Film]) -> None:
    index = list(FILMS).index("levels")
    films[index] = replace(
        films[index], mask_path=None, label="air_fluid_level", labelled_channels=frozenset()
    )
    record = measured()[index]
    assert "abdominal_distension" in record.present, "the writer says so, and nobody knows"
    assert record.is_right and record.known == ("air_fluid_level",)
    assert {claim.finding for claim in record.claims} == {"air_fluid_level"}


def test_a_side_is_true_only_where_the_mask_lies() -> None:
    true = TrueFindings({"pneumoperitoneum": 0.98})
    assert true.lies_on("pneumoperitoneum", Side.LEFT) and true.lies_on("pneumoperitoneum", None)
    assert not true.lies_on("pneumoperitoneum", Side.RIGHT)
    assert not true.lies_on("pneumoperitoneum", Side.BOTH)
    assert not true.lies_on("constipation", None)


def test_two_truthful_witnesses_have_nothing_unsupported_and_miss_nothing(truthful: list[FilmRecord]) -> None:
    records = truthful
    assert share(records, "grounded in the true masks").value == 1
    assert share(records, "unsupported").count == 0
    assert share(records, "free air missed").value == 0
    assert share(records, "false alarms").value == 0
    assert share(records, "exactly the true findings").value == 1
    assert share(records, "wrong working diagnosis").value == 1
    assert share(records, "right working diagnosis").value == 0


def test_details_are_counted_against_the_facts(measured, truthful: list[FilmRecord]) -> None:
    records = truthful
    for name in ("side right", "number of air-fluid levels right", "without a hedge"):
        assert share(records, name).value == 1 and share(records, name).of, name
    assert share(records, "quadrants right").count >= 3, "one region lies on the limit of a quadrant"
    assert share(records, "of findings named: grade right").value == 1

    def graded_otherwise(name: str) -> FilmFacts:
        facts = truth(name)
        for finding in facts.present:
            is_marked = facts[finding].severity is Severity.MARKED
            facts = with_finding(facts, finding, severity=Severity.MILD if is_marked else Severity.MARKED)
        return facts

    with using(replace(operating_points(), grade_scale={})):
        wrong = measured(Reader(graded_otherwise))
    assert share(wrong, "of findings named: grade right").count == 0
    assert share(wrong, "side right").value == 1, "control: nothing else is wrong"


def test_what_is_measured_is_copied_into_a_draft(measured, truthful: list[FilmRecord]) -> None:
    def miscounted(name: str) -> FilmFacts:
        levels = truth(name)[Finding.AIR_FLUID_LEVEL].count
        return with_finding(truth(name), Finding.AIR_FLUID_LEVEL, count=levels + 4) if levels else truth(name)

    records = measured(Reader(miscounted))
    drafted, copied = share(records, "draft: facts, F1"), share(records, "draft, what is measured copied")
    assert drafted.value < 1 and copied.count > drafted.count
    drafted, copied = share(truthful, "draft: facts, F1"), share(truthful, "draft, what is measured copied")
    assert drafted.value == 1 and copied.of - copied.count <= 3, "of a region on the limit of a quadrant"


def test_facts_are_counted_and_silence_is_none(measured, truthful: list[FilmRecord]) -> None:
    """A report leaves out how much stool lies in a segment: facts of the film, not stated, and not wrong."""
    records = truthful
    stated, shown = share(records, "facts stated: right"), share(records, "facts of the film")
    assert stated.of - stated.count <= 2, "of the region on the limit of a quadrant"
    assert shown.count == stated.count and shown.of > stated.of

    def leaving_air_open(name: str) -> FilmFacts:
        return with_finding(truth(name), Finding.PNEUMOPERITONEUM, presence=Presence.NOT_ASSESSED)

    silent = measured(Reader(leaving_air_open))
    assert share(silent, "facts stated: right").of < stated.of


def test_details_survive_in_the_kept_records(measured, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    records = measured(records=path)
    assert [read_records(path)[record.key].slots for record in records] == [r.slots for r in records]
    assert any(record.slots for record in records)
    assert [read_records(path)[record.key].facts for record in records] == [r.facts for r in records]
    assert all(record.facts for record in records)
    for kept in (read_records(path)[record.key] for record in records):
        assert kept.drafted and kept.copied and kept.drafted.true == kept.copied.true


def test_a_witness_pair_that_invents_is_counted_as_unsupported(measured, segmenter: PerfectSegmenter) -> None:
    """Both witnesses invent stool on every film: only the true masks can tell."""
    seen = segmenter.predict

    def inventing(pixels, **how: bool):  # type: ignore[no-untyped-def]
        segmentation = seen(pixels)
        segmentation.probabilities[FINDINGS.index(Finding.CONSTIPATION), 300:400, 200:300] = 0.95
        return segmentation

    segmenter.predict = inventing  # type: ignore[method-assign]

    def loaded(name: str) -> FilmFacts:
        return with_finding(truth(name), Finding.CONSTIPATION, presence=Presence.PRESENT)

    records = measured(Reader(loaded))
    assert share(records, "unsupported").count == len(records)
    assert share(records, "exactly the true findings").count == 0


def test_free_air_that_neither_witness_sees_is_missed(measured, segmenter: PerfectSegmenter) -> None:
    segmenter.doubt[Finding.PNEUMOPERITONEUM] = 0

    def without_air(name: str) -> FilmFacts:
        blank = {"presence": Presence.ABSENT, "severity": None, "side": None, "quadrants": ()}
        return with_finding(truth(name), Finding.PNEUMOPERITONEUM, **blank)

    records = measured(Reader(without_air))
    assert share(records, "free air missed").value == 1
    assert share(records, "true findings named").value < 1


def test_a_sentence_without_a_region_counts_as_struck(measured) -> None:
    told = Witness(narrate(truth("free air")), dict.fromkeys(FINDINGS, 0.9))
    assert share(measured(told), "struck").count >= 3, "on every film without free air"


def test_what_is_measured_is_kept_and_not_measured_again(
    measured, segmenter: PerfectSegmenter, tmp_path: Path
) -> None:
    path = tmp_path / "records.jsonl"
    first = measured(records=path)
    with path.open("a") as file:
        file.write('{"film": "cut sh')
    calls = segmenter.calls
    assert measured(records=path) == first
    assert segmenter.calls == calls
    assert len(read_records(path)) == len(first)
    measured(records=path, seed=1)
    assert segmenter.calls > calls, "another seed plants other diagnoses"


def test_a_refused_film_is_counted_as_refused(measured, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**request: object) -> None:
        raise NotAnAbdominalFilm("no")

    monkeypatch.setattr("pedaxr.evaluation.report_records.generate_report", refuse)
    records = measured()
    assert share(records, "films refused").value == 1
    assert share(records, "free air missed").value is None
    assert "| none |" in reports_table({"test": records})


def test_planted_diagnoses_are_wrong_and_right(films: list[Film]) -> None:
    for film in films:
        true = true_findings(film)
        wrong, right = planted_diagnoses(film, true, 0)
        assert wrong in LABELS and wrong not in (true.present or ("normal",))
        assert right in (true.present or ("normal",))
        assert planted_diagnoses(film, true, 0) == (wrong, right)


def test_the_table_has_a_column_for_each_set(truthful: list[FilmRecord]) -> None:
    records = truthful
    table = reports_table({"test": records, "shifted": records[:1]})
    assert "| confidence: expected calibration error |  | 0.0" in table
    assert "test (5 films)" in table and "shifted (1 film)" in table
    assert "| at least 0.98 |" in table


def test_a_confidence_that_keeps_its_word_has_no_error() -> None:
    def record(confidence: float | None, is_right: bool) -> FilmRecord:
        return FilmRecord(
            "a.png", "k", False, true=("x",) if is_right else (), present=("x",), confidence=confidence
        )

    kept = [record(0.75, n % 4 > 0) for n in range(40)]
    assert confidence_error(kept) == pytest.approx(0, abs=0.06)
    assert confidence_error([record(1.0, False)] * 5) == 1.0
    assert confidence_error([record(None, True)]) is None


def test_answers_to_a_diagnosis_are_told_apart(measured, segmenter: PerfectSegmenter) -> None:
    """Neither witness sees a thing, but the reader gives every finding one chance in two."""
    segmenter.doubt |= dict.fromkeys(FINDINGS, 0)
    blank = narrate(replace(truth("normal"), view=View.ERECT))
    told = Witness(blank, dict.fromkeys(FINDINGS, 0.5))
    firm = measured(told)
    assert {r.right_answer for r in firm} <= {"contradicted", "not to be judged", "accepted"}
    with using(replace(operating_points(), not_excluded=dict.fromkeys(FINDINGS, 0.4))):
        mild = measured(told)
    assert share(mild, "right working diagnosis: contradicted").count == 0
    assert (
        share(mild, "right: not supported, not excluded").count
        == sum(r.right_answer == "contradicted" for r in firm)
        > 0
    )
    said = "wrong working diagnosis: disagreement said"
    assert share(mild, said) == share(firm, said), "it is still said that the film does not support it"


@given(st.integers(0, 500), st.integers(0, 500))
def test_an_interval_holds_its_share(count: int, more: int) -> None:
    share = Share("x", count, count + more)
    low, high = share.interval
    assert 0 <= low <= high <= 1
    if share.value is not None:
        assert low - 1e-9 <= share.value <= high + 1e-9
