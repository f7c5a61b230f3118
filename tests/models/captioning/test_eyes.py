"""Patches that hold features of a frozen backbone: the same in training and serving, never a stranger's."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from pedaxr_models.captioning.ablation.run import AblationConfig, variant_config
from pedaxr_models.captioning.eyes.backbone import FilmBackbone
from pedaxr_models.captioning.eyes.kept_features import backbone_of, open_for, with_features
from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms, Seen, blank_like, both, distort
from pedaxr_models.captioning.metadata_text import metadata_text
from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.pretrained import widened, with_stem
from pedaxr_models.captioning.recipe import TrainConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.reporter import TOKENIZER_FILE, Reporter
from pedaxr_models.captioning.tokenizer import WordPieces
from pedaxr_models.captioning.vision_stem import FeaturePlanes, feature_planes
from pedaxr_models.checkpoint import load_checkpoint, save_checkpoint, weights_folder
from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.labels import CHANNELS, FINDINGS, View
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.runtime.compiled_reporter import CompiledReporter
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.segmenter import Segmenter

SMALL = ReportNetworkConfig(
    40, image_size=32, hidden=32, heads=2, vision_layers=1, text_layers=1, decoder_layers=1,
    longest_text=8, longest_report=12, dropout=0.0,
)  # fmt: skip
HYBRID = replace(SMALL, stem="hybrid", features=64)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter.load(weights_folder("segmentation"))


@pytest.fixture(scope="module")
def film() -> np.ndarray:
    return (make_film(sample_spec(0, 1)).pixels / 255).astype(np.float32)


def batch(features: torch.Tensor | None) -> Seen:
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, FILM_PLANES + len(CHANNELS), 32, 32, generator=generator)
    return Seen(pixels, torch.rand(2, REGION_TOKENS, REGION_FEATURES, generator=generator), features)


def test_a_patch_holds_its_own_cells_of_the_features_and_no_others() -> None:
    planes = FeaturePlanes(64, patch_size=16, image_size=32)
    features = torch.randn(1, 64, 4, 4)
    before = planes(features)
    assert before.shape == (1, 1, 32, 32)
    moved = features.clone()
    moved[:, :, 3, 1] += torch.randn(64)
    differs = (planes(moved) != before).nonzero()
    assert differs[:, 2].min() >= 24 and set((differs[:, 3] // 8).tolist()) == {1}
    assert not planes(torch.zeros(1, 64, 1, 1)).any(), "no features, nothing to see"


def test_features_that_fill_no_whole_planes_are_refused() -> None:
    assert feature_planes(320, 16) == 5
    with pytest.raises(ValueError, match="320 features do not fill whole planes"):
        feature_planes(320, 32)


def test_a_hybrid_reads_its_features_and_a_reader_of_metadata_does_not() -> None:
    torch.manual_seed(0)
    network = ReportNetwork(HYBRID).eval()
    blind = ReportNetwork(replace(HYBRID, sees=("metadata",))).eval()
    blind.load_state_dict(network.state_dict())
    one, other = (batch(torch.randn(2, 64, 4, 4)) for _ in range(2))
    assert not torch.allclose(network.film_tokens(one), network.film_tokens(other))
    torch.testing.assert_close(blind.film_tokens(one), blind.film_tokens(other))
    with pytest.raises(ValueError, match="this film was opened without"):
        network.film_tokens(batch(None))
    with pytest.raises(ValueError, match="do not go with 0 features"):
        ReportNetwork(replace(SMALL, stem="hybrid"))


def test_the_bundled_writer_given_features_writes_what_it_wrote_before() -> None:
    checkpoint = load_checkpoint(weights_folder("captioner"))
    plain = replace(ReportNetworkConfig.from_json(checkpoint.config["network"]), stem="linear", features=0)
    torch.manual_seed(0)
    before = ReportNetwork(plain).eval()
    wider = ReportNetwork(replace(plain, stem="hybrid", features=320)).eval()
    wider.load_state_dict(widened(before.state_dict(), wider))
    seen = Seen(torch.randn(1, FILM_PLANES + len(CHANNELS), 160, 160), torch.rand(1, REGION_TOKENS, 15))
    told = wider.film_tokens(replace(seen, features=torch.randn(1, 320, 24, 24)))
    torch.testing.assert_close(told, before.film_tokens(seen))


@pytest.mark.parametrize(
    ("stored", "asked", "becomes"),
    [
        ("linear", "hybrid", "hybrid"),
        ("linear", "linear", "linear"),
        ("hybrid", "linear", "hybrid"),
        ("linear", "imagenet", "imagenet"),
        ("convolutions", "hybrid", None),
        ("hybrid", "imagenet", None),
        ("linear", "convolutions", None),
    ],
)
def test_what_patches_can_become_when_a_training_starts_from_weights(
    stored: str, asked: str, becomes: str | None
) -> None:
    features = 320 if stored == "hybrid" else 0
    network = replace(SMALL, stem=stored, features=features).to_json()
    checkpoint = replace(
        load_checkpoint(weights_folder("captioner"), with_tensors=False), config={"network": network}
    )
    if becomes is None:
        with pytest.raises(ValueError, match="Start from other weights"):
            with_stem(checkpoint, asked)
        return
    config = with_stem(checkpoint, asked)
    assert config.stem == becomes and bool(config.features) is (becomes != "linear")


def test_distorted_blank_and_joined_films_keep_their_features() -> None:
    features = torch.zeros(2, 64, 8, 8)
    features[:, :, :, 4:] = 1
    seen = batch(features)
    moved = distort(seen, torch.Generator().manual_seed(1)).features
    assert moved is not None and moved.shape == features.shape
    assert 0 < (moved - features).abs().mean() < 0.2, "moved as far as the film, no further"
    assert both(seen, blank_like(seen)).features.shape[0] == 4
    assert not blank_like(seen).features.any()
    seen.replace_row(0, blank_like(seen).row(0))
    assert not seen.features[0].any() and seen.features[1].any()


def test_outlines_are_lost_of_the_films_named_alone_and_as_a_reader_without_masks_is_given_them() -> None:
    seen = batch(torch.rand(2, 8, 4, 4))
    before = Seen(seen.pixels.clone(), seen.regions.clone(), seen.features)
    seen.lose_outlines(torch.tensor([False, True]))
    assert torch.equal(seen.pixels[0], before.pixels[0]) and torch.equal(seen.regions[0], before.regions[0])
    assert torch.equal(seen.pixels[:, :FILM_PLANES], before.pixels[:, :FILM_PLANES]), "the film stays"
    bare = blank_like(before)
    assert torch.equal(seen.pixels[1, FILM_PLANES:], bare.pixels[1, FILM_PLANES:])
    assert torch.equal(seen.regions[1], bare.regions[1]) and not torch.equal(bare.regions, before.regions)


def test_outlines_are_not_taken_away_where_they_are_to_be_told(tmp_path: Path) -> None:
    assert TrainConfig(tmp_path, tmp_path, outlines_lost=0.4).outline_weight == 0.0
    with pytest.raises(ValueError, match="outline_weight"):
        TrainConfig(tmp_path, tmp_path, outlines_lost=0.4, outline_weight=0.1)


def test_training_draws_an_exposure_and_reading_takes_the_film_as_it_is() -> None:
    exposures = np.zeros((2, 3, 64, 2, 2), np.float16)
    exposures[:, 1:] = 1
    films = ReaderFilms(
        np.zeros((2, FILM_PLANES, 32, 32), np.uint8), np.zeros((2, len(CHANNELS), 16, 16), np.uint8),
        np.zeros((2, REGION_TOKENS, REGION_FEATURES), np.float32), [], [], exposures,
    )  # fmt: skip
    assert not films.seen([0, 1]).features.any()
    rng = np.random.default_rng(0)
    drawn = [float(value) for _ in range(20) for value in films.seen([0, 1], rng).features[:, 0, 0, 0]]
    assert set(drawn) == {0.0, 1.0}


def test_a_backbone_gives_in_training_what_the_segmentation_gives_in_serving(
    segmenter: Segmenter, film: np.ndarray
) -> None:
    backbone = FilmBackbone.of(segmenter)
    plain, exposed = backbone.looks(film, 2)
    served = segmenter.predict(film)
    np.testing.assert_allclose(plain, served.features, atol=1e-3)
    assert served.features.shape == backbone.shape == (320, 24, 24)
    assert served.features_from == segmenter.features_from != ""
    assert np.abs(exposed - plain).mean() > 0.01
    np.testing.assert_array_equal(backbone.looks(film, 2)[1], exposed)


def facts() -> FilmFacts:
    return FilmFacts(View.ERECT, tuple(FindingFact(finding, Presence.ABSENT) for finding in FINDINGS))


@pytest.fixture(scope="module")
def pieces() -> WordPieces:
    return WordPieces.train([narrate(facts()), metadata_text(FilmMetadata(view=View.ERECT))])


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory, pieces: WordPieces, segmenter: Segmenter) -> Path:
    """A hybrid of random weights that was trained on the bundled segmentation."""
    folder = tmp_path_factory.mktemp("hybrid")
    torch.manual_seed(0)
    network = ReportNetwork(replace(HYBRID, vocabulary=len(pieces), features=320))
    (folder / TOKENIZER_FILE).write_text(pieces.to_json())
    config = {**Reporter(network, pieces).to_config(), "features_sha256": segmenter.features_from}
    save_checkpoint(
        folder / "captioner", tensors=network.state_dict(), config=config, metrics={}, recipe={}, data={},
        card="card", extra_files={TOKENIZER_FILE: folder / TOKENIZER_FILE},
    )  # fmt: skip
    return folder / "captioner"


def test_torch_and_graphs_read_the_features_alike_and_none_of_other_weights(
    checkpoint: Path, segmenter: Segmenter, film: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_GRAPHS", str(tmp_path))
    seen = segmenter.predict(film)
    foreign = replace(seen, features_from="0" * 64)
    without = Segmentation(seen.probabilities, seen.letterbox, seen.frame)
    told = {
        kind: [
            reader.describe(film, given, FilmMetadata()).probabilities for given in (seen, foreign, without)
        ]
        for kind, reader in (
            ("torch", Reporter.load(checkpoint)),
            ("graphs", CompiledReporter.load(checkpoint)),
        )
    }
    for one, other in zip(*told.values(), strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    own, foreign_read, unread = told["torch"]
    assert foreign_read == unread and own != pytest.approx(unread, abs=1e-5)


def test_features_are_made_once_and_kept(
    tmp_path: Path, checkpoint: Path, segmenter: Segmenter, film: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cv2

    path = tmp_path / "film.png"
    cv2.imwrite(str(path), (film * 255).round().astype(np.uint8))
    films = [Film(path, "Normal", facts=facts(), metadata=FilmMetadata()), Film(path, "Normal")]
    reporter = Reporter.load(checkpoint)
    opened = open_for(reporter, films, segmenter, tmp_path)
    assert opened.features.shape == (1, 1, 320, 24, 24), "of the films that have facts"
    np.testing.assert_allclose(
        opened.features[0, 0], segmenter.predict(read_pixels(path)).features, atol=0.02, rtol=1e-2
    )
    monkeypatch.setattr(FilmBackbone, "looks", None)
    again = with_features(opened, films, backbone_of("hybrid", segmenter), tmp_path)
    np.testing.assert_array_equal(again.features, opened.features)
    reporter.features_from = "other weights"
    assert not open_for(reporter, films, segmenter, tmp_path).features.any()
    assert backbone_of("linear", segmenter) is None


def test_the_kinds_of_patches_are_compared_and_the_chosen_one_is_not_trained_twice() -> None:
    training = TrainConfig(Path("films"), Path("out"), stem="hybrid")
    compared = AblationConfig(training, eyes=("linear", "hybrid"))
    assert list(compared.trained) == ["metadata only", "image only, linear", "image only, hybrid"]
    ablation = AblationConfig(training)
    for ours, theirs in (("image only, hybrid", "image only"), ("metadata only", "metadata only")):
        assert variant_config(compared, ours, 0) == variant_config(ablation, theirs, 0)
    other = variant_config(compared, "image only, linear", 0)
    assert (other.stem, other.sees, other.out.name) == ("linear", ("film",), "image_only_linear-0")
