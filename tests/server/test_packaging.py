"""What is packaged names versions, tools, settings and users that exist."""

import json
import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

from pedaxr_server.auth.tokens import SCOPES
from pedaxr_server.cli.app import main
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings
from pedaxr_server.settings_sources import CONFIG_VARIABLE, gather, variable

ROOT = Path(__file__).parents[2]
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
VARIABLES = {variable(field.name) for field in fields(Settings)} | {CONFIG_VARIABLE}


def read(name: str) -> Any:
    return json.loads((ROOT / "packaging" / name).read_text())


def test_versions_agree() -> None:
    server = read("server.json")
    assert {server["version"], server["packages"][0]["version"], read("bundle/manifest.json")["version"]} == {
        VERSION
    }


def test_the_registry_finds_its_name_in_the_readme_and_its_limits_are_kept() -> None:
    server = read("server.json")
    assert f"mcp-name: {server['name']}" in (ROOT / "README.md").read_text()
    assert re.fullmatch(r"[a-zA-Z0-9.-]+/[a-zA-Z0-9._-]+", server["name"])
    assert len(server["description"]) <= 100 and 1 <= len(server["title"]) <= 100
    for package in server["packages"]:
        assert {"registryType", "identifier", "version", "transport"} <= set(package)
        for argument in package["packageArguments"]:
            assert argument["type"] == "positional" and argument["value"] in main.commands


def test_the_bundle_lists_the_published_tools() -> None:
    names = [tool.name for tool in create_server(Settings())._tool_manager.list_tools()]
    assert [tool["name"] for tool in read("bundle/manifest.json")["tools"]] == names


def test_variables_that_are_named_exist() -> None:
    named = {
        name
        for file in ("packaging/server.json", "packaging/bundle/manifest.json", "Dockerfile", "docs/http.md")
        for name in re.findall(r"PEDAXR_[A-Z_]+", (ROOT / file).read_text())
    }
    assert named <= VARIABLES
    assert len(named) > 10, "control: they are found"


def test_the_image_runs_as_nobody_in_particular_and_needs_a_login() -> None:
    text = (ROOT / "Dockerfile").read_text()
    (user,) = re.findall(r"^USER (\d+):\d+$", text, re.MULTILINE)
    assert int(user) >= 10000
    assert text.rindex("USER") > text.rindex("RUN"), "nothing runs as that user while building"
    given = dict(re.findall(r"(PEDAXR_[A-Z_]+)=(\S+)", text.split("ENV", 1)[1]))
    settings = gather({}, given | {"PEDAXR_AUTH_ISSUER": "https://login.example.org"}).settings
    assert (settings.transport, settings.host, settings.warm) == ("http", "0.0.0.0", True)
    assert "SECRET" not in text.upper().replace("/RUN/SECRETS/", "")


def test_the_documented_settings_scopes_and_flags_are_the_real_ones() -> None:
    text = (ROOT / "docs" / "http.md").read_text()
    rows = re.findall(r"^\| `([a-z_]+)` \| `(PEDAXR_[A-Z_]+)` \|([^|]*)\|", text, re.MULTILINE)
    assert [name for name, _, _ in rows] == [field.name for field in fields(Settings)]
    assert all(variable(name) == shown for name, shown, _ in rows)
    flags = {flag for _, _, cell in rows for flag in re.findall(r"`(--[a-z-]+)`", cell)}
    assert flags <= {option for parameter in main.commands["serve"].params for option in parameter.opts}
    assert re.findall(r"^\| `([a-z]+:[a-z]+)` \|", text, re.MULTILINE) == list(SCOPES)


def test_the_documented_settings_file_is_accepted(tmp_path: Path) -> None:
    (block,) = re.findall(r"```toml\n(.*?)```", (ROOT / "docs" / "http.md").read_text(), re.DOTALL)
    (tmp_path / "pedaxr.toml").write_text(block)
    gathered = gather({}, {}, config=tmp_path / "pedaxr.toml")
    assert gathered.settings.host == "0.0.0.0"


def test_documented_commands_exist() -> None:
    text = "\n".join(re.findall(r"```sh\n(.*?)```", (ROOT / "docs" / "http.md").read_text(), re.DOTALL))
    for name, options in re.findall(
        r"^pedaxr ([a-z]+)((?: --?[a-z-]+(?: [^-\s`]\S*)?)*)", text, re.MULTILINE
    ):
        known = {option for parameter in main.commands[name].params for option in parameter.opts}
        assert set(re.findall(r"--[a-z-]+", options)) <= known, name


def test_an_environment_that_uv_makes_has_the_pip_that_other_targets_call() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert "python -m pip install" in makefile, "control"
    assert all("--seed" in call for call in re.findall(r"uv venv[^,]*", makefile))
