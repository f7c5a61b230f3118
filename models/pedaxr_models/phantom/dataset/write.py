"""Make a data set of films on disk: images, masks, one table, a description. Can be stopped and resumed."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pedaxr_models.datasets.film import FilmMetadata, write_masks
from pedaxr_models.facts import FilmFacts
from pedaxr_models.phantom.dataset.coco import coco_annotations
from pedaxr_models.phantom.dataset.data_card import data_card, describe
from pedaxr_models.phantom.dataset.films_csv import Row, film_row
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.spec import VERSION, Domain, sample_spec
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.sections import report_sections
from pedaxr_models.report_text.wordings import Language
from pedaxr_models.worker_processes import map_in_processes

Progress = Callable[[int, int], None]


def encode_png(film: PhantomFilm) -> bytes:
    """The film as an 8-bit grey PNG."""
    return bytes(cv2.imencode(".png", film.pixels)[1])


@dataclass(frozen=True)
class PictureFormat:
    """How films are stored. `encode` must be a function of a module, since other processes call it."""

    suffix: str
    encode: Callable[[PhantomFilm], bytes]


PNG = PictureFormat(".png", encode_png)


@dataclass(frozen=True)
class Recipe:
    """What determines the films of a folder; each film follows from this and its index alone."""

    seed: int = 0
    domain: Domain = Domain.STANDARD
    picture: PictureFormat = PNG
    version: int = VERSION

    def stamp(self) -> dict[str, object]:
        """The recipe and the generator's version as kept in the folder."""
        stamp: dict[str, object] = {"version": self.version, "seed": self.seed}
        if self.domain is not Domain.STANDARD:
            stamp["domain"] = self.domain.value
        if self.picture.suffix != PNG.suffix:
            stamp["picture"] = self.picture.suffix
        return stamp


_TABLES = ("films.csv", "annotations.json", "data.json", "DATA_CARD.md")


def write_dataset(
    folder: Path,
    *,
    count: int = 0,
    indices: Sequence[int] | None = None,
    seed: int = 0,
    domain: Domain = Domain.STANDARD,
    picture: PictureFormat = PNG,
    version: int = VERSION,
    processes: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Write films to `folder` and return the path of its films.csv.

    Films already there are kept, so an interrupted run continues where it stopped.

    Args:
        folder: made when missing.
        count: films in all, those already there included: films 0 to `count` - 1.
        indices: films to make instead, by their numbers; the table then lists all that the folder holds.
        seed: films are reproducible from the generator's version, this and their index.
        domain: the shifted films are all for testing and of patients of their own.
        picture: how films are stored.
        version: of the generator, see `spec.VERSIONS`.
        processes: worker processes; 1 works in this one.
        progress: called with (films done, films wanted) after each film.

    Raises:
        ValueError: the folder holds films of another seed, domain, format or version.
    """
    recipe = Recipe(seed, domain, picture, version)
    _claim(folder, recipe)
    wanted = list(range(count)) if indices is None else sorted(set(indices))
    missing = [i for i in wanted if not _row_path(folder, i).exists()]
    done = len(wanted) - len(missing)
    for _ in map_in_processes(partial(_write_film, folder, recipe), missing, processes):
        done += 1
        if progress is not None:
            progress(done, len(wanted))
    listed = wanted if indices is None else _indices_in(folder)
    _write_tables(folder, [_worded(_read_row(folder, i), recipe, i) for i in listed], recipe)
    return folder / "films.csv"


def _claim(folder: Path, recipe: Recipe) -> None:
    """Make the folders; refuse one that holds other films, whose table and pictures would be lost."""
    stamp = folder / "rows" / "made_by.json"
    if not stamp.exists() and _is_somebodys(folder):
        raise ValueError(
            f"{folder.name} holds films or a table that were not made here; choose an empty folder."
        )
    for name in ("images", "masks", "rows"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    if not stamp.exists():
        _write_text(stamp, json.dumps(recipe.stamp()))
    elif json.loads(stamp.read_text()) != recipe.stamp():
        raise ValueError(
            f"{folder.name} holds films of another seed, kind, format or generator version; "
            "choose an empty folder."
        )


def _is_somebodys(folder: Path) -> bool:
    """Whether a folder has files where those of a data set go."""
    if any((folder / name).exists() for name in _TABLES):
        return True
    return any(next((folder / name).glob("*"), None) is not None for name in ("images", "masks"))


def _write_film(folder: Path, recipe: Recipe, index: int) -> None:
    """Image and mask first, row last: a row on disk means that the film is whole."""
    film = make_film(sample_spec(recipe.seed, index, recipe.domain, version=recipe.version))
    image = f"images/{index:06d}{recipe.picture.suffix}"
    _write_bytes(folder / image, recipe.picture.encode(film))
    partial_path = folder / "masks" / f"{index:06d}.part.npz"
    write_masks(partial_path, film.masks)
    partial_path.replace(folder / "masks" / f"{index:06d}.npz")
    row = film_row(film, image, f"masks/{index:06d}.npz")
    _write_text(_row_path(folder, index), json.dumps(row, ensure_ascii=False))


def _worded(row: Row, recipe: Recipe, index: int) -> Row:
    """Caption and report in English and Korean; done last, so that a new grammar needs no new films."""
    facts = FilmFacts.from_json(json.loads(row["Facts"]))
    spec = sample_spec(recipe.seed, index, recipe.domain, version=recipe.version)
    metadata = FilmMetadata(
        patient_sex=row["PatientSex"],
        age_months=float(row["AgeMonths"]),
        view=facts.view,
        indication=row["Indication"] or None,
        working_diagnosis=row["WorkingDiagnosis"] or None,
    )
    return {
        **row,
        "Caption": narrate(facts, spec.rng("caption")),
        "CaptionKorean": narrate(facts, spec.rng("Korean caption"), language="ko"),
        "Report": _sections(facts, metadata, spec.rng("report"), "en"),
        "ReportKorean": _sections(facts, metadata, spec.rng("Korean report"), "ko"),
    }


def _sections(facts: FilmFacts, metadata: FilmMetadata, rng: np.random.Generator, language: Language) -> str:
    """A report as a JSON object, since a cell with line breaks does not survive every reader of CSV."""
    return json.dumps(report_sections(facts, metadata, rng, language=language), ensure_ascii=False)


def _row_path(folder: Path, index: int) -> Path:
    return folder / "rows" / f"{index:06d}.json"


def _indices_in(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in (folder / "rows").glob("[0-9]*.json"))


def _read_row(folder: Path, index: int) -> Row:
    row: Row = json.loads(_row_path(folder, index).read_text(encoding="utf-8"))
    return row


def _write_tables(folder: Path, rows: list[Row], recipe: Recipe) -> None:
    """films.csv, the same outlines as COCO, and what the folder holds, for programs and for people."""
    _write_csv(folder / "films.csv", rows)
    _write_text(folder / "annotations.json", json.dumps(coco_annotations(rows), ensure_ascii=False) + "\n")
    description = json.dumps(describe(rows, recipe.stamp()), indent=2, ensure_ascii=False)
    _write_text(folder / "data.json", description + "\n")
    _write_text(folder / "DATA_CARD.md", data_card(rows, recipe.seed, recipe.domain, recipe.version))


def _write_csv(path: Path, rows: Iterable[Row]) -> None:
    rows, text = list(rows), io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _write_text(path, text.getvalue())


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_bytes(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
