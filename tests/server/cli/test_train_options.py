"""What `pedaxr train thresholds` and `pedaxr train mixed` take and refuse, before anything is loaded."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from pedaxr_server.cli import main


@pytest.mark.parametrize(
    "call", ["pneumoperitoneum", "pneumoperitoneum=x", "pneumoperitoneum=1.5", "fracture=0.9"]
)
def test_a_call_is_a_finding_and_a_probability(tmp_path: Path, call: str) -> None:
    options = ["--data", str(tmp_path), "--checkpoint", str(tmp_path), "--call", call]
    result = CliRunner().invoke(main, ["train", "thresholds", *options])
    assert result.exit_code != 0 and call in result.output
    assert "probability" in result.output or "between 0 and 1" in result.output


def test_real_films_without_truth_are_an_error_that_says_so(tmp_path: Path) -> None:
    options = ["--data", str(tmp_path), "--real", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["train", "mixed", *options])
    assert result.exit_code != 0 and "Traceback" not in result.output


def test_learning_one_channel_alone_needs_weights_that_keep_the_others(tmp_path: Path) -> None:
    options = ["--data", str(tmp_path), "--real", str(tmp_path), "--out", str(tmp_path / "out")]
    result = CliRunner().invoke(main, ["train", "mixed", *options, "--only", "pneumoperitoneum"])
    assert result.exit_code == 1 and "--start-from" in result.output
    result = CliRunner().invoke(main, ["train", "mixed", *options, "--only", "fracture"])
    assert result.exit_code == 2 and "fracture" in result.output


@pytest.mark.parametrize(
    "command",
    [
        "train thresholds --data {0} --checkpoint {0}/mine",
        "train graphs --weights {0}/mine",
        "train captioner --data {0} --out {0}/out --segmenter {0}/mine",
        "train captioner --data {0} --out {0}/out --start-from {0}/mine",
        "train mixed --data {0} --real {0} --out {0}/out --start-from {0}/mine",
        "evaluate segmentation --data {0} --checkpoint {0}/mine",
        "pictures captioner --data {0} --out {0}/out --checkpoint {0}/mine",
        "ablation --data {0} --out {0}/out --segmenter {0}/mine",
    ],
)
def test_weights_that_are_not_there_are_named_by_the_path_that_was_typed(
    tmp_path: Path, command: str
) -> None:
    """It was said that 'mine' was not loaded, and to install pedaxr again."""
    result = CliRunner().invoke(main, command.format(tmp_path).split())
    said = "".join(result.output.split())
    assert result.exit_code == 2 and f"{tmp_path}/mine" in said and "doesnotexist" in said
