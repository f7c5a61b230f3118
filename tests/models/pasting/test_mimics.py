"""What only looks like free air: lung bases, bubbles and folds, put in by the same means."""

import numpy as np
import pytest

from pedaxr_models.pasting import mimics
from pedaxr_models.pasting.free_air import put_free_air, read_scene


@pytest.fixture(scope="module")
def made(background, structures):
    """Of 40 seeds, by kind."""
    found = [
        mimics.put_mimic(background.pixels, structures, np.random.default_rng(seed)) for seed in range(40)
    ]
    return {kind: [m for m in found if m and m.kind == kind] for kind in ("lung base", "bubble", "fold")}


def test_every_kind_is_put_in_and_can_be_seen(made, background):
    assert all(made.values())
    for one in (m for group in made.values() for m in group):
        darker = background.pixels[one.mask].astype(int) - one.film[one.mask]
        assert darker.mean() >= 5, "what nobody sees teaches nothing"


def test_a_clear_lung_base_lies_in_the_lung_where_a_crescent_does_not(made, background, structures):
    def in_lung(pasted):
        return (pasted.mask & structures["lungs"]).sum() / pasted.mask.sum()

    crescents = [
        put_free_air(background.pixels, structures, np.random.default_rng(seed), kind="crescent")
        for seed in range(6)
    ]
    assert np.mean([in_lung(m) for m in made["lung base"]]) > 0.8
    assert np.mean([in_lung(m) for m in crescents if m]) < 0.2


def test_a_bubble_lies_in_the_belly(made, structures):
    cavity = structures["abdominal_cavity"]
    assert all((m.mask & cavity).sum() == m.mask.sum() for m in made["bubble"])


def test_equal_seeds_give_equal_films(background, structures):
    one, two = (mimics.put_mimic(background.pixels, structures, np.random.default_rng(3)) for _ in range(2))
    assert one is not None and two is not None and (one.film == two.film).all()


def test_a_film_without_a_dome_has_no_lung_base(background, structures):
    cut = {name: mask for name, mask in structures.items() if name != "lungs"}
    scene = read_scene(background.pixels, cut)
    assert mimics._lung_base(scene, np.random.default_rng(0)) is None
    assert mimics._bubble(scene, np.random.default_rng(0)) is not None
