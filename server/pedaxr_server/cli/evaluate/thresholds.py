"""`pedaxr evaluate thresholds`: choose the operating points on validation films, and write them."""

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import click

from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import document_option, films_of_split, limit_option
from pedaxr_server.cli.options import DATA, FILE, FOLDER_IN, json_option, show, use_weights, weights_option
from pedaxr_server.cli.publish import publish

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pedaxr.evaluation.choose_gate import GoodPicture
    from pedaxr.evaluation.choose_operating_points import Seen
    from pedaxr_models.datasets.film import Film


@click.command("thresholds")
@click.option("--data", type=DATA, required=True, help="Data set whose validation films are used.")
@click.option(
    "--shifted", type=DATA,
    help="Films of `pedaxr films --shifted`, with a seed not used for testing (default: generated).",
)  # fmt: skip
@click.option(
    "--count",
    type=click.IntRange(1),
    default=240,
    show_default=True,
    help="Number of shifted films to generate.",
)
@click.option(
    "--seed", type=click.IntRange(0), default=7, show_default=True,
    help="Seed for the generated shifted films; never the seed of the films used for testing.",
)  # fmt: skip
@click.option(
    "--good", type=DATA, multiple=True,
    help="Folder of further good films, without outlines, that must not be refused either; repeatable.",
)  # fmt: skip
@click.option(
    "--other", type=FOLDER_IN, multiple=True,
    help="Folder of pictures that are no abdominal films, to learn the gate's rule from: with an index.csv "
    "the half that is not kept to test on, else all (`pedaxr ood-images`); repeatable.",
)  # fmt: skip
@limit_option
@click.option(
    "--out", type=FILE,
    help="Write the points here: tools/pedaxr/operating_points.json, or next to weights of your own.",
)  # fmt: skip
@document_option
@weights_option
@json_option
def evaluate_thresholds(
    data: Path,
    shifted: Path | None,
    count: int,
    seed: int,
    good: tuple[Path, ...],
    other: tuple[Path, ...],
    limit: int | None,
    out: Path | None,
    document: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Choose the operating points for rejecting an image, reporting a finding and hedging a sentence."""
    from rich.markdown import Markdown

    from pedaxr.evaluation.choose_operating_points import choose
    from pedaxr.evaluation.operating_points_table import pictures_table, points_table, separation
    from pedaxr.reading import networks as models
    from pedaxr.reading.operating_points import write_points

    use_weights(weights)
    with library_errors(), TemporaryDirectory() if shifted is None else nullcontext() as made:
        found = {"validation": _look(films_of_split(data, "validation", limit))}
        folder = shifted or _made(Path(str(made)), limit or count, seed)
        found["shifted validation"] = _look(_all_films(folder, limit))
        digests = {
            "segmentation": models.segmenter().weights_sha256,
            "captioner": models.reporter().weights_sha256,
        }
        paths = [path for folder in good for path in _pictures(folder)]
        pictures = _look_at(paths)
        others = _look_at_others([path for folder in other for path in _others(folder)])
        points = choose(found, digests, pictures, others)
        table = points_table(points, found)
        table += f"\n\n{pictures_table(points, pictures, len(paths))}" if paths else ""
        if out:
            write_points(points, out)
        if document:
            publish(document, "threshold", table)
    told = {
        name: {"both_witnesses": separation(films), "words": separation(films, by_words=True)}
        for name, films in found.items()
    }
    show(lambda: Markdown(table), {"points": asdict(points), "separation": told}, json_path)


def _look(films: "list[Film]") -> "list[Seen]":
    from pedaxr.evaluation.choose_operating_points import look

    with progress_bar("Looking", len(films)) as progress:
        return look(films, progress)


def _look_at(pictures: list[Path]) -> "list[GoodPicture]":
    from pedaxr.evaluation.choose_gate import look_at_pictures

    with progress_bar("Looking", len(pictures)) as progress:
        return look_at_pictures(pictures, progress)


def _look_at_others(paths: list[Path]) -> "list[Mapping[str, float]]":
    from pedaxr.evaluation.choose_likeness import look_at_others

    with progress_bar("Looking", len(paths)) as progress:
        return look_at_others(paths, progress)


def _others(folder: Path) -> list[Path]:
    from pedaxr_models.datasets.partial_truth import read_partial
    from pedaxr_models.segmentation.mixed.folds import other_halves

    if (folder / "index.csv").is_file():
        return [film.image_path for film in other_halves(read_partial(folder))[0]]
    return _pictures(folder)


def _pictures(folder: Path) -> list[Path]:
    suffixes = {".png", ".jpg", ".jpeg", ".dcm"}
    return sorted(path for path in folder.rglob("*") if path.suffix.lower() in suffixes)


def _made(folder: Path, count: int, seed: int) -> Path:
    """Shifted films, written to `folder`, which is given back."""
    from pedaxr_models.phantom.dataset.write import write_dataset
    from pedaxr_models.phantom.spec import Domain

    with progress_bar("Making shifted films", count) as progress:
        write_dataset(folder, count=count, seed=seed, domain=Domain.SHIFTED, processes=1, progress=progress)
    return folder


def _all_films(folder: Path, limit: int | None) -> "list[Film]":
    from pedaxr_models.datasets import read_films

    return read_films(folder)[:limit]
