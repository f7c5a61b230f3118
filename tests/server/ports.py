"""Ports for what a test starts."""

import os
import socket
from contextlib import suppress
from itertools import cycle, islice

# Below those that outgoing connections are given, and other ones for each worker of a run: what is to listen
# on a port may need seconds to start, and meanwhile nobody else must get it.
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
_OWN = cycle(range(20_000 + 750 * (_WORKER % 16), 20_750 + 750 * (_WORKER % 16)))


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on and that this process was not given lately."""
    return list(islice(filter(_is_free, _OWN), count))


def _is_free(port: int) -> bool:
    with socket.socket() as probe, suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False
