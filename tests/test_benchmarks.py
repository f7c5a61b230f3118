"""The benchmarks still find in the packages what they measure: nothing else runs all of them."""

import ast
import importlib
import importlib.util
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = sorted((Path(__file__).parents[1] / "benchmarks").glob("*.py"))


def _imported(source: str) -> Iterator[tuple[str, str]]:
    """Modules of ours, and the names taken from them, wherever in the file."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("pedaxr"):
            yield from ((str(node.module), alias.name) for alias in node.names)


def _missing(source: str) -> list[str]:
    found = []
    for module, name in _imported(source):
        holder = importlib.import_module(module)
        is_module = hasattr(holder, "__path__") and importlib.util.find_spec(f"{module}.{name}") is not None
        if not is_module and not hasattr(holder, name):
            found.append(f"{module}.{name}")
    return found


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_what_a_benchmark_imports_is_there(path: Path) -> None:
    assert not _missing(path.read_text(encoding="utf-8"))


def test_a_name_that_has_moved_is_missed() -> None:
    assert _missing("def f():\n    from pedaxr.records import Nobody, Patient") == ["pedaxr.records.Nobody"]


@pytest.mark.parametrize("path", BENCHMARKS, ids=lambda path: path.stem)
def test_a_benchmark_parses_what_it_is_given(path: Path) -> None:
    """`finetune.py --help` made films in a folder of that name, and trained on them."""
    run = path.read_text(encoding="utf-8").partition('if __name__ == "__main__":')[2]
    assert "sys.argv" not in run


def test_the_picture_of_speeds_shows_what_the_page_says_today() -> None:
    """A picture that is drawn once goes stale when its tables are measured again."""
    path = Path(__file__).parents[1] / "benchmarks" / "speed_picture.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    drawing = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(drawing)
    docs = path.parents[1] / "docs"
    page = (docs / "speed.md").read_text(encoding="utf-8")
    bars = drawing.bars_of(page)
    assert sum(bar.is_ours for bar in bars) == 4 and len(bars) > 6
    assert drawing.picture(bars) == (docs / "speed_users.svg").read_text(encoding="utf-8")
    (first,) = (row for row in page.splitlines() if row.startswith("| MCP, stdio | both |"))
    assert drawing.bars_of(page.replace(first, "| MCP, stdio | both | 20 | 3.0 | 4.0 |"))[0].p50_ms == 3.0
