"""Logs without patients: where an error happened and of what type, never what its text says.

Texts of third-party errors echo their input (pydantic prints the rejected value), and our own may repeat what
the caller passed, a child's name for instance. Each line carries the id of the request it belongs to; with
`log_json` it is a JSON object, and each answered message leaves one.
"""

import json
import logging
import os
import sys
import traceback
from datetime import UTC, datetime

from pedaxr.audit.callers import current_caller

SDK_LOGGER = "mcp.server.mcpserver.server"
JSON_VARIABLE = "PEDAXR_LOG_JSON"
_WITHHELD = "(text withheld: it may hold patient data)"


class WithoutPatients(logging.Filter):
    """Keep type and place of an exception and drop its text; withhold the SDK's copy of a tool's message."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place; never drops one."""
        if record.exc_info:
            error = record.exc_info[1]
            record.msg = f"{record.getMessage()}: {_where(error)}"
            record.args = ()
            record.exc_info, record.exc_text = None, None
        elif (
            record.name == SDK_LOGGER
            and record.msg == "Tool %r failed: %r"
            and isinstance(record.args, tuple)
        ):
            record.args = (record.args[0], _WITHHELD)
        record.request_id = current_caller().request_id or "-"
        return True


class JsonLines(logging.Formatter):
    """One JSON object a line: time, level, logger, request_id, message, and the fields given with it."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "request_id": getattr(record, "request_id", "-"),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        return json.dumps(line, default=str)  # ASCII: no character ends a line, or cannot be written


class OneLine(logging.Formatter):
    """A record as text that cannot begin a line of its own, nor move a terminal's cursor."""

    def format(self, record: logging.LogRecord) -> str:
        """The record, with what cannot be printed escaped."""
        text = super().format(record)
        if text.isascii() and text.isprintable():
            return text
        return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


_filter = WithoutPatients()


def guard_sdk_log() -> None:
    """Apply the filter to the SDK's tool log, whoever owns the handlers. Safe to call again."""
    logging.getLogger(SDK_LOGGER).addFilter(_filter)


def log_to_stderr(level: int = logging.WARNING) -> None:
    """Send every log of this process to standard error, filtered: standard output belongs to the protocol.

    With $PEDAXR_LOG_JSON as JSON lines, and our own from INFO on; child processes inherit it.
    """
    handler = logging.StreamHandler(sys.stderr)
    is_json = os.environ.get(JSON_VARIABLE, "") in ("1", "true", "yes")
    text = OneLine("%(asctime)s %(levelname)s %(name)s [%(request_id)s]: %(message)s")
    handler.setFormatter(JsonLines() if is_json else text)
    handler.addFilter(_filter)
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in ("pedaxr", "pedaxr_server"):
        logging.getLogger(name).setLevel(logging.INFO if is_json else level)


def _where(error: BaseException | None) -> str:
    """The chain of causes, outermost first, as `Type at file:line`."""
    parts: list[str] = []
    while error is not None and len(parts) < 8:
        frames = traceback.extract_tb(error.__traceback__)
        place = f" at {frames[-1].filename}:{frames[-1].lineno}" if frames else ""
        parts.append(f"{type(error).__name__}{place}")
        inner = error.exceptions[0] if isinstance(error, BaseExceptionGroup) else None
        error = inner or error.__cause__ or error.__context__
    return " <- ".join(parts)
