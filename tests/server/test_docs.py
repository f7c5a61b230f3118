"""docs/clients.md: its snippets parse, start commands that exist and name the resources that exist."""

import json
import os
import re
import shutil
import sys
from pathlib import Path

import pytest
from mcp import Client, StdioServerParameters

from pedaxr_server.cli.app import main
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings

TEXT = (Path(__file__).parents[2] / "docs" / "clients.md").read_text()


PROGRAM = str(Path(sys.executable).with_name("pedaxr"))


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


@pytest.mark.anyio
@pytest.mark.parametrize("number", range(3), ids=["Claude Desktop", "VS Code", "Cursor"])
async def test_each_clients_snippet_starts_a_server_that_answers(number: int, clinic_home: Path) -> None:
    (servers,) = json.loads(blocks("json")[number]).values()
    given = servers["pedaxr"]
    assert set(given) <= {"type", "command", "args", "env"} and given.get("type", "stdio") == "stdio"
    server = StdioServerParameters(
        command=given["command"].replace("/path/to/pedaxr", PROGRAM),
        args=given["args"],
        env={name: str(clinic_home) for name in given.get("env", {"PEDAXR_HOME": ""})},
    )
    async with Client(server) as client:
        assert next(tool.name for tool in (await client.list_tools()).tools) == "find_patient"


def test_the_python_snippet_finds_the_child(
    clinic_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With the clinic in the user's data folder: a server that a client starts inherits few variables."""
    shutil.copytree(clinic_home, tmp_path / ".local" / "share" / "pedaxr")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{Path(PROGRAM).parent}{os.pathsep}{os.environ['PATH']}")
    (snippet,) = blocks("python")
    exec(compile(snippet, "docs/clients.md", "exec"), {"__name__": "__main__"})
    assert "'status': 'one_match'" in capsys.readouterr().out


def test_what_follows_the_dashes_of_claude_mcp_add_is_a_command_of_ours() -> None:
    added = re.findall(r"^claude mcp add (.*)$", TEXT, re.MULTILINE)
    assert len(added) >= 4
    for line in added:
        before, _, behind = line.partition(" -- ")
        assert re.search(r"--transport (stdio|http) pedaxr\b", before), "options come before the name"
        assert ("--transport stdio" in before) == bool(behind)
        if behind:
            assert re.search(r"(^|/| )pedaxr serve\b", behind)


@pytest.mark.anyio
async def test_the_documented_resources_are_the_registered_ones() -> None:
    async with Client(create_server(Settings())) as client:
        templates = (await client.list_resource_templates()).resource_templates
        fixed = {r.uri for r in (await client.list_resources()).resources if r.uri.startswith("pedaxr:")}
    documented = re.findall(r"^\| `(pedaxr://[^`]+)`", TEXT, re.MULTILINE)
    assert sorted(documented) == sorted({template.uri_template for template in templates} | fixed)
