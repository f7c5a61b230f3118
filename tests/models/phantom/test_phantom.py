"""Films against their own geometry."""

from collections import Counter
from functools import cache

import cv2
import numpy as np
import pytest

from pedaxr_models.facts import Presence, Severity, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, LABELS, NORMAL, Finding, Structure, View
from pedaxr_models.phantom import FilmSpec, PhantomFilm, make_film, sample_spec
from pedaxr_models.phantom.film import frame_film
from pedaxr_models.phantom.geometry import N
from pedaxr_models.phantom.lengths import measure_lengths
from pedaxr_models.phantom.spec import Domain
from pedaxr_models.segmentation.measures import measure_film


@cache
def film_of(label: str, view: View, age_months: float = 60.0, severity: float = 0.8) -> PhantomFilm:
    wanted = () if label == NORMAL else ((Finding(label), severity),)
    return make_film(FilmSpec(seed=7, index=0, view=view, age_months=age_months, severity=wanted))


@cache
def films() -> tuple[PhantomFilm, ...]:
    """One film of each label, and free air in both views."""
    erect = tuple(
        film_of(label, View.ERECT, 1.5 if label == Finding.PYLORIC_STENOSIS else 60.0) for label in LABELS
    )
    return (
        *erect,
        film_of(Finding.PNEUMOPERITONEUM, View.SUPINE),
        film_of(Finding.CONSTIPATION, View.SUPINE),
    )


@pytest.mark.usefixtures("every_film_made_anew")
def test_equal_specifications_give_equal_bytes() -> None:
    spec = sample_spec(3, 11)
    first, second = make_film(spec), make_film(spec)
    assert first.pixels.tobytes() == second.pixels.tobytes()
    assert all(np.array_equal(first.masks[c], second.masks[c]) for c in CHANNELS)
    assert first.facts == second.facts and first.metadata == second.metadata
    assert make_film(sample_spec(3, 12)).pixels.tobytes() != first.pixels.tobytes()


def test_one_factor_does_not_shift_another() -> None:
    """The same child with and without free air has the same skeleton and the same pose."""
    with_air = film_of(Finding.PNEUMOPERITONEUM, View.ERECT)
    without = film_of(NORMAL, View.ERECT)
    for structure in (Structure.SPINE, Structure.PELVIS, Structure.STOMACH):
        assert np.array_equal(with_air.masks[structure], without.masks[structure])


def test_films_have_the_promised_shape() -> None:
    for film in films():
        assert film.pixels.shape == (N, N) and film.pixels.dtype == np.uint8
        assert tuple(film.masks) == CHANNELS
        assert all(m.shape == (N, N) and m.dtype == np.bool_ for m in film.masks.values())
        assert film.pixels.std() > 20


def test_every_label_outlines_its_finding_and_no_other() -> None:
    for label, film in zip(LABELS, films(), strict=False):
        assert film.label == label
        outlined = {f.value for f in FINDINGS if film.masks[f].any()}
        assert outlined == set() if label == NORMAL else {label}
        assert set(film.polygons) == set(film.facts.present)


@pytest.mark.parametrize("structure", [Structure.SPINE, Structure.L2_BODY, Structure.PELVIS, Structure.LIVER])
def test_landmarks_are_on_every_film(structure: Structure) -> None:
    assert all(film.masks[structure].any() for film in films())


def test_facts_agree_with_masks() -> None:
    for film in films():
        spine = np.nonzero(film.masks[Structure.SPINE].any(0))[0].mean()
        for fact in film.facts.findings:
            region = film.masks[fact.finding]
            assert (fact.presence is Presence.PRESENT) == bool(region.any())
            if not region.any():
                continue
            share_left = float((np.nonzero(region)[1] > spine).mean())
            expected = {Side.LEFT: (0.7, 1.0), Side.RIGHT: (0.0, 0.3), Side.BOTH: (0.1, 0.9)}[
                fact.side or Side.BOTH
            ]
            assert expected[0] <= share_left <= expected[1]
            assert fact.quadrants


def test_a_supine_film_excludes_neither_levels_nor_free_air() -> None:
    facts = film_of(Finding.CONSTIPATION, View.SUPINE).facts
    assert facts[Finding.AIR_FLUID_LEVEL].presence is Presence.NOT_ASSESSED
    assert facts[Finding.PNEUMOPERITONEUM].presence is Presence.NOT_ASSESSED
    erect = film_of(NORMAL, View.ERECT).facts
    assert erect[Finding.AIR_FLUID_LEVEL].presence is Presence.ABSENT
    assert erect[Finding.PNEUMOPERITONEUM].presence is Presence.ABSENT


def test_free_air_lies_under_the_dome_and_outside_the_lungs() -> None:
    film = film_of(Finding.PNEUMOPERITONEUM, View.ERECT)
    air, lungs = film.masks[Finding.PNEUMOPERITONEUM], film.masks[Structure.LUNGS]
    assert not (air & lungs).any()
    for x in np.flatnonzero(air.any(0) & lungs.any(0)):
        assert np.flatnonzero(air[:, x]).min() > np.flatnonzero(lungs[:, x]).max()


def test_free_air_darkens_the_film() -> None:
    with_air, without = film_of(Finding.PNEUMOPERITONEUM, View.ERECT), film_of(NORMAL, View.ERECT)
    region = cv2.erode(with_air.masks[Finding.PNEUMOPERITONEUM].astype(np.uint8), np.ones((5, 5))).astype(
        bool
    )
    assert with_air.pixels[region].mean() < without.pixels[region].mean() - 20


def test_levels_are_counted_and_horizontal() -> None:
    film = film_of(Finding.AIR_FLUID_LEVEL, View.ERECT)
    count = film.facts[Finding.AIR_FLUID_LEVEL].count
    assert count is not None and count >= 3 and count == film.measures["level_count"]
    assert all(film.measures[f"level_{i}_width_mm"] > 0 for i in range(count))


def test_polygons_draw_the_mask_again() -> None:
    for film in films():
        for finding, pieces in film.polygons.items():
            drawn = np.zeros((N, N), np.uint8)
            for piece in pieces:
                cv2.fillPoly(drawn, [piece.astype(np.int32)], 1)
            region = film.masks[finding]
            dice = 2 * (drawn.astype(bool) & region).sum() / (drawn.sum() + region.sum())
            assert dice > 0.97


def test_masks_stay_inside_the_exposed_field() -> None:
    """Shifted films are coned tightly, so that ribs, liver and flanks run under the shutters."""
    cut = 0
    for index in range(4):
        _, view = frame_film(sample_spec(1, index, Domain.SHIFTED))
        covered, exposed = np.logical_or.reduce(list(view.masks.values())), view.field > 0.5
        assert not (covered & ~exposed).any()
        edge = exposed & ~cv2.erode(exposed.astype(np.uint8), np.ones((3, 3))).astype(bool)
        cut += bool((covered & edge).any()) and not exposed.all()
    assert cut  # something was there to be clipped


def test_a_film_on_the_left_side_has_upright_levels_and_gas_beside_the_liver() -> None:
    on_side = View.LEFT_LATERAL_DECUBITUS
    film = film_of(Finding.AIR_FLUID_LEVEL, on_side)
    upright = measure_film(film.masks, on_side).levels
    lying = measure_film(film.masks, View.ERECT).levels
    assert sum(level.length for level in upright) > 3 * sum(level.length for level in lying)
    assert all(level.start[0] == level.end[0] for level in upright)
    air = film_of(Finding.PNEUMOPERITONEUM, on_side).masks
    columns = np.nonzero(air[Finding.PNEUMOPERITONEUM])[1]
    assert columns.mean() < np.nonzero(air[Structure.LIVER])[1].mean() - 20  # to the patient's right of it
    assert film_of(NORMAL, on_side).facts[Finding.PNEUMOPERITONEUM].presence is Presence.ABSENT


@pytest.mark.usefixtures("no_bones_are_drawn")
def test_one_loop_can_hold_levels_at_different_heights() -> None:
    found = []
    for index in range(12):
        _, view = frame_film(FilmSpec(9, index, View.ERECT, 60, ((Finding.AIR_FLUID_LEVEL, 0.5),)))
        mm = view.child.anatomy.mm_per_px / view.child.pose.zoom
        found.append(measure_lengths(view, mm).get("level_height_difference_mm"))
    heights = [height for height in found if height is not None]
    assert 2 <= len(heights) < 12
    assert all(3 < height < 80 for height in heights)


@pytest.mark.usefixtures("no_bones_are_drawn")
@pytest.mark.parametrize(
    ("finding", "view"),
    [
        (Finding.PNEUMOPERITONEUM, View.ERECT),
        (Finding.PNEUMOPERITONEUM, View.SUPINE),
        (Finding.CONSTIPATION, View.SUPINE),
        (Finding.PYLORIC_STENOSIS, View.SUPINE),
        (Finding.AIR_FLUID_LEVEL, View.ERECT),
    ],
)
def test_the_grade_follows_what_is_seen(finding: Finding, view: View) -> None:
    order = [Severity.MILD, Severity.MODERATE, Severity.MARKED]
    grades, areas = [], []
    for amount in (0.05, 0.95):
        films_ = [frame_film(FilmSpec(4, i, view, 2, ((finding, amount),)))[1] for i in range(4)]
        grades.append(np.mean([order.index(f.facts[finding].severity or Severity.MILD) for f in films_]))
        areas.append(np.mean([f.masks[finding].mean() for f in films_]))
    assert grades[1] > grades[0] + 0.7
    assert areas[1] > areas[0]


def test_stool_burden_is_that_of_the_outlined_stool() -> None:
    loaded = film_of(Finding.CONSTIPATION, View.SUPINE).facts.stool_burden
    normal = film_of(NORMAL, View.SUPINE).facts.stool_burden
    assert loaded is not None and normal is not None
    assert sum(loaded) > sum(normal)


def test_stool_and_gas_show_in_the_pixels() -> None:
    """Where the masks say stool, the film is mottled; the same child without it is smooth there."""
    loaded, empty = film_of(Finding.CONSTIPATION, View.SUPINE), film_of(NORMAL, View.SUPINE)
    stool = loaded.masks[Structure.STOOL] & ~empty.masks[Structure.COLON]

    def roughness(film: PhantomFilm) -> float:
        grey = film.pixels.astype(np.float32)
        return float((grey - cv2.GaussianBlur(grey, (0, 0), 6))[stool].std())

    assert roughness(loaded) > 1.25 * roughness(empty)


def test_age_is_no_clue_among_infants_and_labels_are_balanced() -> None:
    specs = [sample_spec(0, i) for i in range(1200)]
    for label in LABELS:
        mine = [s for s in specs if s.label == label]
        assert len(mine) == 200
        infants = np.mean([s.age_months < 6 for s in mine])
        assert infants == 1 if label == Finding.PYLORIC_STENOSIS else 0.25 < infants < 0.45
    levels = [s.view for s in specs if Finding.AIR_FLUID_LEVEL in dict(s.severity)]
    assert set(levels) == {View.ERECT, View.LEFT_LATERAL_DECUBITUS}


def test_the_view_tells_little_of_the_label() -> None:
    specs = [sample_spec(0, i) for i in range(3000)]
    for label in set(LABELS) - {Finding.AIR_FLUID_LEVEL}:
        views = Counter(s.view for s in specs if s.label == label)
        assert 0.1 < views[View.LEFT_LATERAL_DECUBITUS] / views.total() < 0.25
        assert 0.3 < views[View.ERECT] / views.total() < 0.55


def test_mixtures_are_rare() -> None:
    specs = [sample_spec(0, i) for i in range(1200)]
    assert 0.06 < np.mean([len(s.severity) > 1 for s in specs]) < 0.15
