"""What humans decide of a film: stored beside the network's outlines, version by version, and handed out."""

import io
import json
import sqlite3
import threading
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from pedaxr.audit.callers import Caller, called_by
from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, Mask, NewAnnotation, annotate, annotations_of, merged
from pedaxr.clinic.export_annotations import export_annotations, mask_of, pixels_of, to_export
from pedaxr.errors import InvalidRequest, StudyNotFound
from pedaxr.registry.schema import connected
from pedaxr_models.labels import Finding

from ..conftest import phantom

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION


@pytest.fixture
def size(film_clinic: Clinic) -> tuple[int, int]:
    height, width = phantom("free air").pixels.shape
    return height, width


def drawn(size: tuple[int, int], *, hole: bool = False) -> NDArray[np.bool_]:
    """A blob, not the same both ways round, with or without a hole in it."""
    pixels = np.zeros(size, np.uint8)
    cv2.ellipse(pixels, (180, 140), (90, 40), 20, 0, 360, 1, -1)
    pixels[300:310, 20:21] = 1
    if hole:
        cv2.circle(pixels, (180, 140), 12, 0, -1)
    return pixels.astype(np.bool_)


def said(size: tuple[int, int], *, based_on: int = 0, **decisions: Any) -> NewAnnotation:
    findings = decisions or {AIR: AnnotatedFinding(decision="corrected", mask=mask_of(drawn(size)))}
    return NewAnnotation(based_on=based_on, model="canned 0123", findings=findings)


def rejected(based_on: int = 0, finding: Finding = STOOL, **more: Any) -> NewAnnotation:
    return NewAnnotation(
        based_on=based_on, model="m", findings={finding: AnnotatedFinding(decision="rejected")}, **more
    )


def test_an_annotation_is_stored_beside_the_network_with_author_time_and_weights(
    film_clinic: Clinic, size: tuple[int, int]
) -> None:
    saved = annotate("free air", said(size), by="Dr Kim", clinic=film_clinic)
    (stored,) = annotations_of("free air", clinic=film_clinic)
    assert stored == saved.annotation
    assert (stored.version, stored.author, stored.model) == (1, "Dr Kim", "canned 0123")
    assert stored.created_at.tzinfo is not None
    mask = stored.findings[AIR].mask
    assert mask is not None and np.array_equal(pixels_of(mask), drawn(size))
    assert saved.meanwhile == []


def test_the_same_act_again_is_one_act(film_clinic: Clinic, size: tuple[int, int]) -> None:
    first, again = (annotate("free air", said(size), by="Dr Kim", clinic=film_clinic) for _ in range(2))
    assert first.annotation == again.annotation
    assert len(annotations_of("free air", clinic=film_clinic)) == 1


def test_two_people_at_once_lose_nothing(film_clinic: Clinic, size: tuple[int, int]) -> None:
    """Eight of them, from the same beginning, in threads of their own."""
    given = [rejected(comment=f"as seen by {i}") for i in range(7)] + [said(size)]
    threads = [
        threading.Thread(
            target=annotate,
            args=("free air", one),
            kwargs={"by": f"Reader {chr(65 + i) * 2}", "clinic": film_clinic},
        )
        for i, one in enumerate(given)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = annotations_of("free air", clinic=film_clinic)
    assert [one.version for one in stored] == list(range(1, 9))
    assert {one.author for one in stored} == {f"Reader {chr(65 + i) * 2}" for i in range(8)}
    late = annotate("free air", rejected(finding=AIR, comment="late"), by="Dr Late", clinic=film_clinic)
    assert [one.version for one in late.meanwhile] == list(range(1, 9))


def test_everything_can_be_taken_back(film_clinic: Clinic) -> None:
    """Nothing at all may be said from a version on, but not of the network's outlines."""
    annotate("free air", rejected(), by="Dr Kim", clinic=film_clinic)
    nothing = NewAnnotation(based_on=1, model="m", findings={})
    annotate("free air", nothing, by="Dr Kim", clinic=film_clinic)
    found = annotations_of("free air", clinic=film_clinic)
    current = merged(found)
    assert current is not None and current.version == 2 and not current.findings
    assert found[0].findings.keys() == {STOOL}, "what was said stays in its version"


def test_what_two_people_decided_from_the_same_beginning_is_merged(
    film_clinic: Clinic, size: tuple[int, int]
) -> None:
    annotate("free air", said(size), by="Dr Kim", clinic=film_clinic)
    annotate("free air", rejected(), by="Dr Lee", clinic=film_clinic)
    both = merged(annotations_of("free air", clinic=film_clinic))
    assert both is not None
    assert {name: found.decision for name, found in both.findings.items()} == {
        AIR: "corrected",
        STOOL: "rejected",
    }
    # Whoever went on from a version and took a decision back has taken it back.
    annotate("free air", rejected(2, Finding.AIR_FLUID_LEVEL), by="Dr Lee", clinic=film_clinic)
    last = merged(annotations_of("free air", clinic=film_clinic))
    assert last is not None and set(last.findings) == {Finding.AIR_FLUID_LEVEL}
    assert merged([]) is None


@pytest.mark.parametrize(
    ("given", "by", "hint"),
    [
        (rejected(), "", "name"),
        (rejected(), "1.", "name"),
        (NewAnnotation(based_on=0, model="m", findings={}), "Dr Kim", "says nothing"),
        (rejected(5), "Dr Kim", "no version 5"),
        (
            NewAnnotation(based_on=0, model="m", findings={AIR: AnnotatedFinding(decision="added")}),
            "Dr Kim",
            "needs an outline",
        ),
        (
            NewAnnotation(
                based_on=0,
                model="m",
                findings={AIR: AnnotatedFinding(decision="added", mask=Mask(size=(2, 2), counts=[1, 3]))},
            ),
            "Dr Kim",
            "the film's size",
        ),
    ],
    ids=["no name", "no letters", "nothing", "no such version", "no mask", "another film's mask"],
)
def test_what_cannot_be_meant_is_refused_and_nothing_is_stored(
    film_clinic: Clinic, given: NewAnnotation, by: str, hint: str
) -> None:
    with pytest.raises(InvalidRequest, match=hint):
        annotate("free air", given, by=by, clinic=film_clinic)
    assert annotations_of("free air", clinic=film_clinic) == []


@pytest.mark.parametrize("counts", [[0], [10], [0, 0], [1] * 7], ids=["none", "few", "empty", "odd"])
def test_runs_that_do_not_fill_the_film_are_refused(
    film_clinic: Clinic, size: tuple[int, int], counts: list[int]
) -> None:
    mask = AnnotatedFinding(decision="added", mask=Mask(size=size, counts=counts))
    with pytest.raises(InvalidRequest):
        annotate("free air", said(size, **{AIR: mask}), by="Dr Kim", clinic=film_clinic)


def test_a_stored_annotation_cannot_be_changed(film_clinic: Clinic) -> None:
    annotate("free air", rejected(), by="Dr Kim", clinic=film_clinic)
    with connected(film_clinic.registry.path) as connection, pytest.raises(sqlite3.IntegrityError):
        connection.execute("UPDATE annotations SET author = 'nobody'")


def test_annotations_are_in_the_audit_trail_and_go_with_the_patient(film_clinic: Clinic) -> None:
    annotate("free air", rejected(), by="Dr Kim", clinic=film_clinic)
    patient = film_clinic.registry.study("free air").patient_id
    with connected(film_clinic.registry.path) as connection:
        actions = [row[0] for row in connection.execute("SELECT action FROM audit ORDER BY rowid")]
    assert actions[-2:] == ["annotate", "state"]  # the second binds the row
    film_clinic.registry.delete(patient)
    with connected(film_clinic.registry.path) as connection:
        assert connection.execute("SELECT count(*) FROM annotations").fetchone()[0] == 0


def test_whoever_may_not_see_the_child_sees_and_stores_nothing(film_clinic: Clinic) -> None:
    with called_by(Caller("nurse", "test", departments=frozenset({"another ward"}))):
        with pytest.raises(StudyNotFound):
            annotate("free air", rejected(), by="Dr Kim", clinic=film_clinic)
        with pytest.raises(StudyNotFound):
            annotations_of("free air", clinic=film_clinic)
        annotated = to_export(clinic=film_clinic)
    assert annotated == []


@pytest.mark.parametrize("hole", [False, True], ids=["whole", "with a hole"])
def test_coco_and_masks_come_back_without_loss(
    film_clinic: Clinic, size: tuple[int, int], hole: bool
) -> None:
    pixels = drawn(size, hole=hole)
    given = said(size, **{AIR: AnnotatedFinding(decision="added", mask=mask_of(pixels))})
    annotate("free air", given, by="Dr Kim", clinic=film_clinic)
    annotated = to_export(clinic=film_clinic)
    coco = json.loads(unpacked(export_annotations(annotated, "coco"))["annotations.json"])
    (one,) = coco["annotations"]
    assert np.array_equal(decoded(one["segmentation"]), pixels)
    ys, xs = np.nonzero(pixels)
    assert one["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
    assert one["area"] == pixels.sum()
    assert coco["categories"][one["category_id"] - 1]["name"] == AIR
    assert coco["images"][0]["file_name"] == "free air.png"
    png = unpacked(export_annotations(annotated, "masks"))[f"free air/{AIR}.png"]
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(png))) > 0, pixels)


@pytest.mark.parametrize("hole", [False, True], ids=["whole", "with a hole"])
def test_polygons_of_labelme_come_back_without_loss(
    film_clinic: Clinic, size: tuple[int, int], hole: bool
) -> None:
    pixels = drawn(size, hole=hole)
    given = said(size, **{AIR: AnnotatedFinding(decision="added", mask=mask_of(pixels))})
    annotate("free air", given, by="Dr Kim", clinic=film_clinic)
    archive = unpacked(export_annotations(to_export("free air", clinic=film_clinic), "labelme"))
    read = json.loads(archive["free air.json"])
    canvas = np.zeros((read["imageHeight"], read["imageWidth"]), np.uint8)
    for shape in read["shapes"]:
        assert (shape["label"], shape["shape_type"]) == (AIR, "polygon")
        cv2.fillPoly(canvas, [np.array(shape["points"], np.int32)], 1)
    assert np.array_equal(canvas.astype(np.bool_), pixels)


def test_an_unsuitable_film_and_an_absent_finding_are_told_and_not_drawn(film_clinic: Clinic) -> None:
    annotate("free air", rejected(is_unsuitable=True), by="Dr Kim", clinic=film_clinic)
    annotated = to_export(clinic=film_clinic)
    coco = json.loads(unpacked(export_annotations(annotated, "coco"))["annotations.json"])
    assert coco["annotations"] == []
    assert coco["images"][0]["pedaxr"]["is_unsuitable"]
    assert coco["images"][0]["pedaxr"]["decisions"] == {STOOL: "rejected"}
    with pytest.raises(InvalidRequest, match="coco"):
        export_annotations(annotated, "dicom")


def test_runs_and_pixels_are_the_same_thing() -> None:
    for seed in range(20):
        pixels = np.random.default_rng(seed).random((seed % 5 + 1, seed % 7 + 1)) < 0.5
        assert np.array_equal(pixels_of(mask_of(pixels)), pixels)
        assert np.array_equal(decoded(mask_of(pixels).model_dump()), pixels)


def unpacked(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        return {Path(name).as_posix(): opened.read(name) for name in opened.namelist()}


def decoded(segmentation: dict[str, Any]) -> NDArray[np.bool_]:
    """COCO's uncompressed run lengths, written from their definition."""
    rows, columns = segmentation["size"]
    flat, inside = [], False
    for count in segmentation["counts"]:
        flat += [inside] * count
        inside = not inside
    return np.array(flat, np.bool_).reshape(columns, rows).T
