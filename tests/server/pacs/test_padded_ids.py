"""Ids that a console writes right-justified are the ids they are: results of such films go back."""

from datetime import date
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.dicom_objects import objects
from pedaxr.errors import InvalidRequest
from pedaxr.pacs.send import send_report

from .films import film
from .orthanc import needs_orthanc, orthanc
from .test_send import capture, held, read_film

pytestmark = needs_orthanc
BORN = date(2021, 5, 6)


def test_results_of_a_film_with_a_padded_id_are_sent(
    tmp_path: Path, clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = {"patient_id": "    1001"}

    def of_film(clinic: Clinic, study_id: str, kinds: object, *, organisation: str = "") -> list[object]:
        one = capture(clinic, study_id)
        one.PatientID = made["patient_id"]
        return [one]

    monkeypatch.setattr(objects, "objects_of", of_film)
    with orthanc(tmp_path / "orthanc") as archive:
        archive.load([film(("    1001", "이서연", BORN), "P0")])
        study_id = read_film(clinic, archive, "P0")
        assert clinic.registry.study(study_id).patient_id == "1001"
        made["patient_id"] = "1002"
        with pytest.raises(InvalidRequest, match="the registry and the objects"):
            send_report(study_id, clinic=clinic, node=archive.web_node)
        made["patient_id"] = "    1001"
        assert send_report(study_id, clinic=clinic, node=archive.web_node).stored == ("capture",)
        assert held(archive, "P0") == ["CR", "OT"]
