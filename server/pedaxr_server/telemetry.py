"""Where metrics and traces go: to whoever asks /metrics, and to an OpenTelemetry collector.

Needs `pip install 'pedaxr[telemetry]'`. What the MCP library puts into a span may name a study, or hold
whatever a client sent; only what `CleanExporter` knows to be harmless leaves.
"""

import os
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, cast

from pedaxr.errors import InvalidRequest
from pedaxr_server.metrics import TOOLS

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

COLLECTOR_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_METHODS = frozenset(
    {
        "initialize",
        "ping",
        "server/discover",
        "tools/list",
        "tools/call",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "prompts/list",
        "prompts/get",
        "completion/complete",
    }
)
_SAFE = ("mcp.method.name", "mcp.protocol.version", "error.type", "rpc.response.status_code")


@cache
def start_metrics() -> None:
    """Keep what `metrics` counts, for `metrics_text`; a second call does nothing.

    Raises:
        InvalidRequest: the SDK is not installed.
    """
    try:
        from opentelemetry.exporter.prometheus import PrometheusMetricReader
        from opentelemetry.sdk.metrics import MeterProvider
        from opentelemetry.sdk.resources import Resource
    except ImportError as err:
        raise InvalidRequest(
            "Metrics need pip install 'pedaxr[telemetry]', or set metrics to false."
        ) from err
    from opentelemetry.metrics import set_meter_provider

    resource = Resource({"service.name": "pedaxr"})  # nothing of the machine
    set_meter_provider(MeterProvider([PrometheusMetricReader()], resource=resource))
    _name_models()


def metrics_text() -> bytes:
    """All figures in the format of Prometheus."""
    from prometheus_client import generate_latest

    return generate_latest()


@cache
def start_traces() -> None:
    """Send spans to the collector of $OTEL_EXPORTER_OTLP_ENDPOINT, where it is set and the SDK installed."""
    if not os.environ.get(COLLECTOR_VARIABLE):
        return
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as err:
        raise InvalidRequest(f"{COLLECTOR_VARIABLE} needs pip install 'pedaxr[telemetry]'.") from err
    from opentelemetry.trace import set_tracer_provider

    provider = TracerProvider(resource=Resource({"service.name": "pedaxr"}))
    provider.add_span_processor(BatchSpanProcessor(cast("SpanExporter", CleanExporter(OTLPSpanExporter()))))
    set_tracer_provider(provider)


class CleanExporter:
    """Hands spans on with what is known to be harmless alone: no messages, no events, no ids of calls."""

    def __init__(self, exporter: "SpanExporter") -> None:
        self._exporter = exporter

    def export(self, spans: "Sequence[ReadableSpan]") -> "SpanExportResult":
        """See `SpanExporter`."""
        return self._exporter.export([cleaned_span(span) for span in spans])

    def shutdown(self) -> None:
        """See `SpanExporter`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter`."""
        return self._exporter.force_flush(timeout_millis)


def cleaned_span(span: "ReadableSpan") -> "ReadableSpan":
    """The span with its times, its place in the trace, and a name and attributes of this program's words."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import Status

    given = dict(span.attributes or {})
    method = str(given.get("mcp.method.name", span.name))
    method = method if method in _METHODS else "other"
    tool = given.get("gen_ai.tool.name")
    kept = {name: given[name] for name in _SAFE if name in given} | {"mcp.method.name": method}
    if tool in TOOLS:
        kept["gen_ai.tool.name"] = str(tool)
    return ReadableSpan(
        name=f"{method} {tool}" if tool in TOOLS else method,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=kept,
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _name_models() -> None:
    from pedaxr_models.checkpoint import NETWORKS, CheckpointError, load_checkpoint, weights_folder
    from pedaxr_server.metrics import name_models

    for network in NETWORKS:
        try:
            checkpoint = load_checkpoint(weights_folder(network), with_tensors=False)
        except CheckpointError:
            continue
        name_models({network: checkpoint.weights_sha256})
