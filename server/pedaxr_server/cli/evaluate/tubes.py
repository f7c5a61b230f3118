"""`pedaxr evaluate tubes`: how often a gastric tube is seen, and how often a line is taken for one."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr_server.cli.data import library_errors
from pedaxr_server.cli.evaluate.films import SPLITS, document_option, films_of_split, limit_option
from pedaxr_server.cli.options import DATA, FILE, FOLDER_IN, json_option, show, write_bytes
from pedaxr_server.cli.publish import publish

if TYPE_CHECKING:
    from pedaxr_models.datasets.film import Film
    from pedaxr_models.tubes.evaluate import TubeCall


@click.command("tubes")
@click.option("--data", type=DATA, required=True, help="Data set folder of films whose facts are known.")
@click.option("--split", type=click.Choice(SPLITS), default="test", show_default=True)
@click.option("--shifted", type=DATA, help="A second folder, of films outside the training ranges.")
@click.option(
    "--real",
    type=FOLDER_IN,
    multiple=True,
    help="Folder of real films with partial truth (docs/real_films.md); repeatable.",
)
@click.option(
    "--with-tube", "with_tube", multiple=True, metavar="ID",
    help="Real film that shows a tube, by its id; repeatable. All others are taken to show none.",
)  # fmt: skip
@click.option("--leave-out", multiple=True, metavar="ID", help="Real film not to be counted; repeatable.")
@click.option("--checkpoint", type=FOLDER_IN, help="Checkpoint folder (default: the bundled weights).")
@click.option("--sheet", type=FILE, help="PNG of the real films, or of those of the split that show a tube.")
@limit_option
@document_option
@json_option
def evaluate_tubes(
    data: Path,
    split: str,
    shifted: Path | None,
    real: tuple[Path, ...],
    with_tube: tuple[str, ...],
    leave_out: tuple[str, ...],
    checkpoint: Path | None,
    sheet: Path | None,
    limit: int | None,
    document: Path | None,
    json_path: Path | None,
) -> None:
    """How often the gastric tubes of films are seen, and lines of films without one taken for one."""
    from rich.markdown import Markdown

    from pedaxr_models.checkpoint import weights_folder
    from pedaxr_models.datasets.partial_truth import read_partial
    from pedaxr_models.runtime.load import load_tube_finder
    from pedaxr_models.tubes.evaluate import call_films, call_real
    from pedaxr_models.tubes.sheet import draw_sheet

    with library_errors():
        finder = load_tube_finder(checkpoint or weights_folder("tubes"))
        sets = {split: films_of_split(data, split, limit)}
        sets |= {"shifted": films_of_split(shifted, "test", limit)} if shifted else {}
        calls = {f"synthetic, {name}": call_films(finder, films) for name, films in sets.items()}
        films = [f for folder in real for f in read_partial(folder) if f.id not in leave_out]
        if films:
            calls["real"] = call_real(finder, films, with_tube)
        if sheet:
            shown = [(film.id, film.image_path) for film in films] or _with_a_tube(sets[split])
            write_bytes(sheet, draw_sheet(finder, shown))
    figures = _figures(calls, finder.shortest)
    table = _table(figures)
    if document:
        publish(document, "tubes", table)
    show(lambda: Markdown(table), figures, json_path)


def _with_a_tube(films: "list[Film]") -> list[tuple[str, Path]]:
    return [(f.image_path.stem, f.image_path) for f in films if f.facts and f.facts.gastric_tube]


def _figures(calls: "dict[str, list[TubeCall]]", shortest: float) -> dict[str, dict[str, int]]:
    from pedaxr_models.tubes.evaluate import seen_and_false

    names = ("seen", "tubes", "false", "without")
    return {
        who: dict(zip(names, seen_and_false(found, shortest), strict=True)) for who, found in calls.items()
    }


def _table(figures: dict[str, dict[str, int]]) -> str:
    from pedaxr.evaluation.real_figures import shares_table
    from pedaxr.evaluation.reports import Share

    rows = []
    for films, one in figures.items():
        rows.append(Share(f"{films}: tubes seen", one["seen"], one["tubes"]))
        rows.append(Share(f"{films}: films without one on which one is seen", one["false"], one["without"]))
    return shares_table([row for row in rows if row.of], {})
