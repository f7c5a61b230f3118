"""The three tools as people call them at a prompt and in a notebook."""

import base64
import pickle
import re
from collections.abc import Callable
from datetime import date
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pedaxr import find_patient, generate_report, open_clinic, segment_xray
from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.chain import links
from pedaxr.clinic import Clinic
from pedaxr.clinic.worklist import worklist
from pedaxr.errors import ERRORS_BY_CODE, InvalidRequest, StorageError
from pedaxr.interactive import filled
from pedaxr.notebook import page
from pedaxr.radiograph.read import read_radiograph
from pedaxr.registry import Patient, Registry
from pedaxr.reports.sign_off import list_reports, read_report
from pedaxr.storage.home import ACCESS_FILE, REGISTRY_FILE
from pedaxr.types import PatientSearch, Report, SegmentationResult, SignedReport, WaitingFilm, Worklist
from pedaxr_models.labels import View

from .conftest import PerfectSegmenter, phantom
from .reports.witnesses import truth, witness_of
from .small_clinic import a_report, small_clinic

TAG = "<script>alert('x')</script>"


@pytest.fixture
def segmentation(film_clinic: Clinic, segmenter: PerfectSegmenter) -> SegmentationResult:
    return segment_xray("free air", clinic=film_clinic)


@pytest.fixture
def report(
    film_clinic: Clinic, segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Report]:
    from pedaxr.reading import networks

    monkeypatch.setattr(networks, "reporter", lambda: witness_of(truth("levels")))
    return lambda **given: generate_report(**{"study_id": "levels", "clinic": film_clinic} | given)


@pytest.fixture
def results(
    film_clinic: Clinic, segmentation: SegmentationResult, report: Callable[..., Report]
) -> list[SegmentationResult | Report | PatientSearch | Worklist]:
    return [
        segmentation,
        report(),
        find_patient("Demo P3", clinic=film_clinic),
        find_patient("Demu P3", clinic=film_clinic),
        worklist(clinic=film_clinic),
    ]


def test_results_survive_pickle_with_all_they_say(results: list[SegmentationResult]) -> None:
    for result in results:
        again = pickle.loads(pickle.dumps(result))
        assert again == result and repr(again) == repr(result) and page(again) == page(result)


@pytest.mark.parametrize("code", ERRORS_BY_CODE)
def test_errors_survive_pickle_too(code: str) -> None:
    again = pickle.loads(pickle.dumps(ERRORS_BY_CODE[code]("What was wrong.")))
    assert type(again) is ERRORS_BY_CODE[code] and str(again) == "What was wrong."


def test_a_repr_is_one_short_line_without_a_name(results: list[SegmentationResult]) -> None:
    for result in results:
        assert repr(result).startswith(f"{type(result).__name__}(") and repr(result).endswith(")")
        assert str(result) == repr(result)
        assert len(repr(result)) < 250 and "\n" not in repr(result) and "Demo" not in repr(result)


def test_a_repr_says_what_matters(segmentation: SegmentationResult, report: Callable[..., Report]) -> None:
    assert "findings=['pneumoperitoneum']" in repr(segmentation) and "critical=" in repr(segmentation)
    assert "status='preliminary'" in repr(report()) and "study_id='levels'" in repr(report())
    region = segmentation.findings[0]
    assert "polygons" not in repr(region) and f"area_px={region.area_px}" in repr(region)
    doubted = segmentation.model_copy(update={"in_doubt": "Two films.", "critical": []})
    assert "in_doubt=True" in repr(doubted) and "critical" not in repr(doubted)


def test_masks_are_arrays_of_the_film_as_stored(segmentation: SegmentationResult) -> None:
    air, true = segmentation.mask("pneumoperitoneum"), phantom("free air").masks["pneumoperitoneum"]
    assert air.shape == (segmentation.height, segmentation.width) == true.shape and air.dtype == bool
    overlap = 2 * (air & true).sum() / (air.sum() + true.sum())
    assert overlap > 0.9
    assert set(segmentation.masks()) == {r.name for r in (*segmentation.findings, *segmentation.structures)}
    assert np.array_equal(segmentation.masks()["pneumoperitoneum"], air)


def test_a_mask_of_what_is_not_outlined_is_empty_and_of_no_channel_an_error(
    segmentation: SegmentationResult,
) -> None:
    assert not segmentation.mask("constipation").any()
    for name in ("gallbladder", "", "Liver", "liver "):
        with pytest.raises(InvalidRequest, match="Use one of pyloric_stenosis"):
            segmentation.mask(name)


def test_filled_holds_every_point_of_its_polygons() -> None:
    drawn = filled([[(1, 1), (4, 1), (4, 3), (1, 3)], [(8, 0)], [(6, 5), (7, 5)]], 9, 6)
    assert drawn[1:4, 1:5].all() and drawn[0, 8] and drawn[5, 6] and drawn[5, 7] and drawn.sum() == 15


def test_tables_have_a_row_for_each_thing(
    film_clinic: Clinic, segmentation: SegmentationResult, report: Callable[..., Report]
) -> None:
    regions = segmentation.to_frame()
    assert list(regions["name"]) == [r.name for r in (*segmentation.findings, *segmentation.structures)]
    assert "polygons" not in regions and set(regions["study_id"]) == {"free air"}
    drafted = report()
    assert list(drafted.to_frame()["finding"]) == [one.finding for one in drafted.findings]
    search = find_patient("P0", clinic=film_clinic)
    assert list(search.to_frame()["study_id"]) == ["levels", "normal"]
    waiting = worklist(clinic=film_clinic).to_frame()
    assert len(waiting) == 5 and set(waiting["waits"]) <= {"critical", "unsigned", "unread"}


def test_a_child_without_films_has_a_row_and_no_match_lists_the_nearest(film_clinic: Clinic) -> None:
    film_clinic.registry.add([Patient("P9", "Solo Nofilm")], [])
    alone = find_patient("Solo Nofilm", clinic=film_clinic).to_frame()
    assert list(alone["patient_id"]) == ["P9"] and "study_id" not in alone
    assert find_patient("Qqqq Zzzz", clinic=film_clinic).to_frame().empty


def test_a_table_without_pandas_says_what_to_install(
    segmentation: SegmentationResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert isinstance(segmentation.to_frame(), pd.DataFrame)
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InvalidRequest, match=r"pip install 'pedaxr\[archive\]'"):
        segmentation.to_frame()


class Tags(HTMLParser):
    """Collects what a page opens, and checks that it closes it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        assert not self.open, self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        if tag != "img":
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_a_notebook_shows_overlay_table_and_report(
    results: list[SegmentationResult], segmentation: SegmentationResult
) -> None:
    shown = segmentation._repr_html_()
    picture = re.search(r'src="data:image/png;base64,([^"]+)"', shown)
    assert picture and segmentation.overlay_path
    assert base64.b64decode(picture[1]) == Path(segmentation.overlay_path).read_bytes()
    assert "Free intraperitoneal air" in shown and 'class="critical"' in shown and "medical device" in shown
    text = results[1]._repr_html_()
    assert "Impression" in text and "preliminary" in text.lower() and "Demo P0" in text
    for result in results:
        assert not {"script", "iframe", "link"} & set(Tags(result._repr_html_()).seen)


def test_without_its_picture_the_outlines_are_drawn(segmentation: SegmentationResult) -> None:
    assert segmentation.overlay_path
    Path(segmentation.overlay_path).unlink()
    shown = segmentation._repr_html_()
    assert "<img" not in shown and shown.count("<polygon") >= len(segmentation.findings)


def test_a_film_in_doubt_and_a_signed_report_come_first(segmentation: SegmentationResult) -> None:
    signed = SignedReport(report_id="R1", version=2, status="final", signed_by="Dr Han", impression="No air.")
    shown = segmentation.model_copy(
        update={"signed_report": signed, "in_doubt": "Not read.", "critical": []}
    )._repr_html_()
    assert shown.index("Dr Han") < shown.index("Not read.") < shown.index("<img")
    assert 'class="critical"' not in shown


def test_what_stands_in_a_registry_is_text_and_never_markup(
    film_clinic: Clinic, segmenter: PerfectSegmenter, report: Callable[..., Report]
) -> None:
    film_clinic.registry.add([Patient("P8", TAG)], [])
    drafted = report(indication=TAG)
    drafted = drafted.model_copy(
        update={"sections": drafted.sections | {TAG: TAG}, "flags": [TAG], "human_sections": ["Impression"]}
    )
    for result in (find_patient("P8", clinic=film_clinic), drafted):
        shown = result._repr_html_()
        assert "script" not in Tags(shown).seen and "alert" in shown


def test_words_for_a_view_are_taken_and_others_refused(report: Callable[..., Report]) -> None:
    for words in ("supine", View.SUPINE, "AP supine", "앙와위", "SUPINE"):
        assert report(view=words).film.view_position is View.SUPINE  # type: ignore[union-attr]
    for words in ("", "prone", "lateral", "upside down", "supine or erect", 3, ["supine"]):
        with pytest.raises(InvalidRequest, match="supine, erect, left_lateral_decubitus"):
            report(view=words)


def test_an_age_that_nobody_has_is_refused(report: Callable[..., Report]) -> None:
    for age in (0, 3, 7.5, np.float32(7.5), np.int64(7)):
        assert report(age_months=age).film.age_months == age  # type: ignore[union-attr]
    for age in (-0.1, -3, 1561, float("nan"), float("inf"), "7", "7 months", True, [7]):
        with pytest.raises(InvalidRequest, match="number from 0 to 1560"):
            report(age_months=age)


def test_a_film_may_be_text_an_array_or_a_picture(
    film_clinic: Clinic, segmenter: PerfectSegmenter, tmp_path: Path
) -> None:
    path = film_clinic.registry.study("free air").image_path
    pixels = read_radiograph(path).pixels
    for given in (str(path), path.read_bytes(), pixels, phantom("free air").pixels):
        result = segment_xray(file=given, overlay_folder=str(tmp_path / "drawn"))
        assert [region.name for region in result.findings] == ["pneumoperitoneum"]
        assert result.overlay_path and Path(result.overlay_path).parent == tmp_path / "drawn"


def test_a_clinic_may_be_its_folder(film_clinic: Clinic, report: Callable[..., Report]) -> None:
    for home in (str(film_clinic.home), film_clinic.home):
        assert find_patient("P3", clinic=home).total == 1
        assert segment_xray("free air", clinic=home, overlay=False).study_id == "free air"
        drafted = report(clinic=home)
        assert read_report(drafted.report_id, clinic=home) == list_reports("levels", clinic=home)[0]
        assert worklist(clinic=home).films == 5 and open_clinic(home).home == film_clinic.home


def test_what_is_done_in_a_clinic_named_by_its_folder_is_written_down(tmp_path: Path) -> None:
    home = small_clinic(tmp_path / "clinic").home
    find_patient("김민준", clinic=str(home))
    find_patient("김민준", clinic=open_clinic(home))
    log = AccessLog(home)
    log.fold()
    with log.connected() as connection:
        written = [link.entry.action for link in links(connection)]
    assert written.count("find_patient") == 2


def test_a_folder_that_is_no_clinic_is_named_and_left_as_it_was(tmp_path: Path) -> None:
    for call in (
        lambda: find_patient("김민준", clinic=tmp_path),
        lambda: segment_xray("S-1", clinic=str(tmp_path)),
        lambda: open_clinic(tmp_path),
    ):
        with pytest.raises(StorageError, match="no clinic yet") as caught:
            call()
        assert str(tmp_path) not in str(caught.value), "a client elsewhere reads the message"
        assert str(tmp_path) in "".join(caught.value.__notes__)
    assert not list(tmp_path.iterdir()), f"no {ACCESS_FILE}, no {REGISTRY_FILE}"


def test_a_path_given_for_a_study_says_where_a_film_goes(film_clinic: Clinic) -> None:
    path = film_clinic.registry.study("levels").image_path
    for given in (path, 7, Registry):
        with pytest.raises(InvalidRequest, match="file="):
            segment_xray(given, clinic=film_clinic)  # type: ignore[arg-type]


def test_the_worklist_says_how_sure_a_critical_finding_is() -> None:
    film = WaitingFilm(
        study_id="S-1",
        report_status="preliminary",
        critical=["pneumoperitoneum"],
        critical_certainty={"pneumoperitoneum": "in_doubt"},
    )
    kinds: dict[str, list[WaitingFilm]] = {"critical": [film], "unsigned": [], "unread": []}
    totals = {f"{kind}_total": len(films) for kind, films in kinds.items()}
    given = {"today": date(2026, 1, 2), "films": 1, "looked_at": 1, "next_step": "Tell."} | kinds | totals
    made = Worklist.model_validate(given)
    assert "Free intraperitoneal air (in doubt)" in made._repr_html_()


def test_a_report_made_by_hand_has_a_page_too() -> None:
    assert "Normal." in a_report("R-1")._repr_html_()
