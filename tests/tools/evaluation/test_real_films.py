"""`pedaxr evaluate real` on drawn fixtures; the real films are kept out of the repository."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from pedaxr.evaluation import real_films
from pedaxr.evaluation.real_figures import figures_of, real_table
from pedaxr.evaluation.real_films import RealRecord, masks_of, measure_film, place_of, structure_dice
from pedaxr.evaluation.real_sheet import contact_sheet
from pedaxr.types import Region
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence, read_partial
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, sign
from pedaxr_models.segmentation.transforms import Letterbox
from pedaxr_server.cli import main

AIR = Finding.PNEUMOPERITONEUM
BOX = Letterbox(512, 512)


def square(left, top, right, bottom):
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def film(name="a", *, kind="abdomen", air="absent", suitable=True, reason="", **outlines):
    said = dict.fromkeys(FINDINGS, Presence.ABSENT) | {AIR: Presence(air)}
    drawn = {key: [value] for key, value in outlines.items()}
    return PartialFilm(name, Path(f"{name}.png"), kind, name, "", said, drawn, suitable, reason)


def mask(left, top, right, bottom):
    plane = np.zeros((512, 512), bool)
    plane[top:bottom, left:right] = True
    return plane


def record(known, verdict="read", *, outlined=(), critical=False, **more):
    return RealRecord(known, verdict, "", tuple(outlined), (), critical, **more)


def shares(*records):
    return {share.name: (share.count, share.of) for share in figures_of(records).shares}


def test_false_and_true_findings_are_counted_apart_and_uncertain_ones_not_at_all():
    found = shares(
        record(film("false"), outlined=[AIR]),
        record(film("clean")),
        record(film("true", air="present"), outlined=[AIR]),
        record(film("unknown", air="uncertain"), outlined=[AIR]),
    )
    assert found[f"{sign(AIR)}, falsely outlined"] == (1, 2)
    assert found[f"{sign(AIR)}, rightly outlined"] == (1, 1)


def test_what_the_gate_stops_counts_as_outlined_all_the_same():
    found = shares(record(film(), "refused", outlined=[AIR]))
    assert found[f"{sign(AIR)}, falsely outlined"] == (1, 1) and found["critical without free air"] == (0, 1)


def test_refusals_doubts_and_babygrams():
    found = shares(
        record(film("good"), "doubted"),
        record(film("fine")),
        record(film("baby", suitable=False, reason="chest-abdomen film"), "refused"),
        record(film("chest", kind="chest", suitable=False), "refused"),
        record(film("bone", kind="bone", suitable=False)),
    )
    assert found["suitable films refused"] == (0, 2)
    assert found["suitable films refused or doubted"] == (1, 2)
    assert found["babygrams refused or doubted"] == (1, 1)
    assert found["other pictures refused or doubted"] == (1, 2)
    assert found["chest: refused or doubted"] == (1, 1) and found["bone: refused or doubted"] == (0, 1)


def test_the_table_gives_counts_and_intervals():
    table = real_table(figures_of([record(film(), outlined=[AIR], false_places={AIR: "lung"})]))
    assert f"| {sign(AIR)}, falsely outlined | 1 of 1 | 1.00 (0.21–1.00) | <= 0.10 |" in table
    assert "Where falsely outlined free air lies: lung 1." in table


@pytest.mark.parametrize(
    ("region", "place"),
    [
        ((30, 30, 60, 60), "outside the body"),
        ((160, 120, 220, 180), "lung"),
        ((200, 300, 240, 340), "bowel"),
        ((300, 400, 340, 440), "elsewhere"),
    ],
)
def test_where_a_false_region_lies(region, place):
    known = film(
        body=square(100, 60, 480, 500), lungs=square(140, 100, 250, 200), bowel_gas=square(190, 290, 250, 350)
    )
    assert place_of(mask(*region), known, BOX) == place


def test_a_region_along_the_edge_of_a_film_without_outlines_lies_at_the_border():
    assert place_of(mask(0, 100, 12, 300), film(), BOX) == "border"


def test_dice_of_what_is_drawn_and_of_nothing_else():
    masks = {channel: np.zeros((512, 512), bool) for channel in CHANNELS}
    masks["spine"] = mask(200, 50, 240, 450)
    masks["colon"], masks["stomach"] = mask(300, 300, 340, 380), mask(400, 100, 440, 140)
    masks["stool"] = mask(300, 340, 340, 380)  # is no gas
    known = film(
        spine=square(200, 50, 239, 449),
        bowel_gas=square(300, 300, 339, 339),
        stomach=square(400, 100, 439, 139),
    )
    dice = structure_dice(known, masks, BOX)
    assert set(dice) == {"spine", "bowel_gas"} and min(dice.values()) > 0.98


def test_outlines_are_measured_as_they_are_served():
    spine = Region(
        name="spine",
        kind="structure",
        confidence=0.9,
        area_px=16_000,
        area_mm2=None,
        share_of_body=0.1,
        bounding_box=(200, 50, 240, 450),
        polygons=[[(200, 50), (239, 50), (239, 449), (200, 449)]],
        quadrants=[],
        side=None,
    )
    masks = masks_of([spine], BOX)
    assert (masks["spine"] == mask(200, 50, 240, 450)).mean() > 0.99 and not masks["liver"].any()


def test_a_sheet_shows_every_film():
    records = [record(film(str(number))) for number in range(7)]
    sheet = cv2.imdecode(np.frombuffer(contact_sheet(records), np.uint8), cv2.IMREAD_COLOR)
    assert sheet.shape == (2 * 278, 6 * 256, 3)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    picture = np.clip(cv2.GaussianBlur(rng.normal(120, 40, (420, 360)), (0, 0), 3) * 1.5 - 60, 0, 255)
    cv2.imwrite(str(tmp_path / "a.png"), picture.astype(np.uint8))
    said = {f.value: "absent" for f in FINDINGS}
    drawn = {"spine": [[[170, 10], [190, 10], [190, 400], [170, 400]]]}
    (tmp_path / "a.json").write_text(
        json.dumps({"id": "a", "size": [360, 420], "findings": said, "polygons": drawn, "suitable": True})
    )
    return tmp_path


def test_a_picture_goes_the_way_it_goes_in_service_and_is_measured_whatever_the_gate_says(folder):
    (known,) = read_partial(folder)
    measured = measure_film(known)
    assert measured.verdict in ("refused", "doubted", "read") and "spine" in measured.dice
    assert measured.verdict == "read" or (not measured.told and not measured.is_critical)
    assert measured.frame is not None and json.dumps(measured.to_json())


def test_a_picture_that_cannot_be_read_is_counted_as_such(tmp_path):
    (tmp_path / "x.png").write_bytes(b"no picture")
    (tmp_path / "index.csv").write_text("file,kind\nx.png,chest\n")
    assert measure_film(read_partial(tmp_path)[0]).verdict == "unreadable"


def test_the_command_prints_writes_and_draws(folder, tmp_path, monkeypatch):
    monkeypatch.setattr(real_films, "measure_film", lambda known: record(known, outlined=[AIR]))
    page, out, sheet = tmp_path / "page.md", tmp_path / "real.json", tmp_path / "sheet.png"
    page.write_text("before\n<!-- real figures -->\n<!-- end of real figures -->\nafter\n")
    options = ["--json", str(out), "--sheet", str(sheet), "--publish", str(page)]
    result = CliRunner().invoke(main, ["evaluate", "real", str(folder), *options])
    assert result.exit_code == 0, result.output
    assert f"{sign(AIR)}, falsely outlined | 1 of 1" in page.read_text()
    assert json.loads(out.read_text())["films"][0]["outlined"] == ["pneumoperitoneum"]
    assert sheet.read_bytes().startswith(b"\x89PNG")


def test_a_folder_without_films_or_of_other_kinds_is_an_error_that_says_so(folder, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    result = CliRunner().invoke(main, ["evaluate", "real", str(empty)])
    assert result.exit_code != 0 and "no film with partial truth" in result.output
    result = CliRunner().invoke(main, ["evaluate", "real", str(folder), "--kind", "chest"])
    assert result.exit_code != 0 and "No picture is of kind chest" in result.output
