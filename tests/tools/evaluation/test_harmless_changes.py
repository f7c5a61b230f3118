"""`pedaxr evaluate real --changed`: each film in twenty ways, held against what is said of it as it is."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from pedaxr.errors import UnreadableImage
from pedaxr.evaluation import harmless_changes
from pedaxr.evaluation.harmless_changes import (
    CHANGES,
    PUT_IN,
    UNCHANGED,
    ChangedRecord,
    changed_table,
    measure_changed,
)
from pedaxr.evaluation.real_films import Served
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence
from pedaxr_models.labels import FINDINGS, Finding
from pedaxr_server.cli import main

AIR, LOOPS = Finding.PNEUMOPERITONEUM, Finding.ABDOMINAL_DISTENSION


def film(name: str = "a", path: Path = Path("a.png"), air: Presence = Presence.ABSENT) -> PartialFilm:
    return PartialFilm(name, path, findings={AIR: air})


def record(known: PartialFilm, change: str, *told: Finding, verdict="read", critical=False) -> ChangedRecord:
    return ChangedRecord(known, change, verdict, told, critical)


@pytest.fixture
def picture() -> np.ndarray:
    smooth = cv2.GaussianBlur(np.random.default_rng(0).normal(120, 60, (420, 360)), (0, 0), 3)
    return (smooth * 2 - 120).clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_gives_another_picture_of_the_same_film(picture: np.ndarray, name: str) -> None:
    before = picture.copy()
    changed = CHANGES[name](picture)
    assert np.array_equal(picture, before), "the film itself stays"
    assert changed.dtype == np.uint8 and changed.ndim == 2 and min(changed.shape) > 100
    assert np.array_equal(changed, CHANGES[name](picture)), "the same every time"
    assert np.array_equal(changed, picture) is (name == UNCHANGED)
    assert (
        np.corrcoef(*(_middle(one) for one in (changed, picture)))[0, 1] > 0.1
        or changed.shape != before.shape
    )


def _middle(pixels: np.ndarray) -> np.ndarray:
    return cv2.resize(pixels, (96, 96), interpolation=cv2.INTER_AREA).astype(float).ravel()


def test_a_turned_film_is_all_there() -> None:
    film = np.full((300, 200), 200, np.uint8)
    turned = CHANGES["turned by 10 degrees on white"](film)
    assert (turned == 200).sum() > 0.97 * film.size and turned[0, 0] == 255


def test_each_change_is_counted_against_what_is_said_of_the_film_as_it_is() -> None:
    first, second = film("a"), film("b", air=Presence.UNCERTAIN)
    first, second = (
        replace(first, suitable=True, age_group="adult"),
        replace(second, suitable=True, age_group="infant"),
    )
    names = list(CHANGES)
    records = [record(known, name, LOOPS) for known in (first, second) for name in names]
    at = names.index("noisy")
    records[at] = record(first, "noisy", verdict="doubted")
    records[len(names) + at] = record(second, "noisy", LOOPS, AIR, critical=True)
    at = names.index("blurred")
    records[at] = record(first, "blurred", critical=True)
    rows = {
        row.split(" | ")[0].strip("| "): row.split(" | ")[1:] for row in changed_table(records).splitlines()
    }
    assert rows["noisy"] == ["1 of 2", "0 of 1", "1 of 1 |"], "of one nobody knows whether it has free air"
    assert rows["blurred"] == ["0 of 2", "1 of 1", "1 of 2 |"]
    assert rows[UNCHANGED] == ["0 of 2", "0 of 1", "0 of 2 |"]
    assert rows["**all changes**"] == ["1 of 38", "1 of 19", "2 of 37 |"]
    assert rows["of suitable films"] == rows["**all changes**"]
    assert rows["of suitable films of children"] == ["0 of 19", "0 of 0", "1 of 19 |"]
    unknown = [replace(one, film=replace(one.film, suitable=None)) for one in records]
    assert "| of suitable films | 0 of 0 |" in changed_table(unknown), "nobody said so of any"


def test_the_command_reads_every_change_of_every_abdomen_and_publishes(
    tmp_path: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = list[tuple[int, ...]]()

    def as_in_service(path: Path, writer: object = None):
        seen.append(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).shape)
        return Served("read", "", (LOOPS,), len(seen) == 2)

    monkeypatch.setattr(harmless_changes, "as_in_service", as_in_service)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    cv2.imwrite(str(tmp_path / "chest.png"), picture)
    said = {f.value: "absent" for f in FINDINGS}
    (tmp_path / "a.json").write_text(json.dumps({"id": "a", "size": [360, 420], "findings": said}))
    (tmp_path / "index.csv").write_text("file,kind\nchest.png,chest\n")
    page, out = tmp_path / "page.md", tmp_path / "out.json"
    page.write_text("<!-- changed films figures -->\n<!-- end of changed films figures -->\n")
    options = ["--changed", "--json", str(out), "--publish", str(page)]
    result = CliRunner().invoke(main, ["evaluate", "real", str(tmp_path), *options])
    assert result.exit_code == 0, result.output
    assert len(seen) == len(CHANGES) and seen[0] == (420, 360) and len(set(seen)) > 6
    assert "| **all changes** | 0 of 19 | 1 of 19 | 0 of 19 |" in page.read_text()
    rows = json.loads(out.read_text())["films"]
    assert [row["critical"] for row in rows] == [False, True, *[False] * 18]
    none = CliRunner().invoke(main, ["evaluate", "real", str(tmp_path), "--changed", "--kind", "chest"])
    assert none.exit_code != 0 and "only those are changed" in none.output


def one_abdomen_per_child(folder: Path, picture: np.ndarray, children: int) -> None:
    box = lambda a, b, c, d: [[a, b], [c, b], [c, d], [a, d]]  # noqa: E731
    polygons = {"abdominal_cavity": [box(30, 90, 330, 400)], "lungs": [box(40, 10, 320, 80)]}
    said = {f.value: "absent" for f in FINDINGS}
    for number in range(children):
        cv2.imwrite(str(folder / f"f{number}.png"), picture)
        described = {
            "id": f"f{number}",
            "size": [360, 420],
            "findings": said,
            "child": f"c{children - 1 - number}",
        }
        (folder / f"f{number}.json").write_text(json.dumps(described | {"polygons": polygons}))


def run_of_fold(folder: Path, fold: int | None) -> Path:
    (folder / "checkpoint").mkdir(parents=True)
    (folder / "checkpoint" / "recipe.json").write_text(json.dumps({"fold": fold}))
    return folder


def test_a_child_is_drafted_for_by_the_writer_that_left_it_out(
    tmp_path: Path, picture: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafted = list[tuple[str | None, np.ndarray]]()

    def as_in_service(path: Path, writer: str | None):
        drafted.append((writer, cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)))
        return Served("read", "", (), len(drafted) > len(CHANGES))

    monkeypatch.setattr(harmless_changes, "as_in_service", as_in_service)
    monkeypatch.setattr("pedaxr_models.runtime.load.load_reporter", lambda folder: folder.parent.name)
    (real := tmp_path / "real").mkdir()
    one_abdomen_per_child(real, picture, 5)
    page, out = tmp_path / "page.md", tmp_path / "out.json"
    name = "changed films by unseen writers"
    page.write_text(f"<!-- {name} figures -->\n<!-- end of {name} figures -->\n")
    asked = ["evaluate", "real", str(real), "--changed", "--put-in", "3", "--publish", str(page)]
    asked += ["--writer", str(run_of_fold(tmp_path / "run4", 4)), "--json", str(out)]
    result = CliRunner().invoke(main, asked)
    assert result.exit_code == 0, result.output
    rows = json.loads(out.read_text())["films"]
    assert {row["id"] for row in rows} == {"f0"} and {writer for writer, _ in drafted} == {"run4"}
    put_in = [picture for row, (_, picture) in zip(rows, drafted, strict=True) if row["change"] == PUT_IN]
    assert 0 < len(put_in) == len(rows) - len(CHANGES)
    assert len({picture.tobytes() for picture in put_in}) == len(put_in), "each is another one"
    drafted.clear()
    of_fold_0 = ["--writer", str(run_of_fold(tmp_path / "run0", 0)), "--limit", "1"]
    CliRunner().invoke(main, ["evaluate", "real", str(real), "--changed", *of_fold_0])
    assert drafted == [], "the first film is of another fold, however few are read"
    counted = f"{len(put_in)} of {len(put_in)}; the same films without it 0 of {len(put_in)}."
    assert (
        f"With free air put in: {len(put_in)} versions, {len(put_in)} of them read, critical {counted}"
        in (page.read_text())
    )


@pytest.mark.parametrize(
    "asked", [["--writer", "{run}", "--changed"], ["--writer", "{run}"], ["--put-in", "2"]]
)
def test_a_run_that_left_nobody_out_drafts_for_nobody(
    tmp_path: Path, picture: np.ndarray, asked: list[str]
) -> None:
    (real := tmp_path / "real").mkdir()
    one_abdomen_per_child(real, picture, 1)
    run = run_of_fold(tmp_path / "whole", None)
    result = CliRunner().invoke(
        main, ["evaluate", "real", str(real), *(one.format(run=run) for one in asked)]
    )
    expected = "whole is not a finished run" if "--changed" in asked else "go with --changed"
    assert result.exit_code != 0 and expected in result.output


def test_a_picture_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "x.png").write_bytes(b"no picture")
    with pytest.raises(UnreadableImage):
        measure_changed([film("x", tmp_path / "x.png")])
