"""Outlines of humans as DICOM Segmentations: there and back without loss; those of the network read back."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import dcmread

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, NewAnnotation, annotate, annotations_of, merged
from pedaxr.clinic.exchange.dicom_seg import read_dicom_seg
from pedaxr.clinic.exchange.into_clinic import import_annotations
from pedaxr.clinic.export_annotations import mask_of, pixels_of, to_export
from pedaxr.dicom_objects.annotation_seg import annotation_archive, annotation_segmentation
from pedaxr.dicom_objects.files import encoded
from pedaxr.dicom_objects.film_result import film_result
from pedaxr.dicom_objects.objects import objects_of
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_server.cli import main

from ..clinic.test_exchange import blob, emptied, pieces
from .conftest import clinic_of, film_of, phantom
from .test_objects import dciodvfy_errors, needs_dciodvfy

AIR, LEVELS, STOOL = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION


@pytest.fixture
def annotated(clinic: Clinic) -> Clinic:
    size = phantom("free air").pixels.shape
    findings = {
        AIR: AnnotatedFinding(decision="corrected", mask=mask_of(pieces(size))),
        LEVELS: AnnotatedFinding(decision="added", mask=mask_of(blob(size))),
        Finding.ABDOMINAL_DISTENSION: AnnotatedFinding(decision="accepted", mask=mask_of(pieces(size))),
        STOOL: AnnotatedFinding(decision="rejected"),
        Finding.PYLORIC_STENOSIS: AnnotatedFinding(decision="uncertain"),
    }
    annotate("S-1", NewAnnotation(based_on=0, model="m 1", findings=findings), by="김^민지", clinic=clinic)
    return clinic


def test_what_is_exported_comes_back_to_the_pixel_with_every_decision(
    annotated: Clinic, tmp_path: Path
) -> None:
    before = to_export(clinic=annotated)
    archive, left_out = annotation_archive(before, clinic=annotated)
    (tmp_path / "a.zip").write_bytes(archive)
    assert left_out == [] and archive == annotation_archive(before, clinic=annotated)[0]
    other = emptied(annotated)
    done = import_annotations(tmp_path / "a.zip", by="Dr Lee", clinic=other)
    assert (done.kind, done.films, done.unused) == ("dicom-seg", 1, [])
    assert to_export(clinic=other)[0].findings == before[0].findings
    assert import_annotations(tmp_path / "a.zip", by="Dr Lee", clinic=other).films == 0


def test_no_child_is_named(annotated: Clinic, tmp_path: Path) -> None:
    """Control: the film itself names it."""
    said = to_export(clinic=annotated)[0]
    made = annotation_segmentation(said, clinic=annotated)
    written = encoded(made)
    for named in (b"20200105", b"20240306"):
        assert named in annotated.registry.study("S-1").image_path.read_bytes() and named not in written
    assert made.PatientID == "" and made.PatientName == "" and made.ContentCreatorName == "김 민지^"


@needs_dciodvfy
def test_dciodvfy_finds_no_error(annotated: Clinic, tmp_path: Path) -> None:
    (tmp_path / "a.dcm").write_bytes(
        encoded(annotation_segmentation(to_export(clinic=annotated)[0], clinic=annotated))
    )
    assert dciodvfy_errors(tmp_path / "a.dcm") == []


@pytest.mark.parametrize("film", ["picture", "nothing outlined", "unsuitable"])
def test_what_is_no_segmentation_is_said(tmp_path: Path, film: str) -> None:
    if film == "picture":
        import cv2

        data = cv2.imencode(".png", phantom("free air").pixels)[1].tobytes()
        clinic = clinic_of(tmp_path / "home", data, shown="free air", name="film.png")
    else:
        clinic = clinic_of(tmp_path / "home", film_of("free air"), shown="free air")
    mask = mask_of(blob(phantom("free air").pixels.shape))
    drawn = AnnotatedFinding(decision="added", mask=mask)
    given = {STOOL: AnnotatedFinding(decision="rejected") if film == "nothing outlined" else drawn}
    is_unsuitable = film == "unsuitable"
    annotate(
        "S-1",
        NewAnnotation(based_on=0, model="m", findings=given, is_unsuitable=is_unsuitable),
        by="Dr Kim",
        clinic=clinic,
    )
    command = ["annotations", "export", str(tmp_path / "a.zip"), "--format", "dicom-seg"]
    done = CliRunner().invoke(main, [*command, "--home", str(clinic.home)], catch_exceptions=False)
    assert done.exit_code == 0 and "0 films" in done.stderr and "nothing outlined: S-1" in done.stderr
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.namelist() == []


def test_the_segmentation_of_a_report_is_read_back_as_what_the_network_outlined(
    clinic: Clinic, tmp_path: Path
) -> None:
    """Structures are no findings. Whoever imports it accepts the outlines: nobody has corrected them."""
    result = film_result(clinic, "S-1")
    (seg,) = objects_of(clinic, "S-1", ("seg",))
    (tmp_path / "seg.dcm").write_bytes(encoded(seg))
    found = read_dicom_seg((tmp_path / "seg.dcm").read_bytes(), "seg.dcm")
    assert {one.name: one.drawn_by for one in result.findings} == {AIR: "AUTOMATIC"}
    assert len(result.segments) > 1, "control: structures are in it"
    assert dict(found.decisions) == {AIR: "accepted"}
    assert np.array_equal(found.masks[AIR], result.findings[0].mask)
    assert import_annotations(tmp_path, by="Dr Lee", clinic=clinic).decisions == {"accepted": 1}
    current = merged(annotations_of("S-1", clinic=clinic))
    assert current is not None and current.findings[AIR].mask is not None
    assert np.array_equal(pixels_of(current.findings[AIR].mask), result.findings[0].mask)


def test_a_private_element_of_another_kind_is_passed_over(annotated: Clinic) -> None:
    """Three that nobody here writes: no JSON, another type, decisions of no finding."""
    made = dcmread(
        io.BytesIO(encoded(annotation_segmentation(to_export(clinic=annotated)[0], clinic=annotated)))
    )
    for said in ("{", "[1]", '{"decisions": {"kidney": "rejected", "constipation": "perhaps"}}'):
        made.private_block(0x0071, "PEDAXR ANNOTATION")[0x01].value = said
        found = read_dicom_seg(encoded(made), "a.dcm")
        assert found.decisions[AIR] == "corrected" and STOOL not in found.decisions
        assert set(found.decisions) < set(FINDINGS)
