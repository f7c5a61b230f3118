from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from pedaxr.errors import StorageError
from pedaxr.reading import overlay, overlay_fonts
from pedaxr.reading.overlay import LONG_EDGE, LONGEST_EDGE, Caption, draw_overlay, head_lines, write_picture
from pedaxr.types import FilmIdentity, Region, SignedReport
from pedaxr_models.labels import TERMS, Finding, Structure, sign
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


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """All that is written into an overlay."""
    texts: list[str] = []
    draw = overlay.write

    def listen(*args: Any) -> None:
        texts.append(args[2])
        draw(*args)

    monkeypatch.setattr(overlay, "write", listen)
    return texts


def test_every_finding_is_named_by_its_sign_and_only_landmarks_of_the_structures(
    written: list[str],
) -> None:
    regions = [square(name, 20, 20, 60) for name in (*Finding, Structure.SPINE, Structure.RIBS)]
    draw_overlay(film(), regions[: len(Finding)], regions[len(Finding) :])
    signs = {sign(name) for name in Finding}
    assert {"Faecal loading", "Gastric distension"} <= signs
    assert signs <= set(written)
    assert not {TERMS[name].english for name in (Finding.CONSTIPATION, Finding.PYLORIC_STENOSIS)} & set(
        written
    )
    assert "Spine" in written and "Ribs" not in written


def test_a_written_picture_is_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "made" / "overlay.png"
    for colour in ("red", "blue"):
        write_picture(Image.new("RGB", (50, 40), colour), path)
    assert Image.open(path).getpixel((0, 0)) == (0, 0, 255)
    assert [entry.name for entry in path.parent.iterdir()] == ["overlay.png"]


def test_the_same_picture_is_not_written_again_and_another_of_its_size_is(tmp_path: Path) -> None:
    path = tmp_path / "overlay.png"
    write_picture(Image.new("RGB", (50, 40), "red"), path)
    before = path.stat()
    write_picture(Image.new("RGB", (50, 40), "red"), path)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    for damage in (path.read_bytes()[:-1], path.read_bytes()[:-1] + b"x", b""):
        path.write_bytes(damage)
        write_picture(Image.new("RGB", (50, 40), "red"), path)
        assert Image.open(path).getpixel((0, 0)) == (255, 0, 0)


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


CHILD = FilmIdentity(
    study_id="S-844321",
    patient_id="P-52742",
    patient_name="윤하람",
    patient_name_romanised="Yoon Haram",
    patient_birth_date=date(2019, 4, 11),
    patient_sex="M",
    study_date=date(2025, 8, 14),
    view_position="erect",
    age_months=76.1,
)
SIGNED = SignedReport(
    report_id="R1",
    version=3,
    status="amended",
    signed_by="Dr Kim",
    signed_at=datetime(2026, 1, 2, tzinfo=UTC),
    impression="No free air on review.",
)


@pytest.fixture(params=[True, False], ids=["a font with Hangul", "none"])
def has_hangul(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether the machine has letters for Korean names; any font file stands for one that has."""
    from matplotlib import get_data_path

    font = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    monkeypatch.setattr(overlay_fonts, "hangul_font_file", lambda: font if request.param else None)
    return bool(request.param)


def test_the_head_says_whose_film_it_is_in_letters_that_the_machine_has(has_hangul: bool) -> None:
    who, which = head_lines(CHILD)
    assert who == ("윤하람 / " if has_hangul else "") + "Yoon Haram · born 2019-04-11 · M · P-52742"
    assert which == "S-844321 · 2025-08-14 · erect · 6 y 4 mo"


@pytest.mark.parametrize(
    ("known", "who", "which"),
    [
        (FilmIdentity(), "", "date unknown"),
        (FilmIdentity(patient_name="Ána\n\u202eOWNED", study_id="S"), "Ána OWNED", "S · date unknown"),
        (
            FilmIdentity(patient_name="A · born 1999-01-01", patient_id="P"),
            "A born 1999-01-01 · P",
            "date unknown",
        ),
        (FilmIdentity(patient_name="محمد", patient_id="P"), "P", "date unknown"),
    ],
    ids=[
        "nothing known",
        "a name that turns the line round",
        "a name that adds a fact",
        "letters of no font",
    ],
)
def test_the_head_is_clean_whatever_is_registered(known: FilmIdentity, who: str, which: str) -> None:
    assert head_lines(known) == (who, which)


def test_whose_film_it_is_stands_above_the_film(has_hangul: bool) -> None:
    picture, nameless = (np.asarray(draw_overlay(film(), [], [], Caption(child))) for child in (CHILD, None))
    changed = np.nonzero((picture != nameless).any(axis=(1, 2)))[0]
    assert len(changed) > 10
    assert changed.max() < 0.1 * picture.shape[0]


@pytest.mark.parametrize("shape", [(300, 400), (2500, 900), (1800, 2200), (512, 512)])
def test_at_full_size_every_pixel_of_the_film_is_there(shape: tuple[int, int]) -> None:
    width, height = shape
    grey = np.random.default_rng(0).integers(0, 256, (height, width))
    picture = draw_overlay(grey.astype(np.float32) / 255, [], [], long_edge=None)
    assert picture.width >= width and picture.height >= height
    if max(shape) < 600:  # small films are enlarged as before
        assert max(picture.size) > 0.8 * LONG_EDGE
        return
    sheet = np.asarray(picture)[..., 0].astype(int)
    places = sliding_window_view(sheet, (6, 6))[: sheet.shape[0] - height + 1, : sheet.shape[1] - width + 1]
    (y, x), *others = np.argwhere((np.abs(places - grey[:6, :6]) <= 1).all(axis=(2, 3)))
    assert not others
    assert np.abs(sheet[y : y + height, x : x + width] - grey).max() <= 1


def test_a_picture_at_full_size_has_its_limit_too() -> None:
    assert max(draw_overlay(film(7000, 6000), [], [], long_edge=None).size) <= LONGEST_EDGE


def test_of_a_film_in_doubt_nothing_is_outlined_and_the_picture_says_why() -> None:
    region = [square(Finding.PNEUMOPERITONEUM, 100, 100, 60)]
    doubted = draw_overlay(film(), region, [], Caption(in_doubt="This may be a chest film."))
    assert len(colour_positions(doubted, Finding.PNEUMOPERITONEUM)) == 0
    assert len(colour_positions(draw_overlay(film(), region, []), Finding.PNEUMOPERITONEUM)) > 100
    other = draw_overlay(film(), region, [], Caption(in_doubt="Two films in one picture."))
    assert np.asarray(doubted).tobytes() != np.asarray(other).tobytes()


def test_the_words_of_whoever_signed_stand_above_the_outlines(has_hangul: bool) -> None:
    region = [square(Finding.CONSTIPATION, 100, 100, 60)]

    def swatch(signed: SignedReport | None) -> float:
        found = colour_positions(
            picture := draw_overlay(film(), region, [], Caption(signed=signed)), "constipation"
        )
        return float(found[found[:, 0] > 0.72 * picture.width][:, 1].min())

    assert swatch(SIGNED) > swatch(None) + 40
    assert swatch(SIGNED.model_copy(update={"impression": "기복증 없음. " * 40})) > swatch(None) + 40


@pytest.mark.parametrize("char", [*"²·…%éńü×°–'"])
def test_every_sign_that_a_legend_needs_has_a_glyph(char: str) -> None:
    font = overlay_fonts.font_for(char, 16)
    assert bytes(font.getmask(char)) != bytes(font.getmask("\uffff"))  # the box of a letter that is missing


def test_a_legend_shows_square_centimetres_in_full(written: list[str]) -> None:
    region = square(Finding.CONSTIPATION, 20, 20, 60).model_copy(update={"area_mm2": 123456.0})
    draw_overlay(film(), [region], [])
    assert "1234.6 cm², 10% of body" in written


def test_a_tube_is_drawn_on_either_side_of_its_course_and_named() -> None:
    course = np.array([[150.0, 10.0], [160.0, 120.0], [200.0, 200.0]])
    plain, drawn = (
        np.asarray(draw_overlay(film(), [], [], Caption(tube=tube)), np.int16) for tube in (None, course)
    )
    changed = np.abs(plain - drawn).sum(axis=2) > 60
    assert changed.any()
    layout = overlay._Layout(300, 400, LONG_EDGE)
    x, y = (layout.left, layout.top) + (course[1] + 0.5) * layout.scale
    row = np.flatnonzero(changed[int(y), : layout.left + layout.width])
    assert row.min() < x - 2 and row.max() > x + 2, "on either side"
    assert not changed[int(y), int(x) - 1 : int(x) + 2].any(), "and not on it"
    legend = changed[:, layout.left + layout.width :]
    assert legend.any(), "and the legend names it"
