"""What an agent is told on a demo clinic: the length of every reply, or one conversation as Markdown.

    python benchmarks/agent_replies.py --home FOLDER                        # lengths, in characters / 4
    python benchmarks/agent_replies.py --home FOLDER --conversation PAGE    # a conversation and its picture

The clinic is made in `--home` where there is none. Measure in a fresh one: a draft after another one has a
line more.
"""

import argparse
import base64
import json
import sys
from pathlib import Path
from statistics import median

import anyio
from mcp import Client
from mcp_types import CallToolResult, ImageContent, TextContent

from pedaxr.clinic import open_clinic
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import DEMO_AMBIGUOUS_NAME, DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.mcp.server import INSTRUCTIONS, create_server
from pedaxr_server.settings import Settings

_BORN = "2019-04-11"
_PICTURE = "agent_overlay.png"


def text_of(answer: CallToolResult) -> str:
    """The texts of an answer."""
    return "\n".join(block.text for block in answer.content if isinstance(block, TextContent))


async def lengths(client: Client, home: Path) -> dict[str, list[float]]:
    """Characters / 4 of each reply, by what was asked."""
    tools = [
        t.model_dump(mode="json", by_alias=True, exclude_none=True) for t in (await client.list_tools()).tools
    ]
    definitions = json.dumps(tools, ensure_ascii=False, separators=(",", ":"))
    found = {"definitions and instructions": [len(definitions + INSTRUCTIONS) / 4]}

    async def ask(what: str, tool: str, **arguments: str) -> None:
        found.setdefault(what, []).append(len(text_of(await client.call_tool(tool, arguments))) / 4)

    for name in (DEMO_UNAMBIGUOUS_NAME, DEMO_AMBIGUOUS_NAME):
        await ask(f"find_patient {name}", "find_patient", query=name)
    for study in open_clinic(home).registry.newest_studies(1000):
        await ask("segment_xray", "segment_xray", study_id=study.study_id)
        await ask("generate_report", "generate_report", study_id=study.study_id)
        await ask("generate_report in Korean", "generate_report", study_id=study.study_id, language="ko")
    return found


async def conversation(client: Client, page: Path) -> str:
    """One child found, outlined and reported; the picture is stored beside the page."""
    told: list[str] = []

    async def ask(said: str, tool: str, **arguments: str) -> CallToolResult:
        answer = await client.call_tool(tool, arguments)
        given = ", ".join(f'{name}="{value}"' for name, value in arguments.items())
        told.append(f"**User:** {said}\n\n`{tool}({given})`\n\n```text\n{text_of(answer)}\n```\n")
        return answer

    name = DEMO_UNAMBIGUOUS_NAME
    await ask(f"Please read the newest film of {name}.", "find_patient", query=name)
    told.append(f"**Agent:** One child has that name. Was {name} born on {_BORN}?\n")
    answer = await ask("Yes.", "find_patient", query=name, patient_birth_date=_BORN)
    study_id = answer.structured_content["matches"][0]["studies"][0]["study_id"]
    answer = await ask("Go on.", "segment_xray", study_id=study_id)
    picture = next(block for block in answer.content if isinstance(block, ImageContent))
    (page.parent / _PICTURE).write_bytes(base64.b64decode(picture.data))
    told.append(f"![The overlay that came with the reply]({_PICTURE})\n")
    await ask("And the report?", "generate_report", study_id=study_id)
    await ask("한국어로도 주세요.", "generate_report", study_id=study_id, language="ko")
    return "\n".join(told)


async def run(home: Path, page: Path | None) -> None:
    """Ask for everything and print the lengths."""
    async with Client(create_server(Settings(home=home, worker=False))) as client:
        if page is not None:
            page.write_text(await conversation(client, page), encoding="utf-8")
            return
        for what, sizes in (await lengths(client, home)).items():
            line = f"{what:32} {len(sizes):4} median {median(sizes):6.0f}  longest {max(sizes):6.0f}"
            sys.stdout.write(f"{line}\n")


def main() -> None:
    """As on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--patients", type=int, default=24)
    parser.add_argument("--conversation", type=Path)
    given = parser.parse_args()
    create_demo_clinic(given.home, patients=given.patients)
    anyio.run(run, given.home, given.conversation)


if __name__ == "__main__":
    main()
