"""`pedaxr evaluate consistency`: whether reports contradict themselves, over whole sets of films."""

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


@click.command("consistency")
@data_option
@shifted_option
@limit_option
@records_option
@document_option
@weights_option
@json_option
def evaluate_consistency(
    data: Path,
    shifted: Path | None,
    limit: int | None,
    records: Path | None,
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Contradictions within reports, in English and Korean. Exits with status 1 if there is one."""
    from rich.markdown import Markdown

    from pedaxr.evaluation import consistency as measuring

    use_weights(weights)
    found = {}
    with library_errors():
        for name, films in films_to_test(limit, test=data, shifted=shifted).items():
            with progress_bar(f"Reporting, {name}", len(films) * len(measuring.WAYS)) as progress:
                found[name] = measuring.evaluate_consistency(films, records=records, progress=progress)
        table = measuring.consistency_table(found)
        if document:
            publish(document, "consistency", table)
    figures = {name: {way: told.to_json() for way, told in states.items()} for name, states in found.items()}
    show(lambda: Markdown(table), figures, json_path)
    if any(told.found for states in found.values() for told in states.values()):
        raise SystemExit(1)
