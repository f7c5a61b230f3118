"""The network that looks for free air: how it learns, and how it stands beside the segmentation."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from pedaxr_models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from pedaxr_models.datasets.partial_truth import read_partial
from pedaxr_models.free_air.alone import is_second, second_alone
from pedaxr_models.free_air.join import join, load_free_air
from pedaxr_models.free_air.train import (
    SIDE,
    FreeAirConfig,
    FreeAirLoss,
    package,
    train_free_air,
)
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.pyramid.network import PyramidConfig
from pedaxr_models.runtime.load import load_segmenter
from pedaxr_models.segmentation.mixed.batches import Shares
from pedaxr_models.segmentation.mixed.folds import left_out
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork, _called
from pedaxr_models.segmentation.segmenter import Segmenter

AIR = CHANNELS.index(Finding.PNEUMOPERITONEUM)
SMALL = PyramidConfig(8, ((8, 1), (8, 1), (8, 1), (8, 1)), 8, len(CHANNELS))
TINY = NetworkConfig(width=16, skips=((8, 8), (4, 8)))
pytestmark = pytest.mark.usefixtures("a_small_backbone")


def _box(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five children, each a bright trunk with dark lungs, and pictures of other things."""
    folder = tmp_path_factory.mktemp("real")
    drawn = {
        "body": [_box(2, 2, 297, 397)],
        "lungs": [_box(40, 10, 120, 110), _box(180, 10, 260, 110)],
        "spine": [_box(140, 0, 160, 399)],
        "abdominal_cavity": [_box(20, 112, 280, 380)],
    }
    for number in range(5):
        grey = np.random.default_rng(number).normal(120, 6, (400, 300)).clip(0, 255).astype(np.uint8)
        grey[10:110, 40:120] = grey[10:110, 180:260] = 40
        cv2.imwrite(str(folder / f"film{number}.png"), grey)
        said = {"id": f"film{number}", "findings": dict.fromkeys(FINDINGS, "absent"), "polygons": drawn}
        (folder / f"film{number}.json").write_text(json.dumps(said))
    rows = ["file,kind,source_id"]
    for number in (10, 30, 50, 70):
        cv2.imwrite(str(folder / f"{number}.png"), np.full((64, 48), number, np.uint8))
        rows.append(f"{number}.png,chest,case{number}")
    (folder / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_dataset(folder, count=12, seed=5, processes=1)
    return folder


def _config(data: Path, real: Path, out: Path, **given: object) -> FreeAirConfig:
    return FreeAirConfig(
        data=data, real=(real,), out=out, steps=2, side=96, workers=0, network=SMALL, pastes=2, mimics=2,
        shares=Shares(synthetic=2, abdomen=2, other=1), show_progress=False, device="cpu", **given,
    )  # fmt: skip


@pytest.fixture(scope="module")
def trained(data: Path, real: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    config = _config(data, real, tmp_path_factory.mktemp("run"), fold=1)
    train_free_air(config)
    return package(config)


@pytest.fixture
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A segmentation that never learned anything, of the size that the second look is for."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("first") / "segmentation"
    segmenter = Segmenter(SegmentationNetwork(TINY), size=SIDE, call_thresholds={"pneumoperitoneum": 0.99})
    save_checkpoint(
        folder, tensors=segmenter.network.state_dict(), config=segmenter.to_config(), metrics={}, recipe={},
        data={}, card="",
    )  # fmt: skip
    return folder


def test_a_fold_is_left_out_and_what_is_kept_to_test_on_never_is(real: Path) -> None:
    films = read_partial(real)
    kept = {film.child for film in films if not film.is_abdomen} & set(left_out(films, None))
    assert len(kept) == 2 and kept <= set(left_out(films, 1))
    assert {f"film{n}" for n in range(5)} & set(left_out(films, 1)) == {"film1"}
    assert not {f"film{n}" for n in range(5)} & set(left_out(films, None))


def test_it_outlines_all_while_it_learns_and_free_air_alone_when_it_is_packed(trained: Path) -> None:
    checkpoint = load_checkpoint(trained)
    assert checkpoint.recipe["fold"] == 1 and "not a medical device" in " ".join(checkpoint.card.split())
    assert [one["films"] for one in checkpoint.data["also"] if one["abdomen"]] == [4]
    learnt = torch.load(trained.parent / "average.pt", weights_only=True)
    assert learnt["head.weight"].shape[0] == len(CHANNELS)
    film = torch.rand(1, 1, 64, 64)
    network = load_free_air(trained)
    assert network(film).shape == (1, 16, 16)
    kept = learnt["head.weight"][AIR].half().float()  # weights are stored in half precision
    assert torch.equal(network.head.weight[0], kept)


def test_a_run_goes_on_from_the_base_of_another(
    data: Path, real: Path, trained: Path, tmp_path: Path
) -> None:
    base = trained.parent / "base"
    config = replace(_config(data, real, tmp_path / "run", start_from=base), learning_rate=0.0)
    train_free_air(config)
    before, after = load_checkpoint(base).tensors, load_checkpoint(package(config).parent / "base").tensors
    assert before.keys() == after.keys() and len(before["head.bias"]) == len(CHANNELS)
    learned = [name for name in before if "running" not in name and "num_batches" not in name]
    assert all(torch.equal(before[name], after[name]) for name in learned)


def test_the_base_looks_for_nothing_alone(trained: Path) -> None:
    base = trained.parent / "base"
    assert not is_second(base)
    with pytest.raises(CheckpointError, match="train free-air"):
        load_free_air(base)


def test_the_loss_asks_for_free_air_and_for_nothing_where_nothing_is_known() -> None:
    torch.manual_seed(0)
    bits = torch.zeros(2, 64, 64, dtype=torch.int32)
    bits[:, 20:30, 20:40] = 1 << AIR
    everything = torch.full_like(bits, (1 << len(CHANNELS)) - 1)
    loss = FreeAirLoss()
    logits = torch.zeros(2, len(CHANNELS), 16, 16)
    right = logits.clone()
    right[:, AIR], right[:, AIR, 5:8, 5:10] = -4.0, 4.0
    assert loss(right, bits, torch.zeros_like(bits)) < loss(logits, bits, torch.zeros_like(bits))
    logits.requires_grad_()
    loss(logits, torch.zeros_like(bits), everything).backward()
    assert logits.grad is not None and not logits.grad.any()


def test_the_surer_of_both_counts_and_nothing_else_changes(
    first: Path, trained: Path, tmp_path: Path
) -> None:
    joined = join(first, trained, tmp_path / "joined", outlined_from=-1.0, called_from=2.0)
    before, after = Segmenter.load(first), Segmenter.load(joined)
    alone = second_alone(trained, before, outlined_from=-1.0, called_from=2.0)
    film = np.random.default_rng(1).random((300, 240)).astype(np.float32)
    one, other, both = (s.predict(film).probabilities for s in (before, alone, after))
    assert both[AIR] == pytest.approx(
        np.maximum(one[AIR], other[AIR]), abs=0.02
    )  # interpolated after, or before
    assert (both[AIR] > one[AIR] + 1e-3).any() or (other[AIR] <= one[AIR] + 1e-3).all()
    others = [n for n in range(len(CHANNELS)) if n != AIR]
    assert both[others] == pytest.approx(one[others], abs=1e-6)
    assert after.features_from == before.features_from and after.weights_sha256 != before.weights_sha256
    assert load_checkpoint(joined).recipe["second"]["called_from"] == 2.0


def test_its_points_are_put_on_the_thresholds(first: Path, trained: Path) -> None:
    segmenter, raw = Segmenter.load(first), load_free_air(trained)
    scaled = second_alone(trained, segmenter, outlined_from=-1.0, called_from=2.0).second
    film = torch.rand(1, 1, 64, 64)
    with torch.no_grad():
        before, after = raw(film), scaled(film)
    slope = (np.log(0.99 / 0.01) - 0.0) / 3  # outlined from .5, called from .99
    assert after.numpy() == pytest.approx(slope * (before.numpy() + 1.0), abs=1e-3)
    with pytest.raises(ValueError, match="higher log-odds"):
        second_alone(trained, segmenter, outlined_from=2.0, called_from=2.0)


def test_the_compiled_graph_holds_both(
    first: Path, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    joined = join(first, trained, tmp_path / "weights" / "segmentation", outlined_from=-9.0, called_from=9.0)
    monkeypatch.setenv("PEDAXR_GRAPHS", str(tmp_path / "graphs"))
    monkeypatch.setenv("PEDAXR_RUNTIME", "compiled")
    compiled, plain = load_segmenter(joined), Segmenter.load(joined)
    film = np.random.default_rng(2).random((300, 240)).astype(np.float32)
    assert compiled.predict(film).probabilities == pytest.approx(plain.predict(film).probabilities, abs=2e-3)


def test_a_second_look_stays_as_it_is_while_the_rest_learns(
    first: Path, trained: Path, tmp_path: Path
) -> None:
    joined = Segmenter.load(join(first, trained, tmp_path / "joined", outlined_from=0.0, called_from=1.0))
    network = joined.network.train()
    assert network.second is not None and not network.second.training and network.head.training
    network(torch.rand(2, 1, 64, 64)).sum().backward()
    assert all(parameter.grad is None for parameter in network.second.parameters())
    assert any(parameter.grad is not None for parameter in network.head.parameters())


def test_something_else_is_no_second_look(first: Path, trained: Path) -> None:
    assert is_second(trained) and not is_second(first)
    with pytest.raises(CheckpointError, match="train free-air"):
        load_free_air(first)


@pytest.mark.parametrize(("size", "skips"), [(256, ((8, 8), (4, 8))), (SIDE, ((8, 8),))])
def test_a_segmentation_of_another_size_gets_no_second_look(
    size: int, skips: tuple[tuple[int, int], ...], trained: Path, tmp_path: Path
) -> None:
    segmenter = Segmenter(SegmentationNetwork(NetworkConfig(width=16, skips=skips)), size=size)
    save_checkpoint(
        tmp_path / "first", tensors=segmenter.network.state_dict(), config=segmenter.to_config(), metrics={},
        recipe={}, data={}, card="",
    )  # fmt: skip
    with pytest.raises(ValueError, match="stride"):
        join(tmp_path / "first", trained, tmp_path / "out", outlined_from=0.0, called_from=1.0)


def test_what_is_outlined_and_not_called_has_no_say() -> None:
    seen = torch.full((1, 12, 12), -4.0)
    seen[0, 1:5, 1:9] = 2.0  # called: four that touch
    seen[0, 1:5, 9:11] = 1.0  # outlined beside it
    seen[0, 8:11, 1:5] = 1.0  # outlined alone
    seen[0, 9, 8] = 2.0  # a single pixel
    expected = torch.zeros(1, 12, 12, dtype=torch.bool)
    expected[0, 1:5, 1:11] = True
    assert torch.equal(_called(seen, 0.5, 1.5), expected)
