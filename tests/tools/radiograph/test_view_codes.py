"""DICOM's codes for films from the side: no frontal film, unless a description says that the child lay so."""

from pathlib import Path

import pytest

from .test_geometry import read
from .test_read import dicom


@pytest.mark.parametrize("code", ["LL", "RL", "LLO", "RLO", "ll"])
@pytest.mark.filterwarnings("ignore:Invalid value")
def test_a_lateral_view_position_is_from_the_side(tmp_path: Path, code: str) -> None:
    assert read(tmp_path, dicom(ViewPosition=code)).stored.is_from_the_side


@pytest.mark.parametrize(
    "said",
    [
        {"ViewPosition": "AP"},
        {"ViewPosition": "LLD"},
        {"ViewPosition": "LL", "SeriesDescription": "ABDOMEN LEFT DECUBITUS"},
        {"ViewPosition": "LL", "PatientOrientation": ["L", "F"]},
    ],
    ids=str,
)
def test_other_codes_are_not(tmp_path: Path, said: dict[str, object]) -> None:
    assert not read(tmp_path, dicom(**said)).stored.is_from_the_side
