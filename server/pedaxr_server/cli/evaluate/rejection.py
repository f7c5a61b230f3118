"""`pedaxr evaluate rejection`: foreign images must be rejected or doubted, valid films must not."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import document_option, films_to_test, limit_option
from pedaxr_server.cli.options import DATA, json_option, show, use_weights, weights_option
from pedaxr_server.cli.publish import publish


@click.command("rejection")
@click.option(
    "--data",
    type=DATA,
    help="Folder written by `pedaxr ood-images` (default: generated for this measurement).",
)
@click.option("--films", type=DATA, help="Data set whose test films must not be rejected.")
@click.option(
    "--shifted", type=DATA, help="Films of `pedaxr films --shifted`, which must not be rejected either."
)
@click.option(
    "--count", type=click.IntRange(1), default=520, show_default=True, help="Number of images to generate."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed for the generated images."
)
@limit_option
@document_option
@weights_option
@json_option
def evaluate_rejection(
    data: Path | None,
    films: Path | None,
    shifted: Path | None,
    count: int,
    seed: int,
    limit: int | None,
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Share of out-of-distribution images, and of valid films, that are rejected or flagged."""
    from rich.markdown import Markdown

    from pedaxr.evaluation import rejection as measuring

    use_weights(weights)
    with library_errors(), TemporaryDirectory() as folder:
        pictures = listed_ood_images(data or generated_ood_images(Path(folder), count, seed))
        sets = films_to_test(limit, test=films, shifted=shifted)
        good = {name: [film.image_path for film in found] for name, found in sets.items()}
        with progress_bar("Judging") as progress:
            figures = measuring.judge_all(pictures, good, progress)
        table = measuring.rejection_table(figures)
        if document:
            publish(document, "rejection", table)
    show(lambda: Markdown(table), figures.to_json(), json_path)


def generated_ood_images(folder: Path, count: int, seed: int) -> Path:
    """Write out-of-distribution images to `folder` and return it."""
    from pedaxr_models.phantom.out_of_distribution.dataset import write_ood_images

    with progress_bar("Making images", count) as progress:
        write_ood_images(folder, count=count, seed=seed, sheet=False, progress=progress)
    return folder


def table_of(folder: Path) -> Path:
    """The table of out-of-distribution images; `strangers.csv` in folders written before 0.2."""
    from pedaxr_models.phantom.out_of_distribution.dataset import TABLE_FILE

    former = folder / "strangers.csv"
    return former if former.exists() else folder / TABLE_FILE


def listed_ood_images(folder: Path) -> list[tuple[Path, str]]:
    """Path and kind of each picture that `pedaxr ood-images` wrote there.

    Raises:
        InvalidRequest: it wrote nothing there.
    """
    try:
        with table_of(folder).open(encoding="utf-8", newline="") as table:
            return [(folder / row["ImagePath"], row["Kind"]) for row in csv.DictReader(table)]
    except (OSError, KeyError, UnicodeDecodeError) as err:
        raise InvalidRequest(
            f"{folder} holds no ood_images.csv. Write one with `pedaxr ood-images`."
        ) from err
