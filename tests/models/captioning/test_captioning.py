"""The reader: what its parts must do whatever the weights, and that two films can be learnt by heart."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms, Seen
from pedaxr_models.captioning.metadata_text import metadata_text, with_dropout
from pedaxr_models.captioning.network import SOURCES, ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS, region_features
from pedaxr_models.captioning.reporter import TOKENIZER_FILE, Reporter
from pedaxr_models.captioning.tokenizer import END, PAD, START, WordPieces
from pedaxr_models.captioning.train import Run, TrainConfig, report_loss
from pedaxr_models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import UNREADABLE, FilmFacts, FindingFact, Presence, Severity, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure, View
from pedaxr_models.report_text.fact_scores import fact_scores
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.parser import split_sentences
from pedaxr_models.segmentation.segmenter import Segmentation
from pedaxr_models.segmentation.transforms import Letterbox
from pedaxr_models.training.loop import one_cycle, set_learning_rate


def facts(*present: Finding, side: Side = Side.RIGHT) -> FilmFacts:
    def fact(finding: Finding) -> FindingFact:
        if finding not in present:
            return FindingFact(finding, Presence.ABSENT)
        count = 4 if finding is Finding.AIR_FLUID_LEVEL else None
        return FindingFact(finding, Presence.PRESENT, Severity.MARKED, side, (), count)

    return FilmFacts(View.ERECT, tuple(fact(finding) for finding in FINDINGS))


FREE_AIR, NOTHING = facts(Finding.PNEUMOPERITONEUM), facts()
BODY = (
    (Structure.SPINE, slice(0, 32), slice(14, 18)),
    (Structure.LUNGS, slice(0, 5), slice(4, 28)),
    (Structure.LIVER, slice(6, 14), slice(4, 14)),
    (Structure.PELVIS, slice(24, 32), slice(6, 26)),
)


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    rng = np.random.default_rng(0)
    texts = [narrate(f, rng) for f in (FREE_AIR, NOTHING) for _ in range(20)]
    return WordPieces.train([*texts, UNREADABLE, metadata_text(FilmMetadata(age_months=3, view=View.ERECT))])


@pytest.fixture
def network(pieces: WordPieces) -> ReportNetwork:
    torch.manual_seed(0)
    config = ReportNetworkConfig(
        vocabulary=len(pieces), image_size=64, hidden=64, vision_layers=2, text_layers=1, decoder_layers=1
    )
    return ReportNetwork(config).eval()


@pytest.fixture
def batch(pieces: WordPieces) -> Iterator[tuple[Seen | torch.Tensor, ...]]:
    generator = torch.Generator().manual_seed(1)
    values = Seen(
        torch.randn(2, FILM_PLANES + len(CHANNELS), 64, 64, generator=generator),
        torch.rand(2, REGION_TOKENS, REGION_FEATURES, generator=generator),
    )
    ids, mask = pieces.encode(["age 3 months", "view erect"], longest=16)
    reports, _ = pieces.encode([narrate(FREE_AIR, None), narrate(NOTHING, None)], longest=96)
    yield values, ids, mask, reports


def test_the_next_token_cannot_change_the_logits_before_it(network, batch) -> None:
    values, ids, mask, reports = batch
    changed = reports.clone()
    changed[:, 8] = (changed[:, 8] + 1) % len(CHANNELS)
    before, after = (network(values, ids, mask, r)[0] for r in (reports, changed))
    torch.testing.assert_close(before[:, :8], after[:, :8])
    assert not torch.allclose(before[:, 8:], after[:, 8:])


def test_gradient_reaches_every_parameter(network, batch) -> None:
    logits, findings, _ = network.train()(*batch)
    (logits.logsumexp(-1).mean() + logits.std() + findings.sum()).backward()
    unreached = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().any()]
    # A key bias shifts all scores of a query alike, so softmax cancels it.
    assert [n for n in unreached if "key.bias" not in n and "k_proj.bias" not in n] == []


def test_every_patch_can_change_the_report(network, batch) -> None:
    values, ids, mask, reports = batch
    for corner in (slice(0, 16), slice(48, 64)):
        pixels = values.pixels.clone()
        pixels[:, 0, corner, corner] += 2
        other = Seen(pixels, values.regions)
        assert not torch.equal(network(values, ids, mask, reports)[0], network(other, ids, mask, reports)[0])


def test_every_region_can_change_the_report(network, batch) -> None:
    values, ids, mask, reports = batch
    for channel in (0, REGION_TOKENS - 1):
        regions = values.regions.clone()
        regions[:, channel] += 1
        other = Seen(values.pixels, regions)
        assert not torch.equal(network(values, ids, mask, reports)[0], network(other, ids, mask, reports)[0])


@pytest.mark.parametrize("source", SOURCES)
def test_a_reader_does_without_what_it_is_not_given(network, batch, source: str) -> None:
    values, ids, mask, reports = batch
    blind = ReportNetwork(replace(network.config, sees=tuple(s for s in SOURCES if s != source))).eval()
    blind.load_state_dict(network.state_dict())
    film, masks = values.pixels[:, :FILM_PLANES], values.pixels[:, FILM_PLANES:]
    other = {
        "film": (Seen(torch.cat([-film, masks], 1), values.regions), ids),
        "masks": (Seen(torch.cat([film, -masks], 1), values.regions + 1), ids),
        "metadata": (values, torch.cat([ids[:, :1], ids[:, 1:].flip(1)], 1)),
    }
    changed, words = other[source]
    assert torch.equal(blind(values, ids, mask, reports)[0], blind(changed, words, mask, reports)[0])
    assert not torch.equal(network(values, ids, mask, reports)[0], network(changed, words, mask, reports)[0])


def test_greedy_search_is_the_same_with_and_without_its_cache(network, batch) -> None:
    memory, memory_mask, _ = network.encode(*batch[:3])
    cached, probabilities = network.write(memory, memory_mask)
    assert torch.equal(cached, network.write(memory, memory_mask, use_cache=False)[0])
    assert probabilities.shape == cached.shape
    assert ((probabilities > 0) & (probabilities <= 1)).all()


def test_a_saved_reader_gives_equal_logits(network, pieces, batch, tmp_path: Path) -> None:
    network.half().float()  # what is stored has half precision
    save_reader(network, pieces, tmp_path)
    stored = load_checkpoint(tmp_path / "reader").config["network"]
    loaded = ReportNetwork(ReportNetworkConfig.from_json(stored))
    loaded.load_state_dict(load_checkpoint(tmp_path / "reader").tensors)
    torch.testing.assert_close(loaded.eval()(*batch)[0], network(*batch)[0])


def save_reader(reader: ReportNetwork, pieces: WordPieces, folder: Path, **changes: object) -> None:
    (folder / TOKENIZER_FILE).write_text(pieces.to_json(), encoding="utf-8")
    save_checkpoint(
        folder / "reader",
        tensors=reader.state_dict(),
        config={**Reporter(reader, pieces).to_config(), **changes},
        metrics={},
        recipe={},
        data={},
        card="card",
        extra_files={TOKENIZER_FILE: folder / TOKENIZER_FILE},
    )


def test_a_checkpoint_of_something_else_is_refused_with_what_to_do(network, pieces, tmp_path: Path) -> None:
    save_reader(network, pieces, tmp_path, network={"vocabulary": 3})
    with pytest.raises(CheckpointError, match="pedaxr train captioner"):
        Reporter.load(tmp_path / "reader")


def grown(probabilities: np.ndarray) -> np.ndarray:
    """(C, 32, 32) uint8 as the segmentation gave them: (C, 512, 512) float32."""
    return np.repeat(np.repeat(probabilities.astype(np.float32) / 255, 16, 1), 16, 2)


@pytest.fixture(scope="module")
def learnt(pieces: WordPieces) -> tuple[Reporter, ReaderFilms]:
    """A reader that knows two films by heart, which have the same metadata."""
    torch.manual_seed(0)
    films = ReaderFilms(
        np.broadcast_to(np.linspace(60, 200, 64).astype(np.uint8), (2, FILM_PLANES, 64, 64)).copy(),
        np.zeros((2, len(CHANNELS), 32, 32), np.uint8),
        np.zeros((2, REGION_TOKENS, REGION_FEATURES), np.float32),
        [FREE_AIR, NOTHING],
        [FilmMetadata(view=View.ERECT)] * 2,
    )
    for structure, rows, columns in BODY:  # what tells a film on which nothing is found from no film
        films.probabilities[:, CHANNELS.index(structure), rows, columns] = 255
    films.probabilities[0, CHANNELS.index(Finding.PNEUMOPERITONEUM), 4:8] = 255
    for index in range(2):
        films.regions[index] = region_features(grown(films.probabilities[index]))
    nothing_seen = {"probabilities": 0 * films.probabilities, "regions": 0 * films.regions}
    ood_images = replace(films, films=np.full_like(films.films, 90), **nothing_seen)
    opened = {"train": films, "ood_images": ood_images}
    config = ReportNetworkConfig(
        vocabulary=len(pieces),
        image_size=64,
        hidden=64,
        vision_layers=2,
        text_layers=1,
        decoder_layers=1,
        dropout=0.0,
    )
    network = ReportNetwork(config)
    run = Run(
        network, pieces, torch.optim.AdamW(network.parameters(), fused=True), torch.device("cpu"), network
    )
    learn_by_heart(TrainConfig(Path(), Path(), plain_wording=1.0, unreadable=0.4), run, opened)
    return Reporter(network, pieces), films


def learn_by_heart(config: TrainConfig, run: Run, opened: dict[str, ReaderFilms]) -> None:
    """With the rate and clipping of a training; without, it hung on rounding whether a blank was learnt."""
    steps = 140
    for step in range(steps):
        set_learning_rate(run.optimiser, one_cycle(step / steps, peak=3e-3, warmup=0.1, floor=0.01))
        loss = report_loss(config, run, opened, [0, 1, 0, 1], seed=step)
        run.optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
        run.optimiser.step()


def test_two_films_are_learnt_by_heart(learnt) -> None:
    reporter, films = learnt
    assert reporter.describe_cached(films, [0, 1]) == [narrate(FREE_AIR, None), narrate(NOTHING, None)]


def test_the_report_follows_the_film_when_films_are_swapped(learnt) -> None:
    reporter, films = learnt
    assert reporter.describe_cached(films, [0, 1], change="swapped") == reporter.describe_cached(
        films, [1, 0]
    )


def test_a_wrong_working_diagnosis_does_not_change_the_findings(learnt) -> None:
    reporter, films = learnt
    misled = reporter.describe_cached(films, [0, 1], diagnoses=["normal", "pneumoperitoneum"])
    assert fact_scores(films.facts, misled)["presence_accuracy"] == 1.0


@pytest.mark.parametrize("change", ["blank", "noise"])
def test_nothing_is_found_where_there_is_no_film(learnt, change: str) -> None:
    reporter, films = learnt
    assert reporter.describe_cached(films, [0, 1], change=change) == [UNREADABLE, UNREADABLE]


def test_describe_says_how_much_the_report_depends_on_the_film(learnt) -> None:
    reporter, films = learnt
    seen = grown(films.probabilities[0])
    pixels = np.broadcast_to(np.linspace(0.2, 0.8, 90, dtype=np.float32), (90, 90)).copy()
    told = reporter.describe(pixels, Segmentation(seen, Letterbox(90, 90)), films.metadata[0])
    assert told.sentences[1] == split_sentences(narrate(FREE_AIR, None))[1]
    assert told.probabilities[Finding.PNEUMOPERITONEUM] > 0.5 > told.probabilities[Finding.CONSTIPATION]
    assert 0 < told.confidence <= 1
    flat = reporter.describe(
        np.full((90, 90), 0.5, np.float32), Segmentation(0 * seen, Letterbox(90, 90)), films.metadata[0]
    )
    assert flat.is_refusal
    assert 0.5 < told.image_dependence <= 1
    assert flat.image_dependence < told.image_dependence / 4


def test_metadata_text_leaves_out_what_is_not_known_and_markup() -> None:
    assert metadata_text(FilmMetadata()) == "nothing known"
    text = metadata_text(FilmMetadata(age_months=0.3, patient_sex="F", indication="**vomiting**\n# Ignore"))
    assert text == "age 9 days ; sex female ; indication vomiting ignore"


def test_the_working_diagnosis_is_dropped_most_of_the_time() -> None:
    rng = np.random.default_rng(0)
    given = FilmMetadata(age_months=3, working_diagnosis="normal")
    kept = [with_dropout(given, rng).working_diagnosis is not None for _ in range(500)]
    assert 0.3 < np.mean(kept) < 0.5


def test_word_pieces_round_trip_and_pad(pieces: WordPieces) -> None:
    text = narrate(FREE_AIR, None)
    ids, mask = pieces.encode([text, UNREADABLE], longest=128)
    assert (ids[:, 0] == START).all() and ids[0, -1] == END and ids[1, -1] == PAD
    assert mask.sum() == (ids != PAD).sum()
    assert pieces.decode(ids[0].tolist()) == text
    assert WordPieces.from_json(pieces.to_json()).encode([text], longest=128)[0].tolist() == [ids[0].tolist()]
    assert pieces.encode([text], longest=5)[0].shape == (1, 5)


def test_scores_tell_a_true_report_from_a_wrong_side_an_omission_and_a_hallucination() -> None:
    def scores(said: FilmFacts) -> dict[str, float]:
        return fact_scores([FREE_AIR], [narrate(said, None)])

    assert scores(FREE_AIR)["fact_f1"] == 1.0
    assert scores(FREE_AIR)["free_air_sensitivity"] == 1.0
    left = replace(FREE_AIR, findings=facts(Finding.PNEUMOPERITONEUM, side=Side.LEFT).findings)
    assert scores(left)["laterality_error_rate"] == 1.0
    assert scores(NOTHING)["omission_rate"] == 1.0
    assert scores(facts(Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION))["hallucination_rate"] == 0.5


def test_a_budget_is_of_minutes_or_of_steps() -> None:
    run = SimpleNamespace(step=30, elapsed_s=15.0)
    by_time = TrainConfig(data=Path(), out=Path(), minutes=1.0)
    assert Run.share(run, by_time) == 0.25  # type: ignore[arg-type]
    assert Run.share(run, replace(by_time, steps=40)) == 0.75  # type: ignore[arg-type]
    assert Run.share(run, replace(by_time, steps=20)) == 1.0  # type: ignore[arg-type]
