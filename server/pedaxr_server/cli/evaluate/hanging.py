"""`pedaxr evaluate hanging`: films hung wrongly must be rejected or doubted, and no others."""

from pathlib import Path

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import document_option, films_to_test, limit_option
from pedaxr_server.cli.options import DATA, json_option, show, use_weights, weights_option
from pedaxr_server.cli.publish import publish


@click.command("hanging")
@click.option("--films", type=DATA, help="Data set whose test films are used.")
@click.option("--shifted", type=DATA, help="Films of `pedaxr films --shifted`.")
@limit_option
@document_option
@weights_option
@json_option
def evaluate_hanging(
    films: Path | None,
    shifted: Path | None,
    limit: int | None,
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Share of films rejected or in doubt when mirrored, upside down, or two in one picture."""
    from rich.markdown import Markdown

    from pedaxr.evaluation import hanging as measuring

    use_weights(weights)
    with library_errors():
        good = films_to_test(limit, test=films, shifted=shifted)
        sets = {name: [film.image_path for film in found] for name, found in good.items()}
        if not sets:
            raise InvalidRequest("Name a data set with --films, --shifted or both.")
        with progress_bar("Judging") as progress:
            figures = measuring.evaluate_hanging(sets, progress)
        table = measuring.hanging_table(figures)
        if document:
            publish(document, "hanging", table)
    show(lambda: Markdown(table), {"rows": figures.to_json()}, json_path)
