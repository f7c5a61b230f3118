"""The proofs that the film is read: true of a reader that reads it, and not of ones that do not."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch

from pedaxr_models.captioning import faithfulness as proofs
from pedaxr_models.captioning.card import metrics_table, model_card, reading_table
from pedaxr_models.captioning.evaluate import CaptionerScores, evaluate_captioner, stored_scores, to_metrics
from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.finding_metrics import finding_calls, proportion
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import UNREADABLE, FilmFacts, FindingFact, Presence, Severity, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, NORMAL, Finding, View
from pedaxr_models.report_text.fact_scores import fact_scores
from pedaxr_models.report_text.grammar import narrate


def facts(*present: Finding, side: Side = Side.RIGHT) -> FilmFacts:
    def fact(finding: Finding) -> FindingFact:
        if finding not in present:
            return FindingFact(finding, Presence.ABSENT)
        count = 3 if finding is Finding.AIR_FLUID_LEVEL else None
        return FindingFact(finding, Presence.PRESENT, Severity.MARKED, side, (), count)

    return FilmFacts(View.ERECT, tuple(fact(finding) for finding in FINDINGS))


AIR = Finding.PNEUMOPERITONEUM
TRUTH = [facts(), *(facts(finding) for finding in FINDINGS), facts(AIR, Finding.CONSTIPATION), facts()]


@pytest.fixture(scope="module")
def reporter() -> Reporter:
    return Reporter.load(weights_folder("captioner"))


@pytest.fixture(scope="module")
def films(reporter: Reporter) -> ReaderFilms:
    """Blotched films that show none of what their facts say, one after another brighter."""
    rng, size = np.random.default_rng(0), reporter.network.config.image_size
    coarse = rng.integers(0, 256, (len(TRUTH), len(CHANNELS), 5, 5), dtype=np.uint8)
    return ReaderFilms(
        rng.integers(0, 256, (len(TRUTH), FILM_PLANES, size, size), dtype=np.uint8),
        coarse.repeat(size // 10, 2).repeat(size // 10, 3),
        rng.random((len(TRUTH), REGION_TOKENS, REGION_FEATURES), dtype=np.float32),
        TRUTH,
        [FilmMetadata(age_months=3, view=View.ERECT)] * len(TRUTH),
        np.zeros((len(TRUTH), 1, reporter.network.config.features, 1, 1), np.float16),
    )


class Scripted:
    """A reader that says what its script does, given the film's facts (None: no film) and the diagnosis."""

    def __init__(self, reporter: Reporter, script: Callable[[FilmFacts | None, str | None], str]) -> None:
        self._real, self._script = reporter, script
        self.network, self.pieces = reporter.network, reporter.pieces
        self.encode_cached, self.probabilities_cached = reporter.encode_cached, reporter.probabilities_cached

    def describe_cached(
        self,
        films: ReaderFilms,
        indices: Sequence[int],
        *,
        diagnoses: Sequence[str | None] | None = None,
        change: str | None = None,
        without_metadata: bool = False,
    ) -> list[str]:
        shown: list[FilmFacts | None] = [films.facts[i] for i in indices]
        shown = shown[-1:] + shown[:-1] if change == "swapped" else shown
        shown = [None] * len(shown) if change in ("blank", "noise") or films.facts is NOTHING else shown
        return [self._script(f, d) for f, d in zip(shown, diagnoses or [None] * len(shown), strict=True)]


NOTHING = [facts()] * 2


def ood_images_of(films: ReaderFilms) -> ReaderFilms:
    arrays = {name: getattr(films, name)[:2] for name in ("films", "probabilities", "regions")}
    return replace(films, facts=NOTHING, metadata=[FilmMetadata()] * 2, **arrays)


def proved(reporter: Reporter, films: ReaderFilms, script: Callable[..., str]) -> dict[str, float]:
    ood_images = ood_images_of(films)
    reader, every = Scripted(reporter, script), range(len(films))
    texts, bare, blank = (
        reader.describe_cached(films, every, **how)
        for how in ({}, {"without_metadata": True}, {"change": "blank"})
    )
    return proofs.prove(
        reader,
        films,
        ood_images,
        texts=texts,
        without_metadata=bare,
        blank=blank,  # type: ignore[arg-type]
    )


def of_label(label: str) -> FilmFacts:
    return facts(*([] if label == NORMAL else [Finding(label)]))


def test_the_proofs_hold_of_a_reader_that_reads_the_film(reporter, films) -> None:
    found = proved(reporter, films, lambda film, _: narrate(film) if film else UNREADABLE)
    changed = found.pop("report changes when the film is swapped")
    assert set(found.values()) == {1.0}
    assert changed == 7 / 8  # the first and the last film are alike


def test_a_reader_that_believes_the_diagnosis_is_found_out(reporter, films) -> None:
    found = proved(
        reporter, films, lambda film, label: narrate(of_label(label) if label else film or facts())
    )
    assert found["findings right"] == 1
    assert found["findings unchanged by a wrong working diagnosis"] == 0
    assert found["findings right under a wrong working diagnosis"] == 0


def test_a_reader_that_says_the_same_of_every_film_is_found_out(reporter, films) -> None:
    found = proved(reporter, films, lambda film, _: narrate(facts(Finding.CONSTIPATION)))
    assert found["report changes when the film is swapped"] == 0
    assert found["no finding on an empty input, nothing segmented"] == 0
    assert found["no finding on segmented pictures that are no films"] == 0
    assert found["free air named when present"] == 0 and found["free air not named when absent"] == 1


def test_no_word_depends_on_a_later_one_and_a_decoder_without_its_mask_is_found_out(
    reporter, films, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert proofs.causal(reporter, films) == [True] * len(TRUTH)
    monkeypatch.setattr(reporter.network.decoder.config, "is_decoder", False)
    assert proofs.causal(reporter, films) == [False] * len(TRUTH)


def test_the_true_words_before_the_next_one_give_a_reader_away(reporter, films) -> None:
    """These films show nothing: what is right under teacher forcing was read off the words."""
    free = reporter.describe_cached(films, range(len(films)))
    found = proofs.exposure(reporter, films, free)
    assert found.free["fact_f1"] == fact_scores(films.facts, free)["fact_f1"]
    assert found.forced["fact_f1"] > found.free["fact_f1"]
    assert found.perplexity > 1
    _, other = proofs.next_words(reporter, replace(films, facts=TRUTH[::-1]))
    assert other != pytest.approx(found.perplexity, abs=1e-6)


def test_the_likeliest_words_after_a_text_learnt_by_heart_are_that_text(reporter, films) -> None:
    """What the reader itself writes is, word for word, the likeliest after its own words."""
    with torch.inference_mode():
        memory, mask, _ = reporter.encode_cached(films, [0])
        written, _ = reporter.network.write(memory, mask)
    text = reporter.pieces.decode(written[0].tolist())
    given, logits = proofs._taught(reporter, films, [0], torch.cat([torch.tensor([[2]]), written], 1))
    assert reporter.pieces.decode(logits.argmax(-1)[0].tolist()) == text
    assert given.shape[1] == logits.shape[1] + 1


def test_left_for_both_is_a_wrong_side_and_only_left_for_right_is_the_opposite_one() -> None:
    both, right, left = (facts(AIR, side=side) for side in (Side.BOTH, Side.RIGHT, Side.LEFT))

    def rates(true: list[FilmFacts], said: list[FilmFacts]) -> tuple[float, float]:
        found = fact_scores(true, [narrate(f) for f in said])
        return found["laterality_error_rate"], found["opposite_side_rate"]

    assert rates([both], [left]) == (1, 0)
    assert rates([right], [both]) == (1, 0)
    assert rates([right], [left]) == rates([left], [right]) == (1, 1)
    assert rates([right, both, left], [right, left, right]) == (round(2 / 3, 4), 0.5)
    assert rates([right], [facts()]) == (0, 0)  # not said to be there: omitted, on no side


def test_calls_are_counted_where_the_view_can_show_the_finding(reporter, films) -> None:
    texts = [narrate(film) for film in TRUTH]
    right = finding_calls(reporter, films, texts)
    assert right.coverage == {"1": 1.0, "0.9": 1.0, "0.8": 1.0, "0.7": 1.0}
    assert all(row.sensitivity[0] == row.specificity[0] == 1 for row in right.findings.values())
    wrong = finding_calls(reporter, films, [narrate(facts())] * len(TRUTH))
    assert wrong.findings[AIR].sensitivity[0] == 0 and wrong.coverage["1"] == 2 / 8
    supine = [replace(film, view=View.SUPINE) for film in TRUTH]
    unseen = finding_calls(reporter, replace(films, facts=supine), texts).findings
    assert unseen[Finding.AIR_FLUID_LEVEL].films_with == unseen[Finding.AIR_FLUID_LEVEL].films_without == 0
    assert unseen[AIR].films_with == 2


def test_a_proportion_has_wilson_s_interval() -> None:
    assert proportion(9, 10) == pytest.approx([0.9, 0.5958, 0.9821], abs=1e-4)
    assert proportion(0, 10)[:2] == (0, 0) and proportion(10, 10)[2] == 1
    assert proportion(0, 0) == (None, None, None)


def test_the_card_shows_every_proof_with_its_figure(reporter, films) -> None:
    ood_images = ood_images_of(films)
    metrics = evaluate_captioner(reporter, films, ood_images, synthetic=True)
    table = metrics_table(metrics)
    for name, value in metrics.proofs.items():
        assert f"| {name} | {value:.3f} |" in table
    gap = metrics.words_before.free["fact_f1"] - metrics.words_before.forced["fact_f1"]
    assert f"| gap | {gap:+.3f} |" in table
    assert "| wrong side | left for right |" in table and "left for right" in reading_table(metrics)
    assert stored_scores(json.loads(json.dumps(to_metrics(metrics)))) == metrics
    also = [{"name": "a public set", "films": 18, "licence": "CC BY 4.0"}]
    card = model_card(reporter.network, metrics, {"films": {"train": 7}, "also": also})
    assert (
        "on 7 train films, and on real pictures" in card and "18 pictures of a public set (CC BY 4.0)" in card
    )
    assert "real pictures" not in model_card(reporter.network, metrics, {"films": {"train": 7}})
    older = CaptionerScores(True, len(films), metrics.readers, metrics.proofs)
    assert "teacher forcing" not in metrics_table(older)  # of checkpoints from before these were measured
