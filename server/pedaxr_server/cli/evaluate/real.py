"""`pedaxr evaluate real`: what the product says of real films whose truth is known in part."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import document_option, limit_option, record_of
from pedaxr_server.cli.options import (
    FILE,
    FOLDER_IN,
    json_option,
    show,
    use_weights,
    weights_option,
    write_bytes,
)
from pedaxr_server.cli.publish import publish

if TYPE_CHECKING:
    from pedaxr_models.captioning.film_reporter import FilmReporter
    from pedaxr_models.datasets.partial_truth import PartialFilm


@click.command("real")
@click.argument("data", nargs=-1, required=True, type=FOLDER_IN)
@click.option(
    "--kind", "kinds", multiple=True, help="Only pictures of this kind (abdomen, chest, ...); repeatable."
)
@click.option(
    "--held-out",
    is_flag=True,
    help="Of pictures that are not abdominal films only the half that no training learns from.",
)
@click.option(
    "--sheet",
    type=FILE,
    help="Write a contact sheet of all films (PNG).",
)
@click.option(
    "--changed",
    is_flag=True,
    help="Instead, each abdomen in 20 ways that change nothing in what it shows: saved again, cut, turned, "
    "photographed and so on.",
)
@click.option(
    "--put-in",
    type=click.IntRange(0),
    default=0,
    help="With --changed: so many versions more with free air put in, of each film that shows none.",
)
@click.option(
    "--writer",
    "writers",
    multiple=True,
    type=FOLDER_IN,
    help="With --changed: a run of `train captioner --fold N`, which drafts for the children that it left "
    "out; repeatable. Only their films are read.",
)
@limit_option
@document_option
@weights_option
@json_option
def evaluate_real(
    data: tuple[Path, ...],
    kinds: tuple[str, ...],
    held_out: bool,
    sheet: Path | None,
    changed: bool,
    put_in: int,
    writers: tuple[Path, ...],
    limit: int | None,
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """False and true findings, alarms and refusals on real films in the folders DATA.

    The films' truth may be known in part: see docs/real_films.md. Pictures that are not abdominal
    film count for the gate.
    """
    from rich.markdown import Markdown

    from pedaxr.evaluation.real_figures import figures_of, real_table
    from pedaxr.evaluation.real_films import measure_films
    from pedaxr.evaluation.real_sheet import contact_sheet
    from pedaxr_models.datasets.partial_truth import read_partial
    from pedaxr_models.segmentation.mixed.folds import other_halves

    if (put_in or writers) and not changed:
        raise click.UsageError("--put-in and --writer go with --changed.")
    use_weights(weights)
    with library_errors():
        films = [film for folder in data for film in read_partial(folder)]
        by_child = _writers_of(films, writers)  # folds are dealt over all films, as in training
        if held_out:
            films = [film for film in films if film.is_abdomen] + other_halves(films)[1]
        films = [film for film in films if not kinds or film.kind in kinds][:limit]
        if not films:
            raise InvalidRequest(f"No picture is of kind {', '.join(kinds)}. Leave --kind out to see all.")
        if changed:
            abdomens = [film for film in films if film.is_abdomen]
            _tell_changed(abdomens, put_in, by_child, document, json_path)
            return
        with progress_bar("Reading", len(films)) as progress:
            records = measure_films(films, progress)
        figures = figures_of(records)
        table = real_table(figures)
        if sheet:
            write_bytes(sheet, contact_sheet(records))
        if document:
            publish(document, "real", table)
    show(lambda: Markdown(table), figures.to_json(), json_path)


def _tell_changed(
    films: "list[PartialFilm]",
    put_in: int,
    writers: "dict[str, FilmReporter]",
    document: Path | None,
    json_path: Path | None,
) -> None:
    """What is said of films after changes that leave what they show as it is."""
    from rich.markdown import Markdown

    from pedaxr.evaluation.harmless_changes import changed_table, measure_changed

    if writers:
        films = [film for film in films if film.child in writers]
    if not films:
        raise InvalidRequest("No picture is an abdominal film, and only those are changed. Leave --kind out.")
    with progress_bar("Reading", len(films)) as progress:
        records = measure_changed(films, progress, put_in=put_in, writers=writers)
    table = changed_table(records)
    if document:
        publish(document, "changed films by unseen writers" if writers else "changed films", table)
    show(lambda: Markdown(table), {"films": [record.to_json() for record in records]}, json_path)


def _writers_of(films: "list[PartialFilm]", runs: tuple[Path, ...]) -> "dict[str, FilmReporter]":
    """By child, the writer that did not learn from its films.

    Raises:
        InvalidRequest: a run left out no fold of the children.
    """
    from pedaxr_models.runtime.load import load_reporter
    from pedaxr_models.segmentation.mixed.folds import FOLDS, child_folds

    children, writers = child_folds(films, FOLDS), dict[str, "FilmReporter"]()
    for run in runs:
        fold = record_of(run / "checkpoint", "recipe.json").get("fold")
        if not isinstance(fold, int):
            raise InvalidRequest(f"{run.name} is not a finished run of `pedaxr train captioner --fold N`.")
        writers |= dict.fromkeys(children[fold], load_reporter(run / "checkpoint"))
    return writers
