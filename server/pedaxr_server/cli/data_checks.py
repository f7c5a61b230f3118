"""`pedaxr leaks` and `pedaxr areas`: what a data set is worth before anything is trained on it."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedaxr.text import counted
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.options import DATA, json_option, show, write_text

if TYPE_CHECKING:
    from rich.table import Table

    from pedaxr_models.datasets.checks.label_leaks import LeakReport
    from pedaxr_models.datasets.outline_areas import FindingAreas
    from pedaxr_models.labels import Finding


@click.command()
@click.argument("data", type=DATA)
@click.option(
    "--limit", type=click.IntRange(30), default=1000, show_default=True, help="Films probed at most."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of folds and choice.")
@click.option("--write", is_flag=True, help="Also write leaks.json and leaks.md next to the data.")
@json_option
@click.pass_context
def leaks(ctx: click.Context, data: Path, limit: int, seed: int, write: bool, json_path: Path | None) -> None:
    """Check for label leaks (labels predicted from everything but the bowel) and for films in two splits.

    Exits with status 1 if a limit is exceeded or a film appears in two splits.
    """
    from pedaxr_models.datasets import read_films
    from pedaxr_models.datasets.checks.label_leaks import find_leaks

    with library_errors():
        found = read_films(data)
        with progress_bar("Reading films", len(found)) as progress:
            report = find_leaks(found, seed=seed, most=limit, progress=progress)
    if write:
        folder = data if data.is_dir() else data.parent
        import json

        write_text(folder / "leaks.json", json.dumps(report.to_json(), indent=2) + "\n")
        write_text(folder / "leaks.md", leaks_markdown(report))
    show(lambda: _leak_table(report), report.to_json(), json_path)
    if not report.is_clean:
        ctx.exit(1)


@click.command()
@click.argument("data", type=DATA)
@json_option
def areas(data: Path, json_path: Path | None) -> None:
    """Measure the outlines of each finding, compared with published figures for real films."""
    from pedaxr_models.datasets import read_films
    from pedaxr_models.datasets.outline_areas import PUBLIC, measure_areas

    with library_errors():
        found = read_films(data)
        with progress_bar("Measuring", len(found)) as progress:
            measured = measure_areas(found, progress=progress)
    show(lambda: _area_table(measured, PUBLIC), _plain(measured), json_path)


def _leak_rows(report: "LeakReport") -> list[tuple[str, str, str, str, str]]:
    rows = []
    for probe in report.probes:
        limit = "" if probe.limit is None else f"{probe.limit:.2f}"
        verdict = "" if probe.limit is None else "over" if probe.is_leak else "within"
        rows.append((probe.name, f"{probe.linear:.3f}", f"{probe.gaussian:.3f}", limit, verdict))
    return rows


def _leak_notes(report: "LeakReport") -> list[str]:
    notes = [f"{counted(report.films, 'film')}; guessing the commonest label reaches {report.chance:.3f}"]
    if report.gut_outside is not None:
        notes.append(f"the hidden box leaves {report.gut_outside:.1%} of the bowel in view")
    exact = sum(is_exact for _, _, is_exact in report.duplicates)
    notes.append(f"films on two sides of a split: {exact} equal, {len(report.duplicates) - exact} nearly")
    notes += [f"{first} and {second}" for first, second, _ in report.duplicates[:20]]
    return notes


_LEAK_COLUMNS = ("what the classifier sees", "linear", "gaussian", "limit", "")


def leaks_markdown(report: "LeakReport") -> str:
    """The table as Markdown."""
    rows = [_LEAK_COLUMNS, ("---",) * 5, *_leak_rows(report)]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    notes = "\n".join(f"- {note}" for note in _leak_notes(report))
    return f"# Leaks\n\nAccuracy on the label, five folds over patients.\n\n{table}\n\n{notes}\n"


def _leak_table(report: "LeakReport") -> "Table":
    from rich.table import Table

    table = Table(
        title="Accuracy on the label", caption="\n".join(_leak_notes(report)), caption_justify="left"
    )
    for name in _LEAK_COLUMNS:
        table.add_column(name, justify="left" if name == _LEAK_COLUMNS[0] else "right")
    for row in _leak_rows(report):
        table.add_row(*row)
    return table


def _area_table(
    measured: "Mapping[Finding, FindingAreas]", public: "Mapping[Finding, FindingAreas]"
) -> "Table":
    from rich.table import Table

    from pedaxr_models.labels import TERMS

    table = Table(title="Outlines: area in % of the picture, box on 512 pixels")
    for name in ("finding", "films", "mean", "median", "min", "max", "vertices", "median box"):
        table.add_column(name, justify="left" if name == "finding" else "right")
    for finding, ours in measured.items():
        table.add_row(TERMS[finding].english, *_area_cells(ours))
        if finding in public:
            table.add_row("  public labels", *_area_cells(public[finding]), style="dim")
    return table


def _area_cells(areas: "FindingAreas") -> list[str]:
    films = "" if areas.films is None else str(areas.films)
    numbers = [f"{value:g}" for value in (areas.mean, areas.median, areas.least, areas.most)]
    return [films, *numbers, str(areas.vertices), ",".join(map(str, areas.box))]


def _plain(measured: "Mapping[Finding, FindingAreas]") -> dict[str, Any]:
    return {finding.value: asdict(areas) for finding, areas in measured.items()}
