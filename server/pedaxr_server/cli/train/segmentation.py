"""`pedaxr train segmentation`, `mixed`, `mean` and `thresholds`: what outlines."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedaxr.errors import InvalidRequest
from pedaxr.text import counted
from pedaxr_models.labels import CHANNELS
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import counter
from pedaxr_server.cli.group import resumable
from pedaxr_server.cli.options import DATA, FOLDER, FOLDER_IN, names_options
from pedaxr_server.cli.train.options import check_new, tell_next, training_options

if TYPE_CHECKING:
    from pedaxr_models.datasets.own_names import OwnNames

BACKBONES = ("mobilenet_v3_large", "efficientnet_lite0", "resnet50", "resnet101")
HEADS = ("deeplabv3plus", "deeplabv3")


@click.command("segmentation")
@training_options
@click.option(
    "--start-from",
    type=DATA,
    help="Checkpoint folder to fine-tune, or torchvision file for the backbone.",
)
@click.option("--backbone", type=click.Choice(BACKBONES), help="Backbone of the network (default: preset).")
@click.option(
    "--head",
    type=click.Choice(HEADS),
    help="Plain DeepLabv3, or DeepLabv3+ with skip connections (default: preset).",
)
@click.option("--batch-size", type=click.IntRange(1), help="Batch size (default: preset).")
@click.option("--accumulate", type=click.IntRange(1), help="Gradient accumulation steps (default: preset).")
@click.option("--patience", type=click.IntRange(1), help="Stop after N validations without improvement.")
@resumable("--resume")
def train_segmentation(
    data: Path, out: Path, preset: str, backbone: str | None, head: str | None, **options: Any
) -> None:
    """Train DeepLabv3 to outline findings and structures."""
    from pedaxr_models.segmentation import train as training

    check_new(out, resume=options["resume"])
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


@click.command("mixed")
@click.option(
    "--data", type=DATA, multiple=True, required=True, help="Data set folder of synthetic films; repeatable."
)
@click.option(
    "--real",
    type=FOLDER_IN,
    multiple=True,
    required=True,
    help="Folder of real films with partial truth (docs/real_films.md); repeatable.",
)
@click.option("--out", type=FOLDER, required=True, help="Receives state.pt, average.pt and log.jsonl.")
@click.option(
    "--stage",
    "stages",
    type=(click.IntRange(32), click.IntRange(1)),
    multiple=True,
    default=((192, 3000), (384, 1000)),
    show_default=True,
    metavar="SIDE STEPS",
    help="Side of the network's square and steps at it; repeatable, the last is the serving size.",
)
@click.option("--start-from", type=FOLDER_IN, help="Checkpoint folder (default: ImageNet weights).")
@click.option("--leave-out", multiple=True, help="Child whose films are not trained on; repeatable.")
@click.option(
    "--also",
    type=FOLDER_IN,
    multiple=True,
    help="Folder of films that every fold learns from, such as `pedaxr films --onto` makes; repeatable.",
)
@click.option(
    "--keep-norms",
    is_flag=True,
    help="Keep batch normalisation's statistics: for small batches of few films.",
)
@click.option(
    "--only",
    type=click.Choice(CHANNELS),
    multiple=True,
    metavar="CHANNEL",
    help="Learn this channel, and keep the backbone and the others as they are in --start-from; repeatable.",
)
@click.option(
    "--last-layer",
    is_flag=True,
    help="With --only: learn the last layer alone, so that the other channels stay exactly as they are.",
)
@click.option(
    "--kept",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    show_default=True,
    help="With --only: share of the weights in --start-from that comes out again, which forgets less.",
)
@click.option(
    "--batch",
    type=(click.IntRange(1), click.IntRange(0), click.IntRange(0)),
    metavar="SYNTHETIC ABDOMENS OTHER",
    help="Films of each kind in a batch (default: 5 2 1).",
)
@click.option(
    "--fold",
    type=click.IntRange(0, 4),
    help="Leave out this fifth of the children to measure on them; half of the other pictures always is.",
)
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="Peak (default: 0.002).")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--resume", is_flag=True, help="Continue the interrupted run in --out.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: torch's choice).")
@resumable("--resume")
def train_mixed(real: tuple[Path, ...], batch: tuple[int, int, int] | None, **options: Any) -> None:
    """Train EfficientNet-Lite0 on synthetic and real films together, some truths being known in part."""
    from pedaxr_models.segmentation.mixed import train as training
    from pedaxr_models.segmentation.mixed.batches import Shares
    from pedaxr_models.segmentation.mixed.package import package

    check_new(options["out"], resume=options["resume"])
    given = {name: value for name, value in options.items() if value is not None}
    if options["only"] and not options["start_from"]:
        raise InvalidRequest(
            "With --only a run needs --start-from: the weights that keep the other channels."
        )
    if (options["last_layer"] or options["kept"]) and not options["only"]:
        raise InvalidRequest("--last-layer and --kept go with --only: say which channels are to be learnt.")
    if batch:
        given["shares"] = Shares(*batch)
    config = training.MixedConfig(real=real, **given)
    with library_errors():
        training.train_mixed(config, report=click.echo)
    tell_next(package(config))


@click.command("mean")
@click.argument("runs", nargs=-1, required=True, type=FOLDER_IN)
@click.option("--out", type=FOLDER, required=True, help="Receives the checkpoint.")
def train_mean(runs: tuple[Path, ...], out: Path) -> None:
    """Average the weights of RUNS that began alike, such as the five folds of `pedaxr train mixed --fold`."""
    from pedaxr_models.segmentation.mixed.mean import save_mean

    with library_errors():
        click.echo(f"checkpoint: {save_mean([run / 'checkpoint' for run in runs], out)}")


def _tell(checkpoint: Path) -> None:
    """Where the network is, and whether it outlines the held-out films better than the one it began as."""
    from pedaxr_models.checkpoint import load_checkpoint
    from pedaxr_models.segmentation.scores import stored_scores

    if not checkpoint.is_dir():
        return  # another process of this training writes it
    scores = stored_scores(load_checkpoint(checkpoint).metrics)
    before, dice = scores.mean_dice_before, scores.mean_dice
    began = f" (before: {before:.3f})" if before is not None else ""
    if dice is not None:
        click.echo(f"mean Dice of the findings, {scores.films} held-out films: {dice:.3f}{began}")
    tell_next(checkpoint)


def _probabilities(
    context: click.Context, parameter: click.Parameter, given: tuple[str, ...]
) -> dict[str, float]:
    """FINDING=P options as a mapping."""
    from pedaxr_models.labels import FINDINGS

    chosen = {}
    for text in given:
        name, _, value = text.partition("=")
        try:
            chosen[name] = float(value)
        except ValueError as err:
            raise click.BadParameter(f"{text!r} is not FINDING=P with a probability P.") from err
        if name not in FINDINGS or not 0 < chosen[name] < 1:
            raise click.BadParameter(f"{text!r}: name one of {', '.join(FINDINGS)} and a P between 0 and 1.")
    return chosen


@click.command("thresholds")
@click.option(
    "--data", type=DATA, required=True, help="Data set folder or CSV; its validation films are used."
)
@click.option("--checkpoint", type=FOLDER_IN, required=True, help="Checkpoint whose thresholds are replaced.")
@click.option(
    "--call",
    "calls",
    multiple=True,
    metavar="FINDING=P",
    callback=_probabilities,
    help="Call a finding from this probability only, wherever it is outlined from; repeatable.",
)
@click.option(
    "--only",
    type=click.Choice(CHANNELS),
    multiple=True,
    metavar="CHANNEL",
    help="Choose those of this channel alone, and keep the others; repeatable.",
)
@names_options
def train_thresholds(
    data: Path, checkpoint: Path, calls: dict[str, float], only: tuple[str, ...], names: "OwnNames"
) -> None:
    """Choose the outline thresholds of a segmentation again, without training."""
    from pedaxr_models.checkpoint import revise_checkpoint
    from pedaxr_models.datasets import read_films
    from pedaxr_models.segmentation.data import split_films
    from pedaxr_models.segmentation.segmenter import Segmenter
    from pedaxr_models.segmentation.thresholds import CALLED_PX, calibrate

    with library_errors():
        segmenter = Segmenter.load(checkpoint)
        films = split_films(read_films(data, names=names))["validation"]
        with progress_bar("Outlining", len(films)) as bar:
            calibrate(segmenter, films, counter(bar, len(films)), only=only or CHANNELS)
        segmenter.call_thresholds |= calls
        segmenter.min_area_px |= dict.fromkeys(calls, CALLED_PX)
        revise_checkpoint(checkpoint, config=segmenter.to_config())
    chosen = (f"{channel} {threshold:.3f}" for channel, threshold in segmenter.thresholds.items())
    seen = counted(len(films), "validation film")
    click.echo(f"thresholds of {checkpoint}, from {seen}: {', '.join(chosen)}")
