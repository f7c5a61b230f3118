"""`pedaxr ablation`: what each input of the report writer is worth."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedaxr_server.cli.data import library_errors
from pedaxr_server.cli.options import DATA, FILE_IN, FOLDER, FOLDER_IN, json_option, show
from pedaxr_server.cli.publish import publish
from pedaxr_server.cli.train.options import eyes_options

if TYPE_CHECKING:
    from pedaxr_models.captioning.ablation.scores import AblationScores

segmenter_option = click.option(
    "--segmenter", type=FOLDER_IN, help="Segmentation checkpoint that it uses (default: the bundled weights)."
)


@click.command()
@click.option("--data", type=DATA, required=True, help="Data set folder or its films.csv.")
@click.option(
    "--out", type=FOLDER, required=True, help="Receives every training, ablation.json, .md and .png."
)
@click.option(
    "--preset", type=click.Choice(("small", "full")), default="small", show_default=True,
    help="Two CPU cores or one GPU.",
)  # fmt: skip
@click.option(
    "--minutes",
    type=click.FloatRange(0, min_open=True),
    help="Minutes per variant and seed (default: preset).",
)
@click.option(
    "--steps",
    type=click.IntRange(1),
    help="Budget in steps instead of minutes, so that a busy machine does not matter.",
)
@click.option("--seeds", type=click.IntRange(1), default=3, show_default=True, help="Trainings per variant.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The first of the seeds.")
@segmenter_option
@click.option("--shifted", type=DATA, help="Films of `pedaxr films --shifted`, measured as well.")
@click.option(
    "--compare",
    "eyes",
    type=click.Choice(("linear", "convolutions", "hybrid", "imagenet")),
    multiple=True,
    help="Compare these --eyes instead, each seeing the film alone, on the validation films; repeatable.",
)
@click.option("--limit", type=click.IntRange(1), help="Measure on the first N films only.")
@click.option(
    "--publish",
    "document",
    type=FILE_IN,
    help="Write the table into this Markdown file and, but for --compare, into the card of --checkpoint.",
)
@click.option(
    "--checkpoint", type=FOLDER_IN, help="Checkpoint whose card is written (default: the bundled weights)."
)
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: torch's choice).")
@eyes_options
@json_option
def ablation(
    data: Path,
    out: Path,
    preset: str,
    minutes: float | None,
    steps: int | None,
    seeds: int,
    segmenter: Path | None,
    shifted: Path | None,
    eyes: tuple[str, ...],
    limit: int | None,
    document: Path | None,
    checkpoint: Path | None,
    json_path: Path | None,
    **options: Any,
) -> None:
    """Measure what film, metadata and masks are each worth to the report writer.

    Retrains the report writer from scratch without each input. Interrupt it at any time: the same command
    resumes where it left off.
    """
    from rich.markdown import Markdown

    from pedaxr_models.captioning.ablation.record import stored
    from pedaxr_models.captioning.ablation.report import ablation_table, draw_ablation
    from pedaxr_models.captioning.ablation.run import AblationConfig, run_ablation
    from pedaxr_models.captioning.train import preset as preset_of

    options |= {"minutes": minutes} if minutes else {}
    options |= {"steps": steps} if steps else {}
    with library_errors():
        training = preset_of(preset, data=data, out=out, segmenter=segmenter, **options)
        result = run_ablation(
            AblationConfig(training, seeds, shifted, limit, eyes), lambda line: click.echo(line, err=True)
        )
        table = ablation_table(result)
        (out / "ablation.md").write_text(table, encoding="utf-8")
        draw_ablation(result, out / "ablation.png")
        if document and eyes:
            publish(document, "eyes", table)
        elif document:
            _publish(document, checkpoint, result, table)
    show(lambda: Markdown(table), stored(result), json_path)


def _publish(document: Path, checkpoint: Path | None, result: "AblationScores", table: str) -> None:
    """Write the ablation into the document and into the card of the report writer."""
    from pedaxr_models.captioning.ablation.record import keep_ablation
    from pedaxr_models.captioning.card import model_card
    from pedaxr_models.captioning.evaluate import stored_scores, to_metrics
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.checkpoint import load_checkpoint, revise_checkpoint, weights_folder

    folder = checkpoint or weights_folder("captioner")
    kept = load_checkpoint(folder)
    keep_ablation(folder, result)
    metrics = replace(stored_scores(kept.metrics), ablation=result)
    revise_checkpoint(
        folder,
        metrics=to_metrics(metrics),
        card=model_card(Reporter.load(folder).network, metrics, kept.data),
    )
    publish(document, "ablation", table)
