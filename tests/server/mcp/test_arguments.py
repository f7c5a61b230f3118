"""One input, one answer: the same spelling of an argument means the same over MCP as anywhere else."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp_types import CallToolResult, TextContent

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr.types import PatientSearch
from pedaxr_models.written.plain import without_markup
from pedaxr_server.mcp.arguments import as_meant

pytestmark = pytest.mark.anyio
Server = MCPServer[object]
PARAMETERS = {
    "properties": {
        "query": {"type": "string"},
        "day": {"type": "string", "format": "date"},
        "limit": {"type": "integer"},
        "kind": {"enum": ["pyloric_stenosis", "normal"], "type": "string"},
        "words": {"type": "string"},
    },
    "required": ["query"],
}


def text_of(reply: CallToolResult) -> str:
    return "\n".join(block.text for block in reply.content if isinstance(block, TextContent))


@pytest.mark.parametrize("nothing", ["", None, " ", "\u3000", "\u200b"])
@pytest.mark.parametrize("name", ["day", "limit", "kind", "words"])
def test_empty_means_left_out(name: str, nothing: object) -> None:
    assert as_meant({"query": "x", name: nothing}, PARAMETERS) == {"query": "x"}


def test_a_required_argument_is_never_left_out() -> None:
    assert as_meant({"query": ""}, PARAMETERS) == {"query": ""}


@pytest.mark.parametrize(
    ("name", "written", "meant"),
    [
        *(
            ("day", written, "2021-03-04")
            for written in ("20210304", "2021.03.04", "２０２１－０３－０４", "210304")
        ),
        *(
            ("day", written, "2021-03-04")
            for written in ("2021/3/4", "20210304.0", "2021-03-04T00:00:00Z", "4-Mar-21", '="20210304"')
        ),
        ("limit", "５", "5"),
        ("kind", "Pyloric stenosis", "pyloric_stenosis"),
        *(("words", text, text) for text in ('["a","b"]', '{"a": 1}', "null", "3", "2021-03-04", " a ")),
    ],
)
def test_each_kind_of_argument_has_one_spelling_and_text_stays_text(
    name: str, written: str, meant: str
) -> None:
    assert as_meant({"query": "x", name: written}, PARAMETERS)[name] == meant


@pytest.mark.parametrize("zero", ["0", "00000000", "0000-00-00", "null"])
def test_a_database_s_empty_date_is_left_out(zero: str) -> None:
    assert as_meant({"query": "x", "day": zero}, PARAMETERS) == {"query": "x"}


@pytest.mark.parametrize("written", ["unknown", "04.03.2021", "44259"])
def test_a_date_that_may_be_another_is_refused_by_name(written: str) -> None:
    with pytest.raises(ValueError, match=r"^day: .*Leave it out"):
        as_meant({"query": "x", "day": written}, PARAMETERS)


SPOKEN = {
    "properties": {
        **PARAMETERS["properties"],  # type: ignore[dict-item]
        "tongue": {"enum": ["en", "ko"], "type": "string"},
        "many": {"type": "array"},
    },
    "required": ["query"],
}


@pytest.mark.parametrize(
    ("name", "given", "meant"),
    [
        *(("day", given, "2021-03-04") for given in (20210304, ["2021-03-04"], ["20210304"], 210304)),
        *(("query", given, "123456") for given in (123456, ["123456"], [123456])),
        *(("tongue", given, "ko") for given in ("Korean", "ko-KR", "ko_kr", "한국어", ["ko"])),
        *(("tongue", given, "en") for given in ("english", "en-GB", "EN")),
        *(("kind", given, "pyloric_stenosis") for given in ("IHPS", "유문협착증", "Pyloric-Stenosis")),
        *(("limit", given, meant) for given, meant in ((5, 5), ([5], 5), (5.0, 5.0))),
        *(("many", given, given) for given in (["a"], [1])),
        *(("kind", given, given) for given in ("appendicitis", "kor")),
        *(("query", given, given) for given in (["a", "b"], {"name": "a"}, True, 1.5)),
    ],
)
def test_what_models_send_in_place_of_the_type_asked_for_is_what_they_mean(
    name: str, given: object, meant: object
) -> None:
    assert as_meant({"query": "x", name: given}, SPOKEN)[name] == meant


@pytest.mark.parametrize("nothing", ["null", "undefined", "None", "unknown", [""], [None]])
@pytest.mark.parametrize("name", ["limit", "kind", "tongue"])
def test_a_word_for_nothing_leaves_a_number_or_choice_out(name: str, nothing: object) -> None:
    assert as_meant({"query": "x", name: nothing}, SPOKEN) == {"query": "x"}


@pytest.mark.parametrize("seconds", [1614816000, 1614816000000, -1])
def test_seconds_of_a_clock_are_no_birth_date(seconds: int) -> None:
    """Nought, as a database writes for none, is left out; it never was the first of January 1970."""
    with pytest.raises(ValueError, match=r"^day: "):
        as_meant({"query": "x", "day": seconds}, SPOKEN)
    assert as_meant({"query": "x", "day": 0}, SPOKEN) == {"query": "x"}


async def test_a_birth_date_is_read_over_mcp_as_in_python(
    server: Server, era: str, clinic_home: Path
) -> None:
    known = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=open_clinic(clinic_home)).matches[0]
    born = known.patient_birth_date
    assert born is not None
    for written in (
        f"{born:%Y%m%d}",
        f"{born:%Y.%m.%d}",
        f"{born:%y%m%d}",
        f"{born:%Y년 %m월 %d일}",
        "",
        None,
    ):
        arguments: dict[str, Any] = {"query": DEMO_UNAMBIGUOUS_NAME, "patient_birth_date": written}
        async with Client(server, mode=era) as client:
            reply = await client.call_tool("find_patient", arguments)
        found = PatientSearch.model_validate(reply.structured_content)
        assert [match.patient_id for match in found.matches] == [known.patient_id], written


async def test_an_ambiguous_birth_date_is_refused_in_our_words(server: Server, era: str) -> None:
    arguments = {"query": DEMO_UNAMBIGUOUS_NAME, "patient_birth_date": "04.03.2021"}
    async with Client(server, mode=era) as client:
        reply = await client.call_tool("find_patient", arguments)
    assert reply.is_error and "find_patient: patient_birth_date: A date may be either" in text_of(reply)
    assert "[invalid_request]" in text_of(reply)


@pytest.mark.parametrize(
    "indication", ['["bilious vomiting","fever"]', '{"reason":"vomiting"}', "true", "3.5"]
)
async def test_an_indication_that_looks_like_json_is_quoted(
    server: Server, era: str, study_id: str, canned_networks: None, indication: str
) -> None:
    arguments = {"study_id": study_id, "indication": indication, "working_diagnosis": ""}
    async with Client(server, mode=era) as client:
        reply = await client.call_tool("generate_report", arguments)
    assert not reply.is_error and reply.structured_content is not None
    quoted = str(reply.structured_content["sections"]["Indication"])
    assert all(word in quoted for word in indication.replace('"', " ").strip("[]{} ").split())


@pytest.mark.parametrize(
    "written",
    [
        *("`{}`", "**{}**", "[{}](http://example.org)", "study_id: {}", "Study {}", "{}.", "({})", "- {}"),
        *("pedaxr://studies/{}/image.png", '"{}"', "<{}>", "report_id={}"),
    ],
)
def test_what_a_model_writes_round_an_id_is_no_part_of_it(written: str) -> None:
    schema = {"properties": {"study_id": {"type": "string"}}, "required": ["study_id"]}
    given = written.format("S-2a0998ff7575")
    assert as_meant({"study_id": given}, schema) == {"study_id": "S-2a0998ff7575"}


@pytest.mark.parametrize(
    "written", ["S-1, S-2", "S-1 or S-2", "the newest of Kim", "Kim Minjun", "``", "S 1"]
)
def test_two_ids_or_other_words_are_never_chosen_from(written: str) -> None:
    schema = {"properties": {"study_id": {"type": "string"}}, "required": ["study_id"]}
    assert as_meant({"study_id": written}, schema) == {"study_id": written}


@pytest.mark.parametrize(
    "written",
    [
        "**{}**",
        "`{}`",
        "- {}",
        "*{}*",
        "[{}](http://example.org)",
        "**Name:** {}",
        "| {} |",
        "escaped",
        "url",
    ],
)
async def test_a_name_in_markdown_or_escaped_twice_is_that_name(
    server: Server, era: str, written: str
) -> None:
    escaped = "".join(f"\\u{ord(char):04x}" for char in DEMO_UNAMBIGUOUS_NAME)
    query = {"escaped": escaped, "url": quote(DEMO_UNAMBIGUOUS_NAME)}.get(
        written, written.format(DEMO_UNAMBIGUOUS_NAME)
    )
    async with Client(server, mode=era) as client:
        reply = await client.call_tool("find_patient", {"query": query})
    found = PatientSearch.model_validate(reply.structured_content)
    assert [match.patient_name for match in found.matches] == [DEMO_UNAMBIGUOUS_NAME]


@pytest.mark.parametrize(
    "masked",
    [
        "김*준",
        "김**",
        "홍*",
        "*길*",
        "홍**, **김",
        "김민준 210304-3******",
        "010-****-5678",
        "3****** 4******",
        "******",
    ],
)
def test_a_mask_is_no_markup(masked: str) -> None:
    assert without_markup(masked) == masked


def test_bold_beside_a_mask_is_bold() -> None:
    assert without_markup("**김민준** 210304-3******") == "김민준 210304-3******"
    assert without_markup("***Kim Minjun***, **2021-03-04**") == "Kim Minjun, 2021-03-04"


def test_a_choice_or_date_in_markdown_is_meant() -> None:
    given = {"query": "x", "day": "**2021-03-04**", "kind": "`normal`"}
    assert as_meant(given, PARAMETERS) == {"query": "x", "day": "2021-03-04", "kind": "normal"}


@pytest.mark.parametrize("nothing", ["null", "None", "N/A", "undefined", "없음", "-"])
def test_an_indication_that_says_nothing_was_not_said(nothing: str) -> None:
    parameters = {"properties": {"indication": {"type": "string"}}}
    assert as_meant({"indication": nothing}, parameters) == {}
    assert as_meant({"indication": f"{nothing} vomiting"}, parameters) != {}, "control"


def test_a_mask_in_code_or_after_backslashes_stays() -> None:
    assert without_markup("`210304-3******`") == "210304-3******"
    assert without_markup(r"**210304-3\*\*\*\*\*\***") == "210304-3******"
    assert without_markup("`Abd al-`Aziz") == "`Abd al-`Aziz", "control"
