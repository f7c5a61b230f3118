"""A study id is never a path, and a film that was exchanged on the disk is nobody's."""

from pathlib import Path
from urllib.parse import quote

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from pedaxr.clinic import open_clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr_server.mcp.server import create_server
from pedaxr_server.settings import Settings

pytestmark = pytest.mark.anyio
TRICKS = [
    "../registry.sqlite3",
    "..",
    "../../etc/passwd",
    "/etc/passwd",
    "//etc/passwd",
    "..\\registry.sqlite3",
    "films/../registry.sqlite3",
    "%2e%2e%2fregistry.sqlite3",
    "..%252fregistry.sqlite3",
    "file:///etc/passwd",
    "http://127.0.0.1/x",
    "C:\\x",
    "\\\\host\\x",
    "/dev/zero",
    "/proc/self/environ",
    "~/.ssh/id_rsa",
    "$HOME/x",
    "a\0b",
    "\u2025/x",
    "study\n../x",
    "S-1; cat /etc/passwd",
]


async def told(home: Path, study_id: str) -> list[str]:
    """The refusals of two tools and a resource; a tool that answers is an AssertionError."""
    heard = []
    async with Client(create_server(Settings(home=home, worker=False))) as client:
        for tool in ("segment_xray", "generate_report"):
            reply = await client.call_tool(tool, {"study_id": study_id})
            assert reply.is_error
            heard.append(reply.content[0].text)  # type: ignore[union-attr]
        with pytest.raises(MCPError) as refused:
            await client.read_resource(f"pedaxr://studies/{quote(study_id, safe='')}/image.png")
        heard.append(str(refused.value))
    return heard


@pytest.mark.parametrize("trick", TRICKS, ids=repr)
async def test_a_study_id_is_not_a_path(clinic_home: Path, trick: str) -> None:
    for refusal in await told(clinic_home, trick):
        known = ("[study_not_found]", "[invalid_request]")
        assert refusal.endswith(known) or refusal.startswith("Unknown resource"), refusal
        assert "root:" not in refusal and str(clinic_home) not in refusal


@pytest.fixture
def copied_home(clinic_home: Path, tmp_path: Path) -> Path:
    back_up(open_clinic(clinic_home), tmp_path / "copy.zip")  # which may be in use
    return restore(tmp_path / "copy.zip", tmp_path / "home").home


@pytest.mark.parametrize("how", ["another film", "a link to another film", "a device", "gone"])
async def test_an_exchanged_film_is_neither_shown_nor_read(copied_home: Path, how: str) -> None:
    clinic = open_clinic(copied_home)
    study_id = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=clinic).matches[0].studies[0].study_id
    film = clinic.registry.study(study_id).image_path
    async with Client(create_server(Settings(home=copied_home, worker=False))) as client:
        shown = await client.read_resource(f"pedaxr://studies/{study_id}/image.png")
        assert shown.contents, "control: before"
    other = next(path for path in clinic.films.iterdir() if path != film)
    content = other.read_bytes()
    film.unlink()
    if how == "another film":
        film.write_bytes(content)
    elif how != "gone":
        film.symlink_to(other if "film" in how else "/dev/zero")
    for refusal in await told(copied_home, study_id):
        assert refusal.endswith(("[storage]", "[unreadable_image]")), refusal
