"""`pedaxr demo`: an agent's two conversations with the server, over stdio, with the MCP SDK's own client.

The script stands in for the language model: what it asks is fixed, every answer comes from the server, which
runs as a process of its own just as a desktop client would start it.
"""

import base64
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import anyio
from mcp import Client, StdioServerParameters
from mcp_types import BlobResourceContents, CallToolResult, TextContent
from rich.console import Console
from rich.panel import Panel
from rich.status import Status
from rich.text import Text

from pedaxr.clinic import Clinic, default_home
from pedaxr.demo.clinic import create_demo_clinic, is_demo
from pedaxr.demo.patients import DEMO_AMBIGUOUS_NAME, DEMO_UNAMBIGUOUS_NAME
from pedaxr.errors import InvalidRequest, PedaxrError
from pedaxr.types import DISCLAIMER, PatientMatch, PatientSearch, Report, SegmentationResult
from pedaxr_server.cli.console import show_report, show_search, show_segmentation
from pedaxr_server.cli.data import progress_bar
from pedaxr_server.cli.demo_http import signed_in_client
from pedaxr_server.cli.options import console, write_bytes, write_text
from pedaxr_server.replies.documents import report_text
from pedaxr_server.replies.tool_results import study_uri

_MOST_PROCESSES = 8
_READING_S = "600"  # a server gives a film up sooner; whoever tries pedaxr on a slow machine can wait
_PASSED_ON = ("PEDAXR_", "OMP_", "MKL_", "HF_", "TORCH", "CUDA_", "XDG_", "PYTHON")


class Agent:
    """The demo's stand-in for a language model with tools: asks, shows what it asked, returns the data."""

    def __init__(self, client: Client, screen: Console, status: Status) -> None:
        self._client = client
        self._screen = screen
        self._status = status

    def begin(self, number: int) -> None:
        """Start a conversation."""
        self._screen.rule(f"Conversation {number}")

    def hear(self, words: str) -> None:
        """Show what the user says."""
        self._screen.print(Text.assemble(("user  > ", "bold green"), words))

    def say(self, words: str) -> None:
        """Show what the agent says."""
        self._screen.print(Text.assemble(("agent > ", "bold cyan"), words))

    async def call(self, tool: str, arguments: dict[str, str]) -> dict[str, Any]:
        """Structured content of the reply.

        Raises:
            PedaxrError: the tool refused.
        """
        shown = json.dumps(arguments, ensure_ascii=False)
        self.say(f"{tool}({shown})")
        start = time.monotonic()
        reply = await self._client.call_tool(tool, arguments, progress_callback=self._progress)
        if reply.is_error:
            raise PedaxrError(f"{tool} refused: {_text(reply)}")
        self._screen.print(Text(f"        answered in {time.monotonic() - start:.1f} s", "dim"))
        content: dict[str, Any] = reply.structured_content
        return content

    async def find(self, name: str, birth_date: str | None = None) -> PatientSearch:
        """Search and show who was found."""
        arguments = {"query": name} | ({"patient_birth_date": birth_date} if birth_date else {})
        search = PatientSearch.model_validate(await self.call("find_patient", arguments))
        self._screen.print(show_search(search))
        return search

    async def read_newest_film(self, match: PatientMatch) -> tuple[SegmentationResult, Report, bytes]:
        """Outline and report a child's newest film; the overlay comes from its resource, at full size."""
        study = {"study_id": match.studies[0].study_id}
        outlines = SegmentationResult.model_validate(await self.call("segment_xray", study))
        self._screen.print(show_segmentation(outlines))
        report = Report.model_validate(await self.call("generate_report", study))
        self._screen.print(show_report(report))
        return outlines, report, await self._overlay(study["study_id"])

    async def _overlay(self, study_id: str) -> bytes:
        self._status.update("Fetching the overlay")
        contents = (await self._client.read_resource(study_uri(study_id, "overlay.png"))).contents[0]
        assert isinstance(contents, BlobResourceContents)
        return base64.b64decode(contents.blob)

    async def _progress(self, progress: float, total: float | None, message: str | None) -> None:
        self._status.update(message or "working")


def run_demo(home: Path | None, out: Path | None, *, http: bool = False) -> None:
    """Make the clinic where there is none, then hold both conversations and save what they end with.

    Raises:
        PedaxrError: a tool refused, or a folder cannot be written.
    """
    start = time.monotonic()
    screen = console()
    clinic = _demo_clinic(home)
    saved = anyio.run(_converse, clinic.home, out or clinic.home / "out", screen, http)
    lines = "\n".join(map(str, saved))
    body = f"{lines}\n\n{DISCLAIMER}\nSynthetic patients, synthetic films."
    screen.print(
        Panel(Text(body), title=f"Done in {time.monotonic() - start:.0f} s; written", title_align="left")
    )


def _demo_clinic(home: Path | None) -> Clinic:
    """The demo clinic, made on the first run; a bar on stderr shows how far it is."""
    home = home or default_home()
    if is_demo(home):
        return create_demo_clinic(home)
    with progress_bar("Making a synthetic clinic") as bar:
        return create_demo_clinic(home, processes=min(os.cpu_count() or 1, _MOST_PROCESSES), progress=bar)


async def _converse(home: Path, out: Path, screen: Console, http: bool) -> list[Path]:
    """Both conversations over one connection; the paths of what was saved."""
    with screen.status("Starting the server") as status:
        try:
            async with signed_in_client(home) if http else Client(_server(home)) as client:
                names = ", ".join(tool.name for tool in (await client.list_tools()).tools)
                screen.print(Text(f"The server offers: {names}\n"))
                agent = Agent(client, screen, status)
                return [*await _plain_conversation(agent, out), *await _namesake_conversation(agent, out)]
        except BaseExceptionGroup as group:  # the client's task group wraps what happens inside it
            raise _first(group) from group


async def _plain_conversation(agent: Agent, out: Path) -> list[Path]:
    """One child has the name: find, outline, report."""
    agent.begin(1)
    agent.hear(f"Please read the newest abdominal film of {DEMO_UNAMBIGUOUS_NAME}.")
    search = await agent.find(DEMO_UNAMBIGUOUS_NAME)
    return _save(out, "conversation-1", *await agent.read_newest_film(_the_one(search)))


async def _namesake_conversation(agent: Agent, out: Path) -> list[Path]:
    """Several children have the name: the tool lists them and does not choose; the user's birth date does."""
    agent.begin(2)
    agent.hear(f"And the film of {DEMO_AMBIGUOUS_NAME}?")
    search = await agent.find(DEMO_AMBIGUOUS_NAME)
    if search.status != "several_matches":
        raise InvalidRequest("This demo clinic has no namesakes. Run `pedaxr demo` with an empty --home.")
    agent.say(f"{search.total} children have that name, and I must not choose. When was yours born?")
    born = str(search.matches[-1].patient_birth_date)  # what only the user can know
    agent.hear(f"On {born}.")
    search = await agent.find(DEMO_AMBIGUOUS_NAME, born)
    return _save(out, "conversation-2", *await agent.read_newest_film(_the_one(search)))


def _the_one(search: PatientSearch) -> PatientMatch:
    if search.status != "one_match":
        raise InvalidRequest("This is not the demo clinic. Run `pedaxr demo` with an empty --home.")
    return search.matches[0]


def _server(home: Path) -> StdioServerParameters:
    """The server as a desktop client starts it; the SDK passes on few variables of its own accord."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(_PASSED_ON)}
    environment.setdefault("PEDAXR_READING_S", _READING_S)
    arguments = ["-m", "pedaxr_server", "serve", "--home", str(home.resolve())]
    return StdioServerParameters(command=sys.executable, args=arguments, env=environment)


def _save(out: Path, name: str, outlines: SegmentationResult, report: Report, overlay: bytes) -> list[Path]:
    picture, text = out / f"{name}-overlay.png", out / f"{name}-report.txt"
    write_bytes(picture, overlay)
    write_text(text, report_text(report))
    return [picture, text]


def _text(reply: CallToolResult) -> str:
    return " ".join(block.text for block in reply.content if isinstance(block, TextContent))


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The innermost first exception of a group."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
