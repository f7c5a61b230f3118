"""Questions about one film, answered from the slots of the structured content as the prompt says.

The agent here is a few lines that follow the prompt to the letter: where they end right, the data suffice.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from mcp import Client
from mcp_types import TextContent

from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings

from .scripts import Turn
from .test_conversations import Player, home, made

pytestmark = pytest.mark.anyio
__all__ = ["home", "made"]  # fixtures

Data = Mapping[str, Any]
AIR, STOOL, STOMACH = "S-820954", "S-434672", "S-880461"


def answer(data: Data, asked: str) -> str:
    """What the prompt has an agent say of one thing."""
    slots = [slot for slot in data["slots"] if asked in slot["what"]]
    if not slots or not all(slot["assessed"] for slot in slots):
        return f"not assessed ({slots[0]['reason'] if slots else 'no slot'})"
    told = [f"{slot['value']} {slot.get('unit', '')}".strip() for slot in slots]
    return f"{' or '.join(told)}, {slots[0].get('certainty', 'no proof of absence')}"


def changed(data: Data) -> str:
    """What the prompt has an agent say of a change."""
    past = data.get("comparison")
    if past is None:
        return "no earlier film to compare with"
    items = [
        f"{one['what']} {one.get('then', 'not assessed')} then, {one.get('now', 'not assessed')} now: "
        f"{one['change']}"
        for one in past["items"]
    ]
    return f"against the film of {past['study_date']}: {'; '.join(items)}"


async def asked_of(home: Path, study_id: str, tool: str = "generate_report") -> Data:
    _, result = await Player(home).reply(Turn("", tool, {"study_id": study_id}, ()))
    assert result is not None and result.structured_content is not None
    return result.structured_content


@pytest.mark.parametrize("tool", ["generate_report", "segment_xray"])
async def test_is_there_gas_in_the_rectum(home: Path, tool: str) -> None:
    data = await asked_of(home, AIR, tool)
    assert answer(data, "rectal gas") == "not assessed (model)"
    assert answer(data, "swallowed coin") == "not assessed (no slot)"


@pytest.mark.parametrize("tool", ["generate_report", "segment_xray"])
async def test_how_wide_is_the_widest_loop(home: Path, tool: str) -> None:
    data = await asked_of(home, AIR, tool)
    said = answer(data, "widest small-bowel loop")
    assert f"{data['measures']['widest_loop_mm']} mm" in said
    assert f"{data['measures']['widest_loop_to_l2']} x width of L2" in said
    assert "normal" not in said and "measured" in said


async def test_what_changed_since_march(home: Path) -> None:
    said = changed(await asked_of(home, AIR))
    assert said.startswith("against the film of 2024-09-03"), "not of March: the agent sees and says so"
    assert "pneumoperitoneum not assessed then" in said and "cannot_say" in said
    assert changed(await asked_of(home, "S-692846")) == "no earlier film to compare with"


@pytest.mark.parametrize(
    ("study_id", "asked", "expected"),
    [
        (AIR, "free intraperitoneal air", "outlined"),
        (STOOL, "air-fluid levels", "not assessed (view)"),
        (STOOL, "free intraperitoneal air", "not assessed (view)"),
        (STOMACH, "faecal loading", "not outlined, no proof of absence"),
        ("S-697525", "free intraperitoneal air", "suspected, suspected"),
        (STOMACH, "distal bowel gas", "measured"),
        (STOMACH, "bones", "not assessed (model)"),
    ],
)
async def test_what_is_said_of_a_finding_is_no_more_than_is_known(
    home: Path, study_id: str, asked: str, expected: str
) -> None:
    assert answer(await asked_of(home, study_id), asked).endswith(expected)


async def test_the_prompt_tells_an_agent_all_of_this(home: Path) -> None:
    async with Client(create_server(Settings(home=home, worker=False))) as client:
        given = {"study_id": AIR, "question": "is there gas in the rectum?"}
        prompt = await client.get_prompt("answer_question", given)
    content = prompt.messages[0].content
    assert isinstance(content, TextContent)
    for rule in (
        "look in `slots`",
        '"not assessed" with the reason',
        "never yes, no or nought",
        "Give no normal range",
        "take `comparison`",
        "A critical finding comes first",
    ):
        assert rule in content.text
