"""docs/safety.md names tests, files and targets that exist."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "docs" / "safety.md").read_text(encoding="utf-8")


def missing(text: str) -> list[str]:
    """What the page names and the repository has not."""
    found = []
    for path, _, test in re.findall(r"`((?:tools|server|models)/(?:\w+/)*test_\w+\.py)(::(\w+))?`", text):
        file = ROOT / "tests" / path
        if not file.exists() or (test and f"def {test}(" not in file.read_text(encoding="utf-8")):
            found.append(f"{path} {test}")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    return found + sorted(set(re.findall(r"`make ([a-z-]+)`", text)) - targets)


def test_every_test_and_target_named_exists() -> None:
    assert missing(TEXT) == []
    assert len(re.findall(r"::test_\w+`", TEXT)) > 50, "control: they are named"


def test_every_threat_has_a_test_a_control_and_a_figure() -> None:
    rows = [line.split("|")[1:-1] for line in TEXT.splitlines() if line.startswith("|") and "`" in line]
    assert len(rows) > 35
    assert [
        row for row in rows if len(row) != 5 or not row[2].strip() or not row[3].strip() or not row[4].strip()
    ] == []


def test_a_made_up_name_is_seen() -> None:
    assert missing("`tools/audit/test_trail.py::test_made_up`, `tools/test_none.py`, `make nothing`") == [
        "tools/audit/test_trail.py test_made_up",
        "tools/test_none.py ",
        "nothing",
    ]
