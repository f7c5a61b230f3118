"""`pedaxr evaluate segmentation` and `captioner`: one network on films it has not seen."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import SPLITS, counter, data_option, films_of_split, shifted_option
from pedaxr_server.cli.options import FILE, FILE_IN, FOLDER_IN, json_option, names_options, show, with_options
from pedaxr_server.cli.publish import publish

if TYPE_CHECKING:
    from pedaxr_models.captioning.evaluate import CaptionerScores
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.datasets.own_names import OwnNames
    from pedaxr_models.segmentation.scores import SegmentationScores
    from pedaxr_models.segmentation.segmenter import Segmenter

F = TypeVar("F", bound=Callable[..., Any])


def _evaluation_options(command: F) -> F:
    """Options that both evaluations share."""
    options = (
        data_option,
        click.option(
            "--checkpoint", type=FOLDER_IN, help="Checkpoint folder (default: the bundled weights)."
        ),
        click.option(
            "--split", type=click.Choice(SPLITS), default="test", show_default=True, help="Which films."
        ),
        click.option("--limit", type=click.IntRange(1), help="Use only the first N films."),
        shifted_option,
        click.option(
            "--publish",
            "document",
            type=FILE_IN,
            help="Write the figures into this Markdown file and into the checkpoint's model card.",
        ),
        click.option(
            "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of the intervals."
        ),
        json_option,
    )
    return with_options(names_options(command), options)


@click.command("segmentation")
@_evaluation_options
@click.option(
    "--cases",
    type=FILE,
    help="Draw the best, median and worst film of each finding into this PNG; those of --shifted into "
    "NAME_shifted.png next to it.",
)
def evaluate_segmentation(
    data: Path,
    names: "OwnNames",
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
    from pedaxr_models.json_records import to_json
    from pedaxr_models.segmentation.card import model_card
    from pedaxr_models.segmentation.metrics_tables import metrics_table, summary_table
    from pedaxr_models.segmentation.segmenter import Segmenter

    folder = checkpoint or weights_folder("segmentation")
    with library_errors():
        segmenter = Segmenter.load(folder)
        metrics = _outline(segmenter, data, split, limit, seed, trained_in=folder.parent, names=names)
        if shifted:
            metrics = replace(metrics, shifted=_outline(segmenter, shifted, "test", limit, seed))
        if cases:
            _draw_cases(segmenter, data, split, limit, cases, names)
            if shifted:
                _draw_cases(segmenter, shifted, "test", limit, cases.with_stem(f"{cases.stem}_shifted"))
        if document:
            made = load_checkpoint(folder).data
            card = model_card(segmenter.network_config, metrics, made)
            revise_checkpoint(folder, metrics=to_json(metrics), card=card)
            publish(document, "segmentation", summary_table(metrics))
    show(lambda: Markdown(metrics_table(metrics)), to_json(metrics), json_path)


def _draw_cases(
    segmenter: "Segmenter",
    data: Path,
    split: str,
    limit: int | None,
    path: Path,
    names: "OwnNames | None" = None,
) -> None:
    from pedaxr_models.segmentation.pictures import draw_case_sheet

    try:
        draw_case_sheet(segmenter, films_of_split(data, split, limit, names=names), path)
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
    names: "OwnNames | None" = None,
) -> "SegmentationScores":
    from pedaxr_models.datasets.read import is_synthetic
    from pedaxr_models.segmentation.evaluate import evaluate_segmentation as measure

    films = films_of_split(data, split, limit, trained_in=trained_in, names=names)
    with progress_bar("Outlining", len(films)) as bar:
        count = counter(bar, len(films))
        return measure(segmenter, films, synthetic=is_synthetic(data), seed=seed, progress=count)


@click.command("captioner")
@_evaluation_options
@click.option(
    "--num-beams", type=click.IntRange(1), default=1, show_default=True, help="Beam search; 1 is greedy."
)
@click.option(
    "--constrained",
    is_flag=True,
    help="Measure constrained decoding, too: only what finding head and segmentation do not both exclude.",
)
@click.option(
    "--segmenter", type=FOLDER_IN, help="Segmentation checkpoint that it uses (default: the bundled weights)."
)
def evaluate_captioner(
    data: Path,
    names: "OwnNames",
    checkpoint: Path | None,
    split: str,
    limit: int | None,
    shifted: Path | None,
    document: Path | None,
    seed: int,
    json_path: Path | None,
    segmenter: Path | None,
    num_beams: int,
    constrained: bool,
) -> None:
    """Correct, hallucinated and omitted facts, against image-blind baselines."""
    from rich.markdown import Markdown

    from pedaxr_models.captioning.ablation.record import kept_ablation
    from pedaxr_models.captioning.card import metrics_table, model_card, reading_table, shifted_section
    from pedaxr_models.captioning.evaluate import to_metrics
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.checkpoint import load_checkpoint, revise_checkpoint, weights_folder
    from pedaxr_models.segmentation.segmenter import Segmenter

    folder = checkpoint or weights_folder("captioner")
    with library_errors():
        outliner = Segmenter.load(segmenter or weights_folder("segmentation"))
        reporter = Reporter.load(folder, num_beams=num_beams)
        ablation = kept_ablation(folder, load_checkpoint(folder).metrics)  # measured by `pedaxr ablation`
        metrics = _read(reporter, outliner, data, split, limit, seed, constrained, names)
        measured_with = {
            "captioner": reporter.weights_sha256,
            "segmentation": outliner.weights_sha256,
            "search": f"beam search over {num_beams} texts" if num_beams > 1 else "greedy search",
        }
        beyond = _read(reporter, outliner, shifted, "test", limit, seed, constrained) if shifted else None
        metrics = replace(metrics, measured_with=measured_with, shifted=beyond, ablation=ablation)
        if document:
            card = model_card(reporter.network, metrics, load_checkpoint(folder).data)
            revise_checkpoint(folder, metrics=to_metrics(metrics), card=card)
            publish(document, "captioner", reading_table(metrics))
    show(lambda: Markdown(metrics_table(metrics) + shifted_section(metrics)), to_metrics(metrics), json_path)


def _read(
    reporter: "Reporter",
    outliner: "Segmenter",
    data: Path,
    split: str,
    limit: int | None,
    seed: int,
    constrained: bool,
    names: "OwnNames | None" = None,
) -> "CaptionerScores":
    """Measure on the films and on pictures that are none; both as the report writer sees them, segmented.

    Raises:
        InvalidRequest: no film says what is on it.
    """
    from pedaxr_models.captioning.evaluate import evaluate_captioner as measure
    from pedaxr_models.captioning.eyes.kept_features import open_for, open_ood_for
    from pedaxr_models.datasets.read import is_synthetic

    films = films_of_split(data, split, limit, names=names)
    if not any(film.facts for film in films):
        raise InvalidRequest(
            "These films carry no facts to compare with. Use films written by `pedaxr films`."
        )
    with TemporaryDirectory() as folder, progress_bar("Outlining", len(films)) as bar:
        inputs = open_for(reporter, films, outliner, Path(folder), progress=counter(bar, len(films)))
        ood_images = open_ood_for(reporter, outliner, Path(folder))
        return measure(
            reporter, inputs, ood_images, synthetic=is_synthetic(data), seed=seed, constrained=constrained
        )
