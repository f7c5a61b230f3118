from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.errors import StorageError
from pedaxr.reading.overlay import LONG_EDGE, draw_overlay, write_picture
from pedaxr.types import Region
from pedaxr_models.labels import TERMS, Finding, Structure
from pedaxr_models.phantom.film import PhantomFilm


def square(name: str, x: int, y: int, side: int) -> Region:
    return Region.model_validate(
        {
            "name": name,
            "kind": "finding" if name in set(Finding) else "structure",
            "confidence": 0.9,
            "area_px": side * side,
            "share_of_body": 0.1,
            "bounding_box": (x, y, x + side, y + side),
            "polygons": [[(x, y), (x + side, y), (x + side, y + side), (x, y + side)]],
            "quadrants": [],
        }
    )


def film(width: int = 300, height: int = 400) -> np.ndarray:
    return np.full((height, width), 0.3, np.float32)


def colour_positions(picture: Image.Image, name: str) -> np.ndarray:
    """(n, 2) x, y of pixels in exactly the colour of a term."""
    ys, xs = np.nonzero((np.asarray(picture) == TERMS[name].colour).all(axis=2))
    return np.stack([xs, ys], axis=1)


@pytest.mark.parametrize("shape", [(300, 400), (2500, 900), (900, 2500), (3000, 3000), (130, 130)])
def test_the_picture_keeps_within_its_long_edge_whatever_the_film(shape: tuple[int, int]) -> None:
    width, height = shape
    picture = draw_overlay(film(width, height), [], [])
    assert max(picture.size) <= LONG_EDGE
    assert max(picture.size) > 0.8 * LONG_EDGE


def test_a_finding_is_drawn_where_it_lies_in_its_own_colour() -> None:
    picture = draw_overlay(film(), [square(Finding.CONSTIPATION, 200, 300, 60)], [])
    outline = colour_positions(picture, Finding.CONSTIPATION)
    on_film = outline[outline[:, 0] < 0.7 * picture.width]
    assert len(on_film) > 100
    low = on_film.mean(axis=0) / picture.size
    moved = colour_positions(
        draw_overlay(film(), [square(Finding.CONSTIPATION, 20, 30, 60)], []), "constipation"
    )
    high = moved[moved[:, 0] < 0.7 * picture.width].mean(axis=0) / picture.size
    assert (low > high + 0.2).all()


def test_the_fill_lets_the_film_shine_through() -> None:
    bright = film()
    bright[320:340, 220:240] = 1.0
    region = [square(Finding.CONSTIPATION, 200, 300, 60)]
    patterned = np.asarray(draw_overlay(bright, region, []), np.int16)
    plain = np.asarray(draw_overlay(film(), region, []), np.int16)
    assert np.abs(patterned - plain).max() > 100


def test_every_finding_is_named_and_only_landmarks_of_the_structures() -> None:
    """The legend takes a line per entry, so more entries leave more ink on its side."""

    def ink(findings: list[Region], structures: list[Region]) -> int:
        picture = np.asarray(draw_overlay(film(), findings, structures))
        return int((picture[:, int(0.72 * picture.shape[1]) :] > 100).any(axis=2).sum())

    one, two = square(Finding.CONSTIPATION, 20, 20, 60), square(Finding.PNEUMOPERITONEUM, 120, 20, 60)
    assert ink([one, two], []) > ink([one], []) + 100
    assert ink([one], [square(Structure.SPINE, 5, 5, 20)]) > ink([one], [])
    assert ink([one], [square(Structure.RIBS, 5, 5, 20)]) == ink([one], [])


def test_a_written_picture_is_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "made" / "overlay.png"
    for colour in ("red", "blue"):
        write_picture(Image.new("RGB", (50, 40), colour), path)
    assert Image.open(path).getpixel((0, 0)) == (0, 0, 255)
    assert [entry.name for entry in path.parent.iterdir()] == ["overlay.png"]


def test_a_failed_write_says_what_to_do_and_leaves_the_old_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "overlay.png"
    write_picture(Image.new("RGB", (50, 40), "red"), path)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match="free space"):
        write_picture(Image.new("RGB", (50, 40), "blue"), path)
    assert Image.open(path).getpixel((0, 0)) == (255, 0, 0)
    assert [entry.name for entry in tmp_path.iterdir()] == ["overlay.png"]


def test_a_phantom_with_several_findings_can_be_drawn(
    phantom_film: Callable[[str], PhantomFilm],
) -> None:
    pixels = phantom_film("levels").pixels.astype(np.float32) / 255
    regions = [square(name, 100 + 40 * i, 100, 80) for i, name in enumerate(Finding)]
    picture = draw_overlay(pixels, regions, [square(name, 50, 300, 40) for name in Structure])
    assert all(len(colour_positions(picture, name)) > 50 for name in Finding)
