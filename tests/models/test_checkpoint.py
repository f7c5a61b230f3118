"""A checkpoint comes back as it was written, or is refused."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from pedaxr_models import checkpoint
from pedaxr_models.checkpoint import (
    CheckpointError,
    load_checkpoint,
    points_folders,
    revise_checkpoint,
    save_checkpoint,
    weights_folder,
)


def write(folder: Path, tensors: dict[str, torch.Tensor] | None = None, **extra: Path) -> None:
    tensors = tensors if tensors is not None else {"a.weight": torch.randn(8, 3), "steps": torch.tensor(7)}
    save_checkpoint(
        folder,
        tensors=tensors,
        config={"channels": ["stomach"], "이름": 1},
        metrics={"dice": 0.5},
        recipe={"seed": 0},
        data={"films": 3},
        card="# A card\n",
        extra_files={name.replace("_json", ".json"): path for name, path in extra.items()},
    )


def test_tensors_and_documents_come_back(tmp_path: Path) -> None:
    tensors = {"a.weight": torch.randn(8, 3), "steps": torch.tensor(7), "tied": torch.randn(2)}
    tensors["tied_too"] = tensors["tied"]
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text("{}")
    write(tmp_path / "net", tensors, tokenizer_json=tokenizer)
    loaded = load_checkpoint(tmp_path / "net")
    assert set(loaded.tensors) == set(tensors)
    assert loaded.tensors["a.weight"].dtype == torch.float32
    assert torch.equal(loaded.tensors["a.weight"], tensors["a.weight"].half().float())
    assert loaded.tensors["steps"] == 7
    assert (loaded.config["이름"], loaded.metrics, loaded.card) == (1, {"dice": 0.5}, "# A card\n")
    assert loaded.files == {"tokenizer.json": b"{}"}


def test_shards_stay_below_16_mib_and_a_larger_tensor_is_split(tmp_path: Path) -> None:
    tensors = {f"t{i}": torch.randn(3 * 2**20) for i in range(5)} | {"large": torch.randn(1024, 10_000)}
    write(tmp_path / "net", tensors)
    sizes = [path.stat().st_size for path in (tmp_path / "net").glob("*.safetensors")]
    assert len(sizes) > 2
    assert max(sizes) < 16 * 2**20
    assert torch.equal(load_checkpoint(tmp_path / "net").tensors["large"], tensors["large"].half().float())


def test_a_value_beyond_half_precision_is_kept(tmp_path: Path) -> None:
    write(tmp_path / "net", {"variance": torch.tensor([1e6, 1.0])})
    assert load_checkpoint(tmp_path / "net").tensors["variance"][0] == 1e6


def test_a_diverged_network_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="diverged"):
        write(tmp_path / "net", {"a": torch.tensor([float("nan")])})
    assert list(tmp_path.iterdir()) == []


def test_the_digest_of_the_weights_follows_the_weights_only(tmp_path: Path) -> None:
    one, other = torch.ones(3), torch.zeros(3)
    write(tmp_path / "a", {"w": one})
    write(tmp_path / "b", {"w": one})
    write(tmp_path / "c", {"w": other})
    a, b, c = (load_checkpoint(tmp_path / name).weights_sha256 for name in "abc")
    assert a == b != c


def test_no_flipped_bit_is_loaded(tmp_path: Path) -> None:
    write(tmp_path / "net")
    load_checkpoint(tmp_path / "net")  # negative control: untouched, it loads
    rng = np.random.default_rng(0)
    for path in sorted((tmp_path / "net").iterdir()):
        content = path.read_bytes()
        for position in rng.integers(len(content) * 8, size=40):
            damaged = bytearray(content)
            damaged[position // 8] ^= 1 << (position % 8)
            path.write_bytes(damaged)
            with pytest.raises(CheckpointError, match=r"Install pedaxr again"):
                load_checkpoint(tmp_path / "net")
        path.write_bytes(content)
    load_checkpoint(tmp_path / "net")


@pytest.mark.parametrize("name", ["config.json", "manifest.json", "weights-00001-of-00001.safetensors"])
@pytest.mark.parametrize("damage", ["gone", "truncated", "empty"])
def test_a_missing_or_shortened_file_is_refused(tmp_path: Path, name: str, damage: str) -> None:
    write(tmp_path / "net")
    path = tmp_path / "net" / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: 10 if damage == "truncated" else 0])
    with pytest.raises(CheckpointError, match=name.partition(".")[0]):
        load_checkpoint(tmp_path / "net")


def test_an_unlisted_file_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "net")
    (tmp_path / "net" / "weights-00002-of-00001.safetensors").write_bytes(b"")
    with pytest.raises(CheckpointError, match="does not list"):
        load_checkpoint(tmp_path / "net")


def test_swapped_weights_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a", {"w": torch.ones(3)})
    write(tmp_path / "b", {"w": torch.zeros(3)})
    name = "weights-00001-of-00001.safetensors"
    (tmp_path / "a" / name).write_bytes((tmp_path / "b" / name).read_bytes())
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_checkpoint(tmp_path / "a")


def test_another_format_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "net")
    manifest = tmp_path / "net" / "manifest.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 2}))
    with pytest.raises(CheckpointError, match="format 1"):
        load_checkpoint(tmp_path / "net")


def test_no_folder_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="PEDAXR_WEIGHTS"):
        load_checkpoint(tmp_path / "nothing")


def test_saving_again_replaces_the_folder_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write(tmp_path / "net", {"old": torch.ones(1)})
    write(tmp_path / "net", {"new": torch.ones(1)})
    assert list(load_checkpoint(tmp_path / "net").tensors) == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_a_write_that_fails_leaves_the_old_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "net", {"old": torch.ones(1)})

    def no_space(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", no_space)
    with pytest.raises(OSError, match="No space"):
        write(tmp_path / "net", {"new": torch.ones(1)})
    assert list(load_checkpoint(tmp_path / "net").tensors) == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["net"]


def test_extra_files_cannot_leave_the_folder_or_replace_ours(tmp_path: Path) -> None:
    for name in ("../x", "manifest.json", "config.json"):
        with pytest.raises(ValueError, match="extra file"):
            save_checkpoint(
                tmp_path / "net",
                tensors={},
                config={},
                metrics={},
                recipe={},
                data={},
                card="",
                extra_files={name: Path(__file__)},
            )


def test_the_environment_moves_the_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PEDAXR_WEIGHTS", raising=False)
    assert weights_folder("captioner").parts[-3:] == ("pedaxr_models", "weights", "captioner")
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path))
    assert weights_folder("captioner") == tmp_path / "captioner"


def test_new_figures_leave_the_weights_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "net"
    write(folder)
    before = load_checkpoint(folder)
    revise_checkpoint(folder, metrics={"dice": 0.7}, card="# Measured again\n")
    after = load_checkpoint(folder)
    assert after.metrics == {"dice": 0.7} and after.card == "# Measured again\n"
    assert after.weights_sha256 == before.weights_sha256
    assert after.recipe == before.recipe


def network(folder: Path, kind: str) -> Path:
    save_checkpoint(
        folder,
        tensors={"w": torch.ones(1)},
        config={"name": f"pedaxr-{kind}"},
        metrics={},
        recipe={},
        data={},
        card="",
    )
    return folder


@pytest.mark.parametrize("given", ["runs/mine", "runs/mine/checkpoint"], ids=["run", "checkpoint"])
@pytest.mark.parametrize(("kind", "other"), [("segmentation", "captioner"), ("captioner", "segmentation")])
def test_what_a_training_wrote_is_taken_and_the_other_half_is_the_bundled_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str, kind: str, other: str
) -> None:
    monkeypatch.delenv("PEDAXR_WEIGHTS", raising=False)
    bundled = weights_folder(other)
    written = network(tmp_path / "runs" / "mine" / "checkpoint", kind)
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path / given))
    assert weights_folder(kind) == written
    assert weights_folder(other) == bundled and load_checkpoint(bundled, with_tensors=False).config


def test_a_folder_of_both_networks_wins_over_a_checkpoint_beside_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network(tmp_path / "checkpoint", "segmentation")
    own = network(tmp_path / "segmentation", "segmentation")
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path))
    assert weights_folder("segmentation") == own


@pytest.mark.parametrize("kind", ["segmentation", "captioner"])
def test_a_path_without_weights_is_no_reason_to_take_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A mistyped path must not read films with weights that nobody asked for."""
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path / "mistyped"))
    with pytest.raises(CheckpointError, match="no such folder"):
        load_checkpoint(weights_folder(kind))


def test_a_damaged_checkpoint_is_named_and_not_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (network(tmp_path / "checkpoint", "segmentation") / "config.json").write_text("{")
    monkeypatch.setenv("PEDAXR_WEIGHTS", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"config\.json does not match"):
        load_checkpoint(weights_folder("segmentation"))


def test_points_are_looked_for_beside_the_weights(tmp_path: Path) -> None:
    run = tmp_path / "runs" / "mine"
    network(run / "checkpoint", "segmentation")
    assert run in points_folders(run) and run in points_folders(run / "checkpoint")
