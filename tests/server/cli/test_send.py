"""`pedaxr send` with the bundled networks, on a film of the demo clinic."""

import json
from pathlib import Path

from click.testing import CliRunner
from pydicom import dcmread
from pydicom.uid import ComputedRadiographyImageStorage

from pedaxr.clinic import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME
from pedaxr.dicom_objects import kinds
from pedaxr_server.cli import main
from pedaxr_server.cli.send import DEFAULT_KINDS, KINDS


def newest(home: Path) -> str:
    (match,) = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=open_clinic(home)).matches
    return match.studies[0].study_id


def test_the_kinds_of_the_command_are_those_there_are() -> None:
    assert (tuple(kinds.KINDS), kinds.DEFAULT_KINDS) == (KINDS, DEFAULT_KINDS)


def test_every_film_of_the_demo_clinic_is_one_that_results_can_refer_to(clinic_home: Path) -> None:
    clinic = open_clinic(clinic_home)
    films = sorted(clinic.films.iterdir())
    assert len(films) == clinic.registry.counts()["studies"] > 20
    for path in films:
        header = dcmread(path, stop_before_pixels=True)
        assert (header.SOPClassUID, header.Modality) == (ComputedRadiographyImageStorage, "CR"), path.name
        assert header.SyntheticData == "YES" and "synthetic" in header.Manufacturer, path.name
        study = clinic.registry.study_of_film("", str(header.SOPInstanceUID))
        assert study is not None and study.study_instance_uid == header.StudyInstanceUID


def test_files_and_a_transaction_are_written(clinic_home: Path, tmp_path: Path) -> None:
    study_id, out = newest(clinic_home), tmp_path / "out"
    arguments = ["send", study_id, "--home", str(clinic_home), "--to", str(out), "--kinds", "sr, seg"]
    done = CliRunner().invoke(main, [*arguments, "--fhir", str(tmp_path / "report.json")])
    assert done.exit_code == 0, done.output
    files = sorted(out.iterdir())
    assert [dcmread(path).Modality for path in files] == ["SEG", "SR"]
    assert [str(path) for path in files] == sorted(line for line in done.output.split() if "dcm" in line)
    bundle = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    assert bundle["type"] == "transaction"
    film = dcmread(open_clinic(clinic_home).registry.study(study_id).image_path, stop_before_pixels=True)
    assert {dcmread(path).StudyInstanceUID for path in files} == {film.StudyInstanceUID}


def test_what_cannot_be_done_is_said(clinic_home: Path, tmp_path: Path) -> None:
    study_id, home = newest(clinic_home), ["--home", str(clinic_home)]
    for arguments, said in (
        ([study_id], "No PACS is set"),
        ([study_id, "--to", str(tmp_path), "--kinds", "rtstruct"], "no kind 'rtstruct'"),
        ([study_id, "--to", str(tmp_path), "--kinds", ","], "No kind"),
        (["S-404", "--to", str(tmp_path)], "No study"),
    ):
        done = CliRunner().invoke(main, ["send", *arguments, *home])
        assert done.exit_code == 1 and said in done.output, done.output
    assert list(tmp_path.iterdir()) == []
