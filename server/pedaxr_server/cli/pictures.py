"""`pedaxr pictures`: what the report writer has learned, drawn."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.ablation import segmenter_option
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import films_of_split
from pedaxr_server.cli.options import DATA, FOLDER, FOLDER_IN

if TYPE_CHECKING:
    from pedaxr_models.captioning.inputs import ReaderFilms
    from pedaxr_models.captioning.reporter import Reporter


@click.group()
def pictures() -> None:
    """Draw what a network has learned."""


@pictures.command("captioner")
@click.option("--data", type=DATA, required=True, help="Data set folder or its films.csv.")
@click.option("--out", type=FOLDER, required=True, help="Receives the pictures (PNG).")
@click.option("--checkpoint", type=FOLDER_IN, help="Checkpoint folder (default: the bundled weights).")
@segmenter_option
@click.option(
    "--split", type=click.Choice(("train", "validation", "test")), default="test", show_default=True,
    help="Which films.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=300, show_default=True, help="Films at most.")
@click.option(
    "--run",
    "run_folder",
    type=DATA,
    help="Folder of a training, for its learning curves (default: those the checkpoint keeps).",
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed for the projections."
)
def pictures_captioner(
    data: Path,
    out: Path,
    checkpoint: Path | None,
    segmenter: Path | None,
    split: str,
    limit: int,
    run_folder: Path | None,
    seed: int,
) -> None:
    """Features by label before and after training, where each sentence looks, and learning curves."""
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.checkpoint import weights_folder

    with library_errors():
        reporter = Reporter.load(checkpoint or weights_folder("captioner"))
        films = _opened(data, split, limit, segmenter, reporter)
        out.mkdir(parents=True, exist_ok=True)
        drawn = [_draw_features(reporter, films, out, seed), *_draw_attention(reporter, films, out)]
        if history := _history(run_folder, checkpoint):
            drawn.append(_draw_curves(history, out))
    for path in drawn:
        click.echo(path)


def _opened(
    data: Path, split: str, limit: int, segmenter: Path | None, reporter: "Reporter"
) -> "ReaderFilms":
    """The films as the reader takes them, segmented.

    Raises:
        InvalidRequest: no film says what is on it.
    """
    from tempfile import TemporaryDirectory

    from pedaxr_models.captioning.eyes.kept_features import open_for
    from pedaxr_models.checkpoint import weights_folder
    from pedaxr_models.segmentation.segmenter import Segmenter

    films = [film for film in films_of_split(data, split, limit) if film.facts]
    if not films:
        raise InvalidRequest("These films carry no facts to draw. Use films written by `pedaxr films`.")
    outliner = Segmenter.load(segmenter or weights_folder("segmentation"))
    with TemporaryDirectory() as folder, progress_bar("Outlining", len(films)) as bar:
        done = iter(range(1, len(films) + 1))
        return open_for(
            reporter, films, outliner, Path(folder), progress=lambda _: bar(next(done), len(films))
        )


def _draw_features(reporter: "Reporter", films: "ReaderFilms", out: Path, seed: int) -> Path:
    from pedaxr_models.captioning.figures import draw_features, integrated_features, untrained

    networks = untrained(reporter.network, seed), reporter.network
    before, after = (integrated_features(network, reporter.pieces, films) for network in networks)
    path = out / "features.png"
    draw_features(before, after, [facts.label for facts in films.facts], path, seed=seed)
    return path


def _draw_attention(reporter: "Reporter", films: "ReaderFilms", out: Path) -> list[Path]:
    """One picture per label that is among the films."""
    from pedaxr_models.captioning import figures

    drawn = []
    for index in figures.one_film_per_label(films):
        looks = figures.sentence_looks(reporter.network, reporter.pieces, films, index)
        path = out / f"attention_{films.facts[index].label}.png"
        figures.draw_attention(films.films[index, 0], looks, figures.film_title(films, index), path)
        drawn.append(path)
    return drawn


def _history(run_folder: Path | None, checkpoint: Path | None) -> list[dict[str, Any]]:
    """What was measured while training: of the run's folder, else as the checkpoint's recipe keeps it.

    Raises:
        InvalidRequest: the folder given holds no such run.
    """
    import json

    from pedaxr_models.checkpoint import load_checkpoint, weights_folder

    if run_folder is None:
        made = load_checkpoint(checkpoint or weights_folder("captioner"), with_tensors=False)
        return list(made.recipe.get("history", ()))
    try:
        lines = (run_folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]
    except (OSError, ValueError) as err:
        raise InvalidRequest(
            f"{run_folder} holds no metrics.jsonl of a training. Name the --out of `pedaxr train captioner`."
        ) from err


def _draw_curves(history: list[dict[str, Any]], out: Path) -> Path:
    from pedaxr_models.captioning.figures import draw_curves

    draw_curves(history, out / "curves.png")
    return out / "curves.png"
