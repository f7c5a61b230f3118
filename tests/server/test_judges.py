"""What `make judges` starts does start: the suite itself needs npm, its server does not."""

import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def test_the_server_with_the_suite_s_fixtures_starts_as_the_judges_start_it() -> None:
    """Beside it lies a folder `mcp`, which must not stand for the SDK."""
    line = re.search(r'"\$bin/python" (.*?)"\$here/conformance_server\.py"', (HERE / "judges.sh").read_text())
    assert line is not None
    command = [sys.executable, *line[1].split(), str(HERE / "conformance_server.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    without = [sys.executable, str(HERE / "conformance_server.py"), "--help"]
    shadowed = subprocess.run(without, capture_output=True, text=True, timeout=120, check=False)
    assert shadowed.returncode != 0, "control: run as a plain script it finds the wrong folder"
