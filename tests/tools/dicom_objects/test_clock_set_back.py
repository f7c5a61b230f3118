"""A clock that is set back between drawing and signing turns round nothing of what a signer had seen."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from pedaxr.clinic import Clinic, annotate
from pedaxr.dicom_objects.files import encoded
from pedaxr.registry.schema import reading as reading_rows
from pedaxr.registry.standing import moment_after
from pedaxr.reports import sign_off
from pedaxr.reports.current import current_report

from .test_signed import SQUARE, decide, draft_of, objects, only, segment, signed

AHEAD = timedelta(hours=1)


class Ahead(datetime):
    """The clock before it is set right."""

    @classmethod
    def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
        return datetime.now(UTC) + AHEAD


def test_outlines_drawn_before_signing_are_in_the_signed_objects(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as fast:
        fast.setattr(annotate, "datetime", Ahead)
        decide(clinic, "corrected")
    report = signed(clinic)
    found = segment(only(clinic, "seg"), "pneumoperitoneum")
    assert found is not None and np.array_equal(found, SQUARE)
    assert report.signed_at and report.signed_at > datetime.now(UTC), "just after the outlines"


def test_outlines_drawn_after_signing_are_not(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as fast:
        fast.setattr(sign_off, "datetime", Ahead)
        signed(clinic)
    before = {kind: encoded(one) for kind, one in objects(clinic).items()}
    decide(clinic, "corrected")
    assert {kind: encoded(one) for kind, one in objects(clinic).items()} == before
    report = current_report("S-1", clinic=clinic)
    assert report and any("By hand" in flag for flag in report.flags), "drawn later, and said so"


@pytest.mark.parametrize(
    ("set_back", "is_moved"),
    [(timedelta(), False), (-AHEAD, True), (timedelta(days=-400), False), (AHEAD, False)],
    ids=["right", "an hour", "a wrong year is not kept", "forward"],
)
def test_what_is_stored_next_is_not_before_what_is_there(
    clinic: Clinic, set_back: timedelta, is_moved: bool
) -> None:
    last = draft_of(clinic).created_at
    now = last + set_back + timedelta(seconds=1)
    with reading_rows(clinic.registry.path) as connection:
        at = moment_after(connection, "S-1", now)
        assert moment_after(connection, "S-none", now) == now
    assert at == (last + timedelta(microseconds=1) if is_moved else now)
