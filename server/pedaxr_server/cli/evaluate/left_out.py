"""`pedaxr evaluate left-out`: networks on the children whose films they did not learn from."""

from pathlib import Path

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import document_option, record_of
from pedaxr_server.cli.options import FOLDER_IN, json_option, show, use_weights, weights_option
from pedaxr_server.cli.publish import publish


@click.command("left-out")
@click.argument("runs", nargs=-1, required=True, type=FOLDER_IN)
@click.option(
    "--real", type=FOLDER_IN, multiple=True, required=True, help="The folders trained on; repeatable."
)
@click.option(
    "--versions",
    type=click.IntRange(1),
    default=8,
    show_default=True,
    help="Versions with free air put in, of each film that shows none.",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--second",
    type=(float, float),
    default=(0.0, 3.0),
    show_default=True,
    help="Log-odds from which a run of `train free-air` outlines, and calls.",
)
@document_option
@weights_option
@json_option
def evaluate_left_out(
    runs: tuple[Path, ...],
    real: tuple[Path, ...],
    versions: int,
    seed: int,
    second: tuple[float, float],
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Free air and structures on real films of children that a network has not seen.

    RUNS are folders of `pedaxr train mixed --fold N`, or of `pedaxr train free-air --fold N`; a run that
    learned from no real abdomen stands for all folds. Thresholds are those of the weights in use, whose mean
    of the runs they may be.
    """
    from rich.markdown import Markdown

    from pedaxr.evaluation.left_out import left_out_figures, read_left_out
    from pedaxr.evaluation.real_figures import shares_table
    from pedaxr.reading import networks as models
    from pedaxr_models.datasets.partial_truth import read_partial
    from pedaxr_models.labels import Finding

    use_weights(weights)
    air = Finding.PNEUMOPERITONEUM
    with library_errors():
        films = [film for folder in real for film in read_partial(folder)]
        in_use = models.segmenter()
        by_fold = {fold: checkpoint for run in runs for fold, checkpoint in _folds_of(run).items()}
        with progress_bar("Reading", 1) as progress:
            records = read_left_out(
                by_fold, films, in_use, versions=versions, seed=seed, second=second, progress=progress
            )
        figures = left_out_figures(records, in_use.call_thresholds.get(air, in_use.thresholds[air]))
        table = shares_table(figures.shares, figures.dice)
        if document:
            publish(document, "left-out", table)
    show(lambda: Markdown(table), figures.to_json(), json_path)


def _folds_of(run: Path) -> dict[int, Path]:
    """The folds whose children it has not seen, each with its checkpoint.

    Raises:
        InvalidRequest: it is no such run.
    """
    from pedaxr_models.segmentation.mixed.folds import FOLDS

    checkpoint = run / "checkpoint"
    fold = record_of(checkpoint, "recipe.json").get("fold")
    if isinstance(fold, int):
        return {fold: checkpoint}
    learnt = record_of(checkpoint, "data.json").get("also")
    if learnt and not any(films.get("abdomen") for films in learnt):
        return dict.fromkeys(range(FOLDS), checkpoint)
    raise InvalidRequest(
        f"{run.name} is not a finished run of `pedaxr train mixed --fold N` or `train free-air --fold N`, "
        "nor one that learned from no real abdomen."
    )
