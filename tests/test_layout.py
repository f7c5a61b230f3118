"""The rooms stay small and their arrows point down: docs/architecture.md, enforced."""

import itertools
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = {"models": "pedaxr_models", "tools": "pedaxr", "server": "pedaxr_server"}
MOST_MODULES, MOST_LINES = 20, 400
LINT = (sys.executable, "-c", "from importlinter.cli import lint_imports_command as lint; lint()")


def modules() -> list[Path]:
    return [path for root, name in PACKAGES.items() for path in (ROOT / root / name).rglob("*.py")]


def test_no_folder_holds_more_than_twenty_modules() -> None:
    held: dict[Path, int] = {}
    for path in modules():
        if path.name != "__init__.py":
            held[path.parent] = held.get(path.parent, 0) + 1
    assert len(held) > 20, "control: the folders are found"
    assert {str(folder): count for folder, count in held.items() if count > MOST_MODULES} == {}


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lines = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in modules()}
    assert {path: count for path, count in lines.items() if count > MOST_LINES} == {}


@pytest.mark.parametrize("root", PACKAGES)
def test_the_page_lists_every_package_from_the_top_down(root: str) -> None:
    """As the contracts have them; `learning`, `pasting` and eight more were missing."""
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    block = page.split(f"\n{root}/{PACKAGES[root]}/")[1].split("\n```")[0]
    block = re.split(r"\n\S", block)[0]  # up to the next package
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (layers,) = (one["layers"] for one in contracts if one.get("containers") == [PACKAGES[root]])
    places = [[at(block, name) for name in layer.split(" | ")] for layer in layers]
    assert all(max(upper) < min(lower) for upper, lower in itertools.pairwise(places))


def at(block: str, name: str) -> int:
    """The line that lists a package or module."""
    listed = re.compile(rf"(?<![\w/]){name}(/|\.py)(?=\s|$)")
    found = [number for number, line in enumerate(block.splitlines()) if listed.search(line)]
    assert found, f"{name} is not listed"
    return found[0]


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The three packages and the contracts, to be spoilt."""
    folder = tmp_path_factory.mktemp("copy")
    for root, name in PACKAGES.items():
        ignored = shutil.ignore_patterns("weights", "__pycache__", "static")
        shutil.copytree(ROOT / root / name, folder / name, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def broken_contracts(folder: Path) -> str:
    """What import-linter says of the packages there; nothing when every contract is kept."""
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(LINT, cwd=folder, env=environment, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("pedaxr/registry/schema.py", "import pedaxr.reports.flags"),
        ("pedaxr_models/labels.py", "import pedaxr.errors"),
        ("pedaxr_server/settings.py", "import pedaxr_server.serve"),
    ],
    ids=["between rooms", "between packages", "in the server"],
)
def test_an_arrow_planted_upwards_is_found(copied: Path, module: str, line: str) -> None:
    path = copied / module
    text = path.read_text(encoding="utf-8")
    path.write_text(f"{text}\n{line}\n", encoding="utf-8")
    try:
        assert "BROKEN" in broken_contracts(copied)
    finally:
        path.write_text(text, encoding="utf-8")


def test_a_module_without_a_layer_is_found_and_all_is_well_without_it(copied: Path) -> None:
    assert broken_contracts(copied) == ""
    stray = copied / "pedaxr" / "helpers.py"
    stray.write_text('"""A module that nobody gave a layer."""\n', encoding="utf-8")
    try:
        assert "helpers" in broken_contracts(copied)
    finally:
        stray.unlink()
