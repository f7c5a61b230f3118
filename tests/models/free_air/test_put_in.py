"""Free air put into synthetic films and chests, for the network that looks for it."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.film import Film, read_masks, unpack_masks, write_masks
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence
from pedaxr_models.free_air.put_in import ONTO_CHEST, ONTO_SYNTHETIC, into_chests, into_synthetic
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure
from pedaxr_models.pasting.grey_curve import Mask
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.phantom.onto.backgrounds import Outline
from pedaxr_models.segmentation.data import frame_bits
from pedaxr_models.segmentation.mixed.known_planes import known_planes
from pedaxr_models.segmentation.mixed.real_cache import join
from pedaxr_models.segmentation.transforms import frame_film

AIR = np.uint32(1 << CHANNELS.index(Finding.PNEUMOPERITONEUM))


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    folder = tmp_path_factory.mktemp("films")
    write_dataset(folder, count=14, seed=6, processes=1)
    return read_films(folder)


@pytest.fixture(scope="module")
def chest(tmp_path_factory: pytest.TempPathFactory, background: PhantomFilm) -> PartialFilm:
    """A film that shows the lower halves of both lungs."""
    path = tmp_path_factory.mktemp("chests") / "chest.png"
    cv2.imwrite(str(path), background.pixels)
    absent = dict.fromkeys(FINDINGS, Presence.ABSENT)
    return PartialFilm("chest", path, "chest", "a child", findings=absent)


@pytest.fixture(scope="module")
def outline(tmp_path_factory: pytest.TempPathFactory, background: PhantomFilm) -> Outline:
    """What there is to be seen, in the frame that the film is put into."""
    path = tmp_path_factory.mktemp("masks") / "masks.npz"
    write_masks(path, background.masks)
    letterbox = frame_film(np.asarray(background.pixels / 255, np.float32))[1]
    planes = unpack_masks(frame_bits(read_masks(path), letterbox))
    return lambda pixels: dict(zip(CHANNELS, planes, strict=True))


def test_synthetic_films_without_free_air_have_some_put_in(films: list[Film]) -> None:
    made = into_synthetic(films, 128, count=4, versions=(2, 1), seed=1)
    assert made is not None and {film.kind for film in made.of} == {ONTO_SYNTHETIC}
    assert len({film.id for film in made.of}) == 4
    shown = (made.bits & AIR).any(axis=(1, 2))
    assert np.array_equal(shown, made.is_pasted) and 4 <= shown.sum() <= 8
    sources = {film.image_path.stem: film for film in films}
    for film in made.of:
        masks = sources[film.id].mask_path
        assert masks is not None and not (read_masks(masks) & AIR).any()


def test_all_else_of_a_synthetic_film_stays_known(films: list[Film]) -> None:
    made = into_synthetic(films, 128, count=3, versions=(2, 0), seed=1)
    assert made is not None
    first = [next(n for n, film in enumerate(made.of) if film.id == id) for id in {f.id for f in made.of}]
    for untouched in first:
        assert not made.is_pasted[untouched] and not made.unknown[untouched].any()
        for number, film in enumerate(made.of):
            if film.id == made.of[untouched].id and made.is_pasted[number]:
                assert np.array_equal(made.bits[number] & ~AIR, made.bits[untouched] & ~AIR)
                assert not (made.unknown[number] & ~AIR).any()
                changed = np.abs(made.films[number].astype(int) - made.films[untouched]) > 2
                assert changed[(made.bits[number] & AIR) > 0].mean() > 0.5


def test_films_that_all_show_free_air_have_none_put_in(films: list[Film]) -> None:
    shown = [film for film in films if film.mask_path and (read_masks(film.mask_path) & AIR).any()]
    assert shown and into_synthetic(shown, 128, count=4) is None


def test_equal_seeds_give_equal_films(films: list[Film]) -> None:
    one, other = (into_synthetic(films, 96, count=2, versions=(1, 1), seed=3) for _ in range(2))
    assert one is not None and other is not None
    assert np.array_equal(one.films, other.films) and np.array_equal(one.bits, other.bits)


def test_crescents_are_put_under_the_domes_of_a_chest(chest: PartialFilm, outline: Outline) -> None:
    made = into_chests([chest], 256, outline, versions=(12, 2), seed=0)
    assert made is not None and {film.kind for film in made.of} == {ONTO_CHEST}
    assert {film.child for film in made.of} == {"a child"} and made.is_pasted.sum() >= 2
    untouched = known_planes(chest)
    lungs = np.flatnonzero(outline(untouched.frame)[Structure.LUNGS].any(axis=1))
    for bits in made.bits[made.is_pasted]:
        rows = np.flatnonzero((bits & AIR).any(axis=1)) * 2
        assert rows.min() > lungs.min() and rows.max() < lungs.max() + 60


def test_lateral_chests_and_other_pictures_are_left_alone(chest: PartialFilm, outline: Outline) -> None:
    def seen_from_the_side(pixels: np.ndarray) -> dict[str, Mask]:
        masks = dict(outline(pixels))
        middle = pixels.shape[1] // 2
        masks[Structure.LUNGS] = masks[Structure.LUNGS] & (np.arange(pixels.shape[1]) < middle)
        return masks

    assert into_chests([chest], 256, seen_from_the_side, versions=(4, 1)) is None
    assert into_chests([replace(chest, kind="bone")], 256, outline, versions=(4, 1)) is None


def test_parts_are_joined(films: list[Film], chest: PartialFilm, outline: Outline) -> None:
    one = into_synthetic(films, 96, count=2, versions=(1, 0))
    other = into_chests([chest], 96, outline, versions=(6, 0))
    assert one is not None and other is not None
    both = join([one, other])
    assert len(both) == len(one) + len(other) and both.of == one.of + other.of
    assert np.array_equal(both.films[len(one) :], other.films)
    assert both.is_pasted.sum() == one.is_pasted.sum() + other.is_pasted.sum()
