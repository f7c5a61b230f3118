"""Findings of synthetic children in films of others, and the folder of pairs."""

import csv
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr_models.labels import FINDINGS, Finding, View
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.phantom.onto.backgrounds import read_background
from pedaxr_models.phantom.onto.bowel import put_bowel_finding
from pedaxr_models.phantom.onto.write import write_pairs

BOWEL = [f for f in Finding if f is not Finding.PNEUMOPERITONEUM]


@pytest.mark.parametrize("finding", BOWEL)
def test_the_bowel_of_another_child_darkens_the_belly_and_nothing_else(background, structures, finding):
    view = View.ERECT if finding is Finding.AIR_FLUID_LEVEL else View.SUPINE
    made = put_bowel_finding(
        background.pixels, structures, finding, np.random.default_rng(1), age_months=40, view=view
    )
    assert made is not None
    assert made.kind == finding
    assert not (made.mask & ~structures["abdominal_cavity"]).any()
    changed = made.film != background.pixels
    assert (changed & ~structures["abdominal_cavity"]).sum() < 0.02 * changed.sum()
    assert made.measures["change"] > 5


def test_levels_are_flat(background, structures):
    made = put_bowel_finding(
        background.pixels,
        structures,
        Finding.AIR_FLUID_LEVEL,
        np.random.default_rng(2),
        age_months=40,
        view=View.ERECT,
    )
    assert made is not None
    count, label = cv2.connectedComponents(made.mask.astype(np.uint8))
    flat = 0
    for number in range(1, count):
        columns = np.flatnonzero((label == number).any(0))
        bottom = 511 - (label == number)[::-1].argmax(0)[columns]
        flat += (np.abs(bottom - np.median(bottom)) <= 3).mean() > 0.6
    assert flat >= 2


def test_free_air_is_not_asked_of_the_bowel(background, structures):
    with pytest.raises(ValueError, match="put_free_air"):
        put_bowel_finding(background.pixels, structures, Finding.PNEUMOPERITONEUM, np.random.default_rng(0))


@pytest.fixture
def folder(background: PhantomFilm, structures: dict[str, np.ndarray], tmp_path: Path) -> Path:
    """One outlined film of which two findings are absent and one is uncertain, and one bare film."""
    source = tmp_path / "films"
    source.mkdir()
    cv2.imwrite(str(source / "a.png"), background.pixels)
    pieces = {
        name: [c[:, 0].tolist() for c in cv2.findContours(m.astype(np.uint8), 0, 2)[0]]
        for name, m in structures.items()
    }
    findings = {"pneumoperitoneum": "absent", "constipation": "absent", "air_fluid_level": "uncertain"}
    said = {"id": "film a", "findings": findings, "polygons": pieces, "age_group": "child", "view": "erect"}
    (source / "a.json").write_text(json.dumps(said))
    cv2.imwrite(str(source / "b.png"), background.pixels[:, ::-1])
    return source


def flipped(background: PhantomFilm):
    return lambda _: {k: v[:, ::-1] for k, v in background.masks.items()}


def test_every_pair_changes_where_its_mask_says(background, folder, tmp_path):
    made = write_pairs(folder, tmp_path / "out", per_film=3, outline=flipped(background))
    rows = list(csv.DictReader(made.table.read_text().splitlines()))
    assert made.pairs == len(rows) >= 3
    for row in rows:
        film, untouched, mask = (
            cv2.imread(str(tmp_path / "out" / row[k]), 0) for k in ("film", "untouched", "mask")
        )
        assert film.shape == untouched.shape == mask.shape
        change = untouched.astype(float) - film
        assert change[mask > 0].mean() > 4 * np.abs(change[mask == 0]).mean()


def test_what_is_written_says_what_it_shows(background, folder, tmp_path):
    write_pairs(folder, tmp_path / "out", per_film=4, outline=flipped(background))
    for path in (tmp_path / "out").glob("*.json"):
        said = json.loads(path.read_text())
        present = [f for f, v in said["findings"].items() if v == "present"]
        if path.stem.endswith("untouched"):
            assert present == [] and "free_air" not in said["polygons"]
            continue
        assert present == [said["pasted"]["finding"]]
        assert ("free_air" in said["polygons"]) == (present == ["pneumoperitoneum"])
        assert list(said["finding_polygons"]) == present
        assert said["child"] in ("film a", "b"), "a pair is never split"


def test_only_findings_known_to_be_absent_are_put_in(folder, tmp_path):
    (folder / "b.png").unlink()
    write_pairs(folder, tmp_path / "out", per_film=8)
    of_a = [json.loads(p.read_text())["pasted"]["finding"] for p in (tmp_path / "out").glob("a_[0-9].json")]
    assert of_a and set(of_a) <= {"pneumoperitoneum", "constipation"}


def test_an_interrupted_folder_is_continued_with_equal_films(background, folder, tmp_path):
    for out, counts in (("one", (2,)), ("two", (1, 2))):
        for count in counts:
            write_pairs(folder, tmp_path / out, per_film=count, seed=5, outline=flipped(background))
    one, two = (sorted((tmp_path / out).glob("*.png")) for out in ("one", "two"))
    assert [p.name for p in one] == [p.name for p in two]
    assert all(a.read_bytes() == b.read_bytes() for a, b in zip(one, two, strict=True))
    with pytest.raises(ValueError, match="another seed"):
        write_pairs(folder, tmp_path / "one", seed=6, outline=flipped(background))


def test_a_bare_film_needs_something_to_outline_it(folder, tmp_path):
    with pytest.raises(ValueError, match=r"b\.png.*outline"):
        write_pairs(folder, tmp_path / "out", per_film=1)


def test_a_bare_film_is_taken_to_show_no_finding(background, folder):
    bare = read_background(folder / "b.png", flipped(background))
    assert bare.absent == FINDINGS
    assert "abdominal_cavity" in bare.structures


def test_a_folder_without_films_says_so(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no"):
        write_pairs(tmp_path / "empty", tmp_path / "out")
