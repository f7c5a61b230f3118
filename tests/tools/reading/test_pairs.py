"""A finding put into a film changes what is read of it, there and nowhere else."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr import segment_xray
from pedaxr.types import SegmentationResult
from pedaxr_models.labels import Finding, View
from pedaxr_models.pasting.free_air import Pasted, put_free_air
from pedaxr_models.pasting.structures import structures_from_channels
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.spec import FilmSpec

_LARGE_PX = 900  # slivers are missed on synthetic films too


def pair(index: int) -> tuple[PhantomFilm, Pasted]:
    film = make_film(FilmSpec(seed=11, index=index, view=View.ERECT, age_months=30.0 + 12 * index))
    structures = structures_from_channels(film.pixels, film.masks)
    for seed in range(12):
        made = put_free_air(film.pixels, structures, np.random.default_rng((index, seed)), kind="crescent")
        if made is not None and made.mask.sum() > _LARGE_PX:
            return film, made
    raise AssertionError("no seed gives a large crescent")


def read(pixels: np.ndarray, path: Path) -> SegmentationResult:
    cv2.imwrite(str(path), pixels)
    return segment_xray(file=path, overlay=False)


def outlined(result: SegmentationResult, finding: Finding) -> np.ndarray:
    mask = np.zeros((512, 512), np.uint8)
    for region in result.findings:
        if region.name == finding:
            for piece in region.polygons:
                cv2.fillPoly(mask, [np.rint(np.array(piece)).astype(np.int32)], 1)
    return mask > 0


@pytest.fixture(scope="module")
def pairs(
    tmp_path_factory: pytest.TempPathFactory,
) -> list[tuple[SegmentationResult, SegmentationResult, Pasted]]:
    folder, out = tmp_path_factory.mktemp("pairs"), []
    for index in (2, 3, 4, 5):
        film, made = pair(index)
        out.append((read(film.pixels, folder / "a.png"), read(made.film, folder / "b.png"), made))
    return out


def is_told(result: SegmentationResult) -> bool:
    """Outlined as free air, or a lucency like it is to be looked at again."""
    is_noted = any("lucency like free" in note for note in result.quality_notes)
    return is_noted or outlined(result, Finding.PNEUMOPERITONEUM).any()


def test_free_air_is_told_where_it_was_put_and_not_before(pairs) -> None:
    overlaps = []
    for before, after, made in pairs:
        assert not is_told(before)
        if (seen := outlined(after, Finding.PNEUMOPERITONEUM)).any():
            overlaps.append(2 * (seen & made.mask).sum() / (seen.sum() + made.mask.sum()))
    assert overlaps and min(overlaps) > 0.5
    # Called from log-odds of 7.5, below which real films without any would be called too often.
    assert sum(is_told(after) for _, after, _ in pairs) >= 2


def test_no_other_finding_comes_with_it(pairs) -> None:
    for before, after, _ in pairs:
        new = {r.name for r in after.findings} - {r.name for r in before.findings}
        assert new <= {Finding.PNEUMOPERITONEUM}
