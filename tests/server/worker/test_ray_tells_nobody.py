"""Ray counts how it is used and sends that to its maker, unless it is told not to before it starts."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("ray")
TOLD = "from ray._common.usage.usage_lib import usage_stats_enabled as told; print(told())"


def is_told(program: str) -> bool:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    command = [sys.executable, "-c", f"{program}\n{TOLD}"]
    said = subprocess.run(command, env=kept, capture_output=True, text=True, check=True, timeout=300)
    return said.stdout.split()[-1] == "True"


@pytest.mark.parametrize("place", ["pedaxr.archive.on_ray", "pedaxr_server.worker.ray_readers"])
def test_of_archives_and_readers_nobody_is_told(place: str) -> None:
    assert not is_told(f"from {place} import _ray; _ray()")


def test_left_alone_it_would_tell() -> None:
    assert is_told("import ray")
