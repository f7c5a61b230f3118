"""Names that hide letters: what they may be, and what they never are."""

import pytest

from pedaxr_models.written.masked import fits, is_masked, seen_start


@pytest.mark.parametrize(
    "name",
    [
        "김*준",
        "김○준",
        "김＊준",
        "김OO",
        "김oo",
        "김X준",
        "홍길*",
        "Kim M*****n",
        "KIM^M",
        "Smith, J.",
        "김** (M)",
    ],
)
def test_a_name_that_hides_letters_is_masked(name: str) -> None:
    assert is_masked(name)


@pytest.mark.parametrize(
    "name",
    [
        "김민준",
        "이서연A",
        "Kim Minjun",
        "John Q Smith",
        "O'Brien Sean",
        "Demo P0",
        "Child A",
        "Xavier Li",
        "김민준 M",
    ],
)
def test_a_whole_name_is_not(name: str) -> None:
    assert not is_masked(name)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("김*준", "김민준"),
        ("김**", "김민준"),
        ("KIM^M", "Kim Minjun"),
        ("Kim M***n", "Kim Minjun"),
        ("김*준", "김OO"),
    ],
)
def test_a_mask_fits_what_it_may_hide(one: str, other: str) -> None:
    assert fits(one, other) and fits(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("김*준", "김민지"),
        ("이**", "김민준"),
        ("KIM^M", "Kim Seojun"),
        ("김민준", "김민지"),
        ("김*준", "김준"),
    ],
)
def test_a_mask_does_not_fit_another_name(one: str, other: str) -> None:
    assert not fits(one, other)


def test_what_is_seen_before_the_mask() -> None:
    assert (seen_start("김*준"), seen_start("KIM^M*"), seen_start("*길동")) == ("김", "kimm", "")
