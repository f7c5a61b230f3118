"""What a human signs and draws goes into the objects: under a name, beside the draft."""

import shutil
import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pydicom import Dataset

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, NewAnnotation, annotate
from pedaxr.clinic.export_annotations import mask_of
from pedaxr.dicom_objects import report_pdf
from pedaxr.dicom_objects.files import encoded
from pedaxr.dicom_objects.kinds import KINDS, kind_of
from pedaxr.dicom_objects.objects import objects_of
from pedaxr.dicom_objects.pdf_file import Page, PlacedLine, pdf_file
from pedaxr.dicom_objects.report_pdf import wrapped
from pedaxr.errors import InvalidRequest
from pedaxr.reading.overlay_fonts import font_for, hangul_font_file
from pedaxr.reports.generate_report import generate_report
from pedaxr.reports.sign_off import amend, finalise
from pedaxr.types import Report
from pedaxr_models.labels import Finding

from .conftest import clinic_of, film_of, seeing
from .test_objects import dciodvfy_errors, needs_dciodvfy

WITHOUT_PICTURE = ("seg", "sr", "text_sr", "gsps")
SQUARE = np.zeros((512, 512), np.bool_)
SQUARE[40:80, 100:160] = True


def objects(clinic: Clinic, *kinds: str) -> dict[str, Dataset]:
    """By kind; those without a picture where none is named, which are made sooner."""
    made = objects_of(clinic, "S-1", kinds or WITHOUT_PICTURE, organisation="Children's Hospital")
    return {kind_of(one): one for one in made}


def only(clinic: Clinic, kind: str) -> Dataset:
    return objects(clinic, kind)[kind]


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
    draft = objects(clinic, *KINDS)
    before = {kind: encoded(one) for kind, one in draft.items()}
    report = signed(clinic)
    after = objects(clinic, *KINDS)
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
    final = only(clinic, "sr")
    amend(report.report_id, by="Ada Osei", text="Read again with the surgeon.", clinic=clinic)
    amended = only(clinic, "sr")
    assert predecessor(amended) == final.SOPInstanceUID
    assert amended.VerifyingObserverSequence[0].VerifyingObserverName == "Ada Osei^"


@pytest.fixture(scope="module")
def corrected_and_signed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The objects of every kind."""
    home = tmp_path_factory.mktemp("signed") / "home"
    clinic = clinic_of(home, film_of("free air"), shown="free air")
    with seeing("free air"):
        decide(clinic, "corrected")
        signed(clinic)
        return {kind: encoded(one) for kind, one in objects(clinic, *KINDS).items()}


@needs_dciodvfy
@pytest.mark.parametrize("kind", KINDS)
def test_signed_objects_are_valid(corrected_and_signed: dict[str, bytes], tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.dcm"
    path.write_bytes(corrected_and_signed[kind])
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
    assert draft_of(clinic).version == 2, "it says what was drawn"
    draft = objects(clinic)
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
    objects(clinic, "capture")
    decide(clinic, "corrected")
    signed(clinic)
    objects(clinic, "capture")
    assert set(captions) == {"AI outlines, not verified", "Corrected by a human"}


def texts_of(document: Dataset, meaning: str = "") -> list[str]:
    """Everything said under a concept; all where none is named."""
    items = [item for item in _items(document) if item.get("ValueType") == "TEXT"]
    return [
        str(item.TextValue) for item in items if meaning in ("", item.ConceptNameCodeSequence[0].CodeMeaning)
    ]


def test_the_text_says_first_whose_words_these_are(clinic: Clinic) -> None:
    assert texts_of(only(clinic, "text_sr"), "Impression")[0].startswith("AI draft, preliminary")
    signed(clinic)
    after = only(clinic, "text_sr")
    assert texts_of(after, "Impression")[0].startswith("Signed by 김민지.")
    assert BytesIO(encoded(after)).getvalue()[128:132] == b"DICM"


def test_the_text_says_what_is_critical_and_everything_that_is_to_be_checked(clinic: Clinic) -> None:
    report = generate_report("S-1", working_diagnosis="pyloric_stenosis", clinic=clinic)
    assert report.critical and report.flags, "control"
    document = only(clinic, "text_sr")
    assert texts_of(document, "Impression")[1].startswith("CRITICAL: free intraperitoneal air")
    said = texts_of(document)
    assert all(any(flag in text for text in said) for flag in report.flags)
    assert report.sections["Impression"] in said and f"Model: {report.model}" in said


def test_what_the_signer_denies_is_no_longer_critical_in_the_text(clinic: Clinic) -> None:
    signed(clinic, "No free intraperitoneal air.")
    said = "\n".join(texts_of(only(clinic, "text_sr")))
    assert "CRITICAL" not in said and "whoever signed denies it" in said
    assert '"No free intraperitoneal air."' in said, "in quotes: somebody's own words"


def test_the_korean_text_says_the_same_and_is_signed_by_nobody(clinic: Clinic) -> None:
    draft = only(clinic, "text_sr_ko")
    languages = [
        item.ConceptCodeSequence[0].CodeValue
        for item in _items(draft)
        if item.ConceptNameCodeSequence[0].CodeValue == "121049"
    ]
    assert languages == ["ko-KR"]
    said = texts_of(draft, "Impression")
    assert said[0].startswith("인공지능 초안") and said[1].startswith("위급 소견: ")
    assert "의료기기가 아님" in said[0]
    assert draft.SeriesNumber != only(clinic, "text_sr").SeriesNumber
    signed(clinic)
    after = only(clinic, "text_sr_ko")
    assert (after.PreliminaryFlag, after.VerificationFlag) == ("FINAL", "UNVERIFIED")
    assert "VerifyingObserverSequence" not in after and predecessor(after) == draft.SOPInstanceUID
    assert texts_of(after, "Impression")[0].startswith("판독의 김민지, 최종 판독의 자동 번역")
    assert only(clinic, "pdf_ko").VerificationFlag == "UNVERIFIED"


needs_pdftotext = pytest.mark.skipif(
    not shutil.which("pdftotext"), reason="pdftotext is not installed (Debian: poppler-utils)"
)


def pdf_words(document: Dataset, folder: Path) -> str:
    path = folder / "report.pdf"
    path.write_bytes(document.EncapsulatedDocument[: document.EncapsulatedDocumentLength])
    done = subprocess.run(["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    return " ".join(done.stdout.split())


@needs_pdftotext
def test_the_words_of_the_pdf_can_be_selected_in_both_languages(clinic: Clinic, tmp_path: Path) -> None:
    report = draft_of(clinic)
    english = pdf_words(only(clinic, "pdf"), tmp_path)
    for said in ("AI draft, preliminary, not verified", "CRITICAL: free intraperitoneal air", "이서연"):
        assert said in english
    assert all(" ".join(text.split()) in english for text in (report.sections["Impression"], *report.flags))
    korean = pdf_words(only(clinic, "pdf_ko"), tmp_path)
    assert "인공지능 초안" in korean and "위급 소견: 복강내" in korean.replace("복강 내", "복강내")


@needs_pdftotext
def test_words_of_any_script_come_back_from_a_pdf(tmp_path: Path) -> None:
    """More letters than a font has codes, letters beyond 16 bits, and what is no letter at all."""
    many = "".join(chr(0xAC00 + 17 * number) for number in range(300))
    written = [many[:40], many[40:80], *(many[i : i + 40] for i in range(80, 300, 40)), "27.3 cm² (a) \\"]
    lines = [PlacedLine(90, 100 + 40 * row, 21, text) for row, text in enumerate([*written, "😀", "\ud800"])]
    pages = [Page(Image.new("RGB", (1240, 1754), "white"), tuple(lines))]
    made = [
        pdf_file(pages, dpi=150, title="보고서 (1)", language="ko-KR", at=datetime(2026, 1, 2, tzinfo=UTC))
        for _ in range(2)
    ]
    assert made[0] == made[1]
    document = Dataset()
    document.EncapsulatedDocument, document.EncapsulatedDocumentLength = made[0], len(made[0])
    found = pdf_words(document, tmp_path)
    assert all(text in found for text in [*written, "😀"])


@pytest.mark.parametrize(
    "text",
    ["가" * 200, "a" * 400, "word " * 100, "복강 내 유리공기 " * 30, "가 " + "WIDE " * 60, ""],
    ids=["no space", "no space in Latin", "words", "Korean words", "mixed", "empty"],
)
def test_no_line_of_the_pdf_is_wider_than_its_page(text: str) -> None:
    lines = list(wrapped(text, 21, 1060))
    assert all(font_for(line, 21).getlength(line) <= 1060 for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


@pytest.mark.skipif(hangul_font_file() is None, reason="this machine has no font with Hangul")
def test_letters_of_no_font_are_named_and_no_font_is_asked_for_that_is_there() -> None:
    said = report_pdf._without_font("정상 💩 هواء")
    assert "U+1F4A9" in said and "U+0647" in said and "Install" not in said
    assert "Install one with Hangul" in report_pdf._without_font("정상")


def test_letters_that_no_font_of_the_machine_has_refuse_the_pdf(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report_pdf, "can_write", str.isascii)
    with pytest.raises(InvalidRequest, match="font"):
        objects_of(clinic, "S-1", ["pdf_ko"])
