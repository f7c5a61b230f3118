"""For every test: one thread a process.

Two threads of one network wait for each other by spinning: beside other work on two cores a test of seconds
then takes twenty minutes. pytest-xdist runs a process a core instead.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
