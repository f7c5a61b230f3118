"""`pedaxr evaluate realism`: how well synthetic films can be distinguished from real ones."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import document_option
from pedaxr_server.cli.options import FOLDER, json_option, show
from pedaxr_server.cli.publish import publish

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm")


@click.command("realism")
@click.argument("real", type=FOLDER)
@click.argument("made", type=FOLDER)
@click.option(
    "--limit", type=click.IntRange(5), default=120, show_default=True, help="Films used of each folder."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed for folds and patches."
)
@document_option
@json_option
def evaluate_realism(
    real: Path, made: Path, limit: int, seed: int, document: Path | None, json_path: Path | None
) -> None:
    """How well frozen ImageNet features tell the films in REAL from those in MADE, and what gives them away.

    Lower is better: 0.5 cannot be told. Films whose JSON files name one child count as one source.
    """
    from rich.markdown import Markdown

    from pedaxr_models.realism.compare import compare
    from pedaxr_models.realism.features import ImageNetFeatures
    from pedaxr_models.realism.table import realism_table

    with library_errors():
        (films, sources), (others, other_sources) = _read(real, limit), _read(made, limit)
        with progress_bar("Comparing films", len(films) + len(others)) as progress:
            found = compare(
                films,
                others,
                ImageNetFeatures(),
                real_sources=sources,
                made_sources=other_sources,
                seed=seed,
                progress=progress,
            )
    table = realism_table(found)
    if document:
        publish(document, "realism", table)
    show(lambda: Markdown(table), found.to_json(), json_path)


def _read(folder: Path, limit: int) -> "tuple[list[NDArray[np.float32]], list[str]]":
    """Films of a folder, evenly chosen, and the child of each."""
    import numpy as np

    from pedaxr_models.datasets.pixels import read_pixels

    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in _SUFFIXES and p.parent.name != "masks")
    chosen = [paths[i] for i in np.unique(np.linspace(0, len(paths) - 1, min(limit, len(paths))).astype(int))]
    return [read_pixels(path) for path in chosen], [_child(path) for path in chosen]


def _child(path: Path) -> str:
    beside = path.with_suffix(".json")
    said = json.loads(beside.read_text(encoding="utf-8")) if beside.exists() else {}
    return str(said.get("child") or path.stem)
