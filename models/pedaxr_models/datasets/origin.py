"""Where the films of a data set come from, as its folder says."""

import json
from pathlib import Path
from typing import Any


def made_by(data: Path) -> dict[str, Any]:
    """What data.json says of a data set folder or of the folder of its CSV; nothing where there is none."""
    described = (data if data.is_dir() else data.parent) / "data.json"
    made: dict[str, Any] = json.loads(described.read_text(encoding="utf-8")) if described.is_file() else {}
    return made


def is_synthetic(data: Path) -> bool:
    """Whether the films were made by a program; figures measured on them must say so."""
    return bool(made_by(data).get("is_synthetic"))
