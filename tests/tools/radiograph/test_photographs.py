"""A photograph of a film or a screen is called one; grey pictures of any form are not."""

import numpy as np
import pytest
from PIL import Image

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.radiograph.raster import PHOTOGRAPH
from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading.notes import NoteKind, of_file
from pedaxr.reading.quality import check_picture
from pedaxr.reports.korean import in_korean
from pedaxr_models.labels import View
from pedaxr_models.phantom import FilmSpec, make_film

from ..film_files import picture_bytes

FILM = make_film(FilmSpec(5, 1, View.ERECT, 60.0, ())).pixels
TINTS = {
    "a cold screen": (0.96, 1.0, 1.0),
    "a warm lamp": (1.0, 0.98, 0.94),
    "a green cast": (0.94, 1.0, 0.94),
}


def tinted(tint: tuple[float, float, float], *, frame: float = 0.03) -> Image.Image:
    """With a dark or bright frame around and a camera's noise."""
    grey = np.pad(FILM / 255.0, 100, constant_values=frame)
    noise = np.random.default_rng(0).normal(0, 0.02, (*grey.shape, 3))
    return Image.fromarray((np.clip(grey[..., None] * tint + noise, 0, 1) * 255).astype(np.uint8))


def exif(tags: dict[int, object]) -> Image.Exif:
    made = Image.Exif()
    made[0x010F] = "Maker"
    made.get_ifd(0x8769).update(tags)
    return made


@pytest.mark.parametrize("frame", [0.03, 0.95], ids=["dark frame", "light box"])
@pytest.mark.parametrize("tint", TINTS.values(), ids=TINTS.keys())
def test_a_tinted_picture_is_a_photograph(tint: tuple[float, float, float], frame: float) -> None:
    film = read_radiograph(picture_bytes(tinted(tint, frame=frame), "JPEG", quality=85))
    assert PHOTOGRAPH in film.notes and film.colourfulness < 0.2


@pytest.mark.parametrize("tag", [0x829A, 0x829D, 0x920A], ids=["exposure", "aperture", "focal length"])
def test_a_picture_with_a_cameras_settings_is_a_photograph(tag: int) -> None:
    data = picture_bytes(Image.fromarray(FILM), "JPEG", exif=exif({tag: 1.8}))
    assert PHOTOGRAPH in read_radiograph(data).notes


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK", "P", "RGBA", "LA", "1"])
def test_a_grey_picture_of_any_form_is_none(mode: str) -> None:
    grey = Image.fromarray(FILM).convert("RGB").convert(mode)
    form = "JPEG" if mode in ("L", "RGB", "CMYK") else "PNG"
    assert read_radiograph(picture_bytes(grey, form)).notes == ()


def test_a_film_with_coloured_letters_or_from_a_scanner_is_none() -> None:
    marked = np.dstack([FILM] * 3)
    marked[20:60, 20:200] = (255, 200, 0)
    assert read_radiograph(picture_bytes(Image.fromarray(marked), "JPEG")).notes == ()
    scanned = picture_bytes(Image.fromarray(FILM), "JPEG", exif=exif({0x9003: "2024:01:01 00:00:00"}))
    assert read_radiograph(scanned).notes == ()


def test_who_reads_a_photograph_is_told_in_both_languages() -> None:
    (note,) = of_file([PHOTOGRAPH])
    assert note.kind is NoteKind.EXPOSURE
    assert "사진" in in_korean(PHOTOGRAPH) and "photograph" not in in_korean(PHOTOGRAPH)


def test_a_picture_in_colour_is_refused_with_what_to_give_instead() -> None:
    film = read_radiograph(picture_bytes(tinted((1.0, 0.85, 0.6))))
    with pytest.raises(NotAnAbdominalFilm, match=r"in colour.*give the film's own file"):
        check_picture(film)
