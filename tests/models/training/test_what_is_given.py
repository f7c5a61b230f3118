"""Devices, files of weights, interrupted runs and data sets that a training cannot use: said in words."""

from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from PIL import Image
from torch import nn

from pedaxr_models.datasets import Film
from pedaxr_models.datasets.splits import complete_splits
from pedaxr_models.segmentation.data import check_outlined, split_films
from pedaxr_models.training.loop import pick_device
from pedaxr_models.training.resumable import Resumable
from pedaxr_models.training.state_file import read_state
from pedaxr_server.cli import main


class Run(Resumable):
    PARTS = ("network",)
    VALUES = ("step",)

    def __init__(self, width: int) -> None:
        self.network = nn.Linear(width, 1)
        self.step = 0


@pytest.mark.parametrize("name", ["banana", "cuda:99", "mps"])
def test_a_device_that_is_not_there_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError, match="Give cpu, or auto"):
        pick_device(name)


def test_a_device_that_is_there_is_taken() -> None:
    assert pick_device("cpu") == torch.device("cpu")


def test_an_interrupted_run_goes_on_in_one_of_the_same_network_alone(tmp_path: Path) -> None:
    begun = Run(3)
    begun.step = 7
    begun.save(tmp_path)
    again = Run(3)
    again.resume(tmp_path)
    assert again.step == 7
    with pytest.raises(ValueError, match="another network"):
        Run(4).resume(tmp_path)


def test_a_run_keeps_the_step_at_which_it_was_stopped_and_starts_anew_where_nothing_lies(
    tmp_path: Path,
) -> None:
    run = Run(3)
    run.resume(tmp_path)
    assert run.step == 0
    with pytest.raises(KeyboardInterrupt), run.kept_in(tmp_path):
        run.step = 5
        raise KeyboardInterrupt
    again = Run(3)
    again.resume(tmp_path)
    assert again.step == 5 and [path.name for path in tmp_path.iterdir()] == ["state.pt"]
    with run.kept_in(tmp_path / "nowhere", writes=False):
        pass


def test_a_state_of_a_version_that_had_other_classes_is_resumed(tmp_path: Path) -> None:
    """As every version since 0.1.0 has written them: tensors and plain values by the names of attributes."""
    begun = Run(3)
    state = {"network": begun.network.state_dict(), "step": 9, "random": torch.get_rng_state()}
    torch.save(state, tmp_path / "state.pt")
    again = Run(3)
    again.resume(tmp_path)
    assert again.step == 9 and torch.equal(again.network.weight, begun.network.weight)


@pytest.mark.parametrize("length", [0, 60, 700])
def test_a_run_that_was_cut_off_is_called_damaged(tmp_path: Path, length: int) -> None:
    Run(3).save(tmp_path)
    whole = (tmp_path / "state.pt").read_bytes()
    assert len(whole) > length
    (tmp_path / "state.pt").write_bytes(whole[:length])
    with pytest.raises(ValueError, match=r"interrupted run in .* is damaged"):
        Run(3).resume(tmp_path)


def test_a_table_given_as_weights_is_called_what_it_is_not(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("ImagePath,Class\n")
    with pytest.raises(ValueError, match="was not written by PyTorch"):
        read_state(tmp_path / "films.csv", "'films.csv'")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ValueError, match="no values by name"):
        read_state(tmp_path / "list.pt", "'list.pt'")
    with pytest.raises(FileNotFoundError):
        read_state(tmp_path / "missing.pt", "'missing.pt'")


def test_films_on_one_side_alone_are_counted(tmp_path: Path) -> None:
    films = [Film(tmp_path / f"{number}.png", None, split="train") for number in range(3)]
    with pytest.raises(ValueError, match="3 train, 0 validation, 0 test"):
        split_films(films)


def test_films_without_any_outline_teach_none(tmp_path: Path) -> None:
    bare = [Film(tmp_path / "a.png", "constipation"), Film(tmp_path / "b.png", "normal")]
    with pytest.raises(ValueError, match="None of the 2 films to train on has an outline"):
        check_outlined(bare)
    check_outlined([*bare, Film(tmp_path / "c.png", "constipation", mask_path=tmp_path / "c.npz")])


@pytest.mark.parametrize("written", ["", "hi", "{}", "[]", '{"patients": []}', '{"patients": {"train": 3}}'])
def test_a_damaged_list_of_who_is_where_is_named(tmp_path: Path, written: str) -> None:
    (tmp_path / "splits.json").write_text(written)
    with pytest.raises(ValueError, match=r"splits\.json, which says who was trained on, is damaged"):
        complete_splits([Film(tmp_path / "a.png", None)], tmp_path / "splits.json")


def test_a_command_says_so_in_one_line(tmp_path: Path) -> None:
    Image.new("L", (40, 40), 90).save(tmp_path / "a.png")
    (tmp_path / "films.csv").write_text("ImagePath,Class\na.png,Normal\n")
    options = ["--data", str(tmp_path), "--out", str(tmp_path / "out"), "--steps", "1"]
    result = CliRunner().invoke(main, ["train", "segmentation", *options])
    assert result.exit_code == 1 and "error: Training needs films" in result.output
