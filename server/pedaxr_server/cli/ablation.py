"""`pedaxr ladder` and `pedaxr pictures`: what each source of the reader is worth, what it has learnt."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.options import FOLDER, json_option, show
from pedaxr_server.cli.publish import publish
from pedaxr_server.cli.train import eyes_options, films_of_split

if TYPE_CHECKING:
    from pedaxr_models.captioning.inputs import ReaderFilms
    from pedaxr_models.captioning.reporter import Reporter

_DATA = click.Path(path_type=Path, exists=True)
_segmenter_option = click.option(
    "--segmenter", type=FOLDER, help="Segmentation checkpoint it reads with (default: the shipped weights)."
)


@click.command()
@click.option("--data", type=_DATA, required=True, help="Data set folder or its films.csv.")
@click.option("--out", type=FOLDER, required=True, help="Receives every training, ladder.json, .md and .png.")
@click.option(
    "--preset", type=click.Choice(("small", "full")), default="small", show_default=True,
    help="For two CPU cores or for one GPU.",
)  # fmt: skip
@click.option(
    "--minutes", type=click.FloatRange(0, min_open=True), help="Budget per rung and seed (default: preset)."
)
@click.option("--steps", type=click.IntRange(1), help="Budget in steps instead, the same on a busy machine.")
@click.option(
    "--seeds", type=click.IntRange(1), default=3, show_default=True, help="Trainings per trained rung."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The first of the seeds.")
@_segmenter_option
@click.option("--shifted", type=_DATA, help="Films of `pedaxr films --shifted`, measured as well.")
@click.option("--limit", type=click.IntRange(1), help="Measure on the first so many films only.")
@click.option(
    "--publish",
    "document",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Write the table into this Markdown file and into the model card of --checkpoint.",
)
@click.option("--checkpoint", type=FOLDER, help="Whose card to write (default: the shipped weights).")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda or auto.")
@click.option("--threads", type=click.IntRange(1), help="CPU threads (default: torch's choice).")
@eyes_options
@json_option
def ladder(
    data: Path,
    out: Path,
    preset: str,
    minutes: float | None,
    steps: int | None,
    seeds: int,
    segmenter: Path | None,
    shifted: Path | None,
    limit: int | None,
    document: Path | None,
    checkpoint: Path | None,
    json_path: Path | None,
    **options: Any,
) -> None:
    """Measure what film, metadata and masks are each worth, from a constant report upwards.

    Trains the report writer anew without each source. Stop it whenever you like: the same command goes on
    where it was, and trains nothing twice.
    """
    from rich.markdown import Markdown

    from pedaxr_models.captioning.ablation.report import draw_ladder, ladder_table
    from pedaxr_models.captioning.ablation.run import LadderConfig, run_ladder
    from pedaxr_models.captioning.train import preset as preset_of

    options |= {"minutes": minutes} if minutes else {}
    options |= {"steps": steps} if steps else {}
    with library_errors():
        training = preset_of(preset, data=data, out=out, segmenter=segmenter, **options)
        result = run_ladder(
            LadderConfig(training, seeds, shifted, limit), lambda line: click.echo(line, err=True)
        )
        table = ladder_table(result)
        (out / "ladder.md").write_text(table, encoding="utf-8")
        draw_ladder(result, out / "ladder.png")
        if document:
            _publish(document, checkpoint, result, table)
    show(lambda: Markdown(table), result, json_path)


def _publish(document: Path, checkpoint: Path | None, result: dict[str, Any], table: str) -> None:
    """The ladder into the document and into the card of the report writer."""
    from pedaxr_models.captioning.ablation.record import keep_ladder
    from pedaxr_models.captioning.card import model_card
    from pedaxr_models.captioning.reporter import Reporter
    from pedaxr_models.checkpoint import load_checkpoint, revise_checkpoint, weights_folder

    folder = checkpoint or weights_folder("captioner")
    kept = load_checkpoint(folder)
    keep_ladder(folder, result)
    metrics = {**kept.metrics, "ladder": result}
    revise_checkpoint(
        folder, metrics=metrics, card=model_card(Reporter.load(folder).network, metrics, kept.data)
    )
    publish(document, "ladder", table)


@click.group()
def pictures() -> None:
    """Draw what a network has learnt."""


@pictures.command("captioner")
@click.option("--data", type=_DATA, required=True, help="Data set folder or its films.csv.")
@click.option("--out", type=FOLDER, required=True, help="Receives the pictures (PNG).")
@click.option("--checkpoint", type=FOLDER, help="Checkpoint folder (default: the shipped weights).")
@_segmenter_option
@click.option(
    "--split", type=click.Choice(("train", "validation", "test")), default="test", show_default=True,
    help="Which films.",
)  # fmt: skip
@click.option("--limit", type=click.IntRange(1), default=300, show_default=True, help="Films at most.")
@click.option(
    "--run",
    "run_folder",
    type=_DATA,
    help="Folder of a training, for its learning curves (default: those the checkpoint keeps).",
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the projections.")
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

    from pedaxr_models.captioning.inputs import open_inputs
    from pedaxr_models.checkpoint import weights_folder
    from pedaxr_models.segmentation.segmenter import Segmenter

    films = [film for film in films_of_split(data, split, limit) if film.facts]
    if not films:
        raise InvalidRequest("These films carry no facts to draw. Use films written by `pedaxr films`.")
    outliner = Segmenter.load(segmenter or weights_folder("segmentation"))
    with TemporaryDirectory() as folder, progress_bar("Outlining", len(films)) as bar:
        done = iter(range(1, len(films) + 1))
        size = reporter.network.config.image_size
        return open_inputs(
            films, outliner, Path(folder), size, progress=lambda _: bar(next(done), len(films))
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
    from pedaxr_models.captioning import attention_maps as attention

    drawn = []
    for index in attention.one_film_per_label(films):
        looks = attention.sentence_looks(reporter.network, reporter.pieces, films, index)
        path = out / f"attention_{films.facts[index].label}.png"
        attention.draw_attention(films.films[index, 0], looks, attention.film_title(films, index), path)
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
    from pedaxr_models.captioning.curves import draw_curves

    draw_curves(history, out / "curves.png")
    return out / "curves.png"
