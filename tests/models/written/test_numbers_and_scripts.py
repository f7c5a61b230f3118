"""Decimal commas, and text whose bytes are declared wrongly or not at all."""

import unicodedata

import pytest

from pedaxr_models.written.numbers import parse_number, parse_numbers
from pedaxr_models.written.plain import is_odd_id, plain, plain_id
from pedaxr_models.written.scripts import KOREAN, WESTERN, decoded, decoded_table, mended

NAMES_KOREAN = ("홍길동", "김민준", "남궁민수", "이이", "복부 입위", "Kim^Minjun=金^旻俊=김^민준", "김민준A")
NAMES_WESTERN = ("Åsa", "Müller^André", "NUÑEZ", "Øystein", "Çelik", "François", "Šimon", "Éva", "MÜLLER")


@pytest.mark.parametrize("written", ["2047,25", "2047.25", " ２０４７．２５ ", "20,4725e2"])
def test_a_decimal_comma_is_a_point(written: str) -> None:
    assert parse_number(written) == 2047.25


@pytest.mark.parametrize("written", ["", "1.2.3", "1,234,567", "nan", "inf", "1e999", "abc", "0x10"])
def test_what_is_no_number_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="number"):
        parse_number(written)


@pytest.mark.parametrize(
    "written",
    [
        *("0.4\\0.3", "0,4\\0,3", "[0.4, 0.3]", "(0.4,0.3)", "0.4,0.3", "0,4 0,3", "0,4;0,3", "0,4 x 0,3 mm"),
        *("0.4 mm x 0.3 mm", "[0,4; 0,3]", "0.4, 0.3", "0.4 * 0.3"),
    ],
)
def test_a_pair_is_parted_whatever_the_decimal_sign(written: str) -> None:
    assert parse_numbers(written) == [0.4, 0.3]


def test_commas_that_may_part_or_divide_are_refused() -> None:
    assert parse_numbers("0,4") == [0.4] and parse_numbers("[1,2]") == [1, 2]
    with pytest.raises(ValueError, match="commas"):
        parse_numbers("0,4,0,3")


@pytest.mark.parametrize("name", NAMES_KOREAN)
@pytest.mark.parametrize("declared", [(), (WESTERN,), ("latin-1",), (KOREAN,)])
def test_korean_bytes_are_korean_whatever_is_declared(name: str, declared: tuple[str, ...]) -> None:
    assert decoded(name.encode(KOREAN), first=declared) == (name, KOREAN)
    assert decoded(name.encode(), first=declared) == (name, "utf-8")


@pytest.mark.parametrize("name", NAMES_WESTERN)
@pytest.mark.parametrize("declared", [(), (WESTERN,), (KOREAN,)])
def test_western_bytes_are_western_whatever_is_declared(name: str, declared: tuple[str, ...]) -> None:
    assert decoded(name.encode(WESTERN), first=declared) == (name, WESTERN)


def test_text_that_was_misread_is_mended_and_other_text_is_left() -> None:
    assert mended("È«±æµ¿") == "홍길동" and mended("홍길동".encode().decode("latin-1")) == "홍길동"
    assert [mended(name) for name in (*NAMES_WESTERN, "홍길동", "Kim", "")] == [None] * 12


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]
)
def test_a_table_is_read_in_every_encoding_that_korean_spreadsheets_save(encoding: str) -> None:
    text = "ImagePath,Class,PatientName\na.png,변비,김민준\n"
    read = decoded_table(text.encode(encoding))
    assert read is not None and read[0] == text


def test_a_western_table_is_not_read_as_korean_and_noise_is_refused() -> None:
    text = "ImagePath,Class,PatientName\na.png,Normal,Åsa Müller\nb.png,Normal,José Núñez\n"
    assert decoded_table(text.encode(WESTERN)) == (text, WESTERN)
    assert decoded_table(bytes(range(128, 256)) * 3) is None


def test_width_dashes_and_what_is_unseen_make_no_difference() -> None:
    assert plain("００１２３\u200b４ \u3000－\u00a0Ｋｉｍ") == "001234 - Kim"
    assert plain(unicodedata.normalize("NFD", "김민준")) == "김민준"
    assert [plain_id(one) for one in ("123456.0", "00123456", "１２３", "A.0", "1.5")] == [
        *("123456", "00123456", "123", "A.0", "1.5")
    ]


def test_an_id_that_is_too_long_or_hides_something_is_odd() -> None:
    assert all(map(is_odd_id, ("P" * 65, "P\u200b1", "P\u202e1", "P\n1", "P\u3164")))
    assert not any(map(is_odd_id, ("P" * 64, "P 1", "환자-1", "００１")))
