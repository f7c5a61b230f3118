"""Distortions: film and masks alike, reproducible, and shutters that take the mask with the film."""

import numpy as np

from pedaxr_models.labels import CHANNELS
from pedaxr_models.segmentation.augmentation import Augmentation


def test_films_and_masks_are_distorted_alike() -> None:
    rng = np.random.default_rng(0)
    film = np.full((256, 256), 40, np.uint8)
    film[90:170, 60:140] = 220
    bits = np.where(film == 220, np.uint32(1 << 16), np.uint32(0))
    plain = Augmentation(dropout=0.0, noise=0.0, blur=0.0, haze=0.0, crispness=0.0, shutters=0.0)
    for _ in range(10):
        moved, planes = plain(film, bits, rng)
        said = moved > (int(moved[128, 100]) + int(moved[5, 128])) / 2
        true = planes > 0
        assert (said & true).sum() / (said | true).sum() > 0.95


def test_distortion_invents_no_mask_and_follows_its_seed() -> None:
    rng = np.random.default_rng(1)
    film = rng.integers(0, 256, (128, 128)).astype(np.uint8)
    bits = rng.integers(0, 2 ** len(CHANNELS), (128, 128)).astype(np.uint32)
    first, again, other = (Augmentation()(film, bits, np.random.default_rng(s)) for s in (3, 3, 4))
    assert set(np.unique(first[1])) <= {0, *np.unique(bits)}
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])
    assert not np.array_equal(first[0], other[0])


def test_what_lies_under_the_shutters_loses_its_mask() -> None:
    film = np.full((256, 256), 200, np.uint8)
    bits = np.ones(film.shape, np.uint32)
    shut = Augmentation(
        rotation_degrees=0, shift=0, log_scale=0, log_aspect=0, noise=0, blur=0, dropout=0, shutters=1.0
    )
    for seed in range(8):
        seen, planes = shut(film, bits, np.random.default_rng(seed))
        dark = seen < 60
        assert 0 < dark.sum() < 0.7 * dark.size
        assert (planes[dark] > 0).mean() < 0.05 and (planes[~dark] > 0).mean() > 0.95
