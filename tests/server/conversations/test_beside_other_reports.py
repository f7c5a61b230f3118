"""What an agent is told of a film that is not alone: a later film, a signed report, a newer draft."""

from pathlib import Path

import pytest

from .scripts import SIGNED_BY, Turn
from .test_conversations import Player, home, made

pytestmark = pytest.mark.anyio
__all__ = ["home", "made"]  # fixtures

OLD, NEW, AIR = "S-880461", "S-880462", "S-820954"


async def reply(player: Player, tool: str, form: dict[str, object] | None = None, **given: str) -> str:
    text, _ = await player.reply(Turn("", tool, given, (), form=form))
    return text


@pytest.mark.parametrize("tool", ["segment_xray", "generate_report"])
async def test_a_later_film_of_the_child_is_named(home: Path, tool: str) -> None:
    player = Player(home)
    first, *_ = (await reply(player, tool, study_id=OLD)).splitlines()
    assert first.endswith(f"LATER FILM of this child: {NEW} of 2025-01-15.")
    assert "LATER FILM" not in await reply(player, tool, study_id=NEW), "control"


async def test_a_later_film_is_named_in_korean(home: Path) -> None:
    told = await reply(Player(home), "generate_report", study_id=OLD, language="ko")
    assert f"더 나중 영상이 있음: {NEW}, 2025-01-15 촬영." in told.splitlines()[0]


async def test_outlines_beside_a_signed_report_that_denies_them_say_so(home: Path) -> None:
    player = Player(home)
    assert "CRITICAL: free intraperitoneal air is outlined." in await reply(
        player, "segment_xray", study_id=AIR
    ), "control"
    await reply(player, "generate_report", study_id=AIR)
    denied = {**SIGNED_BY, "impression": "No free air. Skin fold."}
    await reply(player, "finalise_report", form=denied, report_id="{report_id}")
    told = await reply(player, "segment_xray", study_id=AIR)
    assert (
        "CRITICAL in these outlines, not in the signed report: free intraperitoneal air is outlined." in told
    )
    assert "Next: give the user the signed report, and these outlines only as" in told


async def test_who_may_not_sign_an_older_draft_is_told_what_differs(home: Path) -> None:
    player = Player(home)
    await reply(player, "generate_report", study_id=AIR)
    await reply(player, "generate_report", study_id=AIR, indication="fever")
    told = await reply(player, "finalise_report", form=dict(SIGNED_BY), report_id="{first_report_id}")
    assert "What differs: Another indication was supplied for the draft. Nothing was signed." in told


async def test_korean_says_whose_words_are_given_and_what_was_suspected(home: Path) -> None:
    given = {"study_id": "S-434672", "indication": "fever", "working_diagnosis": "pyloric_stenosis"}
    told = await reply(Player(home), "generate_report", **given, language="ko")
    assert '의뢰: "abdominal pain"; 대화에서 제공: "fever"' in told
    assert "대화에서 제공: 유문협착증, 호발 연령 생후 2-12주, 이 환아는 5세 4개월" in told
    assert "확인되지 않은 서술" not in told, "stool shares are measured"


@pytest.mark.parametrize(
    ("study_id", "age"),
    [("S-793482", "생후 6일"), (OLD, "생후 5주"), ("S-887531", "4세 3개월")],
)
async def test_korean_tells_ages_as_english_does(home: Path, study_id: str, age: str) -> None:
    first = (await reply(Player(home), "generate_report", study_id=study_id, language="ko")).splitlines()[0]
    assert f", {age}. 환아" in first and "개월 전" in first


async def test_korean_tells_a_gastric_tube(home: Path) -> None:
    english = await reply(Player(home), "generate_report", study_id=OLD)
    korean = await reply(Player(home), "generate_report", study_id=OLD, language="ko")
    assert ("A gastric tube is seen" in english) == ("카테터 및 튜브: 위관이 보이며" in korean)
