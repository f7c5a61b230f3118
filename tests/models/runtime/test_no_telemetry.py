"""ONNX Runtime reports to its maker unless it is told not to before it is imported."""

import os
import subprocess
import sys
from pathlib import Path

import pytest


def files_left(home: Path, program: str) -> list[str]:
    """What a program leaves in an empty home."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ORT_", "XDG_"))}
    subprocess.run([sys.executable, "-c", program], env={**kept, "HOME": str(home)}, check=True, timeout=300)
    return sorted(str(path.relative_to(home)) for path in home.rglob("*") if path.is_file())


def test_what_runs_the_networks_leaves_nothing_of_its_maker_s(tmp_path: Path) -> None:
    assert files_left(tmp_path, "import pedaxr_models.runtime.compiled, onnxruntime") == []


def test_left_alone_it_would(tmp_path: Path) -> None:
    left = files_left(tmp_path, "import onnxruntime")
    if not left:
        pytest.skip("this ONNX Runtime keeps no device id")
    assert any(name.endswith("deviceid") for name in left)
