"""Make a data set of films on disk: images, masks, one table, a description. Can be stopped and resumed."""

import csv
import io
import json
import multiprocessing
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from pedaxr_models.captioning.facts import FilmFacts
from pedaxr_models.captioning.grammar import narrate
from pedaxr_models.datasets.film import write_masks
from pedaxr_models.labels import LABELS, TERMS, Finding
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.metadata import dicom_age
from pedaxr_models.phantom.spec import VERSION, sample_spec

Row = dict[str, str]
Progress = Callable[[int, int], None]

_TELLS = (
    "- Air-fluid levels are always erect films, since only a horizontal beam shows them; pneumoperitoneum is",
    "  erect in 65 % of films, every other class in about half.",
    "- Pyloric stenosis occurs only at 2 to 12 weeks; 35 % of every other class are under six months old.",
    "- Distension widens the belly and lifts the diaphragm; build and inspiration vary in all classes but",
    "  do not hide this wholly.",
    "- A linear classifier on grey-level statistics alone reaches 0.24, on the top and bottom 40 rows 0.31",
    "  and on a 16 x 16 thumbnail 0.58 (six labels, chance 0.17, 360 films, five folds).",
    "- Working diagnoses are right in 45 %, absent in 35 % and wrong in 20 % of films; half the requests are",
    "  vague.",
    "- Soft tissue is smoother, and gas cleaner, than on real films; side markers have one lettering; an",
    "  obstructed stomach varies less in shape than real ones.",
)
_AGE_BANDS = (
    (0, 1, "under 1 month"),
    (1, 6, "1-6 months"),
    (6, 36, "6 months-3 years"),
    (36, 120, "3-10 years"),
    (120, 999, "10-16 years"),
)


def write_dataset(
    folder: Path, *, count: int, seed: int = 0, processes: int = 1, progress: Progress | None = None
) -> Path:
    """Write `count` films to `folder` and return the path of its films.csv.

    Films already there are kept, so an interrupted run continues where it stopped.

    Args:
        folder: made when missing.
        count: films in all, those already there included.
        seed: films are reproducible from the generator's version, this and their index.
        processes: worker processes; 1 works in this one.
        progress: called with (films done, count) after each film.

    Raises:
        ValueError: the folder holds films of another seed or version.
    """
    _claim(folder, seed)
    missing = [i for i in range(count) if not _row_path(folder, i).exists()]
    done = count - len(missing)
    for _ in _make_all(partial(_write_film, folder, seed), missing, processes):
        done += 1
        if progress is not None:
            progress(done, count)
    rows = [_with_caption(_read_row(folder, i), seed, i) for i in range(count)]
    _write_table(folder / "films.csv", rows)
    _write_text(
        folder / "data.json", json.dumps(_description(rows, seed), indent=2, ensure_ascii=False) + "\n"
    )
    _write_text(folder / "DATA_CARD.md", _card(rows, seed))
    return folder / "films.csv"


def _claim(folder: Path, seed: int) -> None:
    """Make the folders; refuse one that holds other films."""
    for name in ("images", "masks", "rows"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    stamp, wanted = folder / "rows" / "made_by.json", {"version": VERSION, "seed": seed}
    if not stamp.exists():
        _write_text(stamp, json.dumps(wanted))
    elif json.loads(stamp.read_text()) != wanted:
        raise ValueError(
            f"{folder.name} holds films of another seed or generator version; choose an empty folder."
        )


def _make_all(write: Callable[[int], None], indices: list[int], processes: int) -> Iterator[None]:
    if processes <= 1 or len(indices) < 2:
        yield from map(write, indices)
        return
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap_unordered(write, indices, chunksize=4)


def _write_film(folder: Path, seed: int, index: int) -> None:
    """Image and mask first, row last: a row on disk means that the film is whole."""
    film = make_film(sample_spec(seed, index))
    _, png = cv2.imencode(".png", film.pixels)
    _write_bytes(folder / "images" / f"{index:06d}.png", png.tobytes())
    partial_path = folder / "masks" / f"{index:06d}.part.npz"
    write_masks(partial_path, film.masks)
    partial_path.replace(folder / "masks" / f"{index:06d}.npz")
    _write_text(_row_path(folder, index), json.dumps(film_row(film, index), ensure_ascii=False))


def film_row(film: PhantomFilm, index: int) -> Row:
    """One line of films.csv."""
    m = film.metadata
    if m.patient_birth_date is None or m.study_date is None or m.age_months is None:
        raise ValueError("A synthetic film always has dates.")
    birth, study = date.fromisoformat(m.patient_birth_date), date.fromisoformat(m.study_date)
    outlines = {finding.value: _points(pieces) for finding, pieces in film.polygons.items()}
    return {
        "ImagePath": f"images/{index:06d}.png",
        "Point": json.dumps(outlines.get(film.label, [])),
        "Class": TERMS[film.label].english,
        "Age": dicom_age(m.age_months, birth, study),
        "PatientName": m.patient_name or "",
        "Caption": "",  # worded when the table is written
        "PatientID": m.patient_id or "",
        "PatientSex": m.patient_sex or "",
        "PatientBirthDate": m.patient_birth_date,
        "StudyDate": m.study_date,
        "AgeMonths": str(m.age_months),
        "ViewPosition": film.facts.view.value,
        "PixelSpacing": json.dumps([round(v, 5) for v in film.pixel_spacing_mm]),
        "Indication": m.indication or "",
        "WorkingDiagnosis": m.working_diagnosis or "",
        "Split": split_of(m.patient_id or ""),
        "Findings": json.dumps(outlines),
        "Facts": json.dumps(film.facts.to_json(), ensure_ascii=False),
        "Measures": json.dumps(film.measures),
        "MaskPath": f"masks/{index:06d}.npz",
    }


def _points(pieces: Iterable[np.ndarray[tuple[int, int], np.dtype[np.float32]]]) -> list[list[list[float]]]:
    return [[[float(x), float(y)] for x, y in piece] for piece in pieces]


def _with_caption(row: Row, seed: int, index: int) -> Row:
    """Word the facts; done last, so that a new grammar needs no new films."""
    facts = FilmFacts.from_json(json.loads(row["Facts"]))
    return {**row, "Caption": narrate(facts, sample_spec(seed, index).rng("caption"))}


def split_of(patient_id: str) -> str:
    """Eight patients in ten train, one validates, one tests; a patient never changes side."""
    place = zlib.crc32(f"split {patient_id}".encode()) % 10
    return "train" if place < 8 else "validation" if place == 8 else "test"


def _row_path(folder: Path, index: int) -> Path:
    return folder / "rows" / f"{index:06d}.json"


def _read_row(folder: Path, index: int) -> Row:
    row: Row = json.loads(_row_path(folder, index).read_text(encoding="utf-8"))
    return row


def _write_text(path: Path, text: str) -> None:
    _write_bytes(path, text.encode())


def _write_bytes(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)


def _write_table(path: Path, rows: list[Row]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _write_text(path, text.getvalue())


def _age_band(row: Row) -> str:
    age = float(row["AgeMonths"])
    return next(name for low, high, name in _AGE_BANDS if low <= age < high)


def _description(rows: list[Row], seed: int) -> dict[str, object]:
    """What was made, countable."""
    return {
        "name": "pedaxr synthetic films",
        "is_synthetic": True,
        "generator": "pedaxr_models.phantom",
        "version": VERSION,
        "seed": seed,
        "count": len(rows),
        "image_size": [512, 512],
        "labels": dict(sorted(Counter(row["Class"] for row in rows).items())),
        "views": dict(sorted(Counter(row["ViewPosition"] for row in rows).items())),
        "ages": dict(Counter(_age_band(row) for row in sorted(rows, key=lambda r: float(r["AgeMonths"])))),
        "splits": dict(sorted(Counter(row["Split"] for row in rows).items())),
        "several_findings": sum(len(json.loads(row["Findings"])) > 1 for row in rows),
    }


def _card(rows: list[Row], seed: int) -> str:
    lines = [
        "# Data card: synthetic paediatric abdominal films",
        "",
        "**Every film and every patient here is synthetic.** Names, dates and requests are invented by a",
        "program; no real child was imaged. The films are for research and teaching. A figure measured on",
        "them says nothing about real films until it is measured there too.",
        "",
        f"Made by `pedaxr_models.phantom` version {VERSION}, seed {seed}: {len(rows)} films of 512 x 512.",
        "Outlines, masks, facts and millimetres come from the geometry, after pose and collimation.",
        "",
        *_count_table(rows),
        "",
        "## What still gives a film away",
        "",
        *_TELLS,
    ]
    return "\n".join(lines) + "\n"


def _count_table(rows: list[Row]) -> list[str]:
    """Label by view and age band."""
    views = sorted({row["ViewPosition"] for row in rows})
    bands = [name for _, _, name in _AGE_BANDS]
    lines = [
        f"| label | all | {' | '.join((*views, *bands))} |",
        "|---" * (2 + len(views) + len(bands)) + "|",
    ]
    for label in (*(Finding(f).value for f in LABELS[:-1]), LABELS[-1]):
        mine = [row for row in rows if row["Class"] == TERMS[label].english]
        by_view = Counter(row["ViewPosition"] for row in mine)
        by_band = Counter(_age_band(row) for row in mine)
        cells = [len(mine), *(by_view[v] for v in views), *(by_band[b] for b in bands)]
        lines.append(f"| {TERMS[label].english} | {' | '.join(map(str, cells))} |")
    return lines
