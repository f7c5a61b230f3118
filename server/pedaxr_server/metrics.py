"""What the server counts and times, through OpenTelemetry's API: without its SDK nothing is kept.

No label holds anything that came from a request, the registry or a film: each is one of a few words of this
program, and what is none of them is counted as "other".
"""

from collections.abc import Iterable, Mapping
from typing import Protocol
from weakref import WeakSet

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from pedaxr.errors import ERRORS_BY_CODE
from pedaxr.stage_times import STAGES

TOOLS = frozenset({"find_patient", "segment_xray", "generate_report", "finalise_report"})
OUTCOMES = frozenset({"ok", "bug", "cancelled", *ERRORS_BY_CODE})
JOBS = frozenset({"segment", "report", "overlay", "mask", "outlines", "file"})
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0)
_meter = get_meter("pedaxr")
_calls = _meter.create_counter(
    "pedaxr.calls", description="Calls of tools, by outcome: ok or an error's code."
)
_call_times = _meter.create_histogram(
    "pedaxr.call.duration",
    unit="s",
    description="From the call of a tool to its answer.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)
_waits = _meter.create_histogram(
    "pedaxr.queue.wait",
    unit="s",
    description="How long calls waited for their turn.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)
_stage_times = _meter.create_histogram(
    "pedaxr.stage.duration",
    unit="s",
    description="Stages of reading a film.",
    explicit_bucket_boundaries_advisory=_SECONDS,
)
_restarts = _meter.create_counter(
    "pedaxr.worker.replaced", description="Reading workers that ended, hung or ran out of memory."
)


class Queue(Protocol):
    """Calls that run and calls that wait."""

    name: str

    @property
    def queued(self) -> int:
        """Calls that wait."""


_queues: "WeakSet[Queue]" = WeakSet()
_models: dict[str, str] = {}


def watch(queue: Queue) -> None:
    """Show how many calls wait in it, as long as it lives."""
    _queues.add(queue)


def name_models(digests: Mapping[str, str]) -> None:
    """Show which weights read films: SHA-256 by network."""
    _models.update(digests)


def count_call(tool: str, outcome: str, seconds: float) -> None:
    """One answered call of a tool."""
    labels = {"tool": _one_of(TOOLS, tool), "outcome": _one_of(OUTCOMES, outcome)}
    _calls.add(1, labels)
    _call_times.record(seconds, {"tool": labels["tool"]})


def count_wait(queue: str, seconds: float) -> None:
    """One call's time in a queue."""
    _waits.record(seconds, {"queue": queue})


def count_stages(job: str, seconds: Mapping[str, float]) -> None:
    """The stages of one job of the reading worker."""
    for name in STAGES:
        if name in seconds:
            _stage_times.record(float(seconds[name]), {"job": _one_of(JOBS, job), "stage": name})


def count_replacement() -> None:
    """A reading worker that had to be replaced."""
    _restarts.add(1)


def _one_of(words: Iterable[str], word: str) -> str:
    return word if word in words else "other"


def _queue_lengths(_: CallbackOptions) -> Iterable[Observation]:
    lengths: dict[str, int] = {}
    for queue in list(_queues):
        lengths[queue.name] = lengths.get(queue.name, 0) + queue.queued
    return [Observation(length, {"queue": name}) for name, length in lengths.items()]


def _model_info(_: CallbackOptions) -> Iterable[Observation]:
    return [Observation(1, {"network": name, "sha256": digest}) for name, digest in _models.items()]


_meter.create_observable_gauge("pedaxr.queue.length", [_queue_lengths], description="Calls that wait now.")
_meter.create_observable_gauge("pedaxr.model.info", [_model_info], description="Weights in use, always 1.")
