"""No patient text in any log, with controls that show the text would have been there."""

import importlib
import logging

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer

from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr.errors import PatientNotFound
from pedaxr_server.logs import SDK_LOGGER, JsonLines, OneLine, WithoutPatients

pytestmark = pytest.mark.anyio
NAME = "Kim Secret"


@pytest.mark.parametrize("error", [PatientNotFound(f"No {NAME}."), ValueError(NAME)], ids=["expected", "bug"])
async def test_a_failing_tool_logs_no_name(
    server: MCPServer[object],
    era: str,
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise error

    monkeypatch.setattr(importlib.import_module("pedaxr.clinic.find_patient"), "find_patient", fail)
    with caplog.at_level(logging.INFO):
        async with Client(server, mode=era) as client:
            await client.call_tool("find_patient", {"query": NAME})
    assert "find_patient" in caplog.text, "control: the failure is logged"
    assert NAME not in caplog.text
    assert "Secret" not in caplog.text


async def test_without_the_filter_the_name_would_be_logged(
    server: MCPServer[object], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise PatientNotFound(f"No {NAME}.")

    monkeypatch.setattr(importlib.import_module("pedaxr.clinic.find_patient"), "find_patient", fail)
    monkeypatch.setattr(logging.getLogger(SDK_LOGGER), "filters", [])
    with caplog.at_level(logging.INFO):
        async with Client(server) as client:
            await client.call_tool("find_patient", {"query": NAME})
    assert NAME in caplog.text


def test_an_exception_is_logged_by_type_and_place() -> None:
    try:
        raise KeyError(NAME)
    except KeyError as err:
        record = logging.LogRecord(
            "x", logging.ERROR, __file__, 1, "broke", (), (KeyError, err, err.__traceback__)
        )
    WithoutPatients().filter(record)
    text = logging.Formatter("%(message)s").format(record)
    assert text.startswith("broke: KeyError at ")
    assert "test_logs.py" in text
    assert NAME not in text


async def test_every_answer_leaves_a_line_with_its_outcome(
    server: MCPServer[object], era: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with Client(server, mode=era) as client:
            await client.call_tool("find_patient", {"query": DEMO_UNAMBIGUOUS_NAME})
            await client.call_tool("find_patient", {"query": "x"})
            await client.call_tool("segment_xray", {"study_id": "S-404"})
    answered = [vars(record)["fields"] for record in caplog.records if record.message == "answered"]
    outcomes = [line["outcome"] for line in answered if line["method"] == "tools/call"]
    assert outcomes == ["ok", "invalid_request", "study_not_found"]


HOSTILE = "a\nERROR forged\r\x1b[2J\x9b\x85\u2028\u2029\u202e\ud800\0b"


@pytest.mark.parametrize("formatter", [JsonLines(), OneLine("%(message)s")], ids=["json", "text"])
def test_what_a_caller_sends_never_begins_a_line_of_its_own(formatter: logging.Formatter) -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "Invalid Host header: %s", (HOSTILE,), None)
    record.fields = {"method": HOSTILE}
    line = formatter.format(record)
    line.encode()  # it can be written
    assert len(line.splitlines()) == 1 and line.isprintable(), line
    assert "forged" in line, "control: it is there, escaped"
    assert len(logging.Formatter("%(message)s").format(record).splitlines()) > 3, "control"


def test_korean_text_stays_readable_in_a_text_log() -> None:
    record = logging.LogRecord("x", logging.INFO, __file__, 1, "영상", (), None)
    assert OneLine("%(message)s").format(record) == "영상"
