"""`pedaxr read`: a whole archive of films into Parquet files."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import progress_bar
from pedaxr_server.cli.group import resumable
from pedaxr_server.cli.options import DATA, FOLDER, json_option, show, use_weights, weights_option

if TYPE_CHECKING:
    from rich.table import Table

    from pedaxr.archive.read_archive import Tally


@click.command()
@click.argument("source", type=DATA, metavar="FOLDER|CSV")
@click.option("--out", type=FOLDER, required=True, help="Where the Parquet parts go; resumed when not empty.")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=2,
    show_default=True,
    help="Processes that read in parallel, one thread each.",
)
@click.option(
    "--part-size", type=click.IntRange(1, 100_000), default=200, show_default=True, help="Films per part."
)
@click.option(
    "--batch",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Films that the segmentation looks at together: for a GPU; on a CPU 1 is fastest.",
)
@click.option("--ray", "on_ray", is_flag=True, help="Use a Ray cluster instead (pip install 'pedaxr[ray]').")
@weights_option
@json_option
@resumable()
def read(
    source: Path,
    out: Path,
    processes: int,
    part_size: int,
    batch: int,
    on_ray: bool,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Outline and report every film of an archive, into Parquet files.

    Resumes where it left off. A film that cannot be read becomes a row with its error.
    """
    use_weights(weights)
    _need_pyarrow()
    with progress_bar("Reading films") as progress:
        if on_ray:
            from pedaxr.archive.on_ray import read_archive_on_ray

            tally = read_archive_on_ray(source, out, shard_size=part_size, batch=batch, progress=progress)
        else:
            from pedaxr.archive.read_archive import read_archive

            tally = read_archive(
                source, out, processes=processes, shard_size=part_size, batch=batch, progress=progress
            )
    plain = {"skipped": tally.skipped, **dict(tally.counts)}
    show(lambda: _table(tally, out), plain, json_path)


def _need_pyarrow() -> None:
    from importlib.util import find_spec

    if find_spec("pyarrow") is None:
        raise InvalidRequest("Parquet files need pyarrow. Run `pip install 'pedaxr[archive]'`.")


def _table(tally: "Tally", out: Path) -> "Table":
    from rich.table import Table

    table = Table(title=f"Films, in {out}")
    table.add_column("status")
    table.add_column("films", justify="right")
    for status, films in sorted(tally.counts.items()):
        table.add_row(status, str(films))
    if tally.skipped:
        table.add_row("read before", str(tally.skipped), style="dim")
    return table
