"""`pedaxr train captioner`: what writes reports."""

from pathlib import Path
from typing import Any

import click

from pedaxr_server.cli.data import library_errors
from pedaxr_server.cli.group import resumable
from pedaxr_server.cli.options import FOLDER_IN
from pedaxr_server.cli.train.options import check_new, eyes_options, tell_next, training_options


@click.command("captioner")
@training_options
@click.option(
    "--segmenter", type=FOLDER_IN, help="Segmentation checkpoint that it uses (default: the bundled weights)."
)
@click.option("--start-from", type=FOLDER_IN, help="Checkpoint folder to fine-tune.")
@click.option(
    "--measured-films", type=click.IntRange(1), help="Measure at most N held-out films (default: preset)."
)
@click.option("--vision", type=FOLDER_IN, help="Your pretrained ViT: a local folder of `save_pretrained`.")
@click.option("--text", type=FOLDER_IN, help="Your pretrained BERT: a local folder of `save_pretrained`.")
@eyes_options
@click.option(
    "--outlines-lost",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Share of training films without their predicted outlines, so that the film itself is looked at.",
)
@click.option(
    "--posed",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Other versions of each synthetic film to learn from: posed, exposed and processed otherwise.",
)
@click.option(
    "--real",
    type=FOLDER_IN,
    multiple=True,
    help="Folder of real films with partial truth (docs/real_films.md) to learn from as well; repeatable.",
)
@click.option("--fold", type=click.IntRange(0, 4), help="Leave this fifth of the real children out.")
@click.option("--leave-out", multiple=True, help="Child whose films are not learnt from; repeatable.")
@resumable("--resume")
def train_captioner(
    data: Path,
    out: Path,
    preset: str,
    minutes: float | None,
    steps: int | None,
    segmenter: Path | None,
    start_from: Path | None,
    measured_films: int | None,
    **options: Any,
) -> None:
    """Train the vision transformer and decoder that write reports."""
    from pedaxr_models.captioning import train as training

    check_new(out, resume=options["resume"])
    given = {"minutes": minutes, "steps": steps, "start_from": start_from, "measured_films": measured_films}
    options |= {name: value for name, value in given.items() if value is not None}
    config = training.preset(preset, data=data, out=out, segmenter=segmenter, **options)
    with library_errors():
        tell_next(training.train_captioner(config))
