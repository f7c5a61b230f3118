"""What `make judges` starts does start: the suite itself needs npm, its server does not."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest
from mcp import Client, MCPError

from pedaxr_server.mcp import server as shipped
from pedaxr_server.settings import Settings

HERE = Path(__file__).parent


@pytest.mark.anyio
async def test_the_suite_s_prompts_are_answered_and_others_still_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(shipped, "check_prompt", shipped.check_prompt)  # put back afterwards
    spec = importlib.util.spec_from_file_location("conformance_server", HERE / "conformance_server.py")
    assert spec is not None and spec.loader is not None
    fixtures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fixtures)
    async with Client(fixtures.conformance_server(Settings(home=tmp_path))) as client:
        answer = await client.get_prompt("test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
        assert "arg1='a'" in answer.messages[0].content.text
        with pytest.raises(MCPError, match="There is no prompt"):
            await client.get_prompt("simple_prompt", {})


def test_the_server_with_the_suite_s_fixtures_starts_as_the_judges_start_it() -> None:
    """Beside it lies a folder `mcp`, which must not stand for the SDK."""
    line = re.search(r'"\$bin/python" (.*?)"\$here/conformance_server\.py"', (HERE / "judges.sh").read_text())
    assert line is not None
    command = [sys.executable, *line[1].split(), str(HERE / "conformance_server.py"), "--help"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    without = [sys.executable, str(HERE / "conformance_server.py"), "--help"]
    shadowed = subprocess.run(without, capture_output=True, text=True, timeout=120, check=False)
    assert shadowed.returncode != 0, "control: run as a plain script it finds the wrong folder"
