"""How long each stage of a reading took, for those who watch a service; kept only where somebody asks."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

Stage = Literal["decode", "check_picture", "outline", "second_looks", "draw", "write_report", "check_report"]
STAGES: tuple[Stage, ...] = get_args(Stage)
_times: ContextVar[dict[str, float] | None] = ContextVar("stage_times", default=None)


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Add the block's seconds to that stage, also where it fails."""
    times = _times.get()
    if times is None:
        yield
        return
    begin = time.perf_counter()
    try:
        yield
    finally:
        times[name] = times.get(name, 0.0) + time.perf_counter() - begin


@contextmanager
def timed_stages() -> Iterator[dict[str, float]]:
    """Seconds by stage of what happens in the block, filled while it runs."""
    times: dict[str, float] = {}
    token = _times.set(times)
    try:
        yield times
    finally:
        _times.reset(token)
