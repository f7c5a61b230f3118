"""`pedaxr train` and `pedaxr evaluate`: both networks, from a data set folder or its films.csv."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.options import FOLDER, json_option, show
from pedaxr_server.cli.publish import publish

if TYPE_CHECKING:
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.datasets.film import Film
    from pedaxr_models.segmentation.segmenter import Segmenter

F = TypeVar("F", bound=Callable[..., Any])
_DATA = click.Path(path_type=Path, exists=True)
_SPLITS = ("train", "validation", "test")
BACKBONES = ("mobilenet_v3_large", "resnet50", "resnet101")
HEADS = ("deeplabv3plus", "deeplabv3")


def _train_options(command: F) -> F:
    """Options that both trainings share."""
    options = (
        click.option("--data", type=_DATA, required=True, help="Data set folder or its films.csv."),
        click.option("--out", type=FOLDER, required=True, help="Receives curves, metrics and checkpoint/."),
        click.option(
            "--preset", type=click.Choice(("small", "full", "finetune")), default="small",
            show_default=True, help="For two CPU cores, for one GPU, or from the shipped weights.",
        ),
        click.option("--minutes", type=click.FloatRange(0, min_open=True), help="Budget (default: preset)."),
        click.option("--seed", type=click.IntRange(0), default=0, show_default=True),
        click.option("--resume", is_flag=True, help="Go on where a stopped run in --out was."),
        click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto."),
        click.option("--threads", type=click.IntRange(1), help="CPU threads (default: torch's choice)."),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


def _evaluation_options(command: F) -> F:
    """Options that both evaluations share."""
    options = (
        click.option("--data", type=_DATA, required=True, help="Data set folder or its films.csv."),
        click.option("--checkpoint", type=FOLDER, help="Checkpoint folder (default: the shipped weights)."),
        click.option(
            "--split", type=click.Choice(_SPLITS), default="test", show_default=True, help="Which films."
        ),
        click.option("--limit", type=click.IntRange(1), help="Only the first so many films."),
        click.option("--shifted", type=_DATA, help="Films of `pedaxr films --shifted`, measured as well."),
        click.option(
            "--publish",
            "document",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Write the figures into this Markdown file and into the checkpoint's model card.",
        ),
        click.option(
            "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the intervals."
        ),
        json_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def eyes_options(command: F) -> F:
    """Options for a reader that is to learn to see from few films."""
    options = (
        click.option(
            "--stem", type=click.Choice(("linear", "convolutions")), default="linear", show_default=True,
            help="How patches of the film become tokens.",
        ),
        click.option(
            "--outline-weight", type=click.FloatRange(0), default=0.0, show_default=True,
            help="Weight of telling the outlines from each patch, falling to 0 over the budget.",
        ),
        click.option(
            "--tells-findings", is_flag=True, help="Let the decoder attend to what the finding head goes by."
        ),
        click.option(
            "--quiet-masks", is_flag=True, help="Planes on which nothing was outlined are 0, not -1."
        ),
    )  # fmt: skip
    for option in reversed(options):
        command = option(command)
    return command


@click.group()
def train() -> None:
    """Train a network; stop it whenever you like and go on with --resume."""


@train.command("segmentation")
@_train_options
@click.option(
    "--start-from",
    type=click.Path(path_type=Path, exists=True),
    help="Checkpoint folder to fine-tune, or torchvision file for the backbone.",
)
@click.option("--backbone", type=click.Choice(BACKBONES), help="Of the network (default: preset).")
@click.option("--head", type=click.Choice(HEADS), help="Plain DeepLabv3, or with skips (default: preset).")
@click.option("--batch-size", type=click.IntRange(1), help="Films a batch (default: preset).")
@click.option("--accumulate", type=click.IntRange(1), help="Batches a step (default: preset).")
@click.option("--patience", type=click.IntRange(1), help="Stop after so many validations that are no better.")
def train_segmentation(
    data: Path, out: Path, preset: str, backbone: str | None, head: str | None, **options: Any
) -> None:
    """Train DeepLabv3 to outline findings and structures."""
    from pedaxr_models.segmentation import train as training

    given = {name: value for name, value in options.items() if value is not None}
    config = training.preset(preset, data=data, out=out, **given)
    if (backbone or head) and config.start_from and config.start_from.is_dir():
        raise InvalidRequest(
            "A run that starts from a checkpoint folder has its network. Leave out --backbone and --head, or "
            "start from a torchvision file or from nothing."
        )
    network = config.network
    network = replace(network, backbone=backbone or network.backbone, head=head or network.head)
    config = replace(config, network=network)
    with library_errors():
        checkpoint = training.train_segmentation(config)
        _tell(checkpoint)


def _tell(checkpoint: Path) -> None:
    """Where the network is, and whether it outlines the held-out films better than the one it began as."""
    from pedaxr_models.checkpoint import load_checkpoint
    from pedaxr_models.segmentation.evaluate import mean_dice

    if not checkpoint.is_dir():
        return  # another process of this training writes it
    metrics = load_checkpoint(checkpoint).metrics
    before = metrics.get("mean_dice_before")
    began = f" (before: {before:.3f})" if before is not None else ""
    dice = mean_dice(metrics)
    if dice is not None:
        click.echo(f"mean Dice of the findings, {metrics['films']} held-out films: {dice:.3f}{began}")
    click.echo(f"checkpoint: {checkpoint}")


@train.command("captioner")
@_train_options
@click.option(
    "--segmenter", type=FOLDER, help="Segmentation checkpoint it reads with (default: the shipped weights)."
)
@click.option("--start-from", type=FOLDER, help="Checkpoint folder to fine-tune.")
@click.option("--vision", type=FOLDER, help="Your pretrained ViT: a local folder of `save_pretrained`.")
@click.option("--text", type=FOLDER, help="Your pretrained BERT: a local folder of `save_pretrained`.")
@eyes_options
def train_captioner(
    data: Path,
    out: Path,
    preset: str,
    minutes: float | None,
    segmenter: Path | None,
    start_from: Path | None,
    **options: Any,
) -> None:
    """Train the vision transformer and decoder that write reports."""
    from pedaxr_models.captioning import train as training

    given = {"minutes": minutes, "start_from": start_from}
    options |= {name: value for name, value in given.items() if value is not None}
    config = training.preset(preset, data=data, out=out, segmenter=segmenter, **options)
    with library_errors():
        click.echo(f"checkpoint: {training.train_captioner(config)}")


@train.command("thresholds")
@click.option("--data", type=_DATA, required=True, help="Data set folder or CSV; its validation films count.")
@click.option("--checkpoint", type=FOLDER, required=True, help="Segmentation whose thresholds are replaced.")
def train_thresholds(data: Path, checkpoint: Path) -> None:
    """Choose anew from which probability a segmentation outlines; its weights stay as they are."""
    from pedaxr_models.checkpoint import revise_checkpoint
    from pedaxr_models.datasets import read_films
    from pedaxr_models.segmentation.data import split_films
    from pedaxr_models.segmentation.segmenter import Segmenter
    from pedaxr_models.segmentation.thresholds import calibrate

    with library_errors():
        segmenter = Segmenter.load(checkpoint)
        films = split_films(read_films(data))["validation"]
        with progress_bar("Outlining", len(films)) as bar:
            calibrate(segmenter, films, _counter(bar, len(films)))
        revise_checkpoint(checkpoint, config=segmenter.to_config())
    chosen = (f"{channel} {threshold:.3f}" for channel, threshold in segmenter.thresholds.items())
    click.echo(f"thresholds of {checkpoint}, from {len(films)} validation films: {', '.join(chosen)}")


@click.group()
def evaluate() -> None:
    """Measure a network on films it has not seen."""


@evaluate.command("segmentation")
@_evaluation_options
@click.option(
    "--cases",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the best, median and worst film of each finding into this PNG; those of --shifted into "
    "NAME_shifted.png beside it.",
)
def evaluate_segmentation(
    data: Path,
    checkpoint: Path | None,
    split: str,
    limit: int | None,
    shifted: Path | None,
    document: Path | None,
    seed: int,
    json_path: Path | None,
    cases: Path | None,
) -> None:
    """Dice, surface distance, sensitivity, specificity, AUROC, calibration and errors of measures."""
    from rich.markdown import Markdown

    from pedaxr_models.checkpoint import load_checkpoint, revise_checkpoint, weights_folder
    from pedaxr_models.segmentation.card import model_card
    from pedaxr_models.segmentation.metrics_tables import metrics_table, summary_table
    from pedaxr_models.segmentation.segmenter import Segmenter

    folder = checkpoint or weights_folder("segmentation")
    with library_errors():
        segmenter = Segmenter.load(folder)
        metrics = _outline(segmenter, data, split, limit, seed, trained_in=folder.parent)
        if shifted:
            metrics["shifted"] = _outline(segmenter, shifted, "test", limit, seed)
        if cases:
            _draw_cases(segmenter, data, split, limit, cases)
            if shifted:
                _draw_cases(segmenter, shifted, "test", limit, cases.with_stem(f"{cases.stem}_shifted"))
        if document:
            made = load_checkpoint(folder).data
            card = model_card(segmenter.network_config, metrics, made)
            revise_checkpoint(folder, metrics=metrics, card=card)
            publish(document, "segmentation", summary_table(metrics))
    show(lambda: Markdown(metrics_table(metrics)), metrics, json_path)


def _draw_cases(segmenter: "Segmenter", data: Path, split: str, limit: int | None, path: Path) -> None:
    from pedaxr_models.segmentation.pictures import draw_case_sheet

    try:
        draw_case_sheet(segmenter, films_of_split(data, split, limit), path)
    except ValueError as err:
        raise InvalidRequest(f"{err} Choose another --split or --data.") from err


def _outline(
    segmenter: "Segmenter",
    data: Path,
    split: str,
    limit: int | None,
    seed: int,
    *,
    trained_in: Path | None = None,
) -> dict[str, Any]:
    from pedaxr_models.datasets.origin import is_synthetic
    from pedaxr_models.segmentation.evaluate import evaluate_segmentation as measure

    films = films_of_split(data, split, limit, trained_in=trained_in)
    with progress_bar("Outlining", len(films)) as bar:
        count = _counter(bar, len(films))
        return measure(segmenter, films, synthetic=is_synthetic(data), seed=seed, progress=count)


@evaluate.command("captioner")
@_evaluation_options
@click.option(
    "--num-beams", type=click.IntRange(1), default=1, show_default=True, help="Beam search; 1 is greedy."
)
@click.option(
    "--segmenter", type=FOLDER, help="Segmentation checkpoint it reads with (default: the shipped weights)."
)
def evaluate_captioner(
    data: Path,
    checkpoint: Path | None,
    split: str,
    limit: int | None,
    shifted: Path | None,
    document: Path | None,
    seed: int,
    json_path: Path | None,
    segmenter: Path | None,
    num_beams: int,
) -> None:
    """Facts stated rightly, hallucinated and omitted, beside readers that do not look at the film."""
    from rich.markdown import Markdown

    from pedaxr_models.captioning.ablation.record import kept_ladder
    from pedaxr_models.captioning.card import metrics_table, model_card, reading_table
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.checkpoint import load_checkpoint, revise_checkpoint, weights_folder
    from pedaxr_models.segmentation.segmenter import Segmenter

    folder = checkpoint or weights_folder("captioner")
    with library_errors():
        outliner = Segmenter.load(segmenter or weights_folder("segmentation"))
        reporter = Reporter.load(folder, num_beams=num_beams)
        ladder = kept_ladder(folder, load_checkpoint(folder).metrics)  # measured by `pedaxr ladder`
        metrics = _read(reporter, outliner, data, split, limit, seed)
        if shifted:
            metrics["shifted"] = _read(reporter, outliner, shifted, "test", limit, seed)
        metrics["measured_with"] = {
            "captioner": reporter.weights_sha256,
            "segmentation": outliner.weights_sha256,
            "search": f"beam search over {num_beams} texts" if num_beams > 1 else "greedy search",
        }
        if ladder:
            metrics["ladder"] = ladder
        if document:
            card = model_card(reporter.network, metrics, load_checkpoint(folder).data)
            revise_checkpoint(folder, metrics=metrics, card=card)
            publish(document, "captioner", reading_table(metrics))
    show(lambda: Markdown(metrics_table(metrics)), metrics, json_path)


def _read(
    reporter: "Reporter", outliner: "Segmenter", data: Path, split: str, limit: int | None, seed: int
) -> dict[str, Any]:
    """Measure on the films and on pictures that are none; both as the report writer sees them, segmented.

    Raises:
        InvalidRequest: no film says what is on it.
    """
    from pedaxr_models.captioning.evaluate import evaluate_captioner as measure
    from pedaxr_models.captioning.inputs import open_inputs, open_strangers
    from pedaxr_models.datasets.origin import is_synthetic

    films = films_of_split(data, split, limit)
    if not any(film.facts for film in films):
        raise InvalidRequest(
            "These films carry no facts to compare with. Use films written by `pedaxr films`."
        )
    size = reporter.network.config.image_size
    with TemporaryDirectory() as folder, progress_bar("Outlining", len(films)) as bar:
        inputs = open_inputs(films, outliner, Path(folder), size, progress=_counter(bar, len(films)))
        strangers = open_strangers(outliner, Path(folder), size)
    return measure(reporter, inputs, strangers, synthetic=is_synthetic(data), seed=seed)


def films_of_split(
    data: Path, split: str, limit: int | None, *, trained_in: Path | None = None
) -> "list[Film]":
    """The films marked as of that split; where the source marks none, as the training in `trained_in` divided
    them, its unknown patients being of the test; and else all films.

    Raises:
        InvalidRequest: there are none.
    """
    from pedaxr_models.datasets import read_films
    from pedaxr_models.datasets.splits import read_splits

    films = read_films(data)
    divided = trained_in / "splits.json" if trained_in else None
    if divided and divided.is_file() and not any(film.split for film in films):
        films = [replace(film, split=film.split or "test") for film in read_splits(divided, films)]
    if any(film.split for film in films):
        films = [film for film in films if film.split == split]
    if not films:
        raise InvalidRequest(f"{data} has no films in the {split} split. Choose another --split or --data.")
    return films[:limit]


def _counter(bar: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    """A callback that takes how many more are done, for a bar that takes how many are."""
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        bar(done, total)

    return advance
