"""For every test: one thread a process.

Two threads of one network wait for each other by spinning: beside other work on two cores a test of seconds
then takes twenty minutes. pytest-xdist runs a process a core instead.
"""

import os
import sys

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """A test that loads a network for serving leaves torch with its two threads."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
