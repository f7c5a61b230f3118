"""A study's resources: read by address, refused with a reason."""

import base64
import io
import json
import re
from collections import Counter
from datetime import UTC, datetime

import numpy as np
import pytest
from mcp import Client
from mcp.server.mcpserver import MCPServer
from mcp.shared.exceptions import MCPError
from mcp_types import BlobResourceContents, TextResourceContents
from PIL import Image

from pedaxr.types import NewerDraft, PatientMatch, PatientSearch, Report, SegmentationResult
from pedaxr_models.facts import Presence
from pedaxr_server.replies.documents import report_html, report_korean, report_text
from pedaxr_server.viewer.app import SHOWN_BY, VIEWER_URI

from ..conftest import canned_report
from ..viewer.test_viewer import config_in

pytestmark = pytest.mark.anyio
Server = MCPServer[object]


async def refused(server: Server, era: str, uri: str) -> str:
    async with Client(server, mode=era) as client:
        with pytest.raises(MCPError) as caught:  # inside: leaving the client with an error would wrap it
            await client.read_resource(uri)
    return str(caught.value)


async def read(server: Server, era: str, uri: str) -> bytes:
    async with Client(server, mode=era) as client:
        contents = (await client.read_resource(uri)).contents[0]
    if isinstance(contents, BlobResourceContents):
        return base64.b64decode(contents.blob)
    assert isinstance(contents, TextResourceContents)
    return contents.text.encode()


async def test_the_report_is_read_in_korean(
    server: Server, era: str, study_id: str, canned_networks: None
) -> None:
    hostile = "<img src=x> 복통"
    async with Client(server, mode=era) as client:
        await client.call_tool("generate_report", {"study_id": study_id, "indication": hostile})
    raw = await read(server, era, f"pedaxr://studies/{study_id}/report.ko.json")
    told = json.loads(raw)
    assert b"<img" not in raw and told["sections"]["Indication"] == hostile
    assert list(told["sections"]) == ["Technique", "Indication", "Findings", "Impression"]
    assert "유리공기" in told["sections"]["Impression"]
    assert told["report_id"] == f"R-{study_id}"


def test_a_korean_sentence_belongs_to_its_finding_and_has_the_verdict_of_both_witnesses() -> None:
    draft = canned_report("S-1", "복통")
    full = {"presence": Presence.PRESENT, "certainty": "outlined"}
    findings = [
        finding.model_copy(
            update={"agreed": finding.finding != "constipation"}
            | (full if finding.finding == "pyloric_stenosis" else {})
        )
        for finding in draft.findings
    ]
    report = draft.model_copy(
        update={
            "findings": findings,
            "sections": {"Technique": "Abdominal radiograph, erect.", "Findings": draft.narrative},
            "measures": {"stomach_to_l2": 1.4},
            "flags": ["Low confidence (0.41), least of all in constipation."],
        }
    )
    told = json.loads(report_korean(report))
    verdicts = {one.get("finding"): one["verdict"] for one in told["sentences"]}
    assert verdicts["pneumoperitoneum"] == verdicts["pyloric_stenosis"] == "grounded"
    assert verdicts["constipation"] == "hedged"
    assert not any("1.4" in one["text"] for one in told["sentences"]), "measures have a table"
    assert "1.4" in told["sections"]["Findings"], "control"
    assert "분변" in told["flags"][0]


def test_why_there_is_no_finding_and_what_a_later_draft_says_are_korean_in_korean() -> None:
    """A page in Korean had the first in English, and the second as one line with the id of a report."""
    mirrored = (
        "The liver lies on the patient's left, so the film may be mirrored, and left and right exchanged"
    )
    later = NewerDraft(
        report_id="R-2",
        version=2,
        created_at=datetime(2026, 11, 1, tzinfo=UTC),
        differs=["Another indication was supplied for the draft."],
    )
    report = canned_report("S-1", "복통").model_copy(update={"in_doubt": mirrored, "newer_draft": later})
    told = json.loads(report_korean(report))
    (differs,) = told["differs"]
    for text in (told["in_doubt"], differs):
        assert re.search("[가-힣]", text) and not re.search("[a-z]{4}", text), text
    assert "R-2" not in differs
    plain = json.loads(report_korean(canned_report("S-1", "복통")))
    assert plain["in_doubt"] == "" and plain["differs"] == []


async def test_the_full_size_overlay_is_read(
    server: Server, era: str, study_id: str, canned_networks: None
) -> None:
    data = await read(server, era, f"pedaxr://studies/{study_id}/overlay.png")
    assert Image.open(io.BytesIO(data)).size == (1300, 1500)


async def test_the_film_itself_is_read_as_grey_png(server: Server, era: str, study_id: str) -> None:
    picture = Image.open(io.BytesIO(await read(server, era, f"pedaxr://studies/{study_id}/image.png")))
    assert picture.mode == "L"
    assert min(picture.size) >= 256


async def test_all_outlines_are_read_at_full_resolution(
    server: Server, era: str, study_id: str, canned_networks: None
) -> None:
    data = await read(server, era, f"pedaxr://studies/{study_id}/segmentation.json")
    result = SegmentationResult.model_validate_json(data)
    assert len(result.findings[0].polygons[0]) == 400
    assert result.structures[0].polygons


async def test_the_latest_report_is_read_after_it_was_made(
    server: Server, era: str, study_id: str, canned_networks: None
) -> None:
    async with Client(server, mode=era) as client:
        await client.call_tool("generate_report", {"study_id": study_id})
    data = await read(server, era, f"pedaxr://studies/{study_id}/report.json")
    assert Report.model_validate_json(data).study_id == study_id
    versions = json.loads(await read(server, era, f"pedaxr://studies/{study_id}/reports.json"))["reports"]
    assert Report.model_validate(versions[-1]).report_id == Report.model_validate_json(data).report_id


@pytest.mark.parametrize(
    "document",
    [
        *("overlay.png", "image.png", "segmentation.json", "masks/liver.png"),
        *("report.json", "reports.json", "report.txt", "report.html"),
    ],
)
async def test_an_unknown_study_has_no_resources(server: Server, era: str, document: str) -> None:
    told = await refused(server, era, f"pedaxr://studies/no-such-study/{document}")
    assert told.endswith("[study_not_found]")


@pytest.mark.parametrize("study", ["..%2F..%2Fregistry", "%2Fetc%2Fpasswd", "a%00b"])
async def test_a_path_is_not_a_study(server: Server, era: str, study: str) -> None:
    told = await refused(server, era, f"pedaxr://studies/{study}/image.png")
    assert told.startswith("Unknown resource") or told.endswith("[study_not_found]")


async def test_a_child_is_read_with_their_studies_and_no_path(
    server: Server, era: str, study_id: str
) -> None:
    search = PatientSearch.model_validate(await find(server, study_id))
    data = json.loads(await read(server, era, f"pedaxr://patients/{search.matches[0].patient_id}"))
    assert study_id in [study["study_id"] for study in data["studies"]]
    assert set(data) <= set(PatientMatch.model_fields) - {"reason", "score"}


async def find(server: Server, query: str) -> object:
    async with Client(server) as client:
        return (await client.call_tool("find_patient", {"query": query})).structured_content


async def test_an_unknown_child_is_not_found(server: Server, era: str) -> None:
    assert (await refused(server, era, "pedaxr://patients/nobody")).endswith("[patient_not_found]")


async def test_a_mask_is_white_inside_its_outline(
    server: Server, era: str, study_id: str, canned_networks: None
) -> None:
    data = await read(server, era, f"pedaxr://studies/{study_id}/masks/liver.png")
    mask = np.asarray(Image.open(io.BytesIO(data)))
    assert mask.shape == (512, 512)
    assert set(np.unique(mask)) == {0, 255}
    assert abs((mask > 0).sum() - np.pi * 150 * 90) < 0.02 * np.pi * 150 * 90, "the canned ellipse"
    assert (mask[250, 300], mask[10, 10]) == (255, 0)


async def test_a_region_that_was_not_outlined_is_an_empty_mask(
    server: Server, era: str, study_id: str, canned_networks: None
) -> None:
    data = await read(server, era, f"pedaxr://studies/{study_id}/masks/heart.png")
    assert not np.asarray(Image.open(io.BytesIO(data))).any()


async def test_a_made_up_region_is_refused_and_the_real_ones_named(
    server: Server, era: str, study_id: str
) -> None:
    told = await refused(server, era, f"pedaxr://studies/{study_id}/masks/tail.png")
    assert "liver" in told and told.endswith("[invalid_request]")


HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>&\"'"


async def test_a_report_is_read_as_text_and_as_an_inert_page(
    server: Server, era: str, study_id: str, canned_networks: None
) -> None:
    async with Client(server, mode=era) as client:
        await client.call_tool("generate_report", {"study_id": study_id, "indication": HOSTILE})
    text = (await read(server, era, f"pedaxr://studies/{study_id}/report.txt")).decode()
    page = (await read(server, era, f"pedaxr://studies/{study_id}/report.html")).decode()
    for document in (text, page):
        assert "CRITICAL: free intraperitoneal air" in document
        assert "not a medical device" in document
        assert "PRELIMINARY REPORT" in document


def test_a_page_escapes_every_word() -> None:
    hostile = canned_report("S1", HOSTILE).model_copy(
        update={"flags": [HOSTILE], "report_id": HOSTILE, "model": HOSTILE, "critical": [HOSTILE]}
        | {"sections": {HOSTILE: HOSTILE}, "data_statement": HOSTILE, "study_id": HOSTILE}
    )
    page = report_html(hostile)
    tags = Counter(re.findall(r"<([a-z!/][^\s>]*)", page))
    plain = Counter(re.findall(r"<([a-z!/][^\s>]*)", report_html(canned_report("S1", "pain"))))
    assert set(tags) <= set(plain), "no tag but the page's own"
    assert "<script" not in page and "<img" not in page
    assert "default-src 'none'" in page
    assert HOSTILE in report_text(hostile), "control: the text form holds it as it is"


async def test_hosts_that_know_apps_find_the_viewer_at_the_tools_that_it_shows(
    server: Server, era: str
) -> None:
    async with Client(server, mode=era) as client:
        tools = (await client.list_tools()).tools
        shown = {tool.name for tool in tools if (tool.meta or {}).get("ui") == {"resourceUri": VIEWER_URI}}
        (document,) = (await client.read_resource(VIEWER_URI)).contents
    assert shown == SHOWN_BY
    assert isinstance(document, TextResourceContents)
    assert document.mime_type == "text/html;profile=mcp-app"
    assert config_in(document.text)["mode"] == "app"
    assert document.meta == {"ui": {"csp": {"resourceDomains": ["data:"]}, "prefersBorder": True}}
