"""Fine-tuning on a few films: what nobody corrected stays, what was corrected moves, runs go on."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from pedaxr_models.checkpoint import save_checkpoint, weights_folder
from pedaxr_models.datasets.film import Film, write_masks
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding
from pedaxr_models.segmentation.learning.thresholds import HALF_WAY, recalibrate, shown_films, shrink
from pedaxr_models.segmentation.learning.train import (
    LearnConfig,
    _Loss,
    fine_tune,
    interpolate,
    read_network,
)
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter

STOOL = Finding.CONSTIPATION
SIZE = 64
pytestmark = pytest.mark.usefixtures("a_small_backbone")


@pytest.fixture
def start(a_small_backbone: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small network from random weights."""
    torch.manual_seed(0)
    network = SegmentationNetwork(NetworkConfig(width=16)).eval()
    folder = tmp_path_factory.mktemp("start") / "segmentation"
    config = Segmenter(network, size=SIZE).to_config()
    save_checkpoint(
        folder, tensors=network.state_dict(), config=config, metrics={}, recipe={}, data={}, card=""
    )
    return folder


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    """A bright disc that is stool, on some; of other findings nobody says anything."""
    folder = tmp_path_factory.mktemp("films")
    made = []
    for number in range(6):
        rng = np.random.default_rng(number)
        pixels = (rng.random((96, 96)) * 60 + 60).astype(np.uint8)
        y, x = np.mgrid[0:96, 0:96]
        disc = (x - 30 - 6 * number) ** 2 + (y - 50) ** 2 < 15**2
        pixels[disc] = 230
        Image.fromarray(pixels).save(folder / f"{number}.png")
        write_masks(folder / f"{number}.npz", {STOOL.value: disc})
        known = frozenset({STOOL.value})
        made.append(
            Film(
                folder / f"{number}.png",
                STOOL.value,
                mask_path=folder / f"{number}.npz",
                labelled_channels=known,
            )
        )
    return made


def config(start: Path, out: Path, **changes: object) -> LearnConfig:
    plain = LearnConfig(start, out, steps=30, batch_size=3, learning_rate=3e-3, keep_every=5, device="cpu")
    return replace(plain, **changes)  # type: ignore[arg-type]


def nothing(step: int, told: str) -> None:
    pass


def probabilities(network: SegmentationNetwork, films: list[Film]) -> np.ndarray:
    segmenter = Segmenter(network, size=SIZE)
    pictures = [np.asarray(Image.open(film.image_path), np.float32) / 255 for film in films]
    return np.stack([segmenter.predict(picture).probabilities[:, ::4, ::4] for picture in pictures])


def test_what_was_corrected_is_learned_and_the_rest_hardly_moves(
    start: Path, films: list[Film], tmp_path: Path
) -> None:
    """The control is the same run without a teacher, which forgets."""
    run = config(start, tmp_path / "a", batch_size=2, learning_rate=1e-2, ema_decay=0.8, keep_every=30)
    before = probabilities(read_network(start).eval(), films)
    taught = probabilities(fine_tune(run, films, nothing), films)
    run = replace(run, out=tmp_path / "b", taught=0.0)
    alone = probabilities(fine_tune(run, films, nothing), films)
    stool = CHANNELS.index(STOOL)
    others = [index for index in range(len(CHANNELS)) if index != stool]
    assert np.abs(taught[:, stool] - before[:, stool]).max() > 0.3, "it learns"
    drift = [np.abs(after[:, others] - before[:, others]).mean() for after in (taught, alone)]
    assert drift[0] < 0.5 * drift[1], drift


def test_no_gradient_comes_from_what_is_unknown_and_agreed() -> None:
    logits = torch.randn(2, len(CHANNELS), 8, 8, requires_grad=True)
    known = torch.zeros(2, len(CHANNELS))
    loss = _Loss(1.0)(logits, torch.ones_like(logits), known, logits.detach().sigmoid())
    loss.backward()  # type: ignore[no-untyped-call]
    assert float(loss.detach()) == pytest.approx(0, abs=1e-5)
    assert logits.grad is not None and float(logits.grad.abs().max()) < 1e-6
    known[0, 3] = 1.0
    moved = torch.zeros(2, len(CHANNELS), 8, 8, requires_grad=True)
    _Loss(1.0)(moved, torch.ones_like(moved), known, torch.full_like(moved, 0.9)).backward()
    assert moved.grad is not None and bool((moved.grad.abs().sum(dim=(2, 3)) > 0).all()), "control"


def test_a_run_that_is_interrupted_ends_as_if_it_were_not(
    start: Path, films: list[Film], tmp_path: Path
) -> None:
    whole = fine_tune(config(start, tmp_path / "whole", steps=8, keep_every=3), films, nothing)

    class Stopped(Exception):
        pass

    def stop(step: int, told: str) -> None:
        if step == 7:
            raise Stopped

    with pytest.raises(Stopped):
        fine_tune(config(start, tmp_path / "cut", steps=8, keep_every=3), films, stop)
    assert (tmp_path / "cut" / "state.pt").is_file()
    seen: list[int] = []
    resumed = fine_tune(
        config(start, tmp_path / "cut", steps=8, keep_every=3), films, lambda step, _: seen.append(step)
    )
    assert seen == [8], "from the step at which it was stopped"
    for name, tensor in whole.state_dict().items():
        assert torch.allclose(tensor, resumed.state_dict()[name], atol=1e-6), name


def test_batch_statistics_stay_as_they_were(start: Path, films: list[Film], tmp_path: Path) -> None:
    before, after = read_network(start).state_dict(), None
    after = fine_tune(config(start, tmp_path, steps=3), films, nothing).state_dict()
    for name in before:
        if "running_" in name:
            assert torch.allclose(before[name], after[name], atol=1e-6), name


def test_half_way_is_half_way(start: Path) -> None:
    one, other = read_network(start), read_network(start)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.add_(1.0)
    middle = interpolate(one, other, 0.5).state_dict()
    name = next(iter(dict(one.named_parameters())))
    assert torch.allclose(middle[name], one.state_dict()[name] + 0.5, atol=1e-6)
    assert torch.equal(interpolate(one, other, 0.0).state_dict()[name], one.state_dict()[name])


def test_no_films_are_an_error(start: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no corrected films"):
        fine_tune(config(start, tmp_path), [], nothing)


@pytest.mark.parametrize(("films", "expected"), [(0, 0.5), (HALF_WAY, 0.6), (HALF_WAY * 9, 0.68)])
def test_a_threshold_moves_as_far_as_films_ask(films: int, expected: float) -> None:
    assert shrink(0.7, 0.5, films) == pytest.approx(expected)


def test_thresholds_follow_the_films_that_show_a_channel_and_no_other(films: list[Film], start: Path) -> None:
    old, new = Segmenter.load(start), Segmenter.load(start)
    old.thresholds |= dict.fromkeys(CHANNELS, 0.4)
    old.min_area_px = {f.value: 500 for f in FINDINGS}
    old.call_thresholds = {STOOL.value: 0.9}
    recalibrate(new, old, films)
    shown = shown_films(films)
    assert shown[STOOL] == 6 and sum(shown.values()) == 6
    assert all(new.thresholds[c] == 0.4 for c in CHANNELS if c != STOOL)
    assert new.call_thresholds == old.call_thresholds and new.min_area_px[STOOL.value] == 500
    assert weights_folder("segmentation").is_dir()
