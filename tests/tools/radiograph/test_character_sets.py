"""Names in another character set of the declared script: Windows-1251 under ISO_IR 144 and its like."""

from pathlib import Path

import pytest

from .test_dicom_headers import read, with_bytes


@pytest.mark.parametrize(
    ("declared", "encoding", "names"),
    [
        ("ISO_IR 144", "cp1251", ("Иванов^Иван", "ПОПОВА^АННА", "Ким", "Бойко^Оксана", "Щербакова^Юлия")),
        ("ISO_IR 144", "koi8_r", ("Петров^Иван", "ИВАНОВА^АННА")),
        ("ISO_IR 127", "cp1256", ("محمد^أحمد", "خالد^العتيبي", "يوسف^حسن")),
        ("ISO_IR 126", "cp1253", ("Άννα", "Άγγελος^Νίκος")),
        ("ISO_IR 101", "cp1250", ("Wiśniewska^Śliwa",)),
    ],
)
def test_a_name_in_another_set_of_the_declared_script_is_no_other_name(
    tmp_path: Path, declared: str, encoding: str, names: tuple[str, ...]
) -> None:
    for name in names:
        film = read(tmp_path, with_bytes("PatientName", name.encode(encoding), declared))
        assert film.metadata.patient_name == name.replace("^", " ")
        assert any("check the name" in note for note in film.notes)


@pytest.mark.parametrize(
    ("declared", "encoding", "names"),
    [
        ("ISO_IR 144", "iso8859-5", ("Иванов^Иван", "ПОПОВА^АННА", "Їжак^Євген", "Стојановић^Јована")),
        ("ISO_IR 127", "iso8859-6", ("محمد^أحمد", "فاطمة^علي", "نور")),
        ("ISO_IR 126", "iso8859-7", ("Άννα", "Παπαδόπουλος^Γιώργος")),
        ("ISO_IR 101", "iso8859-2", ("Wiśniewska^Śliwa", "Wałęsa^Łukasz")),
    ],
)
def test_a_name_in_the_declared_set_of_its_script_needs_no_note(
    tmp_path: Path, declared: str, encoding: str, names: tuple[str, ...]
) -> None:
    for name in names:
        film = read(tmp_path, with_bytes("PatientName", name.encode(encoding), declared))
        assert film.metadata.patient_name == name.replace("^", " ")
        assert not any("character set" in note for note in film.notes)


def test_a_name_that_two_sets_may_mean_is_to_be_checked(tmp_path: Path) -> None:
    film = read(tmp_path, with_bytes("PatientName", "نور".encode("cp1256"), "ISO_IR 127"))
    assert any("may be in another character set" in note for note in film.notes)


def test_chinese_characters_of_a_korean_set_are_no_accented_letters(tmp_path: Path) -> None:
    film = read(tmp_path, with_bytes("PatientName", "金^敏俊".encode("euc_kr"), "ISO_IR 100"))
    assert film.metadata.patient_name is None or "Ñ" not in film.metadata.patient_name
    assert any("check whose film it is" in note for note in film.notes)
    for name in ("Å.^Østby", "Öz^Ö", "Ångström^Åsa"):
        western = read(tmp_path, with_bytes("PatientName", name.encode("latin-1"), "ISO_IR 100"))
        assert western.metadata.patient_name == name.replace("^", " ")
