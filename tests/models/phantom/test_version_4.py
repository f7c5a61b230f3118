"""Generator version 4: beside version 3, which stays as it is; bowed children whose truth bends with them."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from pedaxr_models.labels import Finding, Structure, View
from pedaxr_models.phantom.body.pose import Pose, sample_pose
from pedaxr_models.phantom.child import build_child
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.phantom.film import make_film
from pedaxr_models.phantom.framing import frame_child
from pedaxr_models.phantom.ranges import SHIFTED, STANDARD, VERSION_4, ranges_of
from pedaxr_models.phantom.spec import VERSION, Domain, FilmSpec, sample_spec

BOWED = Pose(0.05, 1.1, (6.0, -4.0), 0.0, bow=(18.0, 250.0, 120.0), turn=0.1)


def spec(version: int, view: View = View.ERECT, **severity: float) -> FilmSpec:
    findings = tuple((Finding(name), value) for name, value in severity.items())
    return FilmSpec(4, 2, view, 50.0, findings, version=version)


def test_version_3_is_the_default_and_keeps_its_ranges():
    assert VERSION == 3 == sample_spec(0, 0).version
    assert ranges_of(sample_spec(0, 0)) is STANDARD
    assert ranges_of(sample_spec(0, 0, Domain.SHIFTED)) is SHIFTED
    pose = sample_pose(0.0, np.random.default_rng(0), STANDARD)
    assert pose.is_straight
    for nil in (STANDARD.bow_px, STANDARD.turn, STANDARD.clutter, STANDARD.vessels, STANDARD.uneven):
        assert nil == ((0.0, 0.0),)
    assert STANDARD.surround_share == 0


def test_the_versions_share_no_random_stream():
    three, four = sample_spec(0, 5), sample_spec(0, 5, version=4)
    assert three.rng("anatomy").random() != four.rng("anatomy").random()


def test_shifted_films_are_of_version_3():
    with pytest.raises(ValueError, match="does not make shifted"):
        sample_spec(0, 0, Domain.SHIFTED, version=4)
    with pytest.raises(ValueError, match="version 5"):
        sample_spec(0, 0, version=5)


def test_no_band_of_version_4_reaches_into_the_shifted_ones():
    """Else films for testing would look like films for training."""
    for name in ("angle_degrees", "off_centre", "median_grey", "zoom", "infant_zoom", "floor", "latitude"):
        for low, high in getattr(VERSION_4, name):
            for other_low, other_high in getattr(SHIFTED, name):
                assert high <= other_low or low >= other_high, name


def test_a_point_lands_where_the_picture_of_it_does():
    for x, y in ((150, 120), (256, 256), (330, 250), (200, 420)):
        canvas = np.zeros((512, 512), np.float32)
        cv2.circle(canvas, (x, y), 3, 1.0, -1)
        film = np.clip(BOWED.warp(canvas), 0, None)
        rows, columns = np.mgrid[:512, :512]
        seen = (film * columns).sum() / film.sum(), (film * rows).sum() / film.sum()
        assert BOWED.point(x, y) == pytest.approx(seen, abs=0.6)


def test_bending_moves_sideways_only_so_that_levels_stay_level():
    level = Pose(0.0, 1.1, (0.0, 0.0), 0.0, bow=(20.0, 250.0, 100.0), turn=0.12)
    rows = [level.point(float(x), 300.0)[1] for x in range(100, 420, 40)]
    assert np.ptp(rows) < 1e-9
    columns = [level.point(256.0, float(y))[0] for y in range(60, 460, 40)]
    assert np.ptp(columns) > 10


def test_masks_bend_with_the_child():
    child = build_child(spec(4))
    straight = replace(child.pose, bow=(0.0, 256.0, 160.0), turn=0.0)
    bowed = replace(straight, bow=(24.0, 250.0, 120.0))
    masks = [frame_child(spec(4), replace(child, pose=p)).masks[Structure.SPINE] for p in (straight, bowed)]
    middles = [np.array([np.flatnonzero(m[y]).mean() for y in (200, 250, 300)]) for m in masks]
    assert np.abs(middles[1] - middles[0]).max() == pytest.approx(24, abs=4)


@pytest.mark.parametrize("finding", list(Finding))
def test_what_version_4_claims_is_in_the_exposed_field(finding):
    film = make_film(spec(4, **{finding.value: 0.8}))
    assert finding in film.facts.present
    assert film.masks[finding].sum() > 30
    assert not (film.masks[finding] & ~film.exposed).any()


def test_surrounds_are_black_grey_and_white():
    corners = [make_film(sample_spec(1, i, version=4)).pixels[:3, :3].mean() for i in range(8)]
    assert min(corners) < 20
    assert np.ptp(corners) > 60
    assert max(make_film(sample_spec(0, i)).pixels[:3, :3].mean() for i in range(4)) < 40


def test_a_folder_says_its_version_and_takes_no_other(tmp_path):
    write_dataset(tmp_path / "four", count=1, version=4)
    assert "--generator 4" in (tmp_path / "four" / "DATA_CARD.md").read_text()
    with pytest.raises(ValueError, match="generator version"):
        write_dataset(tmp_path / "four", count=2)
