"""The CSV of films that trainings read, with pictures: what is there outlined, `Known` for what is absent."""

import csv
import hashlib
import io
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from pedaxr.clinic.annotate import Annotation, Decision
from pedaxr.clinic.exchange.files import Files
from pedaxr.clinic.exchange.outlined import BoolArray, OutlinedFilm, decided, exact_polygons
from pedaxr.errors import InvalidRequest
from pedaxr.records import Study
from pedaxr_models.datasets import DatasetError
from pedaxr_models.datasets.film import Film, outlined_masks, read_masks, write_masks
from pedaxr_models.datasets.read import read_dataset
from pedaxr_models.labels import CHANNELS, FINDINGS, NORMAL, TERMS, URGENCY, Finding

FILMS_CSV = "films.csv"
COLUMNS = (
    *("ImagePath", "Point", "Class", "Age", "PatientName", "Caption", "PatientID", "AgeMonths"),
    *("ViewPosition", "StudyDate", "Findings", "Known", "MaskPath", "Annotation"),
)


def read_table_of(files: Files, source: Path) -> Iterator[OutlinedFilm]:
    """The films of the one table in a source; nothing where there is none.

    Raises:
        InvalidRequest: the table cannot be used.
    """
    tables = files.ending(".csv")
    named = [name for name in tables if name.rpartition("/")[2] == FILMS_CSV] or tables
    if len(named) != 1:
        return
    with tempfile.TemporaryDirectory(prefix="pedaxr-") as aside:
        table = source if source.is_file() and source.suffix.lower() == ".csv" else None
        folder = (
            source if source.is_dir() else _unpacked(files, Path(aside)) if table is None else source.parent
        )
        try:
            found = read_dataset(table or folder / named[0])
        except DatasetError as err:
            raise InvalidRequest(str(err)) from err
        yield from (_film(film) for film in found.films)
        for row in found.rejections:
            yield OutlinedFilm(name=row.path or f"line {row.line}", problem=row.reason)


def _unpacked(files: Files, folder: Path) -> Path:
    """The table and its pictures, below `folder`; names that lead out of it are refused."""
    for name in files:
        path = (folder / name).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise InvalidRequest("The archive holds a file outside its folder. Pack it again.")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(files[name])
    return folder


def _film(film: Film) -> OutlinedFilm:
    masks = _masks(film)
    known = {finding for finding in FINDINGS if finding.value in film.labelled_channels}
    absent: dict[Finding, Decision] = dict.fromkeys(known - set(masks), "rejected")
    shown = [Finding(film.label)] if film.label not in (None, NORMAL) else []
    return OutlinedFilm(
        name=film.image_path.stem,
        masks=masks,
        decisions=decided(masks, absent),
        sha256=hashlib.sha256(film.image_path.read_bytes()).hexdigest(),
        without_outline=tuple(finding for finding in shown if finding not in masks),
    )


def _masks(film: Film) -> dict[Finding, BoolArray]:
    masks: dict[Finding, BoolArray] = {}
    if film.mask_path is not None:
        bits = read_masks(film.mask_path)
        for finding in FINDINGS:
            masks[finding] = (bits >> np.uint32(CHANNELS.index(finding)) & np.uint32(1)).astype(bool)
    elif any(film.polygons.values()):
        from pedaxr.radiograph.read import read_radiograph

        radiograph = read_radiograph(film.image_path)
        masks = outlined_masks(film, (radiograph.height, radiograph.width))
    return {finding: mask for finding, mask in masks.items() if mask.any()}


def write_table(
    films: Sequence[tuple[Annotation, Study, dict[str, BoolArray]]],
) -> Iterator[tuple[str, bytes]]:
    """`films.csv`, a PNG of 16 bits of each film and, where polygons are not exact, its masks.

    `PatientID` is a number within this table, so that the films of one child stay together and no patient is
    named. Films marked unsuitable are left out: a table has no word for them.
    """
    children: dict[str, str] = {}
    rows = []
    for said, study, masks in films:
        child = children.setdefault(study.patient_id, f"C{len(children) + 1:05d}")
        yield f"films/{study.study_id}.png", _picture(study)
        exact = {name: exact_polygons(mask) for name, mask in masks.items()}
        mask_path = ""
        if any(polygons is None for polygons in exact.values()):
            mask_path = f"masks/{study.study_id}.npz"
            yield mask_path, packed_masks(masks)
        outlines = {name: polygons or [] for name, polygons in exact.items()}
        rows.append(_row(said, study, child, outlines, mask_path))
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows(rows)
    yield FILMS_CSV, text.getvalue().encode("utf-8")


def _row(
    said: Annotation, study: Study, child: str, outlines: dict[str, list[list[list[float]]]], mask_path: str
) -> dict[str, str]:
    known = [f.value for f, given in said.findings.items() if given.decision != "uncertain"]
    label = next((f.value for f in URGENCY if f.value in outlines), NORMAL)
    return {
        "ImagePath": f"films/{study.study_id}.png",
        "Point": json.dumps(outlines.get(label, [])),
        "Class": TERMS[label].english,
        "PatientID": child,
        "AgeMonths": "" if study.age_months is None else f"{study.age_months:.2f}",
        "ViewPosition": study.view_position.value if study.view_position else "",
        "Findings": json.dumps(outlines),
        "Known": " ".join(known) or "nothing",
        "MaskPath": mask_path,
        "Annotation": said.annotation_id,
    }


def _picture(study: Study) -> bytes:
    from pedaxr.radiograph.read import read_radiograph

    pixels = np.round(read_radiograph(study.image_path).pixels * 65535).astype(np.uint16)
    return bytes(cv2.imencode(".png", pixels)[1].tobytes())


def packed_masks(masks: dict[str, BoolArray]) -> bytes:
    """Masks (rows, columns) by channel, as `MaskPath` names them."""
    with tempfile.TemporaryDirectory(prefix="pedaxr-") as aside:
        path = Path(aside) / "masks.npz"
        write_masks(path, masks)
        return path.read_bytes()
