"""A value that an argument does not take is refused with what to do instead, not with a list to pick from."""

import pytest
from mcp import Client

from pedaxr import generate_report
from pedaxr.errors import InvalidRequest

from .test_arguments import Server, text_of

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("diagnosis", ["rule out NEC", "appendicitis", "s/p appendectomy", "Pylorusstenose"])
async def test_another_diagnosis_goes_into_the_indication(server: Server, era: str, diagnosis: str) -> None:
    arguments = {"study_id": "S-1", "working_diagnosis": diagnosis}
    async with Client(server, mode=era) as client:
        reply = await client.call_tool("generate_report", arguments)
    assert reply.is_error and "into indication; choose no near one. [invalid_request]" in text_of(reply)


async def test_a_long_reason_is_to_be_shortened(server: Server, era: str) -> None:
    async with Client(server, mode=era) as client:
        reply = await client.call_tool("generate_report", {"study_id": "S-1", "indication": "배 " * 500})
    assert reply.is_error and "Shorten it" in text_of(reply)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"study_id": ["S-1", "S-2"]}, "call again for another"),
        ({"study_id": ""}, "A name goes to find_patient"),
        ({"study_id": "S-1", "language": "de"}, "the user's language yourself"),
        ({"study_id": "S-1", "indication": ["pain", "fever"]}, "as one text"),
    ],
    ids=["two films", "no film", "German", "two reasons"],
)
async def test_a_refused_value_comes_with_what_to_do(
    server: Server, era: str, arguments: dict[str, object], said: str
) -> None:
    async with Client(server, mode=era) as client:
        reply = await client.call_tool("generate_report", arguments)
    assert reply.is_error and said in text_of(reply)


async def test_in_python_too() -> None:
    with pytest.raises(InvalidRequest, match="Put any other into indication"):
        generate_report("S-1", working_diagnosis="appendicitis")
