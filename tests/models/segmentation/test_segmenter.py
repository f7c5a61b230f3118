"""Loading and running a segmentation checkpoint."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from pedaxr_models.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter

SMALL = NetworkConfig(width=16, skips=((8, 8), (4, 8)))
pytestmark = pytest.mark.usefixtures("a_small_backbone")


def build(size: int = 128) -> Segmenter:
    torch.manual_seed(0)
    network = SegmentationNetwork(SMALL)
    for parameter in network.head.parameters():  # spread the outputs, or every film gives the prior
        parameter.data *= 3
    thresholds = {"pneumoperitoneum": 0.3}
    return Segmenter(
        network,
        size=size,
        thresholds=thresholds,
        min_area_px={"pneumoperitoneum": 40},
        core_thresholds={"stomach": 0.8},
    )


def save(folder: Path, segmenter: Segmenter, **changes: object) -> None:
    config = segmenter.to_config() | changes
    tensors = segmenter.network.state_dict()
    save_checkpoint(folder, tensors=tensors, config=config, metrics={}, recipe={}, data={}, card="")


@pytest.mark.parametrize("size", [128, 512])
@pytest.mark.parametrize("shape", [(512, 512), (300, 200), (40, 900)])
def test_probabilities_come_in_the_frame_whatever_the_film(size: int, shape: tuple[int, int]) -> None:
    result = build(size).predict(np.random.default_rng(0).random(shape, np.float32))
    assert result.probabilities.shape == (len(CHANNELS), 512, 512)
    assert result.probabilities.dtype == np.float32
    assert result.probabilities.min() >= 0 and result.probabilities.max() <= 1
    assert (result.letterbox.height, result.letterbox.width) == shape


def test_save_then_load_gives_equal_probabilities(tmp_path: Path) -> None:
    segmenter = build()
    save(tmp_path / "net", segmenter)
    loaded = Segmenter.load(tmp_path / "net")
    film = np.random.default_rng(1).random((512, 512), np.float32)
    difference = np.abs(loaded.predict(film).probabilities - segmenter.predict(film).probabilities)
    assert difference.max() < 5e-3  # weights are kept in half precision
    assert loaded.thresholds["pneumoperitoneum"] == 0.3
    assert loaded.thresholds["stomach"] == 0.5
    assert loaded.min_area_px == {"pneumoperitoneum": 40}
    assert loaded.core_thresholds == {"stomach": 0.8}
    assert loaded.weights_sha256 == load_checkpoint(tmp_path / "net").weights_sha256 != ""


def test_predict_is_the_same_from_several_threads() -> None:
    segmenter = build()
    films = [np.random.default_rng(seed).random((200, 200), np.float32) for seed in range(4)]
    alone = [segmenter.predict(film).probabilities for film in films]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda film: segmenter.predict(film).probabilities, films * 3))
    assert all(np.allclose(t, a, atol=1e-5) for t, a in zip(together, alone * 3, strict=True))
    assert not np.allclose(alone[0], alone[1], atol=1e-5)  # negative control: films differ


@pytest.mark.parametrize(
    "film",
    [np.zeros((4, 4, 3)), np.zeros((0, 5)), np.full((9, 9), np.nan), np.full((9, 9), np.inf)],
    ids=["colour", "empty", "nan", "infinite"],
)
def test_what_is_not_a_film_is_refused(film: np.ndarray) -> None:
    with pytest.raises(ValueError, match="A film is"):
        build().predict(film)


@pytest.mark.parametrize(
    "changes",
    [
        {"network": {}},
        {"size": None},
        {"thresholds": []},
        {"network": {"backbone": "vgg", "skips": [], "channels": []}},
    ],
    ids=["no network", "no size", "no thresholds", "another network"],
)
def test_a_checkpoint_of_something_else_is_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    save(tmp_path / "net", build(), **changes)
    with pytest.raises(CheckpointError, match="pedaxr train segmentation"):
        Segmenter.load(tmp_path / "net")


def test_a_network_that_computes_something_else_is_refused(tmp_path: Path) -> None:
    segmenter = build()
    save(tmp_path / "net", segmenter, probe={**segmenter.probe(), "stomach": 0.99})
    with pytest.raises(CheckpointError, match="computes other values"):
        Segmenter.load(tmp_path / "net")


def test_networks_that_share_a_backbone_give_the_same_features_whatever_their_heads(tmp_path: Path) -> None:
    """So that a report writer goes on reading them when a head has learned anew."""
    made = {}
    for changed in ("nothing", "head", "encoder"):
        segmenter = build()
        if changed != "nothing":
            with torch.no_grad():
                next(getattr(segmenter.network, changed).parameters()).mul_(1.5)
        save(tmp_path / changed, segmenter)
        loaded = Segmenter.load(tmp_path / changed)
        assert loaded.to_config()["features_sha256"] == loaded.features_from, "stored and read again alike"
        made[changed] = (loaded.features_from, loaded.weights_sha256)
    assert made["head"][0] == made["nothing"][0] != made["encoder"][0]
    assert made["head"][1] != made["nothing"][1]
    save(tmp_path / "unsaid", build(), features_sha256="")
    unsaid = Segmenter.load(tmp_path / "unsaid")
    assert unsaid.features_from == unsaid.weights_sha256
