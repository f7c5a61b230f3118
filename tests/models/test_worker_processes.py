"""Work shared among processes: in order, and an error instead of an endless wait when one dies."""

import os
import signal
import subprocess
import sys
import textwrap
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import pytest

from pedaxr_models.worker_processes import map_in_processes


def doubled(number: int) -> int:
    return 2 * number


def killed_at_three(number: int) -> int:
    if number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def test_results_come_in_order_from_one_process_or_more() -> None:
    assert list(map_in_processes(doubled, range(9), 1)) == list(map_in_processes(doubled, range(9), 2))


def test_a_killed_process_is_an_error_and_not_an_endless_wait() -> None:
    with pytest.raises(BrokenProcessPool):
        list(map_in_processes(killed_at_three, range(6), 2))


def test_a_script_without_a_main_guard_ends_and_does_not_start_processes_for_ever(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent("""
        from pathlib import Path
        from pedaxr.demo.clinic import create_demo_clinic
        create_demo_clinic(Path(__file__).parent / "clinic", processes=2)
        """)
    )
    ended = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert ended.returncode != 0
    assert "__name__ == '__main__'" in ended.stderr and "BrokenProcessPool" in ended.stderr
