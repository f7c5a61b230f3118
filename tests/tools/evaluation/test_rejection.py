"""Out-of-distribution images and good films are judged as in service, and counted as they were judged."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pedaxr.evaluation.rejection import judge_all, judge_picture, rejection_table
from pedaxr.reading.notes import NoteKind, texts
from pedaxr.reading.ood_score import surprise_table
from pedaxr.reading.operating_points import OperatingPoints, using
from pedaxr.reading.quality import check_anatomy, measures_of, spine_offset, sureness
from pedaxr.types import Region

from ..conftest import PerfectSegmenter, phantom


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Path]:
    """A film; the same, bone dark; noise; a file that is not a picture."""
    film = phantom("normal").pixels
    noise = np.random.default_rng(0).integers(0, 256, film.shape).astype(np.uint8)
    for name, pixels in (("film", film), ("noise", noise)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    return {name: tmp_path / f"{name}.png" for name in ("film", "noise", "broken")}


def test_a_film_is_let_through_and_what_is_none_is_refused(
    pictures: dict[str, Path], segmenter: PerfectSegmenter
) -> None:
    assert judge_picture(pictures["film"]).verdict == "let through"
    assert judge_picture(pictures["noise"], "noise").verdict == "refused"
    assert judge_picture(pictures["broken"]).verdict == "refused"


@pytest.mark.parametrize(
    ("points", "verdict"),
    [
        (OperatingPoints(0.95, 0.5, 0.1, 0.6, 0.2, 0.6), "flagged"),
        (OperatingPoints(0.95, 0.94, 0.1, 0.6, 0.2, 0.6), "refused"),
        (OperatingPoints(0.5, 0.4, 0.0, 0.6, 0.2, 0.6), "let through"),
        (OperatingPoints(0.5, 0.4, 0.1, 0.0, 0.2, 0.6), "flagged"),
    ],
    ids=["not sure enough", "far from sure", "spine off centre alone", "all colon"],
)
def test_outlines_that_are_not_sure_doubt_the_picture(
    pictures: dict[str, Path], segmenter: PerfectSegmenter, points: OperatingPoints, verdict: str
) -> None:
    segmenter.doubt |= dict.fromkeys(("spine", "liver", "ribs", "pelvis"), 0.85)
    with using(points):
        assert judge_picture(pictures["film"]).verdict == verdict


def test_every_picture_is_counted_once_under_its_kind(
    pictures: dict[str, Path], segmenter: PerfectSegmenter
) -> None:
    ood_images = [(pictures["noise"], "noise"), (pictures["film"], "film of an adult")]
    steps: list[tuple[int, int]] = []
    figures = judge_all(ood_images, {"test": [pictures["film"]]}, lambda done, of: steps.append((done, of)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    assert (
        figures.ood_images["noise"].refused == 1 and figures.ood_images["film of an adult"].let_through == 1
    )
    assert figures.all_ood_images.caught == 0.5 and figures.films["test"].caught == 0
    assert [wrong.kind for wrong in figures.passed] == ["film of an adult"]
    assert figures.to_json()["all_ood_images"]["pictures"] == 2  # type: ignore[index]
    table = rejection_table(figures)
    assert "| noise | 1 | 1 | 0 | 0 | 1.000 |" in table and "goal at most 0.02" in table


def region(name: str, box: tuple[int, int, int, int], confidence: float = 0.95) -> Region:
    return Region(
        name=name, kind="structure", confidence=confidence, area_px=900, share_of_body=0.1,
        bounding_box=box, polygons=[], quadrants=[],
    )  # fmt: skip


def in_pieces(one: Region, pieces: int) -> Region:
    triangles = [[(0, 0), (9, 9 * piece), (9, 0)] for piece in range(pieces)]
    return one.model_copy(update={"polygons": triangles})


def test_ribs_make_an_abdomen_surer_and_nothing_makes_it_surer_than_sure() -> None:
    spine, ribs = region("spine", (40, 0, 60, 100), 0.8), region("ribs", (0, 0, 100, 40), 0.8)
    assert sureness([spine, ribs]) == pytest.approx(0.8 + 0.5 * ribs.share_of_body)
    assert sureness([spine, ribs.model_copy(update={"confidence": 1.0, "share_of_body": 0.9})]) == 1.0


def test_sureness_is_of_the_landmarks_that_are_outlined() -> None:
    spine, liver = region("spine", (40, 0, 60, 100), 0.9), region("liver", (10, 0, 50, 40), 0.7)
    assert sureness([spine, liver]) == pytest.approx(0.8)
    assert sureness([spine, liver, region("stomach", (0, 0, 9, 9), 0.1)]) == pytest.approx(0.8)
    assert sureness([]) == 0


def test_a_spine_at_the_edge_is_off_centre_and_a_cut_pelvis_does_not_make_it_so() -> None:
    middle, ribs = region("spine", (40, 0, 60, 100)), region("ribs", (0, 0, 100, 40))
    assert spine_offset([middle, ribs]) == 0
    assert spine_offset([region("spine", (80, 0, 100, 100)), ribs]) == pytest.approx(0.4)
    assert spine_offset([middle, ribs, region("pelvis", (45, 60, 100, 99))]) == 0
    assert spine_offset([middle]) == spine_offset([ribs]) == 0


@pytest.mark.parametrize(
    ("regions", "is_doubted"),
    [
        ([region("spine", (40, 0, 60, 100)), region("l2_body", (40, 40, 60, 50))], False),
        ([region("spine", (40, 0, 60, 100))], True),
        ([region("spine", (40, 0, 60, 100), 0.9), region("l2_body", (40, 40, 60, 50))], True),
        ([in_pieces(region("spine", (40, 0, 60, 100)), 4), region("l2_body", (40, 40, 60, 50))], True),
    ],
    ids=["a spine with its L2", "no L2", "a spine that is not sure", "a spine in pieces"],
)
def test_an_odd_spine_doubts_the_picture(regions: list[Region], is_doubted: bool) -> None:
    usual = [
        measures_of([region("spine", (40, 0, 60, 100), 0.93 + n / 2000), region("l2_body", (40, 40, 60, 50))])
        for n in range(100)
    ]
    tables = {name: surprise_table([film[name] for film in usual]) for name in usual[0]}
    with using(OperatingPoints(0.5, 0.4, 0.5, 0.6, 0.2, 0.6, usual=tables, largest_oddness=5.0)):
        assert bool(texts(check_anatomy(regions), NoteKind.DOUBT)) is is_doubted


def test_what_is_cut_off_is_noted_and_not_doubted() -> None:
    notes = check_anatomy([region("spine", (40, 0, 60, 100)), region("ribs", (0, 0, 100, 40))])
    assert any("pelvis was not recognised" in text for text in texts(notes, NoteKind.FRAMING))
    assert texts(notes, NoteKind.DOUBT) == []


def test_a_film_with_bone_dark_is_doubted(tmp_path: Path, segmenter: PerfectSegmenter) -> None:
    from pedaxr.radiograph.read import read_radiograph
    from pedaxr.reading.quality import check_picture

    cv2.imwrite(str(tmp_path / "dark.png"), 255 - phantom("normal").pixels)
    assert texts(check_picture(read_radiograph(tmp_path / "dark.png")), NoteKind.DOUBT)


def test_a_sliver_of_a_landmark_makes_a_film_no_less_sure() -> None:
    spine, liver = region("spine", (40, 0, 60, 100), 0.95), region("liver", (0, 0, 4, 4), 0.5)
    sliver = liver.model_copy(update={"share_of_body": 0.001})
    assert sureness([spine, sliver]) == pytest.approx(0.95) and sureness([sliver]) == 0
    assert sureness([spine, liver]) < 0.95  # the control: a whole liver counts
