"""What several trainings take, and what each says at its end."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from pedaxr.errors import InvalidRequest
from pedaxr.text import counted
from pedaxr_server.cli.options import DATA, FOLDER, names_options, with_options

F = TypeVar("F", bound=Callable[..., Any])
FEWEST_VALIDATION_FILMS = 20


def training_options(command: F) -> F:
    """Options that both trainings share."""
    options = (
        click.option("--data", type=DATA, required=True, help="Data set folder, or a table of films."),
        click.option("--out", type=FOLDER, required=True, help="Receives curves, metrics and checkpoint/."),
        click.option(
            "--preset", type=click.Choice(("small", "full", "finetune")), default="small",
            show_default=True, help="Two CPU cores, one GPU, or fine-tuning from the bundled weights.",
        ),
        click.option(
            "--minutes", type=click.FloatRange(0, min_open=True),
            help="Time budget in minutes (default: preset).",
        ),
        click.option("--steps", type=click.IntRange(1), help="Budget in optimiser steps instead of minutes."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
        click.option("--resume", is_flag=True, help="Continue the interrupted run in --out."),
        click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto."),
        click.option("--threads", type=click.IntRange(1), help="CPU threads (default: torch's choice)."),
    )  # fmt: skip
    return with_options(names_options(command), options)


def eyes_options(command: F) -> F:
    """Options for a reader that is to learn to see from few films."""
    options = (
        click.option(
            "--eyes", "--stem", "stem", type=click.Choice(("linear", "convolutions", "hybrid", "imagenet")),
            default="linear", show_default=True,
            help="Patch embedding: linear, convolutions, or features of the frozen backbone of the "
            "segmentation (hybrid) or of ImageNet.",
        ),
        click.option(
            "--outline-weight", type=click.FloatRange(0), default=0.0, show_default=True,
            help="Weight of predicting the outlines from each patch, falling to 0 over the budget.",
        ),
        click.option(
            "--tells-findings", is_flag=True, help="Let the decoder attend to the finding head's features."
        ),
        click.option(
            "--quiet-masks", is_flag=True, help="Fill planes without an outline with 0 instead of -1."
        ),
    )  # fmt: skip
    return with_options(command, options)


def check_new(out: Path, *, resume: bool) -> None:
    """Raises InvalidRequest where a training lies in the folder that is neither continued nor to be lost."""
    if not resume and (out / "state.pt").exists():
        raise InvalidRequest(
            f"{out} holds a training already, which would be lost. Go on with it by --resume, or give "
            "another --out."
        )


def tell_next(checkpoint: Path) -> None:
    """Where the network is, how little few validation films prove, and which command comes next."""
    from pedaxr_models.checkpoint import load_checkpoint

    click.echo(f"checkpoint: {checkpoint}")
    if not checkpoint.is_dir():
        return
    films = load_checkpoint(checkpoint, with_tensors=False).data.get("films", {}).get("validation")
    if films is not None and films < FEWEST_VALIDATION_FILMS:
        click.echo(
            f"Only {counted(films, 'validation film')}: fewer than {FEWEST_VALIDATION_FILMS} prove nothing, "
            "neither that these weights are better nor that they are worse."
        )
    click.echo(
        f"next: pedaxr weights use {checkpoint.parent}    (the network not in there stays the bundled one; "
        f"to try it once: PEDAXR_WEIGHTS={checkpoint.parent} pedaxr segment FILM)"
    )
