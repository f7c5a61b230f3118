"""A linter of what is published: what a model or a person reads must be there, short and portable."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from mcp import Client
from mcp_types import Tool

from pedaxr_server.mcp.server import INSTRUCTIONS, create_server
from pedaxr_server.settings import Settings

pytestmark = pytest.mark.anyio

# What the function-calling interfaces of some model providers refuse in an argument's schema.
NOT_PORTABLE = {"oneOf", "allOf", "not", "$ref", "$defs", "patternProperties", "if", "dependentRequired"}


def faults(tool: Tool) -> Iterator[str]:
    """What is wrong with a tool's definition, in words."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+){0,4}", tool.name) or len(tool.name) > 40:
        yield "name is not short snake_case"
    if not tool.title or len(tool.title) > 60:
        yield "title is missing or long"
    description = tool.description or ""
    if not 40 <= len(description) <= 400 or not description.endswith("."):
        yield "description is not in short sentences"
    if re.search(r"\b(please|simply|powerful|IMPORTANT|MUST)\b", description):
        yield "description pleads"
    if tool.annotations is None or None in tool.annotations.model_dump(exclude={"title"}).values():
        yield "an annotation is left to be guessed"
    yield from argument_faults(tool.input_schema)
    if tool.output_schema is None:
        yield "no output schema"
    for schema in (tool.input_schema, tool.output_schema or {}):
        Draft202012Validator.check_schema(schema)


def argument_faults(schema: dict[str, Any]) -> Iterator[str]:
    """What is wrong with the arguments."""
    if schema.get("additionalProperties") is not False:
        yield "unknown arguments are let in"
    if used := NOT_PORTABLE & set(keys(schema)):
        yield f"not portable: {used}"
    for name, argument in schema["properties"].items():
        if not 8 <= len(argument.get("description", "")) <= 120:
            yield f"{name} is not described in a few words"
        if "type" not in argument:
            yield f"{name} has no single type"
        if "date" in name and "YYYY" not in argument["description"]:
            yield f"{name} does not say how a date is written"


def keys(node: object) -> Iterator[str]:
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from keys(value)
    elif isinstance(node, list):
        for item in node:
            yield from keys(item)


@pytest.fixture
async def tools() -> list[Tool]:
    async with Client(create_server(Settings())) as client:
        return (await client.list_tools()).tools


async def test_no_tool_has_a_fault(tools: list[Tool]) -> None:
    assert {tool.name: list(faults(tool)) for tool in tools} == {tool.name: [] for tool in tools}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"name": "FindPatient"}, "snake_case"),
        ({"title": None}, "title"),
        ({"description": "Finds."}, "description"),
        ({"annotations": None}, "annotation"),
        ({"output_schema": None}, "output"),
        ({"input_schema": {"type": "object", "properties": {}}}, "unknown arguments"),
        (
            {
                "input_schema": {
                    "type": "object",
                    "properties": {"x": {"oneOf": [{}]}},
                    "additionalProperties": False,
                }
            },
            "portable",
        ),
    ],
)
async def test_the_linter_finds_a_planted_fault(tools: list[Tool], change: dict[str, Any], told: str) -> None:
    found = list(faults(tools[0].model_copy(update=change)))
    assert any(told in fault for fault in found), found


async def test_tools_name_each_other_only_by_real_names(tools: list[Tool]) -> None:
    names = {tool.name for tool in tools}
    spoken = " ".join([INSTRUCTIONS, *(tool.description or "" for tool in tools)])
    verbs = set(re.findall(r"\b(?:find|segment|generate|read|get|list)_[a-z_]+", spoken))
    assert verbs <= names


async def test_resources_and_prompts_are_named_titled_and_described() -> None:
    async with Client(create_server(Settings())) as client:
        templates = (await client.list_resource_templates()).resource_templates
        prompts = (await client.list_prompts()).prompts
        listed = [r for r in (await client.list_resources()).resources if r.uri.startswith("pedaxr:")]
    assert [r.uri for r in listed] == ["pedaxr://worklist"], "a list of films would be a list of patients"
    for item in (*templates, *prompts, *listed):
        assert item.title and item.description and len(item.description) <= 160, item.name
    assert all(template.mime_type for template in templates)
    assert len({template.title for template in templates}) == len(templates)
