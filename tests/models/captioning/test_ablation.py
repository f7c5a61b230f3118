"""The ablation: its scores, its sentences, and that a variant is trained once."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pedaxr_models.captioning.ablation import run as ablation
from pedaxr_models.captioning.ablation.record import read_stored
from pedaxr_models.captioning.ablation.report import ablation_table, conclusion, draw_ablation
from pedaxr_models.captioning.ablation.scores import (
    MISSED,
    SCORES,
    best_single_report,
    error_points,
    film_counts,
    interval,
    resampled_scores,
    resamples,
    scores_of,
)
from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.metadata_text import metadata_text
from pedaxr_models.captioning.network import SOURCES, ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.reporter import TOKENIZER_FILE, Reporter
from pedaxr_models.captioning.tokenizer import WordPieces
from pedaxr_models.captioning.train import TrainConfig
from pedaxr_models.checkpoint import save_checkpoint
from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Severity, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, View
from pedaxr_models.report_text.fact_scores import fact_scores
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.text_scores import TEXT_COLUMNS, bleu_4, references, text_counts


def facts(*present: Finding, side: Side = Side.RIGHT, view: View = View.ERECT) -> FilmFacts:
    def fact(finding: Finding) -> FindingFact:
        if finding not in present:
            return FindingFact(finding, Presence.ABSENT)
        return FindingFact(finding, Presence.PRESENT, Severity.MODERATE, side)

    return FilmFacts(view, tuple(fact(finding) for finding in FINDINGS))


NORMAL, AIR = facts(), facts(Finding.PNEUMOPERITONEUM)
FULL, WIDE = facts(Finding.CONSTIPATION), facts(Finding.ABDOMINAL_DISTENSION)
TRUTH = [NORMAL, AIR, FULL, WIDE, NORMAL, replace(AIR, view=View.SUPINE)]


def scores(truth: list[FilmFacts], texts: list[str]) -> dict[str, float]:
    return dict(zip(SCORES, scores_of(film_counts(truth, texts).sum(0)).tolist(), strict=True))


def test_true_reports_are_without_error_and_near_their_references() -> None:
    found = scores(TRUTH, [narrate(f.as_view_allows()) for f in TRUTH])
    assert found["fact_recall"] > 0.9 and found["omission_rate"] == found["hallucination_rate"] == 0
    assert found["bleu_4"] > 0.5 and found["rouge_l"] > 0.5 and found["cider"] > 1


def test_fact_scores_are_those_of_evaluate() -> None:
    texts = [narrate(f) for f in TRUTH[::-1]]
    ours, theirs = scores(TRUTH, texts), fact_scores(TRUTH, texts)
    same = [name for name in SCORES if name in theirs]
    assert len(same) == 7
    assert [round(ours[name], 4) for name in same] == [theirs[name] for name in same]


def test_a_missed_free_air_weighs_far_above_an_adjective() -> None:
    true = AIR[Finding.PNEUMOPERITONEUM]
    missed = error_points(true, FindingFact(true.finding, Presence.ABSENT))
    graded = error_points(true, replace(true, severity=Severity.MILD))
    turned = error_points(true, replace(true, side=Side.LEFT))
    assert error_points(true, true) == 0 < graded < turned < missed == error_points(true, None)
    assert missed >= 10 * graded
    assert set(MISSED) == set(FINDINGS)


def test_an_invented_finding_and_a_false_comfort_cost_something() -> None:
    unseen = FindingFact(Finding.PNEUMOPERITONEUM, Presence.NOT_ASSESSED)
    absent = FindingFact(Finding.PNEUMOPERITONEUM, Presence.ABSENT)
    invented = error_points(absent, AIR[Finding.PNEUMOPERITONEUM])
    assert 0 < error_points(unseen, absent) < invented < MISSED[Finding.PNEUMOPERITONEUM]


def test_cider_and_its_companions_need_no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    counts = text_counts([narrate(NORMAL), narrate(FULL)], references([NORMAL, FULL]))
    assert counts.shape[0] == 2 and np.isfinite(counts).all()


def test_overlap_scores_are_those_of_the_libraries() -> None:
    from rouge_score.rouge_scorer import RougeScorer
    from sacrebleu.metrics.bleu import BLEU

    texts, wordings = [narrate(f) for f in TRUTH[1:] + TRUTH[:1]], references(TRUTH)
    found = dict(zip(SCORES, scores_of(film_counts(TRUTH, texts, wordings).sum(0)).tolist(), strict=True))
    corpus = BLEU(lowercase=True).corpus_score(
        texts, [list(column) for column in zip(*wordings, strict=True)]
    )
    assert found["bleu_4"] == pytest.approx(corpus.score / 100, abs=1e-6)
    rouge = RougeScorer(["rougeL"])
    each = [rouge.score_multi(w, t)["rougeL"].fmeasure for t, w in zip(texts, wordings, strict=True)]
    assert text_counts(texts, wordings)[:, TEXT_COLUMNS.index("rouge_l")].tolist() == each
    assert found["rouge_l"] == pytest.approx(np.mean(each))
    assert text_counts(["-", "free gas"], [["a"], ["", "gas that is free"]])[:, 0].tolist() == [
        rouge.score_multi(w, t)["rougeL"].fmeasure
        for t, w in (("-", ["a"]), ("free gas", ["", "gas that is free"]))
    ]


@pytest.mark.parametrize("reference", [10, 60, 200], ids=["long", "near", "short"])
def test_bleu_of_many_sums_is_that_of_the_library_one_by_one(reference: int) -> None:
    """Also where no run of four words fits, or there is none."""
    from sacrebleu.metrics.bleu import BLEU

    rng = np.random.default_rng(reference)
    total = 60 - np.arange(4) * np.ones((50, 1), int)
    right = rng.integers(0, total + 1)
    right[:20, 1:] = np.minimum(right[:20, 1:], rng.integers(0, 3, (20, 3)))
    total[0, 3] = right[0, 3] = right[1] = 0
    lengths = np.stack([total[:, 0], np.full(50, reference)], -1)
    found = bleu_4(np.concatenate([lengths, right, total], -1).astype(float))
    each = [
        BLEU.compute_bleu(r, t, *own).score / 100
        for r, t, own in zip(right.tolist(), total.tolist(), lengths.tolist(), strict=True)
    ]
    np.testing.assert_allclose(found, each, rtol=1e-12)
    assert 0 < np.count_nonzero(found) < len(found)


def test_references_are_several_wordings_of_the_same_facts() -> None:
    assert len(set(references([AIR])[0])) > 1
    assert references(TRUTH, seed=3) == references(TRUTH, seed=3) != references(TRUTH, seed=4)


def test_the_best_single_report_states_the_commonest_facts() -> None:
    assert best_single_report([AIR, NORMAL, NORMAL, FULL]) == NORMAL


def test_an_interval_holds_the_value_and_narrows_with_films() -> None:
    few = film_counts(TRUTH, [narrate(f) for f in TRUTH[::-1]])
    many = np.tile(few, (20, 1))
    widths = []
    for counts in (few, many):
        samples = resampled_scores([counts], resamples(len(counts), count=200))
        found = interval(scores_of(counts.sum(0))[0], samples[:, 0])
        assert found.low <= found.value <= found.high
        widths.append(found.high - found.low)
    assert widths[1] < widths[0] / 2


def told(better: str) -> list[str]:
    """Conclusions when `better` alone writes the truth and all others call every film normal."""
    truth = TRUTH[:4] * 5
    right, wrong = [narrate(f) for f in truth], [narrate(NORMAL)] * len(truth)
    texts = {v: [right if v == better else wrong] * 2 for v in ("constant", *ablation.TRAINED)}
    return conclusion(ablation.measure(texts, truth))


def test_the_conclusion_follows_from_the_figures() -> None:
    alone = told("image only")[-1]
    assert alone == "Image only beats constant and metadata only with intervals that do not overlap."
    metadata_help = told("image + metadata")
    assert metadata_help[-1].startswith("Image only does not beat constant and")
    assert "Metadata raise" in metadata_help[0] and "do not overlap" in metadata_help[0]
    assert "more than claimed" in metadata_help[1]
    assert "beats both" in metadata_help[2]
    assert "Predicted masks lower" in metadata_help[3]
    masks_help = told("image + metadata + masks")
    assert "do not measurably change" in masks_help[0] and "not reproduced" in masks_help[1]
    assert "does not beat both" in masks_help[2]
    assert "Predicted masks raise" in masks_help[3] and "omitted -1.000" in masks_help[4]


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ablation.AblationConfig:
    """An ablation on films without pixels."""
    splits = ("train", "train", "validation", "test", "test", "test")
    metadata = FilmMetadata(view=View.ERECT)
    films = [
        Film(Path(f"{n}.png"), f.label, metadata=metadata, facts=f, split=s)
        for n, (f, s) in enumerate(zip(TRUTH, splits, strict=True))
    ]
    monkeypatch.setattr(ablation, "read_films", lambda _, **names: films)
    monkeypatch.setattr(ablation, "is_synthetic", lambda _: True)
    monkeypatch.setattr(ablation, "_open", lambda films, _: opened(films))
    monkeypatch.setattr(ablation, "_segmenter", lambda _: SimpleNamespace(weights_sha256="ab" * 32))
    training = TrainConfig(Path("films"), tmp_path / "out", image_size=32)
    return ablation.AblationConfig(training, seeds=2, shifted=Path("shifted"))


def opened(films: list[Film]) -> ReaderFilms:
    count = len(films)
    return ReaderFilms(
        np.full((count, FILM_PLANES, 32, 32), 90, np.uint8),
        np.zeros((count, len(CHANNELS), 16, 16), np.uint8),
        np.zeros((count, REGION_TOKENS, REGION_FEATURES), np.float32),
        [f.facts for f in films if f.facts],
        [f.metadata for f in films],
    )


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> list[TrainConfig]:
    """What was trained; the checkpoints are random weights, the last training ends early when told to."""
    done: list[TrainConfig] = []
    pieces = WordPieces.train([narrate(NORMAL), metadata_text(FilmMetadata(view=View.ERECT))])

    def train(config: TrainConfig) -> Path:
        done.append(config)
        sizes = ReportNetworkConfig(
            len(pieces), 32, hidden=32, heads=2, vision_layers=1, text_layers=1, decoder_layers=1,
            longest_report=6, sees=config.sees,
        )  # fmt: skip
        torch.manual_seed(config.seed)
        network = ReportNetwork(sizes)
        config.out.mkdir(parents=True, exist_ok=True)
        (config.out / TOKENIZER_FILE).write_text(pieces.to_json())
        save_checkpoint(
            config.out / "checkpoint", tensors=network.state_dict(),
            metrics={}, recipe={}, data={}, card="card",
            config=Reporter(network, pieces).to_config(),
            extra_files={TOKENIZER_FILE: config.out / TOKENIZER_FILE},
        )  # fmt: skip
        return config.out / "checkpoint"

    monkeypatch.setattr(ablation, "train_captioner", train)
    return done


def test_every_variant_is_trained_once_with_what_it_may_see_and_one_cache(
    config: ablation.AblationConfig, trainings: list[TrainConfig]
) -> None:
    result = ablation.run_ablation(config)
    assert [t.sees for t in trainings[:4]] == [
        ("metadata",), ("film",), ("film", "metadata"), SOURCES,
    ]  # fmt: skip
    assert [t.seed for t in trainings] == [0] * 4 + [1] * 4
    assert {t.cache for t in trainings} == {config.training.out / "cache"}
    assert len({t.out for t in trainings}) == 8 and all(t.resume for t in trainings)
    assert tuple(result.sets["test"].variants) == ablation.VARIANTS
    assert len(result.sets["shifted"].variants["image only"]["fact_f1"].seeds) == 2
    assert read_stored(json.loads((config.training.out / "ablation.json").read_text())) == result
    again = ablation.run_ablation(config)
    assert len(trainings) == 8 and again == result
    ablation.run_ablation(replace(config, seeds=3))
    assert len(trainings) == 12


def test_a_stopped_ablation_resumes_where_it_left_off(
    config: ablation.AblationConfig, trainings: list[TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    train: Callable[[TrainConfig], Path] = ablation.train_captioner

    def stop(config: TrainConfig) -> Path:
        if len(trainings) == 3:
            raise KeyboardInterrupt
        return train(config)

    monkeypatch.setattr(ablation, "train_captioner", stop)
    with pytest.raises(KeyboardInterrupt):
        ablation.run_ablation(config)
    monkeypatch.setattr(ablation, "train_captioner", train)
    ablation.run_ablation(config)
    assert len(trainings) == 8 and len({t.out for t in trainings}) == 8


def test_a_folder_of_another_ablation_is_refused(
    config: ablation.AblationConfig, trainings: list[TrainConfig]
) -> None:
    ablation.run_ablation(replace(config, seeds=1))
    with pytest.raises(ValueError, match="another minutes"):
        ablation.run_ablation(replace(config, training=replace(config.training, minutes=99)))


def test_an_ablation_is_a_table_and_a_picture(
    config: ablation.AblationConfig, trainings: list[TrainConfig], tmp_path: Path
) -> None:
    result = ablation.run_ablation(config)
    table = ablation_table(result)
    assert table.count("| oracle facts |") == 2 and "synthetic test films" in table
    assert all(line in table for line in result.conclusion["test"])
    draw_ablation(result, tmp_path / "ablation.png")
    assert (tmp_path / "ablation.png").stat().st_size > 20_000
