"""Beam search and the pictures of a reader, on small random readers and on the bundled weights."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pedaxr_models.captioning import figures
from pedaxr_models.captioning.beam import log_probability, token_probabilities, write_with_beams
from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.captioning.tokenizer import END, PAD
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Severity, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, View
from pedaxr_models.report_text.grammar import narrate


@pytest.fixture(scope="module")
def reporter() -> Reporter:
    return Reporter.load(weights_folder("captioner"))


@pytest.fixture(scope="module")
def films(reporter: Reporter) -> ReaderFilms:
    """Twelve blotched films of two labels, on which something or other was segmented."""
    rng = np.random.default_rng(0)
    size = reporter.network.config.image_size
    coarse = rng.integers(0, 256, (12, len(CHANNELS), 5, 5), dtype=np.uint8)
    facts = [
        FilmFacts(View.ERECT, tuple(FindingFact(f, Presence.ABSENT) for f in FINDINGS)),
        FilmFacts(
            View.ERECT,
            tuple(
                FindingFact(f, Presence.PRESENT, Severity.MILD, Side.BOTH)
                if f is Finding.CONSTIPATION
                else FindingFact(f, Presence.ABSENT)
                for f in FINDINGS
            ),
        ),
    ]
    return ReaderFilms(
        rng.integers(0, 256, (12, FILM_PLANES, size, size), dtype=np.uint8),
        coarse.repeat(size // 10, 2).repeat(size // 10, 3),
        rng.random((12, REGION_TOKENS, REGION_FEATURES), dtype=np.float32),
        facts * 6,
        [FilmMetadata(age_months=3, view=View.ERECT, working_diagnosis="normal")] * 12,
        np.zeros((12, 1, reporter.network.config.features, 1, 1), np.float16),
    )


@pytest.fixture(scope="module")
def memory(reporter: Reporter, films: ReaderFilms) -> tuple[torch.Tensor, torch.Tensor]:
    with torch.no_grad():
        ids, mask = figures.encoded_metadata(reporter.network, reporter.pieces, films, range(6))
        return reporter.network.eval().encode(films.seen(range(6)), ids, mask)[:2]


def test_beam_search_is_never_less_likely_than_greedy(reporter, memory) -> None:
    doubtful = figures.untrained(reporter.network).eval()  # the trained one leaves nothing to search for
    doubtful.config = replace(doubtful.config, longest_report=32)  # nor does it end
    for network, is_likelier in ((reporter.network, False), (doubtful, True)):
        greedy = log_probability(write_with_beams(network, *memory, num_beams=1)[1])
        ids, given = write_with_beams(network, *memory, num_beams=4)
        assert ids.shape == given.shape
        assert (log_probability(given) >= greedy - 1e-6).all()
        if is_likelier:
            assert (log_probability(given) > greedy + 1e-3).any()  # else nothing was searched


def test_the_probabilities_told_are_those_of_the_text(reporter, memory) -> None:
    for beams in (1, 3):
        ids, given = write_with_beams(reporter.network, *memory, num_beams=beams)
        torch.testing.assert_close(
            token_probabilities(reporter.network, *memory, ids), given, atol=1e-4, rtol=1e-3
        )
        assert (given[ids == PAD] == 1).all() and (ids[:, -1] != PAD).any()


def test_a_reporter_writes_with_the_beams_it_was_loaded_with(reporter, films) -> None:
    wide = Reporter.load(weights_folder("captioner"), num_beams=3)
    assert (reporter.num_beams, wide.num_beams) == (1, 3)
    texts = wide.describe_cached(films, [0, 1, 2])
    assert len(texts) == 3 and all(text.endswith(".") for text in texts)


def test_features_do_not_know_the_working_diagnosis_and_differ_before_and_after(reporter, films) -> None:
    after = figures.integrated_features(reporter.network, reporter.pieces, films)
    assert after.shape == (12, len(FINDINGS) * reporter.network.config.hidden)
    other = replace(films, metadata=[replace(m, working_diagnosis="constipation") for m in films.metadata])
    np.testing.assert_array_equal(
        after, figures.integrated_features(reporter.network, reporter.pieces, other)
    )
    fresh = figures.untrained(reporter.network)
    assert not np.allclose(after, figures.integrated_features(fresh, reporter.pieces, films))


def test_features_are_drawn_by_label(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    before = rng.standard_normal((20, 8)).astype(np.float32)
    labels = ["normal", "constipation"] * 10
    after = before + 9 * (np.arange(20) % 2)[:, None].astype(np.float32)
    figures.draw_features(before, after, labels, tmp_path / "features.png")
    assert (tmp_path / "features.png").stat().st_size > 20_000
    with pytest.raises(ValueError, match="two labels"):
        figures.draw_features(before, after, ["normal"] * 20, tmp_path / "none.png")


def test_the_attention_of_every_token_adds_up_to_one(reporter, memory) -> None:
    ids, _ = reporter.network.write(*memory)
    taken = figures.cross_attention(reporter.network, *memory, ids)
    assert taken.shape == (*ids.shape, memory[0].shape[1])
    torch.testing.assert_close(taken.sum(-1), torch.ones(ids.shape))
    assert reporter.network.decoder.config._attn_implementation != "eager"  # put back


def test_a_sentence_ends_with_its_full_stop(reporter) -> None:
    text = narrate(FilmFacts(View.ERECT, tuple(FindingFact(f, Presence.ABSENT) for f in FINDINGS)))
    ids = reporter.pieces.encode([text], longest=128)[0][0, 1:].tolist()
    spans = figures.sentence_spans([*ids, PAD], reporter.pieces)
    assert " ".join(reporter.pieces.decode(ids[span]) for span in spans) == text
    assert ids[spans[-1].stop] == END


def test_attention_is_drawn_sentence_by_sentence(reporter, films, tmp_path: Path) -> None:
    looks = figures.sentence_looks(reporter.network, reporter.pieces, films, 0)
    text = reporter.describe_cached(films, [0])[0]
    assert " ".join(look.sentence for look in looks) == text
    for look in looks:
        assert sum(look.shares.values()) == pytest.approx(1, abs=1e-4)
        assert look.heat.shape == films.films.shape[2:] and (look.heat >= 0).all()
    assert figures.one_film_per_label(films) == [1, 0]
    figures.draw_attention(films.films[0, 0], looks, figures.film_title(films, 0), tmp_path / "attention.png")
    assert (tmp_path / "attention.png").stat().st_size > 20_000
