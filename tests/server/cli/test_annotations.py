"""`pedaxr annotations`, as somebody at a terminal uses it."""

import zipfile
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner

from pedaxr.clinic import open_clinic
from pedaxr.clinic.annotate import NewAnnotation, annotate
from pedaxr.clinic.export_annotations import Format
from pedaxr_server.cli import main
from pedaxr_server.cli.annotations import FORMATS


@pytest.fixture
def annotated(clinic_home: Path, study_id: str) -> str:
    given = {"based_on": 0, "model": "m", "findings": {"constipation": {"decision": "rejected"}}}
    annotate(study_id, NewAnnotation.model_validate(given), by="Dr Kim", clinic=open_clinic(clinic_home))
    return study_id


def test_annotations_are_listed_with_author_and_decision(clinic_home: Path, annotated: str) -> None:
    listed = CliRunner().invoke(main, ["annotations", "list", annotated, "--home", str(clinic_home)])
    assert listed.exit_code == 0, listed.output
    assert "Dr Kim" in listed.output and "network" in listed.output


@pytest.mark.parametrize("kind", FORMATS)
def test_annotations_are_exported(clinic_home: Path, annotated: str, tmp_path: Path, kind: str) -> None:
    out = tmp_path / "new" / "annotations.zip"
    command = ["annotations", "export", str(out), "--format", kind, "--home", str(clinic_home)]
    assert CliRunner().invoke(main, command).exit_code == 0
    with zipfile.ZipFile(out) as archive:
        names = [name for name in archive.namelist() if name.endswith((".json", ".xml", ".csv"))]
        text = "".join(archive.read(name).decode() for name in names)
    assert annotated in text and "윤하람" not in text
    assert ("rejected" if kind != "csv" else ",constipation,") in text


def test_a_film_that_is_not_there_is_said(clinic_home: Path, tmp_path: Path) -> None:
    command = ["annotations", "export", str(tmp_path / "a.zip"), "--study", "nobody"]
    outcome = CliRunner().invoke(main, [*command, "--home", str(clinic_home)])
    assert outcome.exit_code != 0 and "nobody" in outcome.output
    assert not (tmp_path / "a.zip").exists()


def test_the_formats_are_those_of_the_tool() -> None:
    assert get_args(Format) == FORMATS
