"""`pedaxr evaluate grades`: choose how grades are measured, on validation films."""

from dataclasses import replace
from pathlib import Path

import click

from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import document_option, films_of_split, limit_option
from pedaxr_server.cli.options import DATA, FILE, json_option, show, use_weights, weights_option
from pedaxr_server.cli.publish import publish


@click.command("grades")
@click.option("--data", type=DATA, required=True, help="Data set whose validation films are used.")
@click.option(
    "--shifted", type=DATA, help="Films of `pedaxr films --shifted`, with a seed not used for testing."
)
@limit_option
@click.option(
    "--out", type=FILE,
    help="Write the operating points in use with the chosen scales here: tools/pedaxr/operating_points.json, "
    "or next to weights of your own.",
)  # fmt: skip
@document_option
@weights_option
@json_option
def evaluate_grades(
    data: Path,
    shifted: Path | None,
    limit: int | None,
    out: Path | None,
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Choose the scale of each measured extent, from which reports take mild, moderate or marked."""
    from rich.markdown import Markdown

    from pedaxr.evaluation.choose_grades import choose_grade_scale, grades_table, look_at_grades
    from pedaxr.reading.operating_points import operating_points, write_points

    use_weights(weights)
    sets = {"validation": films_of_split(data, "validation", limit)}
    if shifted:
        sets["shifted validation"] = films_of_split(shifted, "test", limit)
    with library_errors():
        found = {}
        for name, films in sets.items():
            with progress_bar(f"Grading, {name}", len(films)) as progress:
                found[name] = look_at_grades(films, progress)
        every = [one for graded in found.values() for one in graded]
        scale = choose_grade_scale(every, operating_points().grade_scale)
        table = grades_table(found, scale)
        if out:
            write_points(replace(operating_points(), grade_scale=scale), out)
        if document:
            publish(document, "grade", table)
    show(lambda: Markdown(table), {"grade_scale": scale}, json_path)
