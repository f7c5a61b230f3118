"""Telling synthetic films from real ones: what can be told is, what cannot is not."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
import pytest

from pedaxr_models.realism import statistics
from pedaxr_models.realism.compare import Realism, compare, cross_validated_scores, told
from pedaxr_models.realism.features import patches_of
from pedaxr_models.realism.statistics import STATISTICS, measure_film
from pedaxr_models.realism.table import realism_table


@pytest.fixture(scope="module", autouse=True)
def _as_large_as_they_are_made() -> Iterator[None]:
    """Films are compared at the size below, a quarter of the pixels and of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(statistics, "SIDE", 256)
        yield
    statistics._rings.cache_clear()


def films(count: int, seed: int, *, noise: float = 0.02) -> list[np.ndarray]:
    """Clouds with grain."""
    rng, out = np.random.default_rng(seed), []
    for _ in range(count):
        cloud = cv2.resize(
            rng.uniform(0.2, 0.8, (9, 9)).astype(np.float32), (256, 256), interpolation=cv2.INTER_CUBIC
        )
        out.append(np.clip(cloud + noise * rng.standard_normal((256, 256), np.float32), 0, 1))
    return out


def thumbnails(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """Stands for the network: spread at a few scales."""
    return np.array(
        [[(p - cv2.GaussianBlur(p, (0, 0), s)).std() for s in (1, 2, 4)] for p in pictures], np.float64
    )


@pytest.fixture(scope="module")
def grainier() -> Realism:
    return compare(films(20, 0), films(30, 1, noise=0.06), thumbnails)


def test_grainier_films_are_told_and_the_tell_is_named(grainier):
    found = grainier
    assert found.whole.auc > 0.97 and found.patches.auc > 0.97
    assert found.tells[0].told.auc > 0.97
    by_name = {tell.name: tell for tell in found.tells}
    assert by_name["grain"].made > by_name["grain"].real
    assert by_name["grain"].told.auc > 0.97


def test_films_of_one_kind_are_not_told():
    found = compare(films(30, 0), films(30, 1), thumbnails)
    assert found.whole.low < 0.5 < found.whole.high
    assert 0.25 < found.whole.auc < 0.75


def test_films_of_one_source_are_never_on_both_sides():
    rng = np.random.default_rng(0)
    features = np.repeat(rng.standard_normal((20, 40)), 10, axis=0)  # ten equal films of each source
    is_real = np.repeat(np.arange(20) % 2 == 0, 10)
    sources = np.repeat([f"source {i}" for i in range(20)], 10)
    apart = cross_validated_scores(features, is_real, sources)
    mixed = cross_validated_scores(features, is_real, np.array([f"film {i}" for i in range(200)]))
    assert told(mixed, is_real, sources).auc > 0.99, "what a leak would look like"
    assert told(apart, is_real, sources).auc < 0.85


def test_copies_of_a_real_film_are_of_its_source():
    real = films(20, 0)
    copies = [np.clip(film + 0.001, 0, 1) for film in real]
    names = [f"child {i}" for i in range(20)]
    found = compare(real, copies, thumbnails, real_sources=names, made_sources=names)
    assert 0.35 < found.whole.auc < 0.65, "copies in the training would turn every score round"


def test_the_interval_counts_sources_not_films():
    rng = np.random.default_rng(1)
    scores, is_real = rng.standard_normal(40), np.arange(40) % 2 == 0
    many = told(np.repeat(scores, 9), np.repeat(is_real, 9), np.repeat(np.arange(40), 9).astype(str))
    few = told(scores, is_real, np.arange(40).astype(str))
    assert many.high - many.low == pytest.approx(few.high - few.low, rel=0.15)


def test_too_few_films_say_so():
    with pytest.raises(ValueError, match="five real films"):
        compare(films(4, 0), films(9, 1), thumbnails)
    with pytest.raises(ValueError, match="five real films"):
        compare(films(9, 0), films(9, 1), thumbnails, real_sources=["one child"] * 9)


@pytest.mark.parametrize("shape", [(40, 40), (900, 300), (31, 700)])
def test_every_statistic_is_a_number_for_any_size(shape):
    film = np.random.default_rng(0).uniform(0, 1, shape).astype(np.float32)
    found = measure_film(film)
    assert set(found) == set(STATISTICS)
    assert np.isfinite(list(found.values())).all()


def test_a_flat_film_has_statistics_and_no_patches():
    flat = np.full((200, 200), 0.5, np.float32)
    assert np.isfinite(list(measure_film(flat).values())).all()
    assert patches_of(np.zeros((100, 40), np.float32), 3, np.random.default_rng(0)) == []


def test_the_table_puts_the_plainest_tell_first(grainier):
    rows = realism_table(grainier).splitlines()
    assert rows[0].startswith("20 real and 30 synthetic films")
    assert grainier.tells[0].name in rows[6]
