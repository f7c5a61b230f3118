"""What the commands under `pedaxr evaluate` share: which films, options, progress."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.options import DATA, FILE, FILE_IN

if TYPE_CHECKING:
    from pedaxr_models.datasets.film import Film
    from pedaxr_models.datasets.own_names import OwnNames

SPLITS = ("train", "validation", "test")
data_option = click.option("--data", type=DATA, required=True, help="Data set folder or its films.csv.")
shifted_option = click.option(
    "--shifted", type=DATA, help="Films of `pedaxr films --shifted`, measured as well."
)
records_option = click.option(
    "--records",
    type=FILE,
    help="Keep each film's result here (JSON lines), so that the same command resumes.",
)
document_option = click.option(
    "--publish",
    "document",
    type=FILE_IN,
    help="Write the table into this Markdown file.",
)
limit_option = click.option("--limit", type=click.IntRange(1), help="Use only the first N films of each set.")


def films_of_split(
    data: Path,
    split: str,
    limit: int | None,
    *,
    trained_in: Path | None = None,
    names: "OwnNames | None" = None,
) -> "list[Film]":
    """The films marked as of that split; where the source marks none, as the training in `trained_in` divided
    them, its unknown patients being of the test; and else all films. `names`: as in `read_films`.

    Raises:
        InvalidRequest: there are none.
    """
    from pedaxr_models.datasets import read_films
    from pedaxr_models.datasets.own_names import AS_OURS
    from pedaxr_models.datasets.splits import read_splits

    films = read_films(data, names=names or AS_OURS)
    divided = trained_in / "splits.json" if trained_in else None
    if divided and divided.is_file() and not any(film.split for film in films):
        films = [replace(film, split=film.split or "test") for film in read_splits(divided, films)]
    if any(film.split for film in films):
        films = [film for film in films if film.split == split]
    if not films:
        raise InvalidRequest(f"{data} has no films in the {split} split. Choose another --split or --data.")
    return films[:limit]


def films_to_test(limit: int | None, **sets: Path | None) -> "dict[str, list[Film]]":
    """The test films of each set that is given, by its name. Raises InvalidRequest where one has none."""
    return {name: films_of_split(data, "test", limit) for name, data in sets.items() if data}


def counter(bar: Callable[[int, int], None], total: int) -> Callable[[int], None]:
    """A callback that takes how many more are done, for a bar that takes how many are."""
    done = 0

    def advance(more: int) -> None:
        nonlocal done
        done += more
        bar(done, total)

    return advance


def record_of(checkpoint: Path, name: str) -> dict[str, Any]:
    """What a training wrote beside its weights, of recipe.json or data.json; empty where there is none."""
    try:
        found: dict[str, Any] = json.loads((checkpoint / name).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found
