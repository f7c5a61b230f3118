"""docs/clients.md: its snippets parse, start commands that exist and name the resources that exist."""

import json
import re
from pathlib import Path

import pytest
from mcp import Client

from pedaxr_server.cli.app import main
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)


def test_json_snippets_start_the_server() -> None:
    snippets = [json.loads(block) for block in blocks("json")]
    assert len(snippets) == 3
    for snippet in snippets:
        (servers,) = snippet.values()
        assert servers["pedaxr"]["args"] == ["serve"]


def test_shell_snippets_name_commands_and_options_that_exist() -> None:
    used = re.findall(r"(?:^|/path/to/|`)pedaxr ([a-z]+)((?: --[a-z-]+)*)", TEXT, re.MULTILINE)
    assert {name for name, _ in used} >= {"serve", "demo", "settings", "import"}
    for name, options in used:
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert set(options.split()) <= known, name


def test_python_snippet_compiles() -> None:
    for block in blocks("python"):
        compile(block, "docs/clients.md", "exec")


@pytest.mark.anyio
async def test_the_documented_resources_are_the_registered_ones() -> None:
    async with Client(create_server(Settings())) as client:
        templates = (await client.list_resource_templates()).resource_templates
        fixed = {r.uri for r in (await client.list_resources()).resources if r.uri.startswith("pedaxr:")}
    documented = re.findall(r"^\| `(pedaxr://[^`]+)`", TEXT, re.MULTILINE)
    assert sorted(documented) == sorted({template.uri_template for template in templates} | fixed)
