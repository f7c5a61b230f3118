"""`pedaxr train graphs`: networks compiled for serving."""

from pathlib import Path

import click

from pedaxr_server.cli.data import library_errors
from pedaxr_server.cli.options import FOLDER_IN


@click.command("graphs")
@click.option(
    "--weights", type=FOLDER_IN, help="Folder of one or both networks (default: the bundled weights)."
)
def train_graphs(weights: Path | None) -> None:
    """Compile trained networks to graphs next to them, which serve without PyTorch."""
    from pedaxr_models.checkpoint import weights_root
    from pedaxr_models.runtime.compiled import write_graphs

    with library_errors():
        for path in write_graphs(weights or weights_root()):
            click.echo(f"{path} ({path.stat().st_size / 2**20:.1f} MiB)")
