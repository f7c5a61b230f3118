"""`pedaxr train tubes`, `free-air` and `second-look`: small networks that look for one thing."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from pedaxr_server.cli.data import library_errors
from pedaxr_server.cli.group import resumable
from pedaxr_server.cli.options import DATA, FOLDER, FOLDER_IN, use_weights, weights_option
from pedaxr_server.cli.train.options import check_new


@click.command("tubes")
@click.option("--data", type=DATA, required=True, help="Data set folder of synthetic films, with masks.")
@click.option(
    "--real",
    type=FOLDER_IN,
    multiple=True,
    help="Folder of real films with partial truth (docs/real_films.md) to draw tubes on; repeatable.",
)
@click.option("--leave-out", multiple=True, help="Child whose films are not learnt from; repeatable.")
@click.option("--out", type=FOLDER, required=True, help="Receives state.pt, losses.json and checkpoint/.")
@click.option("--steps", type=click.IntRange(1), default=5000, show_default=True, help="Optimiser steps.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Continue the interrupted run in --out.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@resumable("--resume")
def train_tubes(**options: Any) -> None:
    """Train the small network that sees gastric tubes, on films that tubes are drawn onto."""
    from pedaxr_models.tubes import train as training

    check_new(options["out"], resume=options["resume"])
    config = training.TubeConfig(**options)
    with library_errors():
        training.train_tubes(config)
        click.echo(f"checkpoint: {training.package(config)}")


@click.command("free-air")
@click.option("--data", type=DATA, required=True, help="Data set folder of synthetic films, with masks.")
@click.option("--real", type=FOLDER_IN, multiple=True, help="Folder of real films (docs/real_films.md).")
@click.option("--also", type=FOLDER_IN, multiple=True, help="Folder that all folds learn from; repeatable.")
@click.option("--fold", type=click.IntRange(0, 4), help="Leave this fifth of the children out.")
@click.option("--batch", type=(click.IntRange(0),) * 3, help="Synthetic films, abdomens, other pictures.")
@click.option("--side", type=click.IntRange(64), default=384, show_default=True, help="Pixels of a film.")
@click.option(
    "--start-from",
    type=DATA,
    help="An average.pt, or a base/ folder of a run.",
)
@click.option("--from-bundled", is_flag=True, help="Go on from bundled weights that saw no real abdomen.")
@click.option("--out", type=FOLDER, required=True, help="Receives state.pt, losses.json and checkpoint/.")
@click.option("--steps", type=click.IntRange(1), default=2500, show_default=True, help="Optimiser steps.")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=2e-3, show_default=True)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Continue the interrupted run in --out.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@resumable("--resume")
def train_free_air(batch: tuple[int, int, int] | None, from_bundled: bool, **options: Any) -> None:
    """Train the small network that looks for free air beside the segmentation."""
    from pedaxr_models.free_air import train as training

    if from_bundled:
        if options["start_from"] is not None:
            raise click.UsageError("Give --start-from or --from-bundled, not both.")
        options["start_from"] = training.BASE
    check_new(options["out"], resume=options["resume"])
    if batch is not None:
        synthetic, abdomen, other = batch
        options["shares"] = replace(training.SHARES, synthetic=synthetic, abdomen=abdomen, other=other)
    config = training.FreeAirConfig(**options)
    with library_errors():
        training.train_free_air(config)
        click.echo(f"checkpoint: {training.package(config)}")


@click.command("second-look")
@click.argument("run", type=FOLDER_IN)
@click.option("--outlined-from", type=float, required=True, help="Its log-odds from which air is outlined.")
@click.option("--called-from", type=float, required=True, help="Its log-odds from which air is called.")
@click.option("--out", type=FOLDER, required=True, help="Receives the segmentation checkpoint.")
@weights_option
def train_second_look(
    run: Path, outlined_from: float, called_from: float, out: Path, weights: Path | None
) -> None:
    """Put RUN of `pedaxr train free-air` beside the segmentation in use: the surer of both counts."""
    from pedaxr_models.checkpoint import weights_folder
    from pedaxr_models.free_air.join import join

    use_weights(weights)
    with library_errors():
        folder = weights_folder("segmentation")
        points = {"outlined_from": outlined_from, "called_from": called_from}
        click.echo(f"checkpoint: {join(folder, run / 'checkpoint', out, **points)}")
