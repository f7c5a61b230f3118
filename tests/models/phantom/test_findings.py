"""What each finding looks like in the pixels, against the same child without that look."""

from functools import cache

import cv2
import numpy as np
import pytest

from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.phantom import FilmSpec, PhantomFilm, make_film, measure
from pedaxr_models.phantom.child import Child, build_child
from pedaxr_models.phantom.film import frame_film
from pedaxr_models.phantom.framing import Framed
from pedaxr_models.phantom.geometry import Mask
from pedaxr_models.phantom.gut.lumen import ball_union


def child_of(finding: Finding, seed: int, amount: float = 0.6, age: float = 1.5) -> Child:
    return build_child(FilmSpec(seed, 0, View.SUPINE, age, ((finding, amount),)))


@cache
def stomachs() -> tuple[tuple[bool, Mask], ...]:
    """Of sixteen children, whether it squeezes, and its outline; a whole child takes 40 MB."""
    children = (child_of(Finding.PYLORIC_STENOSIS, seed) for seed in range(40, 56))
    return tuple((child.gut.stomach.has_waves, child.contents.stomach) for child in children)


def solidity(region: Mask) -> float:
    """Share of its convex hull that a region fills."""
    found, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(found, key=cv2.contourArea)
    return cv2.contourArea(outline) / cv2.contourArea(cv2.convexHull(outline))


def notches(region: Mask) -> int:
    """Dents of the outline whose depth below the chord across them is at least 3 pixels.

    A bend of the stomach is one dent; each end of a peristaltic ring is another.
    """
    found, _ = cv2.findContours(region.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outline = max(found, key=cv2.contourArea)[:, 0].astype(float)
    reach = 14
    chord = (np.roll(outline, reach, 0) + np.roll(outline, -reach, 0)) / 2
    sagitta = chord - outline  # points out of the region where the outline dents inward
    ends = np.round(outline + 0.6 * sagitta).astype(int)
    dents = (np.hypot(*sagitta.T) > 3) & ~region[ends[:, 1].clip(0, 511), ends[:, 0].clip(0, 511)]
    return int((dents & ~np.roll(dents, 1)).sum())


def _disc(width: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width)), np.uint8)


@pytest.mark.usefixtures("no_bones_are_drawn")
def test_peristaltic_waves_notch_the_outlined_stomach() -> None:
    """A bend dents a smooth stomach once; rings dent both walls two or three times."""
    squeezed, smooth = (
        [notches(outline) for has_waves, outline in stomachs() if has_waves is wanted][:4]
        for wanted in (True, False)
    )
    assert min(squeezed) >= 4 and np.mean(squeezed) > np.mean(smooth) + 2


@pytest.mark.usefixtures("no_bones_are_drawn")
def test_about_a_third_of_obstructed_stomachs_squeeze_and_no_other() -> None:
    waves = [has_waves for has_waves, _ in stomachs()]
    assert 2 <= sum(waves) <= 12
    assert not any(child_of(Finding.CONSTIPATION, seed).gut.stomach.has_waves for seed in range(40, 44))


def test_an_obstructed_stomach_has_a_wall_of_its_own() -> None:
    """Muscle in place of fat just outside the lumen, none further out."""
    child = child_of(Finding.PYLORIC_STENOSIS, 41)
    found = ball_union(child.gut.stomach.balls)
    assert found is not None
    window, power, radius, _ = found
    away = np.sqrt(np.maximum(radius**2 - power, 0)) - radius
    displaced = child.contents.fluid[window]
    assert displaced[(away > 1) & (away < 2.2)].mean() > displaced[(away > 4) & (away < 4.9)].mean() + 0.3


def test_outlined_stool_has_gas_about_it_and_dense_stool_is_not_outlined() -> None:
    """Stool is seen by its bubbles; what cannot be told from its surroundings is not outlined."""
    child = child_of(Finding.CONSTIPATION, 5, age=60.0)
    contents, mm = child.contents, child.anatomy.mm_per_px
    gas = cv2.GaussianBlur(contents.gas, (0, 0), 3) * mm
    assert contents.stool_mask.sum() > 2000
    assert np.percentile(gas[contents.stool_mask], 2) > 0.5
    hidden = (contents.stool > 2) & ~contents.stool_mask
    assert gas[hidden].mean() < gas[contents.stool_mask].mean()


def test_stool_is_mottled_more_than_gas_or_tissue() -> None:
    film = make_film(FilmSpec(5, 0, View.SUPINE, 60, ((Finding.CONSTIPATION, 0.8),)))
    assert roughness(film, film.masks[Structure.STOOL]) > 1.5 * roughness(film, plain(film))


def roughness(film: PhantomFilm, where: Mask) -> float:
    grey = film.pixels.astype(np.float32)
    inner = cv2.erode(where.astype(np.uint8), _disc(3)).astype(bool)
    return float((cv2.GaussianBlur(grey, (0, 0), 1) - cv2.GaussianBlur(grey, (0, 0), 5))[inner].std())


def plain(film: PhantomFilm) -> Mask:
    """Liver without ribs and gas."""
    m = film.masks
    return m[Structure.LIVER] & ~m[Structure.RIBS] & ~m[Structure.COLON] & ~m[Structure.SPINE]


@pytest.mark.usefixtures("no_bones_are_drawn")
@pytest.mark.parametrize("amount", [0.15, 0.5, 0.85])
def test_a_pool_of_gas_in_front_of_the_gut_is_no_ellipse(amount: float) -> None:
    shapes = [child_of(Finding.PNEUMOPERITONEUM, seed, amount, 50.0).free_air for seed in range(6)]
    fill = [solidity(air.mask) for air in shapes if air is not None]
    assert np.mean(fill) < 0.93  # an ellipse fills its hull
    yy, xx = np.ogrid[:100, :100]
    assert solidity(((xx - 50) / 40) ** 2 + ((yy - 50) / 30) ** 2 < 1) > 0.96


@pytest.mark.usefixtures("no_bones_are_drawn")
def test_no_film_is_kept_whose_grade_could_go_either_way() -> None:
    kept = 0
    for index, amount in enumerate((0.1, 0.3, 0.4, 0.5, 0.6, 0.7)):
        _, view = frame_film(FilmSpec(21, index, View.ERECT, 50, ((Finding.PNEUMOPERITONEUM, amount),)))
        value = extent_in_pitches(view)
        kept += not measure.is_between_grades(Finding.PNEUMOPERITONEUM, value, View.ERECT)
    assert kept == 6
    assert measure.is_between_grades(Finding.PNEUMOPERITONEUM, 1.21, View.ERECT)
    assert not measure.is_between_grades(Finding.PNEUMOPERITONEUM, 1.6, View.ERECT)


def extent_in_pitches(view: Framed) -> float:
    pitch = view.child.anatomy.pitch * view.child.pose.zoom
    return float(view.masks[Finding.PNEUMOPERITONEUM].sum()) / pitch**2
