"""Every object of films as hospitals store them: valid, read back by others, the same each time."""

import shutil
import subprocess
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import cv2
import highdicom
import numpy as np
import pytest
from pydicom import Dataset, dcmread

from pedaxr.clinic import Clinic
from pedaxr.dicom_objects.files import encoded, write_objects
from pedaxr.dicom_objects.film_result import film_result
from pedaxr.dicom_objects.kinds import DEFAULT_KINDS, KINDS, kind_of
from pedaxr.dicom_objects.objects import objects_of
from pedaxr.dicom_objects.segmentation import concept
from pedaxr.errors import InvalidRequest, StudyNotFound
from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading.operating_points import operating_points, using
from pedaxr_models.codes import AREA, FINDING_CODES, WIDTH

from .conftest import VARIANTS, TrueSegmenter, clinic_of, film_of, seeing

# dciodvfy of Debian is older than the attribute SyntheticData (0008,001C), which the films have themselves.
_NEWER_THAN_DCIODVFY = "(0x0008,0x001c)"
needs_dciodvfy = pytest.mark.skipif(
    not shutil.which("dciodvfy"), reason="dciodvfy is not installed (Debian: dicom3tools)"
)
needs_dcmtk = pytest.mark.skipif(not shutil.which("dcmp2pgm"), reason="DCMTK is not installed")


def kinds_of(variant: str) -> list[str]:
    """All of them; the same in Korean only of one variant, as pages of words take long to draw."""
    korean = ("text_sr_ko", "pdf_ko")
    return [kind for kind in KINDS if kind not in korean or variant == "Korean character set"]


class Made:
    """The objects of each variant, made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._done: dict[str, tuple[Clinic, dict[str, Dataset]]] = {}

    def clinic(self, variant: str) -> Clinic:
        return self._made(variant)[0]

    def objects(self, variant: str) -> dict[str, Dataset]:
        return self._made(variant)[1]

    def _made(self, variant: str) -> tuple[Clinic, dict[str, Dataset]]:
        if variant not in self._done:
            shown, edit = VARIANTS[variant]
            clinic = clinic_of(self.folder / variant, film_of(shown, edit), shown=shown)
            with seeing(shown):
                found = {kind_of(one): one for one in objects_of(clinic, "S-1", kinds_of(variant))}
            self._done[variant] = clinic, found
        return self._done[variant]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return Made(tmp_path_factory.mktemp("variants"))


def dciodvfy_errors(path: Path) -> list[str]:
    done = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, errors="replace")
    said = (done.stdout + done.stderr).splitlines()
    assert any(line.startswith(("Error", "Warning")) or line for line in said), "control: it says something"
    return [line for line in said if line.startswith("Error") and _NEWER_THAN_DCIODVFY not in line]


@needs_dciodvfy
@pytest.mark.parametrize("variant", VARIANTS)
def test_dciodvfy_finds_no_error_in_any_object(made: Made, variant: str, tmp_path: Path) -> None:
    paths = write_objects(list(made.objects(variant).values()), tmp_path, study_id="S-1")
    assert {path: dciodvfy_errors(path) for path in paths} == {path: [] for path in paths}


def _empty(dataset: Dataset) -> None:
    """Elements that are there and say nothing."""
    for keyword in ("PatientName", "PatientSex", "StudyID", "StudyTime", "StudyDate", "BodyPartExamined"):
        setattr(dataset, keyword, "")
    dataset.PatientOrientation = None
    dataset.ReferringPhysicianName = dataset.InstitutionName = dataset.Laterality = ""


def _wordy(dataset: Dataset) -> None:
    """Texts in Hangul, nested ones too, and elements that only the maker knows."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = "Hubert^Blaine=김수한무^삼천갑자"
    dataset.StudyDescription = dataset.InstitutionName = "소아 복부 단순 촬영 (기립)"
    dataset.ReferringPhysicianName = "Kim^Yuna=김^유나"
    request = Dataset()
    request.RequestedProcedureDescription, request.RequestedProcedureID = "복부", "R1"
    dataset.RequestAttributesSequence = [request]
    block = dataset.private_block(0x0019, "MAKER", create=True)
    block.add_new(1, "LO", "own")


def _of_another_clock(dataset: Dataset) -> None:
    """Times with a zone, an age and a series that break the rules."""
    dataset.TimezoneOffsetFromUTC = "+0900"
    dataset.StudyTime = "235959.999999"
    dataset.PatientAge = "004Y"
    dataset.SeriesNumber = dataset.InstanceNumber = None
    dataset.AccessionNumber = "A" * 16


@needs_dciodvfy
@pytest.mark.parametrize("edit", [_empty, _wordy, _of_another_clock])
def test_objects_of_odd_films_are_valid_too(edit: Callable[[Dataset], None], tmp_path: Path) -> None:
    clinic = clinic_of(tmp_path / "home", film_of("free air", edit), shown="free air")
    with seeing("free air"):
        made = objects_of(clinic, "S-1", [kind for kind in KINDS if "pdf" not in kind])
    paths = write_objects(made, tmp_path / "out", study_id="S-1")
    assert {path.name: dciodvfy_errors(path) for path in paths} == {path.name: [] for path in paths}


@needs_dciodvfy
def test_dciodvfy_would_say_if_an_object_were_wrong(made: Made, tmp_path: Path) -> None:
    spoilt = dcmread(BytesIO(encoded(made.objects("free air")["sr"])))
    del spoilt.CompletionFlag
    (tmp_path / "spoilt.dcm").write_bytes(encoded(spoilt))
    assert dciodvfy_errors(tmp_path / "spoilt.dcm")


def test_a_film_with_a_finding_has_every_kind_and_a_plain_one_no_presentation_state(made: Made) -> None:
    for variant in VARIANTS:
        kinds = set(kinds_of(variant)) - ({"gsps"} if variant == "plain" else set())
        assert set(made.objects(variant)) == kinds, variant


@pytest.mark.parametrize("variant", ["free air", "MONOCHROME1 DX", "Korean character set"])
def test_the_same_film_gives_the_same_bytes(made: Made, variant: str) -> None:
    first = {kind: encoded(one) for kind, one in made.objects(variant).items()}
    with seeing(VARIANTS[variant][0]):
        again = objects_of(made.clinic(variant), "S-1", kinds_of(variant))
    assert {kind_of(one): encoded(one) for one in again} == first


def test_no_time_in_an_object_is_that_of_the_export(clinic: Clinic) -> None:
    from datetime import UTC, datetime

    from pedaxr.reports.generate_report import generate_report

    draft = generate_report(None, file=clinic.registry.study("S-1").image_path)
    drafted = {"study_id": "S-1", "report_id": "R1", "created_at": datetime(2025, 4, 5, 6, 7, 8, tzinfo=UTC)}
    clinic.registry.save_report(draft.model_copy(update=drafted))
    today = {datetime.now().strftime("%Y%m%d"), datetime.now(UTC).strftime("%Y%m%d")}
    for one in objects_of(clinic, "S-1", tuple(KINDS)):
        dates = [e.value for e in one.iterall() if e.VR in ("DA", "DT") and e.value]
        assert not {str(value)[:8] for value in dates} & today, kind_of(one)
        assert one.get("ContentDate", "20250405") == "20250405"


@pytest.mark.parametrize("variant", VARIANTS)
def test_highdicom_reads_the_outlines_back_with_the_areas_that_were_reported(
    made: Made, variant: str
) -> None:
    clinic, objects = made.clinic(variant), made.objects(variant)
    with seeing(VARIANTS[variant][0]):
        result = film_result(clinic, "S-1")
    # A segmentation must state a pixel spacing for segread, and may not state one that nobody knows.
    read_back = highdicom.imread if variant == "no spacing" else highdicom.seg.segread
    read = read_back(BytesIO(encoded(objects["seg"])))
    frames = read.pixel_array.reshape(-1, read.Rows, read.Columns)
    assert len(read.SegmentSequence) == len(frames) == len(result.segments) >= 3
    for segment, frame in zip(result.segments, frames, strict=True):
        assert np.array_equal(frame > 0, segment.mask)
        assert segment.region is not None
        assert segment.area_px == pytest.approx(segment.region.area_px, rel=0.02)


@pytest.mark.parametrize("variant", [name for name in VARIANTS if name not in ("no spacing", "plain")])
def test_highdicom_reads_the_measurements_back_with_equal_areas(made: Made, variant: str) -> None:
    objects = made.objects(variant)
    report = highdicom.sr.srread(BytesIO(encoded(objects["sr"])))
    seg = objects["seg"]
    by_name = {one.TrackingID: one for one in seg.SegmentSequence}
    frames = seg.pixel_array.reshape(-1, seg.Rows, seg.Columns)
    row_mm, column_mm = seg.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing
    groups = report.content.get_planar_roi_measurement_groups(graphic_type=None)
    drawn = [group for group in groups if group.roi is not None]
    assert drawn
    for group in drawn:
        (area,) = group.get_measurements(
            name=highdicom.sr.CodedConcept(AREA.value, AREA.scheme, AREA.meaning)
        )
        segment = by_name[group.tracking_identifier]
        pixels = np.count_nonzero(frames[segment.SegmentNumber - 1])
        assert area.value == pytest.approx(pixels * float(row_mm) * float(column_mm), abs=0.06)


def test_every_outline_lies_on_its_segment_counted_from_the_corner_of_the_film(made: Made) -> None:
    """Whole numbers are pixel centres here and corners in DICOM: half a pixel lies between."""
    objects = made.objects("free air")
    frames = objects["seg"].pixel_array.reshape(-1, objects["seg"].Rows, objects["seg"].Columns)
    ys, xs = np.nonzero(frames[0])
    lines = [
        np.array(item.GraphicData).reshape(-1, 2)
        for item in objects["gsps"].GraphicAnnotationSequence[0].GraphicObjectSequence
    ]
    points = np.concatenate(lines)
    assert points.min(axis=0) == pytest.approx((xs.min() + 0.5, ys.min() + 0.5))
    assert points.max(axis=0) == pytest.approx((xs.max() + 0.5, ys.max() + 0.5))
    assert lines[0].tolist() in [_scoords(objects["sr"])[0].tolist()], "the report draws the largest of them"


def _scoords(dataset: Dataset) -> list[np.ndarray]:
    found = [e.value for e in dataset.iterall() if e.keyword == "GraphicData"]
    return [np.array(value).reshape(-1, 2) for value in found]


def shown_by(film: Path, state: Dataset, folder: Path) -> np.ndarray:
    """The film as DCMTK shows it under a presentation state."""
    path, drawn = folder / "gsps.dcm", folder / "drawn.pgm"
    path.write_bytes(encoded(state))
    done = subprocess.run(
        ["dcmp2pgm", "--pstate", str(path), str(film), str(drawn)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return cv2.imread(str(drawn), cv2.IMREAD_GRAYSCALE).astype(float)


@needs_dcmtk
@pytest.mark.parametrize("variant", ["free air", "MONOCHROME1 DX", "Korean character set"])
def test_a_presentation_state_shows_the_film_as_it_is_and_not_inverted(
    made: Made, variant: str, tmp_path: Path
) -> None:
    film = made.clinic(variant).registry.study("S-1").image_path
    shown = shown_by(film, made.objects(variant)["gsps"], tmp_path)
    assert np.corrcoef(shown.ravel(), read_radiograph(film).pixels.ravel())[0, 1] > 0.95


def _deep(dataset: Dataset, centre: str, width: str) -> np.ndarray:
    """12 bits; the pixels, to be stored."""
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.WindowCenter, dataset.WindowWidth = centre, width
    return np.frombuffer(dataset.PixelData, np.uint8).astype(np.uint16) * 16


def _store(dataset: Dataset, pixels: np.ndarray) -> None:
    dataset.PixelData = pixels.astype(np.uint16).tobytes()
    dataset["PixelData"].VR = "OW"


def _falling(dataset: Dataset) -> None:
    """Values that the header turns round."""
    _store(dataset, 4095 - _deep(dataset, "2048", "4096"))
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "-1", "4095", "US"


def _falling_and_inverted(dataset: Dataset) -> None:
    """Turned round by the header, and bone dark: twice is not at all."""
    dataset.PhotometricInterpretation = "MONOCHROME1"
    _store(dataset, _deep(dataset, "2048", "4096"))
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "-1", "4095", "US"


def _offset(dataset: Dataset) -> None:
    _store(dataset, _deep(dataset, "1024", "4096"))
    dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = "1", "-1024", "US"


def _narrow(dataset: Dataset) -> None:
    """An eighth of the detector's range, which only the window makes visible."""
    _store(dataset, _deep(dataset, "1756", "512") // 8 + 1500)


@needs_dcmtk
@pytest.mark.parametrize("edit", [_falling, _falling_and_inverted, _offset, _narrow])
def test_a_presentation_state_keeps_the_greys_that_the_film_asks_for(
    edit: Callable[[Dataset], None], tmp_path: Path
) -> None:
    clinic = clinic_of(tmp_path / "home", film_of("free air", edit), shown="free air")
    with seeing("free air"):
        (state,) = objects_of(clinic, "S-1", ["gsps"])
    film = clinic.registry.study("S-1").image_path
    shown = shown_by(film, state, tmp_path)
    assert np.corrcoef(shown.ravel(), read_radiograph(film).pixels.ravel())[0, 1] > 0.95
    assert shown.std() > 40, "as much contrast as the window gives"


def test_the_report_lists_the_film_with_what_it_measures_by(made: Made) -> None:
    """The Image Library (TID 1600): which film, how large its pixels are and how it hangs."""
    for variant, is_listed in (("free air", True), ("no spacing", False)):
        meanings = {
            item.ConceptNameCodeSequence[0].CodeMeaning
            for item in made.objects(variant)["sr"].ContentSequence
            if "ConceptNameCodeSequence" in item
        }
        assert ("Image Library" in meanings) is is_listed, variant


def test_every_length_says_between_which_points_it_was_read(made: Made) -> None:
    clinic, objects = made.clinic("distension"), made.objects("distension")
    with seeing("distension"):
        result = film_result(clinic, "S-1")
    spacing = result.reading.pixel_spacing_mm
    assert spacing is not None and {"l2_width", "widest_loop"} <= set(result.calipers)
    report = highdicom.sr.srread(BytesIO(encoded(objects["sr"])))
    checked = 0
    for group in report.content.get_image_measurement_groups():
        for measured in group.get_measurements(name=concept(WIDTH)):
            (line,) = [item for item in measured[0].ContentSequence if item.ValueType == "SCOORD"]
            (x0, y0), (x1, y1) = np.array(line.GraphicData).reshape(2, 2)
            length = np.hypot((x1 - x0) * spacing[1], (y1 - y0) * spacing[0])
            assert length == pytest.approx(measured.value, abs=0.2), group.tracking_identifier
            start = result.calipers[group.tracking_identifier].start
            assert (x0 - 0.5, y0 - 0.5) == pytest.approx(start), "counted from the corner of the film"
            checked += 1
    assert checked >= 3


def test_what_was_not_assessed_is_said_and_never_left_out(made: Made) -> None:
    for variant, missing in (("plain", 5), ("constipation", 4)):
        report = highdicom.sr.srread(BytesIO(encoded(made.objects(variant)["sr"])))
        (rest,) = [
            group
            for group in report.content.get_image_measurement_groups()
            if group.tracking_identifier.startswith("not outlined")
        ]
        said = [one.name.meaning for one in rest.get_qualitative_evaluations()]
        assert len({code.meaning for code in FINDING_CODES.values()} & set(said)) == missing


def test_objects_say_whose_they_are_in_every_script(made: Made) -> None:
    for one in made.objects("Korean character set").values():
        assert str(one.PatientName) == "Song^Arin=宋^雅璘=송^아린"
        assert (one.PatientID, one.SpecificCharacterSet) == ("P-1", "ISO_IR 192")
    for one in made.objects("free air").values():
        assert (one.SyntheticData, one.Manufacturer) == ("YES", "pedaxr")
        assert one.SeriesDescription.endswith("(AI, pedaxr, preliminary)")


def test_an_object_of_a_draft_is_marked_as_one(made: Made) -> None:
    objects = made.objects("free air")
    assert (objects["sr"].PreliminaryFlag, objects["sr"].VerificationFlag) == ("PRELIMINARY", "UNVERIFIED")
    assert objects["pdf"].VerificationFlag == "UNVERIFIED"
    assert {item.SegmentAlgorithmType for item in objects["seg"].SegmentSequence} == {"AUTOMATIC"}
    assert "not verified" in objects["seg"].ContentDescription


def test_a_film_in_doubt_has_no_outlines_and_a_report_that_says_so(clinic: Clinic) -> None:
    from dataclasses import replace

    with using(replace(operating_points(), largest_oddness=-1.0)):
        kinds = {kind_of(one): one for one in objects_of(clinic, "S-1", tuple(KINDS))}
    assert set(kinds) == {"sr", "text_sr", "capture", "pdf", "text_sr_ko", "pdf_ko"}
    assert not _scoords(kinds["sr"])


def test_a_film_that_is_no_dicom_file_is_refused(tmp_path: Path) -> None:
    png = cv2.imencode(".png", np.zeros((512, 512), np.uint8))[1].tobytes()
    clinic = clinic_of(tmp_path / "home", png, shown="plain", name="film.png")
    with pytest.raises(InvalidRequest, match="not a DICOM file"), seeing("plain"):
        objects_of(clinic, "S-1")


def test_a_report_of_other_weights_has_no_objects(clinic: Clinic) -> None:
    objects_of(clinic, "S-1", ["sr"])
    other = TrueSegmenter(weights_sha256="cd" * 32)
    with seeing("free air", other), pytest.raises(InvalidRequest, match="other weights"):
        objects_of(clinic, "S-1", ["sr"])


@pytest.mark.parametrize("kinds", [["seg", "rtstruct"], [], [""], ["SEG"]])
def test_a_kind_that_is_not_known_is_refused(clinic: Clinic, kinds: list[str]) -> None:
    with pytest.raises(InvalidRequest, match=r"gsps"):
        objects_of(clinic, "S-1", kinds)


def test_a_study_that_is_not_there_is_not_found(clinic: Clinic) -> None:
    with pytest.raises(StudyNotFound):
        objects_of(clinic, "S-404")


def test_objects_come_in_an_order_in_which_each_refers_to_earlier_ones(clinic: Clinic) -> None:
    assert [kind_of(one) for one in objects_of(clinic, "S-1", list(reversed(DEFAULT_KINDS)))][:2] == [
        "seg",
        "sr",
    ]
