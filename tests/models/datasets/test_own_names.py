"""Tables with a hospital's own names of classes, and what is said of those that nobody explained."""

from pathlib import Path

import pytest
from PIL import Image

from pedaxr_models.datasets import DatasetError, ReadReport, read_dataset
from pedaxr_models.datasets.own_names import OwnNames


def read(folder: Path, classes: tuple[str, ...], **means: str) -> ReadReport:
    """A table of one film for each class."""
    for number, _ in enumerate(classes):
        Image.new("L", (40, 20)).save(folder / f"{number}.png")
    rows = [f'{number}.png,"{name}"' for number, name in enumerate(classes)]
    (folder / "films.csv").write_text("\n".join(["ImagePath,Class", *rows, ""]), encoding="utf-8")
    return read_dataset(folder, names=OwnNames(classes=means))


@pytest.mark.parametrize(
    ("written", "means", "label"),
    [
        ("PNP", "pneumoperitoneum", "pneumoperitoneum"),
        ("ｐｎｐ ", "기복증", "pneumoperitoneum"),
        ("특이소견 없음", "normal", "normal"),
        ("NAD", "Normal", "normal"),
        ("변비(R/O)", "Constipation", "constipation"),
        ("constipation (-)", "normal", "normal"),
        ("기복증", "abdominal_distension", "abdominal_distension"),
    ],
)
def test_a_class_of_a_hospitals_own_is_what_it_says_it_is(
    tmp_path: Path, written: str, means: str, label: str
) -> None:
    named = "PNP" if "ｐ" in written else written
    report = read(tmp_path, (written, "Air-Fluid Level"), **{named: means})
    assert [film.label for film in report.films] == [label, "air_fluid_level"]
    assert not any("--label" in note for note in report.notes)


def test_a_class_that_nobody_explained_is_left_out_and_says_how_to_explain_it(tmp_path: Path) -> None:
    report = read(tmp_path, ("PNP", "NAD", "constipation?", "Normal, Constipation", "Normal", "nan"))
    assert [film.label for film in report.films] == ["normal"] and len(report.rejections) == 5
    (note,) = (note for note in report.notes if "--label" in note)
    assert "--label 'NAD'=FINDING, --label 'PNP'=FINDING" in note
    assert "constipation" not in note.casefold(), "what is in doubt, or several, has a reason of its own"


def test_a_class_that_means_nothing_here_costs_its_film_alone(tmp_path: Path) -> None:
    report = read(tmp_path, ("ETT position", "Normal"), **{"ETT position": "nothing"})
    assert [film.label for film in report.films] == ["normal"]
    assert "said to mean nothing" in report.rejections[0].reason
    assert not any("--label" in note for note in report.notes)


def test_what_a_class_is_to_mean_has_to_be_known(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="PNP=fracture: the class 'fracture' is none of the known ones"):
        read(tmp_path, ("PNP",), PNP="fracture")


def test_names_of_a_data_set_without_a_table_are_refused(tmp_path: Path) -> None:
    """They had no effect, and nobody said so."""
    for name in ("Source_Data", "Labeling_Data"):
        (tmp_path / name).mkdir()
    with pytest.raises(DatasetError, match="leave out --map and --label"):
        read_dataset(tmp_path, names=OwnNames({"ImagePath": "file"}))
