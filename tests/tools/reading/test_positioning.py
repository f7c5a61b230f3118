"""How a film lies and what is printed on it is noted, and not of a film that lies as it should."""

import cv2
import numpy as np
import pytest

from pedaxr.reading.notes import NoteKind, texts
from pedaxr.reading.positioning import positioning_notes, text_notes
from pedaxr_models.labels import Structure

from ..conftest import FILMS, phantom, unit_pixels

WHOLE = (slice(0, 512), slice(0, 512))


def masks_of(name: str) -> dict[str, np.ndarray]:
    return dict(phantom(name).masks)


def turned(masks: dict[str, np.ndarray], degrees: float) -> dict[str, np.ndarray]:
    matrix = cv2.getRotationMatrix2D((256, 256), degrees, 1.0)
    return {
        name: cv2.warpAffine(mask.astype(np.uint8), matrix, (512, 512)).astype(bool)
        for name, mask in masks.items()
    }


@pytest.mark.parametrize("name", FILMS)
def test_a_film_that_lies_as_it_should_has_no_note(name: str) -> None:
    assert positioning_notes(masks_of(name), WHOLE) == []
    assert text_notes(unit_pixels(phantom(name))) == []


@pytest.mark.parametrize(
    ("degrees", "words"), [(25, "askew"), (-25, "askew"), (90, "on its side"), (180, "wrong way up")]
)
def test_a_turned_film_is_noted(degrees: float, words: str) -> None:
    (note,) = positioning_notes(turned(masks_of("normal"), degrees), WHOLE)
    assert words in note.text
    assert note.kind is (NoteKind.DOUBT if degrees == 180 else NoteKind.ORIENTATION)


def test_a_mirrored_film_is_noted() -> None:
    mirrored = {name: mask[:, ::-1] for name, mask in masks_of("normal").items()}
    assert any(
        "may be mirrored" in text for text in texts(positioning_notes(mirrored, WHOLE), NoteKind.DOUBT)
    )


def test_flanks_that_are_cut_off_are_noted() -> None:
    masks = masks_of("normal")
    across = np.flatnonzero(masks[Structure.PELVIS].any(axis=0))
    narrow = (slice(0, 512), slice(int(across[0]), int(across[-1]) + 1))
    assert any("flanks" in text for text in texts(positioning_notes(masks, narrow), NoteKind.FRAMING))


def test_nothing_outlined_says_nothing() -> None:
    nothing = {name: np.zeros((512, 512), bool) for name in masks_of("normal")}
    assert positioning_notes(nothing, WHOLE) == []


@pytest.mark.parametrize("size", [512, 2048])
def test_a_printed_name_is_noticed_and_a_lead_word_is_not(size: int) -> None:
    film = cv2.resize(phantom("normal").pixels, (size, size))
    scale = size / 512
    for text, is_noted in (("GILDONG HONG 2019-03-01", True), ("PORTABLE", False)):
        printed = film.copy()
        cv2.putText(
            printed, text, (int(8 * scale), int(500 * scale)), cv2.FONT_HERSHEY_SIMPLEX, 0.55 * scale,
            255, max(1, int(scale)), cv2.LINE_AA,
        )  # fmt: skip
        assert bool(text_notes(printed.astype(np.float32) / 255)) is is_noted, text


@pytest.mark.parametrize(("aside", "is_noted"), [(0.10, True), (0.01, False), (-0.15, False)])
def test_a_liver_beside_the_spine_mirrors_no_film(aside: float, is_noted: bool) -> None:
    """On a real film a sliver of liver was outlined in the very middle."""
    masks = {name: np.zeros((512, 512), bool) for name in masks_of("normal")}
    masks[Structure.SPINE][100:400, 240:272] = True
    middle = 256 + round(512 * aside)
    masks[Structure.LIVER][120:180, middle - 20 : middle + 20] = True
    assert any("may be mirrored" in text for text in texts(positioning_notes(masks, WHOLE))) is is_noted


@pytest.mark.parametrize(("rows", "is_noted"), [((60, 230), True), ((0, 60), False)])
def test_a_film_of_chest_and_abdomen_says_so(rows: tuple[int, int], is_noted: bool) -> None:
    masks = {name: np.zeros((512, 512), bool) for name in masks_of("normal")}
    masks[Structure.SPINE][20:480, 240:272] = True
    masks[Structure.LUNGS][slice(*rows), 170:230] = True
    masks[Structure.LUNGS][slice(*rows), 280:340] = True
    said = [any("shows the chest" in text for text in texts(positioning_notes(masks, WHOLE)))]
    said.append(any("shows the chest" in n for n in texts(positioning_notes(masks, WHOLE, is_part=True))))
    assert said == [is_noted, False]  # of a part, the note on the part says it
