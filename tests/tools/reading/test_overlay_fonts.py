"""No letter on a picture is the box that stands for a missing one."""

import pytest
from PIL import ImageFont

from pedaxr.reading import overlay_fonts
from pedaxr.reading.overlay_fonts import can_write, font_for, hangul_font_file

WRITTEN = [
    "27.3 cm², 6% of body",
    "Tomás Herrera",
    "Åse Ødegård",
    "윤하람 / Yoon Haram",
    "born 2019-04-11 · M…",
]


def has_boxes(text: str) -> bool:
    font = font_for(text, 20)
    box = bytes(font.getmask("\ue000"))
    return any(bytes(font.getmask(char)) == box for char in text if char != " ")


@pytest.mark.skipif(hangul_font_file() is None, reason="this machine has no font with Hangul")
@pytest.mark.parametrize("text", WRITTEN)
def test_what_can_be_written_has_every_letter(text: str) -> None:
    assert can_write(text) and not has_boxes(text)


@pytest.mark.parametrize("text", WRITTEN)
def test_without_a_font_of_the_machine_nothing_is_said_to_be_writable_that_is_not(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlay_fonts, "hangul_font_file", lambda: None)
    assert can_write(text) is not has_boxes(text)


def test_a_box_is_seen() -> None:
    font = ImageFont.load_default(20)
    assert bytes(font.getmask("²")) == bytes(font.getmask("\ue000")), "control: Pillow's font lacks it"
    assert bytes(font.getmask("m")) != bytes(font.getmask("\ue000"))
