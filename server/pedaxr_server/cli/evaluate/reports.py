"""`pedaxr evaluate reports`: whole reports, as they are served, against the true masks of the films."""

from pathlib import Path

import click

from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import (
    data_option,
    document_option,
    films_to_test,
    limit_option,
    records_option,
    shifted_option,
)
from pedaxr_server.cli.options import json_option, show, use_weights, weights_option
from pedaxr_server.cli.publish import publish


@click.command("reports")
@data_option
@shifted_option
@limit_option
@click.option(
    "--seed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Seed for the injected wrong diagnoses.",
)
@records_option
@document_option
@weights_option
@json_option
def evaluate_reports(
    data: Path,
    shifted: Path | None,
    limit: int | None,
    seed: int,
    records: Path | None,
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Grounded and unsupported sentences, missed free air, reaction to injected wrong diagnoses."""
    from rich.markdown import Markdown

    from pedaxr.evaluation import reports as measuring

    use_weights(weights)
    found = {}
    with library_errors():
        for name, films in films_to_test(limit, test=data, shifted=shifted).items():
            with progress_bar(f"Reporting, {name}", len(films)) as progress:
                found[name] = measuring.evaluate_reports(films, seed=seed, records=records, progress=progress)
        table = measuring.reports_table(found)
        if document:
            publish(document, "report", table)
    figures = {
        name: [share.to_json() for share in measuring.report_figures(rows)] for name, rows in found.items()
    }
    show(lambda: Markdown(table), figures, json_path)
