"""DICOM Segmentation objects, as highdicom and thus other programs write them, become annotations."""

import copy
import datetime
import hashlib
import io
import sqlite3
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from pydicom import Dataset
from pydicom.uid import ComputedRadiographyImageStorage, ExplicitVRLittleEndian, generate_uid

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import annotations_of, merged
from pedaxr.clinic.exchange.dicom_seg import read_dicom_seg
from pedaxr.clinic.exchange.into_clinic import import_annotations
from pedaxr.clinic.export_annotations import pixels_of
from pedaxr.demo.synthetic_dicom import encode_dicom
from pedaxr.errors import InvalidRequest
from pedaxr.learning.convert import convert_annotations
from pedaxr.registry import NewStudy
from pedaxr_models.datasets import read_dataset
from pedaxr_models.labels import Finding
from pedaxr_models.phantom import make_film
from pedaxr_models.phantom.spec import sample_spec

AIR, STOOL, LEVELS = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION, Finding.AIR_FLUID_LEVEL
SIZE = (61, 83)  # odd, and not divisible by 8: bits of frames run on


def film(uid: str, size: tuple[int, int]) -> Dataset:
    source = Dataset()
    source.SOPClassUID, source.SOPInstanceUID = ComputedRadiographyImageStorage, uid
    source.StudyInstanceUID, source.SeriesInstanceUID = generate_uid(), generate_uid()
    source.PatientID, source.PatientName, source.PatientBirthDate, source.PatientSex = "P", "A^B", "", ""
    source.StudyID, source.AccessionNumber, source.ReferringPhysicianName = "", "", ""
    source.StudyDate, source.StudyTime, source.Modality = "20250301", "", "CR"
    source.Rows, source.Columns = size
    source.file_meta = pydicom.dataset.FileMetaDataset()
    source.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return source


def segment(number: int, label: str, kind: hd.sr.CodedConcept, **more: object) -> hd.seg.SegmentDescription:
    return hd.seg.SegmentDescription(
        segment_number=number,
        segment_label=label,
        segmented_property_category=hd.sr.CodedConcept(
            "49755003", "SCT", "Morphologically Abnormal Structure"
        ),
        segmented_property_type=kind,
        algorithm_type="MANUAL",
        **more,  # type: ignore[arg-type]
    )


GAS = hd.sr.CodedConcept("74947009", "SCT", "Gas")
FECES = hd.sr.CodedConcept("39477002", "SCT", "Feces")
PERITONEUM = hd.sr.CodedConcept("83670000", "SCT", "Peritoneal cavity")


def seg(
    masks: list[tuple[hd.seg.SegmentDescription, NDArray[np.bool_]]], uid: str = "1.2.3", kind: str = "BINARY"
) -> bytes:
    stack = np.stack([mask for _, mask in masks], axis=-1)[None]
    made = hd.seg.Segmentation(
        source_images=[film(uid, stack.shape[1:3])],
        pixel_array=stack.astype(np.float32) * 0.9 if kind == "FRACTIONAL" else stack,
        segmentation_type=kind,
        segment_descriptions=[described for described, _ in masks],
        series_instance_uid=generate_uid(),
        series_number=2,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Somebody",
        manufacturer_model_name="m",
        software_versions="1",
        device_serial_number="1",
        content_creator_name="Kim^Minji",
        series_description=f"made {datetime.date(2025, 3, 1)}",
    )
    buffer = io.BytesIO()
    made.save_as(buffer)
    return buffer.getvalue()


def drawn(seed: int, size: tuple[int, int] = SIZE) -> NDArray[np.bool_]:
    mask = np.random.default_rng(seed).random(size) > 0.8
    mask[0, 0], mask[-1, -1] = True, bool(seed % 2)
    return mask


@pytest.mark.parametrize("kind", ["BINARY", "FRACTIONAL"])
def test_every_pixel_of_every_segment_comes_back(kind: str) -> None:
    """By the segment's label, by its tracking id, by its codes; what is no finding of ours is left."""
    level = segment(2, "Segment 2", GAS, tracking_id="air_fluid_level", tracking_uid=generate_uid())
    masks = [
        (segment(1, "Free intraperitoneal air", GAS), drawn(1)),
        (level, drawn(2)),
        (segment(3, "stuff", FECES), drawn(3)),
        (segment(4, "Left kidney", hd.sr.CodedConcept("64033007", "SCT", "Kidney")), drawn(4)),
    ]
    found = read_dicom_seg(seg(masks, kind=kind), "a.dcm")
    assert set(found.masks) == {AIR, LEVELS, STOOL}
    for finding, seed in ((AIR, 1), (LEVELS, 2), (STOOL, 3)):
        assert np.array_equal(found.masks[finding], drawn(seed)), finding
    assert found.sop_instance_uid == "1.2.3" and found.author == "Kim Minji"


def test_a_label_map_is_read_by_its_numbers() -> None:
    """As programs write since 2024; segments do not overlap. Numbers that are no finding are left."""
    first, second = drawn(1), drawn(2) & ~drawn(1)
    kidney = segment(2, "Left kidney", hd.sr.CodedConcept("64033007", "SCT", "Kidney"))
    masks = [(segment(1, "Free air", GAS), first), (kidney, second & drawn(3))]
    masks.append((segment(3, "stuff", FECES), second & ~drawn(3)))
    found = read_dicom_seg(seg(masks, kind="LABELMAP"), "a.dcm")
    assert set(found.masks) == {AIR, STOOL}
    assert np.array_equal(found.masks[AIR], first) and np.array_equal(found.masks[STOOL], second & ~drawn(3))


@pytest.mark.parametrize("how", ["of two films", "of another size"])
def test_a_segmentation_that_fits_no_film_is_told(film_clinic: Clinic, tmp_path: Path, how: str) -> None:
    """Of what is no one film of the clinic, or does not fit it: told."""
    study = film_clinic.registry.study("normal")
    size = (256, 256) if how == "of another size" else (512, 512)
    made = pydicom.dcmread(io.BytesIO(seg([(segment(1, "Free air", GAS), drawn(1, size))], uid="1.2.9")))
    if how == "of two films":
        item = copy.deepcopy(made.ReferencedSeriesSequence[0].ReferencedInstanceSequence[0])
        item.ReferencedSOPInstanceUID = "1.2.10"
        made.ReferencedSeriesSequence[0].ReferencedInstanceSequence.append(item)
    else:
        with sqlite3.connect(film_clinic.registry.path) as connection:
            connection.execute("UPDATE studies SET sop_instance_uid = '1.2.9' WHERE study_id = 'normal'")
    made.save_as(tmp_path / "a.dcm")
    other = seg([(segment(1, "Free air", GAS), drawn(1, (512, 512)))], uid=study.sop_instance_uid or "1.2.11")
    (tmp_path / "b.dcm").write_bytes(other)
    done = import_annotations(tmp_path, by="Dr Lee", clinic=film_clinic)
    reasons = " ".join(one.reason for one in done.unused)
    assert done.films == 0 and ("exactly one film" if how == "of two films" else "film's size") in reasons


def test_packed_frames_are_unpacked() -> None:
    assert np.array_equal(read_dicom_seg(packed(drawn(1)), "a.dcm").masks[AIR], drawn(1))


def packed(mask: NDArray[np.bool_]) -> bytes:
    """A label map of eight bits, packed by run lengths; one bit cannot be."""
    made = pydicom.dcmread(io.BytesIO(seg([(segment(1, "Free air", GAS), mask)], kind="LABELMAP")))
    made.compress(pydicom.uid.RLELossless)
    buffer = io.BytesIO()
    made.save_as(buffer)
    return buffer.getvalue()


def test_gas_is_free_air_only_in_the_peritoneum() -> None:
    inside = segment(1, "a", GAS, anatomic_regions=[PERITONEUM])
    masks = [(inside, drawn(1)), (segment(2, "b", GAS), drawn(2))]
    assert np.array_equal(read_dicom_seg(seg(masks), "a.dcm").masks[AIR], drawn(1))


def test_the_film_is_found_by_its_instance_whatever_its_name(film_clinic: Clinic, tmp_path: Path) -> None:
    size = (512, 512)
    path = film_clinic.home / "films" / "x.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, size, np.uint8)).save(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    study = NewStudy("S-9", "P1", Path("films/x.png"), digest, sop_instance_uid="1.2.840.9")
    film_clinic.registry.add([], [study])
    masks = [(segment(1, "Pneumoperitoneum", GAS), drawn(1, size))]
    (tmp_path / "anything").write_bytes(seg(masks, uid="1.2.840.9"))
    done = import_annotations(tmp_path, by="Dr Lee", clinic=film_clinic)
    assert (done.kind, done.films, done.unused) == ("dicom-seg", 1, [])
    current = merged(annotations_of("S-9", clinic=film_clinic))
    assert current is not None and current.findings[AIR].mask is not None
    assert np.array_equal(pixels_of(current.findings[AIR].mask), drawn(1, size))


def test_a_film_is_not_a_segmentation_and_a_cut_file_is_damaged() -> None:
    buffer = io.BytesIO()
    film("1.2.3", SIZE).save_as(buffer, enforce_file_format=True)
    with pytest.raises(InvalidRequest, match="another kind"):
        read_dicom_seg(buffer.getvalue(), "a.dcm")
    whole = seg([(segment(1, "Free air", GAS), drawn(1))])
    with pytest.raises(InvalidRequest, match="damaged"):
        read_dicom_seg(whole[: len(whole) * 2 // 3], "a.dcm")


def test_segmentations_beside_their_films_are_converted_with_them(tmp_path: Path) -> None:
    """The films are known by what the segmentations refer to, and are not taken for segmentations."""
    dataset = pydicom.dcmread(io.BytesIO(encode_dicom(make_film(sample_spec(0, 1)))))
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = "1.2.840.9"
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "IM0001.dcm")
    size = (int(dataset.Rows), int(dataset.Columns))
    masks = [(segment(1, "Pneumoperitoneum", GAS), drawn(1, size))]
    (tmp_path / "in" / "IM0002.dcm").write_bytes(seg(masks, uid="1.2.840.9"))
    done = convert_annotations(tmp_path / "in", tmp_path / "out")
    assert (done.kind, done.films, done.unused) == ("dicom-seg", 1, [])
    (read,) = read_dataset(tmp_path / "out").films
    assert read.label == AIR and read.mask_path is not None and read.image_path.name == "IM0001.dcm"
