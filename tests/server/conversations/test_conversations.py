"""The judge: each conversation is played through an MCP client, and every reply is held against its script.

No language model is asked: what is judged is whether an agent could end right from what it was told.
"""

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from mcp import Client
from mcp_types import CallToolResult, ElicitResult, ImageContent, TextContent, TextResourceContents

from pedaxr.reading import networks
from pedaxr_server.mcp.server import INSTRUCTIONS, create_server
from pedaxr_server.settings import Settings

from .cast import CAST, ORDER, TrueReporter, TrueSegmenter, cast_home, recognised
from .scripts import CONVERSATIONS, Conversation, Turn

pytestmark = pytest.mark.anyio
# In no reply at all.
NEVER = (
    "both witnesses",
    "probability",
    r"(?i)\bexcluded\b(?! on this view)",
    "pedaxr reports finalise",
    "None",
    r"\bnull\b",
    "(?i)constipation: present",
)
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cast_home(tmp_path_factory.mktemp("cast") / "home")


@pytest.fixture
def home(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(networks, "segmenter", TrueSegmenter)
    monkeypatch.setattr(networks, "reporter", TrueReporter)
    yield Path(shutil.copytree(made, tmp_path / "home"))


class Human:
    """Fills the form in as the present turn says."""

    def __init__(self) -> None:
        self.form: dict[str, Any] = {}

    async def __call__(self, context: Any, params: Any) -> ElicitResult:
        return ElicitResult.model_validate({"action": "accept", "content": self.form})


class Player:
    """Plays one conversation and keeps the ids of the drafts."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self.drafts: list[str] = []

    async def reply(self, turn: Turn) -> tuple[str, CallToolResult | None]:
        """The text of the answer to a turn, and the answer of a tool."""
        human = Human()
        human.form = dict(turn.form or {})
        server = create_server(Settings(home=self._home, worker=False))
        async with Client(server, elicitation_callback=human if turn.form else None) as client:
            if turn.tool.startswith("pedaxr://"):
                (content,) = (await client.read_resource(turn.tool)).contents
                assert isinstance(content, TextResourceContents)
                return content.text, None
            answer = await client.call_tool(turn.tool, self._filled(turn))
        if turn.tool == "generate_report" and not answer.is_error:
            self.drafts.append(answer.structured_content["report_id"])
        texts = [block.text for block in answer.content if isinstance(block, TextContent)]
        return "\n".join(texts), answer

    def _filled(self, turn: Turn) -> dict[str, str]:
        first, last = (self.drafts[0], self.drafts[-1]) if self.drafts else ("", "")
        ids = {"{first_report_id}": first, "{report_id}": last}
        return {name: ids.get(value, value) for name, value in turn.arguments.items()}


@pytest.mark.parametrize("conversation", CONVERSATIONS, ids=lambda one: f"{one.number} {one.title}")
async def test_an_agent_can_end_right_from_what_it_is_told(conversation: Conversation, home: Path) -> None:
    player = Player(home)
    faults = []
    for number, turn in enumerate(conversation.turns, 1):
        text, answer = await player.reply(turn)
        if found := list(faults_of(turn, text, answer)):
            faults.append("\n  ".join([f"turn {number}, {turn.tool}:", *found, "in", text]))
    assert not faults, "\n\n".join(faults)


def faults_of(turn: Turn, text: str, answer: CallToolResult | None) -> Iterator[str]:
    """What is wrong with a reply."""
    for pattern in turn.must:
        if not re.search(pattern, text, re.MULTILINE):
            yield f"does not say {pattern!r}"
    for pattern in (*turn.must_not, *NEVER):
        if re.search(pattern, text, re.MULTILINE):
            yield f"says {pattern!r}"
    if ORDER in _JSON_STRING.sub('""', text):
        yield "lets foreign text stand bare"
    if answer is not None and not answer.is_error:
        yield from shape_faults(turn, text, answer)


def shape_faults(turn: Turn, text: str, answer: CallToolResult) -> Iterator[str]:
    """What every answer of a tool has: whose film, a next step, a picture where one is drawn."""
    if turn.tool != "find_patient" and not re.match(r"(?:Film|검사) S-\d+", text):
        yield "does not begin with whose film it is"
    is_told = "next_step" in (answer.structured_content or {}) or re.search("^(?:Next|다음): ", text, re.M)
    if not is_told:
        yield "has no next step"
    if turn.tool == "segment_xray" and not any(isinstance(b, ImageContent) for b in answer.content):
        yield "has no picture"


def test_the_sixteen_are_all_there() -> None:
    assert [conversation.number for conversation in CONVERSATIONS[:16]] == list(range(1, 17))
    assert all(conversation.turns for conversation in CONVERSATIONS)


@pytest.mark.parametrize(
    "rule",
    [
        "holds contact data: say so",
        "doctor must speak with them now",
        "advice on discharge",
        "Never choose between children or compare two",
        "'Not assessed' is not 'absent'",
        "Only a human signs",
    ],
)
def test_the_instructions_hold_the_rules_that_no_reply_can(rule: str) -> None:
    assert rule in INSTRUCTIONS


# What the replies of 0.1.0 said, where a model was led astray.
ASTRAY = {
    "a number that reads as certainty": "- Pyloric stenosis: absent, probability 0.00, both witnesses agree",
    "no match that reads as no finding": "no_match: 0 in all. No patient matches.",
    "a command to run as the human": "signs at a terminal: `pedaxr reports finalise R1 --by NAME`",
    "an order outside of its string": f'Its final report: "Normal film." {ORDER}"',
    "a film of nobody": "CRITICAL: Pneumoperitoneum. Tell a responsible human now.",
}


@pytest.mark.parametrize("said", ASTRAY.values(), ids=ASTRAY)
def test_the_judge_sees_what_led_astray(said: str) -> None:
    turns = {turn.tool: turn for conversation in CONVERSATIONS for turn in conversation.turns}
    answer = CallToolResult(content=[TextContent(text=said)])
    tools = ("find_patient", "generate_report", "finalise_report", "segment_xray")
    seen = [fault for tool in tools for fault in faults_of(turns[tool], said, answer)]
    assert any(fault.startswith(("says", "lets", "does not begin")) for fault in seen)


def test_each_film_of_the_cast_is_known_to_the_networks(made: Path) -> None:
    from pedaxr.radiograph.read import read_radiograph

    for film in CAST:
        found = recognised(read_radiograph(made / "films" / f"{film.study_id}.png").pixels)
        assert found is not None and found[0] == film
    assert json.dumps([film.study_id for film in CAST]).count("S-") == len(CAST)


async def test_replies_are_short(home: Path) -> None:
    """In tokens of four characters; `make judges` counts with real tokenizers."""
    player = Player(home)
    said = {tool: [] for tool in ("find_patient", "segment_xray", "generate_report")}  # type: dict[str, list[int]]
    for film in CAST:
        for tool, texts in said.items():
            given = (
                {"query": film.patient.patient_name}
                if tool == "find_patient"
                else {"study_id": film.study_id}
            )
            text, _ = await player.reply(Turn("", tool, given, ()))
            texts.append(len(text) // 4)
    assert median(said["generate_report"]) <= 420, said
    assert max(said["find_patient"]) <= 180, said
    assert max(said["segment_xray"]) <= 420, said
