"""Free air put into a film: where it lies, what it leaves alone, and how it looks."""

import cv2
import numpy as np
import pytest

from pedaxr_models.labels import Structure
from pedaxr_models.pasting.dome import find_domes
from pedaxr_models.pasting.free_air import Kind, put_free_air, read_scene
from pedaxr_models.pasting.grey_curve import estimate_curve
from pedaxr_models.pasting.transmission import measure_grain

KINDS: tuple[Kind, ...] = ("crescent", "flank", "pool", "rigler", "falciform", "football")


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_gas_and_its_edge_change(background, structures, kind):
    made = put_free_air(background.pixels, structures, np.random.default_rng(1), kind=kind)
    assert made is not None and made.kind == kind
    wide = cv2.dilate(made.mask.astype(np.uint8), np.ones((81, 81), np.uint8)) > 0
    assert (made.film[~wide] == background.pixels[~wide]).all()
    darker = background.pixels[made.mask].astype(int) - made.film[made.mask]
    assert darker.mean() > 4
    assert (darker >= -12).all(), "gas never makes a film brighter beyond its grain"


@pytest.mark.parametrize("kind", KINDS)
def test_the_mask_lies_in_the_cavity_and_its_contrast_is_measured(background, structures, kind):
    made = put_free_air(background.pixels, structures, np.random.default_rng(2), kind=kind)
    assert made is not None
    near = cv2.dilate(structures["abdominal_cavity"].astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    assert (made.mask & near).sum() > 0.9 * made.mask.sum()
    change = float((background.pixels.astype(float) - made.film)[made.mask].mean())
    assert made.measures["change"] == pytest.approx(change, abs=0.5)
    assert made.measures["area_px"] == made.mask.sum()


def test_a_crescent_lies_under_the_lung_and_leaves_a_line_of_diaphragm(background, structures):
    made = put_free_air(background.pixels, structures, np.random.default_rng(5), kind="crescent")
    assert made is not None
    columns = np.flatnonzero(made.mask.any(0))
    top = made.mask.argmax(0)[columns]
    lungs = background.masks[Structure.LUNGS]
    bottom = (lungs.shape[0] - 1 - lungs[::-1].argmax(0))[columns]
    has_lung = lungs.any(0)[columns]
    assert np.median((top - bottom)[has_lung]) > 1
    assert np.median((top - bottom)[has_lung]) < 0.1 * np.ptp(np.flatnonzero(structures["body"].any(0)))


def test_a_coarse_outline_of_the_lungs_finds_the_same_dome(background, structures):
    film = background.pixels.astype(np.float32)
    exact = find_domes(film, structures, 300)
    shifted = {**structures, "lungs": np.roll(structures["lungs"], 7, axis=0)}
    moved = find_domes(film, shifted, 300)
    assert exact and len(exact) == len(moved)
    for a, b in zip(exact, moved, strict=True):
        both, at, bt = np.intersect1d(a.columns, b.columns, return_indices=True)
        assert len(both) > 20
        assert np.median(np.abs(a.rows[at] - b.rows[bt])) < 2.0


def test_equal_seeds_give_equal_films(background, structures):
    one, two, other = (
        put_free_air(background.pixels, structures, np.random.default_rng(s)) for s in (7, 7, 8)
    )
    assert one is not None and two is not None and other is not None
    assert (one.film == two.film).all() and (one.mask == two.mask).all()
    assert (one.film != other.film).any()


def test_the_film_given_stays_as_it_was(background, structures):
    before = background.pixels.copy()
    put_free_air(background.pixels, structures, np.random.default_rng(0), kind="football")
    assert (background.pixels == before).all()


def test_no_lungs_in_the_field_no_crescent(background, structures):
    cut = {k: v for k, v in structures.items() if k != "lungs"}
    assert put_free_air(background.pixels, cut, np.random.default_rng(0), kind="crescent") is None


def test_a_flank_that_is_cut_off_holds_no_stripe(background, structures):
    cut = {**structures, "abdominal_cavity": np.ones_like(structures["abdominal_cavity"])}
    assert put_free_air(background.pixels, cut, np.random.default_rng(0), kind="flank") is None


def test_without_a_cavity_it_says_what_is_missing(background):
    with pytest.raises(ValueError, match="abdominal cavity"):
        put_free_air(background.pixels, {}, np.random.default_rng(0))


def test_gas_in_a_film_without_contrast_is_not_claimed(structures):
    flat = np.full((512, 512), 128, np.uint8)
    assert put_free_air(flat, structures, np.random.default_rng(0), kind="pool") is None


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.2])
def test_the_grey_curve_rises_and_returns(background, structures, gamma):
    film = (255 * (background.pixels / 255.0) ** gamma).astype(np.float32)
    curve = estimate_curve(film, structures)
    assert (np.diff(curve.greys) > 0).all() and (np.diff(curve.depths) > 0).all()
    grey = np.linspace(curve.greys[5], curve.greys[-5], 50, dtype=np.float32)
    assert np.allclose(curve.grey(curve.depth(grey)), grey, atol=0.5)
    soft = float(np.median(film[structures["liver"]]))
    assert float(curve.depth(np.float32(soft).reshape(1, 1))[0, 0]) == pytest.approx(1.0, abs=0.05)


def test_the_gas_is_as_grainy_as_the_film(structures):
    rng = np.random.default_rng(0)
    rows = np.linspace(60, 190, 512, dtype=np.float32)[:, None]
    film = rows + 5 * rng.standard_normal((512, 512)).astype(np.float32)
    made = put_free_air(film, structures, np.random.default_rng(3), kind="pool")
    assert made is not None
    core = cv2.erode(made.mask.astype(np.uint8), np.ones((15, 15), np.uint8)) > 0
    new = made.film.astype(np.float32)
    rest = (new - cv2.GaussianBlur(new, (0, 0), 2.0))[core]
    assert 0.6 < rest.std() / measure_grain(film).sigmas.mean() < 1.8


@pytest.mark.parametrize("black", [slice(200, None), slice(300, None)])
def test_black_below_strong_noise_has_grain_that_is_a_number(black):
    film = np.random.default_rng(0).uniform(0, 255, (512, 512)).astype(np.float32)
    film[black] = 3
    grain = measure_grain(film)
    assert np.isfinite(grain.sigmas).all() and (grain.sigmas >= 0).all()


@pytest.mark.parametrize("side", [384, 1024])
def test_other_sizes_keep_the_share_of_the_film_that_is_gas(background, structures, side):
    def share(size: int) -> float:
        film = cv2.resize(background.pixels, (size, size), interpolation=cv2.INTER_AREA)
        masks = {
            k: cv2.resize(v.astype(np.uint8), (size, size), interpolation=cv2.INTER_NEAREST) > 0
            for k, v in structures.items()
        }
        made = put_free_air(film, masks, np.random.default_rng(4), kind="flank")
        assert made is not None
        return float(made.mask.mean())

    assert share(side) == pytest.approx(share(512), rel=0.15)


def test_a_scene_knows_its_width(background, structures):
    width = read_scene(background.pixels, structures).width
    assert 0.4 * 512 < width < 512
