"""README.md does what it says: its Python runs, its commands and files exist."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from pedaxr.archive.read_archive import read_archive
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import FEWEST_PATIENTS
from pedaxr_models.checkpoint import NETWORKS
from pedaxr_server.cli.app import main

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme") / "clinic"
    create_demo_clinic(folder, patients=FEWEST_PATIENTS, processes=1)
    return folder


def python_of(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_python_example_runs_on_a_demo_clinic_and_the_bundled_weights(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PEDAXR_HOME", str(home))
    (example,) = python_of(ROOT / "README.md")
    exec(compile(example, "README.md", "exec"), {})
    shown = capsys.readouterr().out
    assert "preliminary" in shown and "not a medical device" in shown.lower()


def test_the_page_on_python_runs_from_top_to_bottom(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PEDAXR_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    broken = tmp_path / "films" / "broken.png"
    broken.parent.mkdir()
    broken.write_bytes(b"no film")
    read_archive(broken.parent, tmp_path / "archive", processes=1)
    names: dict[str, object] = {}
    for number, example in enumerate(python_of(ROOT / "docs" / "python.md")):
        exec(compile(example, f"docs/python.md block {number}", "exec"), names)
    shown = capsys.readouterr().out
    assert "SegmentationResult(study_id=" in shown and "Yoon" not in shown
    columns = re.findall(r"`([a-z0-9_]+)`", (ROOT / "docs" / "python.md").read_text().split("Columns:")[1])
    assert list(names["films"].columns) == columns  # type: ignore[attr-defined]


def test_the_commands_shown_run_on_a_demo_clinic(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the two that do not end, or end in another test: the server and the demo."""
    monkeypatch.setenv("PEDAXR_HOME", str(home))
    monkeypatch.chdir(tmp_path)
    film = sorted((home / "films").iterdir())[0]
    (tmp_path / "films").mkdir()
    (tmp_path / "films" / "broken.png").write_bytes(b"no film")
    (tmp_path / "own").mkdir()
    shutil.copy(film, tmp_path / "own" / film.name)
    (tmp_path / "own" / "films.csv").write_text(f"ImagePath,Class,PatientID\n{film.name},Normal,P-1\n")
    given = {"STUDY_OR_FILE": film.stem, "STUDY": film.stem, "FOLDER_OR_CSV": str(tmp_path / "own")}
    (block,) = re.findall(r"```sh\n(pedaxr find .*?)```", TEXT, re.DOTALL)
    shown = [shlex.split(line, comments=True)[1:] for line in block.splitlines()]
    assert len(shown) >= 8 and {line[0] for line in shown} >= {"find", "segment", "report", "import", "read"}
    for words in shown:
        if words[0] not in ("serve", "demo", "listen"):
            result = CliRunner().invoke(main, [given.get(word, word) for word in words])
            assert result.exit_code == 0, (words, result.output)
    assert (tmp_path / "overlay.png").stat().st_size > 10_000
    assert "preliminary" in (tmp_path / "report.txt").read_text(encoding="utf-8").lower()
    assert len(pd.read_parquet(tmp_path / "archive")) == 1


def test_every_command_and_option_named_exists() -> None:
    shell = "\n".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL))
    used = re.findall(r"^(?:PEDAXR_WEIGHTS=\S+ )?pedaxr ([a-z]+)(.*)$", shell, re.MULTILINE)
    assert {name for name, _ in used} >= {"demo", "find", "segment", "report", "import", "serve", "train"}
    for name, rest in used:
        command = main.commands[name]
        if name in ("train", "evaluate"):
            command = command.commands[rest.split()[0]]
        known = {option for parameter in command.params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", rest.split("#")[0])) <= known, (name, rest)


def test_every_file_and_make_target_named_exists() -> None:
    for link in re.findall(r"\]\((?!http)([^)#]+)\)", TEXT):
        assert (ROOT / link).exists(), link
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert set(re.findall(r"make ([a-z-]+)", TEXT)) <= set(targets)


@pytest.mark.parametrize(
    "path",
    ["README.md", *(f"models/pedaxr_models/weights/{n}/README.md" for n in NETWORKS)],
)
def test_what_a_clinician_reads_says_synthetic_and_not_for_clinical_use(path: str) -> None:
    text = (ROOT / path).read_text(encoding="utf-8").lower()
    assert "synthetic" in text and "not a medical device" in text


def test_it_takes_a_minute_to_read() -> None:
    assert len(TEXT.split()) <= 900


def figure(row: str) -> str:
    """The last cell of the README's table of six numbers in the row that starts with `row`."""
    (line,) = [line for line in TEXT.splitlines() if line.startswith(f"| {row}")]
    return line.split("|")[-2].strip()


def measured(page: str, row: str, column: int) -> str:
    """A cell of a table that a command wrote."""
    (line, *_) = [line for line in (ROOT / "docs" / page).read_text().splitlines() if line.startswith(row)]
    return line.split("|")[column].strip()


def test_the_six_numbers_are_those_that_the_commands_wrote() -> None:
    called = measured("results.md", "| free air put in, called |", 2)
    assert (
        called.startswith(figure("free air put into **real films**")) and f"| {called[6:8]} versions" in TEXT
    )
    falsely = measured("results.md", "| free air called where there is none", 2)
    assert f"called on {falsely} untouched".replace("of 12", "of the 12") in TEXT
    alarms = measured("results.md", "| **all changes**", 3)
    assert (
        alarms.startswith(f"{figure('**real films** re-exposed')} of ") and f"| {alarms[6:]} versions" in TEXT
    )
    both_sets = {name: measured("results.md", f"| **mean** | {name}", 3) for name in ("test", "shifted")}
    dice = dict(zip(both_sets, figure("outlines of the findings").split(", "), strict=True))
    assert all(f"0{dice[name]}" in cell for name, cell in both_sets.items())
    missed = dict(zip(both_sets, figure("synthetic films with free air").split(", "), strict=True))
    counted = re.findall(r"free air, not .*\| (\d+) test films, (\d+) shifted", TEXT)[0]
    cells = [measured("results.md", "| free air missed", column) for column in (3, 4)]
    for cell, said, films in zip(cells, missed.values(), counted, strict=True):
        assert cell.endswith(f" {said} of {films}")
    assert f"0{figure('facts of a draft')}" == measured("results.md", "| film and metadata | test", 3)
    (both,) = re.findall(
        r"\| MCP, stdio \| both \| \d+ \| ([\d.]+) ", (ROOT / "docs" / "speed.md").read_text()
    )
    assert figure("both tools, by an agent") == f"{float(both):.0f} ms"


def test_the_bundle_says_of_the_weights_what_the_readme_says() -> None:
    (pictures,) = re.findall(r"\d+ real pictures", TEXT)
    described = json.loads((ROOT / "packaging" / "bundle" / "manifest.json").read_text())["long_description"]
    assert pictures in described and "not a medical device" in described
