"""What a PACS fills in where it knows nothing is not taken for a patient, a birth date or an age."""

from datetime import date

import pytest
from pydicom import Dataset

from pedaxr.clinic import Clinic
from pedaxr.pacs.fetch import film_here
from pedaxr.pacs.rows import date_in

from .films import SEOYEON, film
from .test_hostile_pacs import answers, ask, pacs, row

UNKNOWN = ("", "19000101", "00000000", "99991231")


@pytest.mark.parametrize("said", ["ANONYMOUS", "0", "00000000", "unknown", "익명"])
def test_an_id_that_stands_for_nobody_names_no_child(clinic: Clinic, said: str) -> None:
    with pacs(answers(row(PatientID=said))) as node:
        assert ask(clinic, node).status == "no_match"


@pytest.mark.parametrize("said", UNKNOWN)
def test_a_birth_date_that_stands_for_none_gives_no_age_and_keeps_out_no_film(
    clinic: Clinic, said: str
) -> None:
    """The file's own header then says when the child was born."""
    with pacs(answers(row(PatientBirthDate=said)), film(SEOYEON, "A1")) as node:
        (match,) = ask(clinic, node, born=None).matches
        assert match.patient_birth_date is None and match.studies[0].age_months is None
        study = clinic.registry.study(film_here(match.studies[0].study_id, clinic=clinic, node=node))
    assert study.patient_birth_date == SEOYEON[2]


@pytest.mark.parametrize("written", ["20210506", "2021.05.06", "2021-05-06", "20210506000000"])
def test_a_date_is_read_as_in_a_file_s_header(written: str) -> None:
    dataset = Dataset()
    dataset.add_new(0x00100030, "LO", written)
    assert date_in(dataset, "PatientBirthDate") == date(2021, 5, 6)
