"""Lines of `access.pending` that pedaxr did not write: set aside and reported, and the chain goes on."""

import errno
import json
import logging
import os
from dataclasses import asdict
from pathlib import Path

import pytest

from pedaxr.audit.access_log import ASIDE_FILE, MALFORMED, PENDING_FILE, AccessLog
from pedaxr.audit.chain import Entry, links
from pedaxr.clinic import Clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.integrity import check_clinic

from ..small_clinic import small_clinic

SECRET = "CANARY-7731"
GOOD = asdict(Entry("e-1", "2026-01-01T00:00:00.000+00:00", "find_patient", "ok", "nurse", "chat", query="x"))


def line(**changed: object) -> bytes:
    return json.dumps({**GOOD, **changed}).encode()


MALFORMED_LINES: dict[str, bytes] = {
    "a number for an id": line(entry_id=7),
    "no id": line(entry_id=None),
    "an empty id": line(entry_id=""),
    "an object for a user": line(user={"name": SECRET}),
    "a list for an action": line(action=["x"]),
    "a text for the patients": line(patient_ids=SECRET),
    "patients that are objects": line(patient_ids=[{"a": 1}]),
    "nothing for the patients": line(patient_ids=None),
    "a huge number": line(detail=2**80),
    "true": line(query=True),
    "half a character": json.dumps({**GOOD, "query": "\ud800"}).encode(),
    "a field more": line(more="x"),
    "a field less": json.dumps({"entry_id": "e-9"}).encode(),
    "a list": b"[1, 2]",
    "a text": b'"x"',
    "null": b"null",
    "not a number": line(detail=float("nan")),
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "long": line(query="x" * 2_000_000),
    "digits": b"9" * 10_000,
    "bytes": bytes(range(128, 255)),
    "a separator of lines that is none": line(query="x").replace(b'"x"', b'"a\x0b\x0c\x85b"'),
    "digests of rows": line(action="state", detail='[["patients", "P-1", "-"]]'),
}


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return small_clinic(tmp_path / "home")


def faults(clinic: Clinic) -> list[str]:
    return [fault for check in check_clinic(clinic) for fault in check.faults]


def entries(clinic: Clinic) -> list[Entry]:
    log = AccessLog(clinic.home)
    log.fold()
    with log.connected() as connection:
        return [link.entry for link in links(connection)]


@pytest.mark.parametrize("kind", MALFORMED_LINES)
def test_a_malformed_line_is_set_aside_and_the_chain_goes_on(
    clinic: Clinic, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    find_patient("김민", clinic=clinic)
    assert faults(clinic) == [], "control"
    with (clinic.home / PENDING_FILE).open("ab") as pending:
        pending.write(b"\n" + MALFORMED_LINES[kind] + b"\n")
    find_patient("Emma", clinic=clinic)
    with caplog.at_level(logging.WARNING):
        written = entries(clinic)
    assert [entry.action for entry in written] == ["find_patient", MALFORMED, "find_patient"]
    assert [entry.query for entry in written if entry.query] == ["김민", "Emma"]
    assert (clinic.home / ASIDE_FILE).read_bytes() == MALFORMED_LINES[kind] + b"\n"
    assert (clinic.home / ASIDE_FILE).stat().st_mode & 0o077 == 0
    (fault,) = faults(clinic)
    assert ASIDE_FILE in fault and SECRET not in fault + caplog.text and "set aside" in caplog.text


def test_a_line_that_was_torn_is_no_malice_and_a_good_one_is_an_entry(clinic: Clinic) -> None:
    """Control: half of an entry, as a full disk leaves it, and a whole one by other hands."""
    (clinic.home / PENDING_FILE).write_bytes(line()[:-20] + b"\n" + line() + b"\n")
    assert [entry.action for entry in entries(clinic)] == ["unreadable_entry", "find_patient"]
    assert faults(clinic) == [] and not (clinic.home / ASIDE_FILE).exists()


def test_a_log_cut_off_at_the_border_of_a_line_is_seen_by_the_other_side(clinic: Clinic) -> None:
    """What was appended and not yet in the chain can be cut without a trace; what is in the chain cannot."""
    find_patient("김민", clinic=clinic)
    assert len(entries(clinic)) == 1
    find_patient("Emma", clinic=clinic)
    pending = clinic.home / PENDING_FILE
    if pending.exists():  # unless the thread was faster
        pending.write_bytes(b"")
    assert faults(clinic) == []
    assert entries(clinic)[0].query == "김민"


@pytest.mark.parametrize("name", [PENDING_FILE, "access.folding", "access.lock"])
@pytest.mark.parametrize("kind", ["link", "pipe", "folder"])
def test_what_stands_in_the_place_of_a_log_file_is_never_followed(
    clinic: Clinic, tmp_path: Path, name: str, kind: str
) -> None:
    """No other file is written, nothing waits for ever, a read goes on, and the log says so."""
    path, secret = clinic.home / name, tmp_path / "secret"
    secret.write_text("untouched")
    entries(clinic)
    path.unlink(missing_ok=True)
    {
        "link": lambda: path.symlink_to(secret),
        "pipe": lambda: os.mkfifo(path),
        "folder": lambda: path.mkdir(),
    }[kind]()
    assert find_patient("Emma", clinic=clinic).status == "one_match"
    with pytest.raises(OSError) as refused:
        AccessLog(clinic.home).fold()
    assert refused.value.errno in (errno.ELOOP, errno.EINVAL, errno.EISDIR)
    assert secret.read_text() == "untouched"
