"""The commands that measure refusals and reports, on a few films and the bundled weights."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pedaxr.reading.operating_points import parse_points
from pedaxr_server.cli.app import main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Films, all called test and validation films in turn by the command that is asked."""
    folder = tmp_path_factory.mktemp("films")
    assert run("films", folder, "--count", "3", "--shifted", "--seed", "1", "--processes", "1").exit_code == 0
    return folder


def document(folder: Path, name: str) -> Path:
    path = folder / "README.md"
    path.write_text(f"before\n<!-- {name} figures -->\nold\n<!-- end of {name} figures -->\nafter\n")
    return path


def test_ood_images_are_counted_and_published(films: Path, tmp_path: Path) -> None:
    page = document(tmp_path, "rejection")
    measured = run(
        *("evaluate", "rejection", "--films", films, "--count", "13", "--limit", "1"),
        *("--publish", page, "--json", "-"),
    )
    figures = json.loads(measured.stdout)
    assert figures["all_ood_images"]["pictures"] == 13 and len(figures["ood_images"]) == 13
    assert figures["ood_images"]["photograph"]["caught"] == 1, "a photograph is refused by its colours"
    assert figures["films"]["test"]["pictures"] == 1
    assert "| photograph | 1 | 1 | 0 | 0 | 1.000 |" in page.read_text() and "old" not in page.read_text()


def test_hanging_is_measured_in_every_way_and_published(films: Path, tmp_path: Path) -> None:
    page = document(tmp_path, "hanging")
    measured = run(
        *("evaluate", "hanging", "--shifted", films, "--limit", "2", "--publish", page, "--json", "-"),
    )
    rows = {row["way"]: row for row in json.loads(measured.stdout)["rows"]}
    assert {"as stored", "mirrored", "turned by half", "two side by side"} < set(rows)
    assert all(row["pictures"] == 2 for row in rows.values())
    assert rows["two side by side"]["refused"] == 2
    assert "| shifted | two side by side | 2 | 2 | 0 | 1.000 |" in page.read_text()
    nothing = run("evaluate", "hanging")
    assert nothing.exit_code == 1 and "--films" in nothing.stderr


def test_a_folder_of_ood_images_can_be_given_and_another_folder_is_named(films: Path, tmp_path: Path) -> None:
    assert run("ood-images", tmp_path / "s", "--count", "2").exit_code == 0
    measured = run("evaluate", "rejection", "--data", tmp_path / "s", "--json", "-")
    assert json.loads(measured.stdout)["all_ood_images"]["pictures"] == 2
    refused = run("evaluate", "strangers", "--data", films)
    assert refused.exit_code == 1 and "pedaxr ood-images" in refused.stderr


def test_reports_are_measured_published_and_gone_on_with(films: Path, tmp_path: Path) -> None:
    page, records = document(tmp_path, "report"), tmp_path / "records.jsonl"
    asked = ("evaluate", "reports", "--data", films, "--shifted", films, "--limit", "2", "--records", records)
    first = json.loads(run(*asked, "--publish", page, "--json", "-").stdout)
    assert set(first) == {"test", "shifted"} and first["test"] == first["shifted"]
    assert "unsupported, got through" in page.read_text()
    assert len(records.read_text().splitlines()) == 2, "the same films are not read twice"
    assert json.loads(run(*asked, "--json", "-").stdout) == first


def test_thresholds_are_chosen_and_written_where_asked(films: Path, tmp_path: Path) -> None:
    """Three films of one split stand for the validation films: what is written is what was chosen."""
    out, page = tmp_path / "weights" / "points.json", document(tmp_path, "threshold")
    table = (films / "films.csv").read_text(encoding="utf-8").replace(",test,", ",validation,")
    (films / "validation.csv").write_text(table, encoding="utf-8")
    chosen = run(
        *(
            "evaluate",
            "thresholds",
            "--data",
            films / "validation.csv",
            "--shifted",
            films / "validation.csv",
        ),
        *("--limit", "2", "--out", out, "--publish", page, "--json", "-"),
    )
    points = parse_points(out.read_text())
    assert json.loads(chosen.stdout)["points"]["refused_below"] == points.refused_below
    assert set(points.weights) == {"segmentation", "captioner"}
    assert "| doubted below |" in page.read_text()
