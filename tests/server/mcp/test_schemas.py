"""What is published about the tools: frozen in a golden file, short, strict and fully annotated."""

import json
from collections.abc import Callable

import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp_types import Tool

from pedaxr.types import PatientMatch, PatientSearch
from pedaxr_server.mcp.server import INSTRUCTIONS, create_server
from pedaxr_server.replies.tool_results import patients_reply
from pedaxr_server.settings import Settings

pytestmark = pytest.mark.anyio


@pytest.fixture
async def tools() -> list[Tool]:
    async with Client(create_server(Settings())) as client:
        return (await client.list_tools()).tools


def as_json(tools: list[Tool], indent: int | None = None) -> str:
    data = [tool.model_dump(mode="json", by_alias=True, exclude_none=True) for tool in tools]
    return json.dumps(data, ensure_ascii=False, indent=indent, separators=None if indent else (",", ":"))


async def test_published_tools_have_not_changed(
    tools: list[Tool], golden: Callable[[str, str], None]
) -> None:
    golden("tools.json", as_json(tools, indent=1) + "\n")


async def test_definitions_and_instructions_fit_into_1500_tokens(tools: list[Tool]) -> None:
    """By characters: of three real tokenizers (`make judges`) the hungriest makes a token of 3.94 of them."""
    assert len(as_json(tools) + INSTRUCTIONS) / 3.93 < 1500


async def test_every_tool_has_title_annotations_and_strict_described_arguments(tools: list[Tool]) -> None:
    for tool in tools:
        assert tool.title
        assert tool.description and "Args:" not in tool.description
        assert tool.annotations is not None
        hints = tool.annotations.model_dump(exclude={"title"})
        assert None not in hints.values(), f"{tool.name} leaves a hint to the client's guess"
        assert tool.input_schema["additionalProperties"] is False
        for name, argument in tool.input_schema["properties"].items():
            assert argument["description"], name


async def test_the_short_output_schema_still_refuses_what_is_wrong(tools: list[Tool]) -> None:
    match = PatientMatch(patient_id="P1", patient_name="Demo", reason="name", score=1.0, studies=[])
    search = PatientSearch(query="x", status="one_match", matches=[match], total=1, next_step="Go on.")
    validator = Draft202012Validator(tools[0].output_schema)
    good = patients_reply(search).data
    assert validator.is_valid(good)
    assert not validator.is_valid(good | {"status": "perhaps"})
    assert not validator.is_valid(good | {"matches": [{"patient_id": 3}]})
