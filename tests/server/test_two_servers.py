"""Two servers on one clinic: each act is written once, into one whole chain."""

import sys
from pathlib import Path

import anyio
import pytest
from mcp import Client, StdioServerParameters

from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.chain import links
from pedaxr.clinic import Clinic, open_clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME

pytestmark = pytest.mark.anyio


@pytest.fixture
def clinic(clinic_home: Path, tmp_path: Path) -> Clinic:
    back_up(open_clinic(clinic_home), tmp_path / "copy.zip")  # which may be in use
    return restore(tmp_path / "copy.zip", tmp_path / "home")


def server_of(clinic: Clinic) -> StdioServerParameters:
    arguments = ["-m", "pedaxr_server", "serve", "--home", str(clinic.home)]
    return StdioServerParameters(command=sys.executable, args=arguments)


def searches(clinic: Clinic) -> list[str]:
    log = AccessLog(clinic.home)
    log.fold()
    with log.connected() as connection:
        return [str(link.entry.query) for link in links(connection) if link.entry.action == "find_patient"]


def faults(clinic: Clinic) -> list[str]:
    return [fault for check in check_clinic(clinic) for fault in check.faults]


async def test_searches_of_two_servers_are_all_in_one_chain(clinic: Clinic) -> None:
    before = searches(clinic)

    async def search(name: str) -> None:
        async with Client(server_of(clinic)) as client:
            for number in range(25):
                reply = await client.call_tool("find_patient", {"query": f"nobody {name}{number}"})
                assert not reply.is_error

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(search, "a")
        tasks.start_soon(search, "b")
    found = searches(clinic)[len(before) :]
    assert sorted(found) == sorted(f"nobody {name}{number}" for name in "ab" for number in range(25))
    assert faults(clinic) == []


@pytest.mark.slow
async def test_one_report_asked_of_two_servers_at_once_is_stored_once(clinic: Clinic) -> None:
    study_ids = [s.study_id for s in find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=clinic).matches[0].studies]
    told: list[tuple[str, str]] = []

    async def report() -> None:
        async with Client(server_of(clinic)) as client:
            for study_id in study_ids:
                reply = await client.call_tool("generate_report", {"study_id": study_id})
                assert not reply.is_error, reply.content
                told.append((study_id, reply.structured_content["report_id"]))  # type: ignore[index]

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(report)
        tasks.start_soon(report)
    assert len(told) == 2 * len(study_ids) and len(set(told)) == len(study_ids), "both were told the same"
    for study_id, report_id in set(told):
        assert [report.report_id for report in clinic.registry.reports(study_id)] == [report_id]
    assert faults(clinic) == []
