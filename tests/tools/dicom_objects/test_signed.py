"""What a human signs and draws goes into the objects: under a name, beside the draft."""

import subprocess
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import Dataset

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, NewAnnotation, annotate
from pedaxr.clinic.export_annotations import mask_of
from pedaxr.dicom_objects.files import encoded
from pedaxr.dicom_objects.kinds import KINDS, kind_of
from pedaxr.dicom_objects.objects import objects_of
from pedaxr.reports.generate_report import generate_report
from pedaxr.reports.sign_off import amend, finalise
from pedaxr.types import Report
from pedaxr_models.labels import Finding

from .test_objects import dciodvfy_errors, needs_dciodvfy

SQUARE = np.zeros((512, 512), np.bool_)
SQUARE[40:80, 100:160] = True


def objects(clinic: Clinic) -> dict[str, Dataset]:
    made = objects_of(clinic, "S-1", tuple(KINDS), organisation="Children's Hospital")
    return {kind_of(one): one for one in made}


def draft_of(clinic: Clinic) -> Report:
    return generate_report("S-1", clinic=clinic)


def signed(clinic: Clinic, impression: str | None = None) -> Report:
    return finalise(
        draft_of(clinic).report_id, by="김민지", impression=impression, told="ward", clinic=clinic
    )


def predecessor(document: Dataset) -> str:
    (study,) = document.PredecessorDocumentsSequence
    return str(study.ReferencedSeriesSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID)


def decide(clinic: Clinic, decision: str, mask: np.ndarray | None = SQUARE, based_on: int = 0) -> None:
    drawn = AnnotatedFinding(decision=decision, mask=None if mask is None else mask_of(mask))  # type: ignore[arg-type]
    given = NewAnnotation(based_on=based_on, model="m", findings={Finding.PNEUMOPERITONEUM: drawn})
    annotate("S-1", given, by="Dr Lee", clinic=clinic)


def segment(seg: Dataset, name: str) -> np.ndarray | None:
    """(rows, columns) of the segment of a channel."""
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    found = [frames[i] for i, one in enumerate(seg.SegmentSequence) if one.TrackingID == name]
    return found[0] > 0 if found else None


def test_a_signed_version_names_its_signer_and_the_draft_which_stays(clinic: Clinic) -> None:
    draft = objects(clinic)
    before = {kind: encoded(one) for kind, one in draft.items()}
    report = signed(clinic)
    after = objects(clinic)
    for kind in ("sr", "text_sr"):
        document = after[kind]
        assert (document.PreliminaryFlag, document.VerificationFlag) == ("FINAL", "VERIFIED")
        (observer,) = document.VerifyingObserverSequence
        assert str(observer.VerifyingObserverName).endswith("=김^민지")
        assert observer.VerifyingOrganization == "Children's Hospital"
        assert report.signed_at is not None
        assert observer.VerificationDateTime == report.signed_at.strftime("%Y%m%d%H%M%S+0000")
        assert predecessor(document) == draft[kind].SOPInstanceUID
    assert after["pdf"].VerificationFlag == "VERIFIED"
    assert all("signed report" in one.SeriesDescription for one in after.values())
    assert {o.SOPInstanceUID for o in after.values()}.isdisjoint(o.SOPInstanceUID for o in draft.values())
    assert {kind: encoded(one) for kind, one in draft.items()} == before


def test_an_amendment_names_the_signed_version(clinic: Clinic) -> None:
    report = signed(clinic)
    final = objects(clinic)["sr"]
    amend(report.report_id, by="Ada Osei", text="Read again with the surgeon.", clinic=clinic)
    amended = objects(clinic)["sr"]
    assert predecessor(amended) == final.SOPInstanceUID
    assert amended.VerifyingObserverSequence[0].VerifyingObserverName == "Ada Osei^"


@needs_dciodvfy
@pytest.mark.parametrize("kind", KINDS)
def test_signed_objects_are_valid(clinic: Clinic, tmp_path: Path, kind: str) -> None:
    decide(clinic, "corrected")
    signed(clinic)
    path = tmp_path / f"{kind}.dcm"
    path.write_bytes(encoded(objects(clinic)[kind]))
    assert dciodvfy_errors(path) == []


def test_a_finding_that_the_signer_denies_has_no_outline_and_is_absent(clinic: Clinic) -> None:
    assert segment(objects(clinic)["seg"], Finding.PNEUMOPERITONEUM) is not None
    signed(clinic, "No free intraperitoneal air.")
    after = objects(clinic)
    assert segment(after["seg"], Finding.PNEUMOPERITONEUM) is None
    assert "gsps" not in after
    said = [
        (item.ConceptNameCodeSequence[0].CodeMeaning, item.ConceptCodeSequence[0].CodeMeaning)
        for item in _items(after["sr"])
        if item.get("ValueType") == "CODE"
    ]
    assert ("Pneumoperitoneum", "Absent") in said


def _items(dataset: Dataset) -> list[Dataset]:
    below = [item for one in dataset.get("ContentSequence", []) for item in _items(one)]
    return [dataset, *below] if "ConceptNameCodeSequence" in dataset else below


@pytest.mark.parametrize(
    ("decision", "drawn_by"), [("corrected", "SEMIAUTOMATIC"), ("added", "MANUAL"), ("accepted", "AUTOMATIC")]
)
def test_what_a_human_drew_before_signing_takes_the_networks_place(
    clinic: Clinic, decision: str, drawn_by: str
) -> None:
    draft = objects(clinic)
    decide(clinic, decision)
    assert {k: encoded(o) for k, o in objects(clinic).items()} == {k: encoded(o) for k, o in draft.items()}
    signed(clinic)
    after = objects(clinic)
    seen = segment(after["seg"], Finding.PNEUMOPERITONEUM)
    assert seen is not None and np.array_equal(seen, SQUARE)
    (described,) = [s for s in after["seg"].SegmentSequence if s.TrackingID == Finding.PNEUMOPERITONEUM]
    assert described.SegmentAlgorithmType == drawn_by
    assert predecessor(after["sr"]) == draft["sr"].SOPInstanceUID
    line = np.array(after["gsps"].GraphicAnnotationSequence[0].GraphicObjectSequence[0].GraphicData).reshape(
        -1, 2
    )
    assert (line.min(0).tolist(), line.max(0).tolist()) == ([100.5, 40.5], [159.5, 79.5])


def test_what_a_human_rejected_has_no_outline(clinic: Clinic) -> None:
    decide(clinic, "rejected", None)
    signed(clinic)
    assert segment(objects(clinic)["seg"], Finding.PNEUMOPERITONEUM) is None


def test_what_is_drawn_after_the_signature_is_not_signed(clinic: Clinic) -> None:
    signed(clinic)
    before = {kind: encoded(one) for kind, one in objects(clinic).items()}
    decide(clinic, "corrected")
    assert {kind: encoded(one) for kind, one in objects(clinic).items()} == before


def test_the_picture_says_whose_outlines_it_shows(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    from pedaxr.dicom_objects import overlay_capture

    captions = []
    drawn = overlay_capture.draw_overlay
    monkeypatch.setattr(
        overlay_capture, "draw_overlay", lambda *args: captions.append(args[3].outlined) or drawn(*args)
    )
    objects(clinic)
    decide(clinic, "corrected")
    signed(clinic)
    objects(clinic)
    assert set(captions) == {"AI outlines, not verified", "Corrected by a human"}


@pytest.mark.skipif(
    subprocess.run(["sh", "-c", "command -v pdftotext"], capture_output=True).returncode != 0,
    reason="pdftotext is not installed (Debian: poppler-utils)",
)
def test_the_pdf_is_one_that_others_open(clinic: Clinic, tmp_path: Path) -> None:
    document = objects(clinic)["pdf"]
    path = tmp_path / "report.pdf"
    path.write_bytes(document.EncapsulatedDocument[: document.EncapsulatedDocumentLength])
    assert subprocess.run(["pdftotext", str(path), "-"], capture_output=True).returncode == 0


def test_the_text_says_first_whose_words_these_are(clinic: Clinic) -> None:
    def first(document: Dataset) -> str:
        texts = [item for item in _items(document) if item.get("ValueType") == "TEXT"]
        return next(
            str(item.TextValue)
            for item in texts
            if item.ConceptNameCodeSequence[0].CodeMeaning == "Impression"
        )

    assert first(objects(clinic)["text_sr"]).startswith("AI draft, preliminary")
    signed(clinic)
    assert first(objects(clinic)["text_sr"]).startswith("Signed by 김민지.")
    assert BytesIO(encoded(objects(clinic)["text_sr"])).getvalue()[128:132] == b"DICM"
