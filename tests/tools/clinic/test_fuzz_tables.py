"""Tables and label files with anything in them: imported, rejected with a reason, or refused as a whole."""

import csv
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pedaxr.clinic import import_films as import_module
from pedaxr.clinic.import_films import ImportSummary, import_films
from pedaxr.clinic.integrity import check_clinic
from pedaxr.errors import ImportFailed

QUICK, LONG = 25, 500
NUMBERS = ("1", "-1", "1e309", "nan", "0x1F", "٣", "999999999999999999999", "1,5", "3 months", "12세")
DATES = ("2020-02-30", "20200101", "0000-00-00", "9999-12-31", "2020-01-01T00:00", "31/12/2019", "2020-1-1")
HOSTILE = (
    "",
    " ",
    "\0",
    "\u202e",
    "=1+1",
    "'; --",
    "[[1,2],[3,4]]",
    "[[[[1]]]]",
    "[" * 2000,
    "{}",
    "None",
    "..",
)
CELLS = st.one_of(st.sampled_from(NUMBERS + DATES + HOSTILE), st.text(max_size=30))
COLUMNS = (
    *("Point", "Age", "PatientName", "Caption", "PatientID", "PatientSex", "PatientBirthDate", "StudyDate"),
    *("AgeMonths", "ViewPosition", "PixelSpacing", "Indication", "WorkingDiagnosis", "Split", "Findings"),
    *("Facts", "AccessionNumber"),
)
ROWS = st.dictionaries(st.sampled_from(COLUMNS), CELLS, max_size=8).flatmap(
    lambda row: st.sampled_from(("Normal", "Constipation", "기복증", "Measles", "")).map(
        lambda label: {"ImagePath": "film.png", "Class": label} | row
    )
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | CELLS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CELLS, inner, max_size=3),
    max_leaves=6,
)
LABEL = {
    "filename": "2_0003.png",
    "imageWidth": 64,
    "imageHeight": 80,
    "caption": "Erect.",
    "patient": {"diagnosis": 2, "age": None},
    "shapes": [{"class": 2, "points": [[1, 1], [20, 1], [20, 20]]}],
}
NO_MATTER = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]


def film(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.arange(5120, dtype=np.uint16).reshape(80, 64).astype(np.uint8)).save(path)


def outcome(write: Callable[[Path], object]) -> ImportSummary | None:
    """What an import of a data set says; None when it is refused. Anything but a refusal is raised."""
    with tempfile.TemporaryDirectory() as folder:
        source, home = Path(folder) / "data", Path(folder) / "home"
        source.mkdir()
        write(source)
        try:
            summary = import_films(source, clinic_home=home)
        except ImportFailed:
            return None
        assert all(row.reason for row in summary.rejected)
        clinic = import_module.Clinic(home, import_module.Registry.open(home / "registry.sqlite3"))
        assert all(check.is_good for check in check_clinic(clinic))
        assert clinic.registry.counts()["studies"] == summary.imported
        return summary


def table(folder: Path, rows: list[dict[str, str]]) -> None:
    film(folder / "film.png")
    columns = sorted({column for row in rows for column in row}) or ["ImagePath", "Class"]
    with (folder / "films.csv").open("w", encoding="utf-8", newline="", errors="surrogatepass") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)


def labels(folder: Path, content: bytes) -> None:
    film(folder / "Training" / "01.원천데이터" / "TS_1.질환_2.기복증" / "2_0003.png")
    path = folder / "Training" / "02.라벨링데이터" / "TL_1.질환_2.기복증" / "2_0003.json"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)


def test_whole_ones_are_imported() -> None:
    """Control of the noise below."""
    good = {"ImagePath": "film.png", "Class": "Normal", "PatientName": "김민준", "StudyDate": "2024-01-15"}
    assert (summary := outcome(lambda folder: table(folder, [good]))) and summary.imported == 1
    written = json.dumps(LABEL).encode()
    assert (summary := outcome(lambda folder: labels(folder, written))) and summary.imported == 1


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)])
def test_any_cells_are_imported_or_rejected_with_a_reason(count: int) -> None:
    @settings(max_examples=count, suppress_health_check=NO_MATTER)
    @given(st.lists(ROWS, max_size=4))
    def run(rows: list[dict[str, str]]) -> None:
        outcome(lambda folder: table(folder, rows))

    run()


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)])
def test_any_bytes_are_a_table_or_are_refused(count: int) -> None:
    header = "ImagePath,Class,PatientName\nfilm.png,Normal,"

    @settings(max_examples=count, suppress_health_check=NO_MATTER)
    @given(st.binary(max_size=200), st.sampled_from([b"", header.encode(), header.encode("utf-16"), b'"']))
    def run(noise: bytes, begun: bytes) -> None:
        outcome(lambda folder: (film(folder / "film.png"), (folder / "films.csv").write_bytes(begun + noise)))

    run()


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.slow)])
def test_any_label_file_is_read_or_rejected_with_a_reason(count: int) -> None:
    changed = st.dictionaries(st.sampled_from(sorted(LABEL)), VALUES, max_size=3).map(lambda new: LABEL | new)
    shapes = st.lists(st.fixed_dictionaries({"class": VALUES, "points": VALUES}), max_size=2)

    @settings(max_examples=count, suppress_health_check=NO_MATTER)
    @given(
        st.one_of(VALUES, changed, shapes.map(lambda drawn: LABEL | {"shapes": drawn})), st.binary(max_size=3)
    )
    def run(content: Any, noise: bytes) -> None:
        written = json.dumps(content).encode("utf-8", "surrogatepass")
        outcome(lambda folder: labels(folder, written + noise))

    run()


def test_an_exception_that_is_no_refusal_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a reader that lets what it met through."""
    monkeypatch.setattr(import_module, "ImportFailed", KeyError)
    with pytest.raises(KeyError):
        outcome(lambda folder: (folder / "films.csv").write_text("no,such,columns\n"))
