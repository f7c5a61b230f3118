"""The generator's body, bones, imaging and finish, and the shifted domain."""

from collections.abc import Callable
from dataclasses import fields, replace
from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest

from pedaxr_models.labels import CHANNELS, Finding, Structure, View
from pedaxr_models.phantom import FilmSpec, PhantomFilm, make_film, sample_spec
from pedaxr_models.phantom.body.anatomy import sample_anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.body.chest import build_chest
from pedaxr_models.phantom.body.limbs import build_femora, long_bone
from pedaxr_models.phantom.body.organs import build_organs
from pedaxr_models.phantom.body.pelvis import build_pelvis
from pedaxr_models.phantom.body.pose import Pose, sample_pose
from pedaxr_models.phantom.body.trunk import build_trunk
from pedaxr_models.phantom.geometry import Field, N, spline
from pedaxr_models.phantom.noise import fractal, texture
from pedaxr_models.phantom.radiography.artefacts import add_grid, build_hardware, collimator
from pedaxr_models.phantom.radiography.markers import draw_markers
from pedaxr_models.phantom.ranges import SHIFTED, STANDARD, Ranges, draw, ranges_of
from pedaxr_models.phantom.spec import Domain

# What version 4 alone draws is nil in these ranges, which are those of version 3.
_VERSION_4 = ("bow_px", "turn", "surround_share", "clutter", "vessels", "pool_size", "bone_blur_px", "uneven")
_BANDS = [f.name for f in fields(Ranges) if f.name not in ("styles", "shutter_share", *_VERSION_4)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def shifted(index: int) -> PhantomFilm:
    return make_film(sample_spec(0, index, Domain.SHIFTED))


@cache
def bones_of(age_months: float) -> BoneMap:
    a = sample_anatomy(age_months, rng(1))
    trunk, bones = build_trunk(a, rng(2), rng(3)), BoneMap()
    build_femora(a, trunk, build_pelvis(a, trunk, bones, rng(4)), bones, rng(5))
    return bones


@pytest.mark.parametrize("name", _BANDS)
def test_shifted_bands_lie_outside_standard_ones(name: str) -> None:
    for low, high in getattr(SHIFTED, name):
        assert low < high
        for standard_low, standard_high in getattr(STANDARD, name):
            assert high < standard_low or low > standard_high, name


def test_processing_styles_do_not_overlap() -> None:
    for ours in SHIFTED.styles:
        for theirs in STANDARD.styles:
            assert ours.slow[1] < theirs.slow[0] or ours.slow[0] > theirs.slow[1]


def test_a_value_is_drawn_from_every_band_and_from_nowhere_else() -> None:
    values = np.array([draw(rng(i), SHIFTED.size) for i in range(200)])
    inside = [(low <= values) & (values <= high) for low, high in SHIFTED.size]
    assert np.logical_or.reduce(inside).all() and all(part.sum() > 40 for part in inside)


def test_poses_follow_their_domain() -> None:
    spec = sample_spec(0, 0)
    for domain, low, high in ((Domain.STANDARD, 0.0, 4.5), (Domain.SHIFTED, 6.0, 12.0)):
        poses = [sample_pose(0.5, rng(i), ranges_of(replace(spec, domain=domain))) for i in range(50)]
        degrees = np.abs(np.rad2deg([p.angle for p in poses]))
        assert low <= degrees.min() and degrees.max() <= high
        assert {p.angle > 0 for p in poses} == {True, False}


def test_shifted_films_differ_and_their_masks_stay_consistent() -> None:
    """Masks are still in the exposed field, and lungs still darker than spine."""
    told = 0
    for index in (1, 2, 3):
        film = shifted(index)
        spec = film.spec
        standard = make_film(replace(spec, domain=Domain.STANDARD))
        assert film.pixels.tobytes() != standard.pixels.tobytes()
        assert film.pixel_spacing_mm != standard.pixel_spacing_mm
        assert all(film.masks[c].shape == (N, N) for c in CHANNELS)
        assert film.masks[Structure.SPINE].any()
        for finding in film.facts.present:
            assert film.masks[finding].any() and film.polygons[finding]
        covered = np.logical_or.reduce(list(film.masks.values()))
        assert film.pixels[covered].mean() > film.pixels[~covered].mean() + 20
        lungs, spine = film.masks[Structure.LUNGS], film.masks[Structure.SPINE]
        if lungs.sum() > 500:
            told += 1
            assert film.pixels[lungs].mean() < film.pixels[spine].mean() - 15
    assert told


def test_a_shrunk_canvas_never_shows_its_edge() -> None:
    for seed in range(30):
        pose = sample_pose(0.0, rng(seed), SHIFTED)
        field = collimator(140 * pose.zoom, 256, rng(seed + 100), SHIFTED, pose.reach())
        ys, xs = np.nonzero(field > 0.5)
        inverse = np.linalg.inv(np.vstack([pose.matrix, [0, 0, 1]]))
        rows = (inverse @ np.stack([xs, ys, np.ones_like(xs)]))[1]
        assert rows.min() > -6 and rows.max() < N + 6
    shrunk = Pose(0.1, 0.88, (0.0, 0.0), 0.0)
    assert shrunk.reach() < N / 2 < Pose(0.1, 1.1, (0.0, 0.0), 0.0).reach()


def test_textures_have_unit_variance_and_their_own_stream() -> None:
    makers: list[Callable[[int], Field]] = [lambda s: texture(rng(s), 3.0), lambda s: fractal(rng(s))]
    for make in makers:
        first = make(1)
        assert first.shape == (N, N) and first.dtype == np.float32
        assert 0.7 < first.std() < 1.3
        assert np.array_equal(first, make(1)) and not np.array_equal(first, make(2))


def test_fractal_noise_has_structure_at_every_scale() -> None:
    """Amplitude falls with frequency at the slope asked for; a single correlation length would not."""
    power = np.abs(np.fft.fft2(fractal(rng(0), 1.6))) ** 2
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(N), np.fft.fftfreq(N)))
    edges = np.geomspace(0.01, 0.3, 8)
    bands = [power[(frequency > a) & (frequency < b)].mean() for a, b in pairwise(edges)]
    slope = np.polyfit(np.log(np.sqrt(edges[1:] * edges[:-1])), np.log(bands), 1)[0]
    assert -3.8 < slope < -2.6


def test_curves_of_few_points_pass_through_them() -> None:
    points = [(10.0, 10.0), (60.0, 30.0), (90.0, 80.0), (95.0, 140.0)]
    for count in (2, 3, 4):
        curve = spline(points[:count], 0.5)
        for point in points[:count]:
            assert np.hypot(*(curve - point).T).min() < 0.6


def test_organs_leave_less_fat_than_their_rims() -> None:
    a = sample_anatomy(60, rng(1))
    trunk = build_trunk(a, rng(2), rng(3))
    organs = build_organs(a, trunk, build_chest(a, trunk, rng(4)), rng(5))
    inside = organs.liver_mask & (organs.belly > 0.9)
    around = ~organs.liver_mask & (organs.belly > 0.9)
    assert organs.fat[inside].mean() < 0.5 * organs.fat[around].mean()
    assert organs.fat.min() >= 0


def test_a_newborn_has_no_femoral_head_and_a_child_has() -> None:
    def heads(age: float) -> float:
        """Bone that disappears with the head: a film of the same child drawn below the age of the nucleus."""
        a = sample_anatomy(age, rng(1))
        trunk, total = build_trunk(a, rng(2), rng(3)), []
        for months in (age, 1.0):
            bones = BoneMap()
            sides = build_pelvis(a, trunk, BoneMap(), rng(4))
            build_femora(replace(a, age_months=months), trunk, sides, bones, rng(5))
            total.append(float(bones.trabecular.sum()))
        return total[0] - total[1]

    assert heads(0.2) == 0
    assert 0 < heads(8) < heads(100)


def test_growth_plates_part_the_pelvis_of_the_young_only() -> None:
    """The ring of pubis and ischium is in pieces in infants and in one piece in adolescents."""

    def pieces(age: float) -> int:
        count, _, stats, _ = cv2.connectedComponentsWithStats(bones_of(age).masks["pelvis"].astype(np.uint8))
        return int((stats[1:count, cv2.CC_STAT_AREA] > 60).sum())

    assert pieces(1) >= 6 > pieces(180)


def test_the_sides_of_the_pelvis_are_not_mirror_images() -> None:
    mask = bones_of(100).masks["pelvis"]
    columns = np.flatnonzero(mask.any(0))
    middle = (columns[0] + columns[-1]) // 2
    width = min(middle, N - middle)
    left, right = mask[:, middle : middle + width], mask[:, middle - width : middle][:, ::-1]
    dice = 2 * (left & right).sum() / (left.sum() + right.sum())
    assert 0.6 < dice < 0.97


def test_long_bones_end_straight_with_a_dense_shell() -> None:
    bones = BoneMap()
    curve = spline([(100.0, 200.0), (200.0, 200.0), (300.0, 200.0)], 3.0)
    long_bone(bones, curve, np.full(len(curve), 12, np.float32))
    assert bones.cortical[190, 200] > 2 * bones.cortical[200, 200]
    assert bones.trabecular[200, 200] > 1
    ends = (bones.cortical + bones.trabecular > 0.5)[:, 101]
    assert ends.sum() > 18  # a rounded end would be narrow here


def test_markers_lie_beside_the_child_whatever_the_label_and_vary() -> None:
    black = np.zeros((N, N), np.float32)
    plates = [draw_markers(black, View.ERECT, 130, 256, rng(i)) for i in range(60)]
    drawn = [p for p in plates if p.any()]
    assert 0.6 < len(drawn) / 60 < 0.95
    columns = np.concatenate([np.nonzero(p > 0.5)[1] for p in drawn])
    assert np.mean(np.abs(columns - 256) > 100) > 0.95
    assert len({round(float(p.sum())) for p in drawn}) > 0.9 * len(drawn)
    assert not black.any()


def test_hardware_is_drawn_from_its_own_stream_alone() -> None:
    """The finding changes nothing on the film but the gut: metal, bones and pose are the same."""
    common = {"seed": 5, "index": 3, "view": View.SUPINE, "age_months": 20.0}
    plain = make_film(FilmSpec(**common))  # type: ignore[arg-type]
    loaded = make_film(FilmSpec(severity=((Finding.CONSTIPATION, 0.8),), **common))  # type: ignore[arg-type]
    assert plain.facts.gastric_tube == loaded.facts.gastric_tube
    assert np.array_equal(plain.masks[Structure.RIBS], loaded.masks[Structure.RIBS])


def test_newborns_alone_have_a_cord_clamp() -> None:
    def metal(age: float, seed: int) -> float:
        a = sample_anatomy(20, rng(1))
        trunk = build_trunk(a, rng(2), rng(3))
        chest = build_chest(a, trunk, rng(4))
        return float(build_hardware(replace(a, age_months=age), trunk, chest, rng(seed)).metal.sum())

    assert any(metal(0.2, s) > metal(10, s) + 50 for s in range(12))


def test_grid_lines_are_rare_and_faint() -> None:
    flat = np.zeros((N, N), np.float32)
    amplitudes = np.array([np.abs(add_grid(flat, rng(i))).max() for i in range(100)])
    assert 0.04 < (amplitudes > 0).mean() < 0.25 and amplitudes.max() < 0.01
