"""Weights that do not see, are damaged, or of which one half is there: said so, and the rest works."""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pedaxr import generate_report, segment_xray
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.errors import ModelUnavailable
from pedaxr.reading import networks as models
from pedaxr.reading import self_test as golden_film
from pedaxr_models import checkpoint
from pedaxr_models.checkpoint import CheckpointError, load_checkpoint, weights_folder
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
from pedaxr_models.segmentation.segmenter import Segmentation


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the bundled weights to damage, in use."""
    copied = Path(shutil.copytree(weights_folder("segmentation").parent, tmp_path / "weights"))
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(copied))
    yield copied


def faults() -> dict[str, tuple[str, ...]]:
    return {check.name: check.faults for check in golden_film.check_networks()}


def test_the_bundled_networks_see_the_golden_film() -> None:
    """Control of the refusals below."""
    assert faults() == {"segmentation": (), "captioner": (), "tubes": ()}
    golden_film.require_sight()


@dataclass
class Rolled:
    """A network with another order of channels, as of another version's weights."""

    network: FilmSegmenter
    shift: int

    def __getattr__(self, name: str) -> object:
        return getattr(self.network, name)

    def predict(self, pixels: np.ndarray, *, is_framed: bool = False) -> Segmentation:
        seen = self.network.predict(pixels)
        return Segmentation(np.roll(seen.probabilities, self.shift, axis=0), seen.letterbox)


@pytest.mark.parametrize("shift", [1, 3, -1])
def test_a_network_that_loads_and_does_not_see_is_refused(
    shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rolled = Rolled(models.segmenter(), shift)
    monkeypatch.setattr(models, "segmenter", lambda: rolled)
    assert "overlap" in faults()["segmentation"][0]
    with pytest.raises(ModelUnavailable, match="segmentation"):
        golden_film.require_sight()


def flipped(path: Path, draw: random.Random) -> None:
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


@pytest.mark.parametrize("flips", [10, pytest.param(500, marks=pytest.mark.slow)])
def test_no_flipped_bit_of_the_bundled_weights_is_loaded(weights: Path, flips: int) -> None:
    draw, refused = random.Random(5), 0
    for number in range(flips):
        folder = weights / ("segmentation", "captioner")[number % 2]
        path = draw.choice(sorted(folder.iterdir()))
        whole = path.read_bytes()
        flipped(path, draw)
        with pytest.raises(CheckpointError):
            load_checkpoint(folder, with_tensors=False)
        refused += 1
        path.write_bytes(whole)
    assert refused == flips
    for name in ("segmentation", "captioner"):
        load_checkpoint(weights / name)  # control: whole again, it loads


def test_without_the_manifest_a_flipped_bit_would_be_loaded(
    weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control: the file format alone does not notice."""
    monkeypatch.setattr(checkpoint, "_sha256", lambda content: "same")
    folder = weights / "segmentation"
    manifest = checkpoint._read_manifest(folder)
    monkeypatch.setattr(checkpoint, "_read_manifest", lambda _: dict.fromkeys(manifest, "same"))
    path = next(folder.glob("*.safetensors"))
    content = bytearray(path.read_bytes())
    content[-1000] ^= 1
    path.write_bytes(content)
    assert load_checkpoint(folder).tensors


@pytest.mark.parametrize("damage", ["bit", "truncated", "gone", "swapped"])
def test_one_network_down_leaves_the_other_and_the_search(
    weights: Path, film_clinic: Clinic, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "BUNDLED_WEIGHTS", weights)  # else its own writer stands in for one gone
    harm(weights, damage)
    with pytest.raises(ModelUnavailable, match=r"Install pedaxr again|pedaxr train"):
        generate_report("free air", clinic=film_clinic)
    assert segment_xray("free air", clinic=film_clinic).findings
    assert find_patient("Demo P0", clinic=film_clinic).total >= 1
    seen = faults()
    assert seen["captioner"] and not seen["segmentation"]


def harm(weights: Path, damage: str) -> None:
    """To the captioner."""
    shard = next((weights / "captioner").glob("*.safetensors"))
    if damage == "bit":
        flipped(shard, random.Random(1))
    elif damage == "truncated":
        shard.write_bytes(shard.read_bytes()[:-1000])
    elif damage == "gone":
        shutil.rmtree(weights / "captioner")
    else:
        shutil.rmtree(weights / "captioner")
        shutil.copytree(weights / "segmentation", weights / "captioner")
