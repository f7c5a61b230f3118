"""A report writer that may not say what both witnesses exclude, whatever its weights."""

import numpy as np
import pytest
import torch

from pedaxr_models.captioning.card import constrained_table
from pedaxr_models.captioning.constrained.allowed import REFUSAL, Choices, allowed_sentences
from pedaxr_models.captioning.constrained.evidence import Evidence
from pedaxr_models.captioning.constrained.price import excluded, is_exact, price_of_constraint
from pedaxr_models.captioning.constrained.write import OnlyAllowed, write_allowed
from pedaxr_models.captioning.evaluate import CaptionerScores, stored_scores, to_metrics
from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.measured_tokens import SCALES, Scale
from pedaxr_models.captioning.metadata_text import metadata_text
from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.region_tokens import region_features
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.captioning.tokenizer import END, PAD, START, WordPieces
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import UNREADABLE, Presence, Quadrant, Severity, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure, View
from pedaxr_models.phantom import FilmSpec, make_film
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.parser import parse, split_sentences

AIR, STOMACH, LEVEL = Finding.PNEUMOPERITONEUM, Finding.PYLORIC_STENOSIS, Finding.AIR_FLUID_LEVEL
FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float32]]


def drawn(**boxes: tuple[int, int, int, int]) -> FloatArray:
    """Region features of boxes (top, bottom, left, right) by channel, beside a spine and an L2 30 wide."""
    planes = np.zeros((len(CHANNELS), 512, 512), np.float32)
    boxes = {Structure.SPINE: (50, 450, 246, 266), Structure.L2_BODY: (200, 220, 241, 271), **boxes}
    for name, (top, bottom, left, right) in boxes.items():
        planes[CHANNELS.index(name), top:bottom, left:right] = 0.95
    return region_features(planes)


def evidence(regions: FloatArray, view: View | None = View.ERECT, **likely: float) -> Evidence:
    return Evidence(regions, dict.fromkeys(FINDINGS, 0.02) | {Finding(k): p for k, p in likely.items()}, view)


FULL = drawn(stomach=(100, 190, 280, 400), pyloric_stenosis=(100, 190, 280, 400))
EMPTY = drawn()


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    rng = np.random.default_rng(0)
    films = [
        make_film(FilmSpec(seed=3, index=n, view=View.ERECT, age_months=40.0, severity=((finding, 0.7),)))
        for n, finding in enumerate((AIR, LEVEL))
    ]
    texts = [narrate(film.facts, rng) for film in films for _ in range(20)]
    return WordPieces.train([*texts, UNREADABLE, metadata_text(FilmMetadata(age_months=3, view=View.ERECT))])


@pytest.mark.parametrize("name", SCALES)
def test_a_measure_is_read_back_from_its_code(name: str) -> None:
    scale = SCALES[name]
    ends = (scale.low, scale.high)
    for value in np.linspace(*ends, 9) if scale.is_linear else np.geomspace(*ends, 9):
        assert scale.value(scale.code(float(value))) == pytest.approx(float(value), rel=0.01)
    assert scale.value(np.zeros_like(scale.code(1.0))) is None
    assert isinstance(scale, Scale)


def test_what_both_witnesses_deny_may_not_be_said_and_what_one_affirms_may() -> None:
    assert evidence(EMPTY).presences(STOMACH) == (Presence.ABSENT,)
    assert evidence(FULL, pyloric_stenosis=0.9).presences(STOMACH) == (Presence.PRESENT,)
    assert set(evidence(FULL).presences(STOMACH)) == {Presence.PRESENT, Presence.ABSENT}
    assert set(evidence(EMPTY, pyloric_stenosis=0.9).presences(STOMACH)) == {
        Presence.PRESENT,
        Presence.ABSENT,
    }
    assert evidence(EMPTY, View.SUPINE, air_fluid_level=0.9).presences(LEVEL) == (Presence.NOT_ASSESSED,)
    assert evidence(EMPTY, View.SUPINE).presences(AIR) == (Presence.NOT_ASSESSED,)


def test_slots_are_those_of_the_outline() -> None:
    seen = evidence(FULL)
    assert seen.sides(STOMACH) == (Side.LEFT,)
    assert seen.quadrants(STOMACH) == ((Quadrant.LUQ,),)
    assert seen.severities(STOMACH) == (Severity.MODERATE,) or Severity.MODERATE in seen.severities(STOMACH)
    assert Severity.MILD not in evidence(
        drawn(stomach=(60, 190, 280, 420), pyloric_stenosis=(60, 190, 280, 420))
    ).severities(STOMACH)
    assert evidence(EMPTY).sides(STOMACH) == (None,) and evidence(EMPTY).quadrants(STOMACH) == ((),)
    levels = drawn(air_fluid_level=(260, 300, 300, 380))
    assert evidence(levels, air_fluid_level=0.9).counts(LEVEL) == (1,)


@pytest.mark.parametrize(
    ("text", "slot"),
    [
        ("No gastric distension.", "pyloric_stenosis: presence"),
        ("Marked gastric distension on the right.", "pyloric_stenosis: side"),
        ("Mild gastric distension in the right lower quadrant.", "pyloric_stenosis: quadrants"),
        ("Marked free gas on the left.", "pneumoperitoneum: presence"),
        ("Supine abdominal radiograph.", "view"),
        ("Distal bowel gas is normal.", "distal gas"),
        ("Stool burden: right colon marked, left colon none, rectosigmoid none.", "stool"),
    ],
)
def test_what_is_excluded_is_named(text: str, slot: str) -> None:
    seen = evidence(FULL, pyloric_stenosis=0.97)
    assert slot in excluded(text, seen)
    assert excluded("Erect abdominal radiograph. Gastric distension on the left. No free gas.", seen) == []


@pytest.mark.parametrize("seed", range(6))
def test_random_scores_write_allowed_sentences_only_each_topic_once(seed: int, pieces: WordPieces) -> None:
    seen = evidence(FULL, pyloric_stenosis=0.97)
    allowed = {text.lower() for _, text in allowed_sentences(seen)}
    rule = OnlyAllowed([Choices.of(allowed_sentences(seen), pieces)])
    generator = torch.Generator().manual_seed(seed)
    ids = torch.tensor([[START]])
    while int(ids[0, -1]) != END and ids.shape[1] < 200:
        scores = rule(ids, torch.randn(1, len(pieces), generator=generator) * 5)
        ids = torch.cat([ids, scores.argmax(-1, keepdim=True)], 1)
    text = pieces.decode(ids[0, 1:].tolist())
    sentences = split_sentences(text)
    assert int(ids[0, -1]) == END and sentences
    assert {s.lower() for s in sentences} <= allowed and excluded(text, seen) == []
    assert all(map(is_exact, sentences))
    assert len({f.finding for f in parse(text).findings}) == len(parse(text).findings)
    assert UNREADABLE not in sentences or sentences == (UNREADABLE,)
    assert int(rule(ids, torch.zeros(1, len(pieces))).argmax()) == PAD, "nothing follows the end"


def test_a_refusal_is_always_allowed_and_stands_alone(pieces: WordPieces) -> None:
    seen = evidence(EMPTY)
    assert (REFUSAL, UNREADABLE) in set(allowed_sentences(seen))
    choices = Choices.of(allowed_sentences(seen), pieces)
    refusal = pieces.rows([UNREADABLE], longest=30)[0][1:-1]
    assert choices.next_tokens(refusal) == [END]


@pytest.fixture
def reporter(pieces: WordPieces) -> Reporter:
    torch.manual_seed(0)
    config = ReportNetworkConfig(
        vocabulary=len(pieces), image_size=64, hidden=32, vision_layers=1, text_layers=1, decoder_layers=1
    )
    return Reporter(ReportNetwork(config).eval(), pieces)


def test_random_weights_held_to_the_evidence_state_nothing_excluded(reporter: Reporter) -> None:
    rng = np.random.default_rng(1)
    film = make_film(FilmSpec(seed=3, index=0, view=View.ERECT, age_months=40.0, severity=((AIR, 0.7),)))
    films = ReaderFilms(
        rng.integers(0, 256, (3, FILM_PLANES, 64, 64), dtype=np.uint8),
        np.zeros((3, len(CHANNELS), 32, 32), np.uint8),
        np.stack([FULL, EMPTY, drawn(air_fluid_level=(260, 300, 300, 380))]),
        [film.facts] * 3,
        [FilmMetadata(view=View.ERECT)] * 3,
    )
    price = price_of_constraint(reporter, films)
    assert price["constrained"]["excluded"] == 0 and price["constrained"]["sentences_exact"] == 1
    assert price["greedy search"]["sentences_exact"] < 1, "random words are no sentences"
    assert price["constrained"]["log_likelihood"] <= price["greedy search"]["log_likelihood"] + 0.5
    assert not reporter.is_constrained, "as it was before"
    kept = stored_scores(to_metrics(CaptionerScores(True, 3, {}, {}, constrained=price)))
    assert kept.constrained == price
    table = constrained_table({"test": kept})
    assert "| constrained, test | " in table and table.count("\n") == 4
    assert constrained_table({"test": CaptionerScores(True, 3, {}, {})}) == ""


def test_the_probabilities_are_those_of_the_network_unconstrained(reporter: Reporter) -> None:
    choices = [Choices.of(allowed_sentences(evidence(EMPTY)), reporter.pieces)]
    memory = torch.randn(1, 5, 32)
    ids, given = write_allowed(reporter.network, memory, torch.ones(1, 5, dtype=torch.long), choices)
    assert ids.shape == given.shape and bool((given > 0).all()) and bool((given <= 1).all())
    assert float(given.mean()) < 0.5, "random weights would have written something else"
