"""`pedaxr learn`: weights from what was corrected, measured before anybody uses them."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr_server.cli.data import library_errors
from pedaxr_server.cli.evaluate.films import document_option
from pedaxr_server.cli.options import (
    DATA,
    console,
    home_option,
    json_option,
    names_options,
    show,
    use_weights,
    weights_option,
)
from pedaxr_server.cli.publish import publish

if TYPE_CHECKING:
    from pedaxr.learning.learn import Learned, Progress
    from pedaxr_models.datasets.own_names import OwnNames


@click.command()
@click.option("--data", type=DATA, help="Further films with outlines: a CSV or a data set folder.")
@click.option(
    "--held-out", type=DATA, help="Films to measure on (default: three in ten of the corrected children)."
)
@names_options
@click.option("--steps", type=click.IntRange(1), help="Optimiser steps (default: 4 a film, 80 to 600).")
@click.option("--size", type=click.IntRange(64), help="Side of the network's square (default: as served).")
@click.option("--batch-size", type=click.IntRange(1), default=4, show_default=True, help="Batch size.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: torch's choice).")
@click.option("--use", "is_used", is_flag=True, help="Put the new weights in use if they are better.")
@document_option
@home_option
@weights_option
@json_option
def learn(
    data: Path | None,
    held_out: Path | None,
    names: "OwnNames",
    steps: int | None,
    size: int | None,
    batch_size: int,
    seed: int,
    device: str,
    threads: int | None,
    is_used: bool,
    document: Path | None,
    home: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Fine-tune the weights in use on what was corrected, and measure before anybody uses the result.

    Interrupt at any time; the same command continues.
    """
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.weights import use_weights as put_in_use
    from pedaxr.learning.compare import comparison_table
    from pedaxr.learning.learn import Options
    from pedaxr.learning.learn import learn as run

    use_weights(weights)
    clinic = open_clinic(home)
    options = Options(
        data, held_out, names, steps, size, batch_size, seed=seed, device=device, threads=threads
    )
    with library_errors(), _steps() as progress:
        learned = run(clinic, options, progress)
    is_better = learned.comparison.verdict == "better"
    if is_used and is_better:
        put_in_use(learned.name, clinic=clinic)
    if document:
        publish(document, "learning", comparison_table(learned.comparison))
    figures = {
        "name": learned.name,
        "films": learned.films,
        "share": learned.share,
        "in_use": is_used and is_better,
        "measured": learned.comparison.to_json(),
    }
    show(lambda: _told(learned, is_in_use=is_used and is_better), figures, json_path)


@contextmanager
def _steps() -> "Iterator[Progress]":
    """A bar for each step, on stderr."""
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True)) as bar:
        tasks = {}

        def update(step: str, done: int, of: int, told: str) -> None:
            if step not in tasks:
                tasks[step] = bar.add_task(step, total=of)
            bar.update(tasks[step], completed=done, description=f"{step} {told}".strip())

        yield update


def _told(learned: "Learned", *, is_in_use: bool) -> str:
    from pedaxr_models.runtime.compiled import GRAPHS_FOLDER

    counts = ", ".join(f"{count} {name}" for name, count in learned.films.items())
    lines = [f"weights: {learned.name} (films: {counts})"]
    if learned.classes:
        lines.append(f"{learned.classes} films with a class alone set operating points and measure, no more")
    lines += learned.comparison.lines()
    verdict = learned.comparison.verdict
    if not (learned.folder / GRAPHS_FOLDER).is_dir():
        lines.append(
            "without compiled graphs: they serve where PyTorch is installed. Try "
            f"`pedaxr train graphs --weights {learned.folder}`."
        )
    if is_in_use:
        lines.append("in use from now on; a running server takes them when it is restarted")
        lines.append("back: pedaxr weights rollback")
    elif verdict == "worse":
        lines.append("not put in use: better is not replaced by worse. Correct more films and learn again.")
    else:
        lines.append(f"next: pedaxr weights use {learned.name}    (back: pedaxr weights rollback)")
    return "\n".join(lines)
