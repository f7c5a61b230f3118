"""`pedaxr walkthrough`: run a page of documentation and write what it printed into it."""

from pathlib import Path

import click

from pedaxr_server.cli.options import use_weights, weights_option


@click.command()
@click.argument("page", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@weights_option
def walkthrough(page: Path, weights: Path | None) -> None:
    """Run the Python in PAGE (Markdown) from top to bottom and write what it prints back into it.

    Run it only on pages of your own: their code can do whatever you can.
    """
    from pedaxr_server.cli.run_document import run_document

    use_weights(weights)
    run_document(page)
    click.echo(f"ran: {page}")
