"""What a caller in Python gives by mistake for a clinic or a reason is refused with what to give."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pedaxr import find_patient, generate_report, open_clinic, segment_xray
from pedaxr.clinic.worklist import worklist
from pedaxr.errors import InvalidRequest, StorageError


class _BytesPath:
    def __fspath__(self) -> bytes:
        return b"/nowhere"


WRONG = [b"/nowhere", 5, [], {}, object(), True, _BytesPath()]
DOORS: dict[str, Callable[..., object]] = {
    "open": lambda clinic: open_clinic(clinic),
    "find": lambda clinic: find_patient("Kim Minjun", clinic=clinic),
    "segment": lambda clinic: segment_xray("S-1", clinic=clinic),
    "report": lambda clinic: generate_report("S-1", clinic=clinic),
    "worklist": lambda clinic: worklist(clinic=clinic),
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: type(wrong).__name__)
def test_what_is_no_clinic_is_refused_at_every_door(door: str, wrong: object) -> None:
    with pytest.raises(InvalidRequest, match="its folder as text or a Path"):
        DOORS[door](wrong)


@pytest.mark.parametrize("folder", ["", "~nobody-of-that-name/clinic", "x\0y", Path("nowhere"), os.devnull])
def test_a_folder_without_a_clinic_is_said_to_have_none(folder: str | Path) -> None:
    with pytest.raises(StorageError, match="There is no clinic"):
        find_patient("Kim Minjun", clinic=folder)


@pytest.mark.parametrize("wrong", [5, b"pain", ["pain"], {}], ids=str)
def test_a_reason_that_is_no_text_is_refused(wrong: object) -> None:
    with pytest.raises(InvalidRequest, match="indication, the reason for the film, must be text"):
        generate_report(file=np.zeros((8, 8), np.uint8), indication=wrong)  # type: ignore[arg-type]
