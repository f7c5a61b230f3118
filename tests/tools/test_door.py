"""`import pedaxr`: the public names, and nothing heavy behind them before they are used."""

import subprocess
import sys
from importlib.metadata import version

import pytest

import pedaxr

HEAVY = "{'numpy', 'cv2', 'pydicom', 'torch', 'onnxruntime', 'mcp'}"


def test_completion_shows_the_public_names_and_each_is_there() -> None:
    assert set(dir(pedaxr)) == {*pedaxr.__all__, "__version__"}
    assert all(getattr(pedaxr, name) is not None for name in dir(pedaxr))
    assert pedaxr.__version__ == version("pedaxr")


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'read_film'"):
        _ = pedaxr.read_film  # type: ignore[attr-defined]


def test_importing_loads_nothing_heavy() -> None:
    program = f"import sys, pedaxr; dir(pedaxr); assert not {HEAVY} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True)
    control = f"import sys, pedaxr; pedaxr.segment_xray; assert not {HEAVY} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", control], capture_output=True).returncode == 1
