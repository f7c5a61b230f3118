"""Annotations as other programs read them: COCO, LabelMe, CVAT, masks as PNG, a table of films to train on.

Of each film what humans have decided last counts; every version stays in the registry. Films marked
unsuitable and findings left uncertain are listed, never exported as outlines. No patient is named: a film is
its study id.
"""

import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from pedaxr.audit.trail import accessing
from pedaxr.clinic.annotate import Annotation, Mask, annotations_of, merged
from pedaxr.clinic.exchange.said import write_said
from pedaxr.errors import InvalidRequest
from pedaxr.registry.annotation_rows import annotated_studies
from pedaxr.registry.schema import reading
from pedaxr_models.labels import FINDINGS, sign

if TYPE_CHECKING:
    from pedaxr.clinic.clinic import Clinic

Format = Literal["coco", "labelme", "cvat", "masks", "csv"]
_EPOCH = (1980, 1, 1, 0, 0, 0)  # so that the same annotations give the same archive


def export_annotations(
    annotations: Sequence[Annotation], kind: str, *, clinic: "Clinic | None" = None
) -> bytes:
    """A ZIP archive of the annotations, one of each film.

    Args:
        annotations: one of each film.
        kind: coco (one annotations.json with run lengths), labelme (one JSON a film, polygons, masks where
            those are not exact), cvat (one annotations.xml with masks), masks (one PNG a finding, 255 inside,
            and decisions.json), csv (films.csv with the films themselves, to train on).
        clinic: where the films of a csv are; other formats hold none.

    Raises:
        InvalidRequest: there is no such format.
    """
    if kind not in get_args(Format):
        raise InvalidRequest(f"There is no format {kind[:40]!r}. Use one of {', '.join(get_args(Format))}.")
    if kind == "csv":
        files = _table_files(annotations, clinic)
    else:
        files = {
            "coco": _coco_files,
            "labelme": _labelme_files,
            "cvat": _cvat_files,
            "masks": _mask_files,
        }[kind](annotations)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files:
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), data, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def to_export(study_id: str | None = None, *, clinic: "Clinic") -> list[Annotation]:
    """What humans have decided last of every film that they annotated, or of one. Raises StudyNotFound."""
    with accessing(clinic.home, "export_annotations", study_id=study_id):
        if study_id is not None:
            ids = [clinic.registry.study(study_id).study_id]
        else:
            with reading(clinic.registry.path) as connection:
                ids = sorted(annotated_studies(connection))
        found = (merged(annotations_of(one, clinic=clinic)) for one in ids)
        return [one for one in found if one is not None]


def pixels_of(mask: Mask) -> NDArray[np.bool_]:
    """(rows, columns), true inside."""
    rows, columns = mask.size
    values = np.zeros(len(mask.counts), np.bool_)
    values[1::2] = True
    return np.repeat(values, mask.counts).reshape(columns, rows).T


def mask_of(pixels: NDArray[np.bool_]) -> Mask:
    """The runs of (rows, columns) pixels."""
    flat = pixels.T.ravel()
    edges = np.flatnonzero(np.diff(flat)) + 1
    counts = np.diff(np.concatenate([[0], edges, [flat.size]])).tolist()
    return Mask(size=(pixels.shape[0], pixels.shape[1]), counts=[0, *counts] if flat[0] else counts)


def _coco_files(annotations: Sequence[Annotation]) -> Iterator[tuple[str, bytes]]:
    images: list[dict[str, Any]] = []
    drawn: list[dict[str, Any]] = []
    for number, one in enumerate(annotations, 1):
        size = next((found.mask.size for found in one.findings.values() if found.mask), None)
        images.append(
            {
                "id": number,
                "file_name": f"{one.study_id}.png",
                **({"height": size[0], "width": size[1]} if size else {}),
                "pedaxr": write_said(one),
            }
        )
        for finding, mask in _masks(one):
            drawn.append(_coco_annotation(len(drawn) + 1, number, finding, mask))
    categories = [
        {"id": i, "name": name.value, "supercategory": sign(name)} for i, name in enumerate(FINDINGS, 1)
    ]
    yield "annotations.json", _json({"images": images, "annotations": drawn, "categories": categories})


def _coco_annotation(number: int, image: int, finding: str, mask: Mask) -> dict[str, Any]:
    ys, xs = np.nonzero(pixels_of(mask))
    box = [xs.min(), ys.min(), xs.max() - xs.min() + 1, ys.max() - ys.min() + 1]
    return {
        "id": number,
        "image_id": image,
        "category_id": [name.value for name in FINDINGS].index(finding) + 1,
        "segmentation": {"size": list(mask.size), "counts": mask.counts},
        "area": mask.area_px,
        "bbox": [int(value) for value in box],
        "iscrowd": 0,
    }


def _labelme_files(annotations: Sequence[Annotation]) -> Iterator[tuple[str, bytes]]:
    from pedaxr.clinic.exchange.labelme import write_labelme

    for one in annotations:
        yield f"{one.study_id}.json", write_labelme(one.study_id, *_drawn(one), write_said(one))


def _cvat_files(annotations: Sequence[Annotation]) -> Iterator[tuple[str, bytes]]:
    from pedaxr.clinic.exchange.cvat import write_cvat

    yield (
        "annotations.xml",
        write_cvat([(one.study_id, *_drawn(one), write_said(one)) for one in annotations]),
    )


def _table_files(annotations: Sequence[Annotation], clinic: "Clinic | None") -> Iterator[tuple[str, bytes]]:
    from pedaxr.clinic.exchange.film_table import write_table

    if clinic is None:
        raise InvalidRequest("A table of films holds the films: name the clinic that they are in.")
    suitable = [one for one in annotations if not one.is_unsuitable]
    yield from write_table(
        [(one, clinic.registry.study(one.study_id), dict(_drawn(one)[1])) for one in suitable]
    )


def _drawn(one: Annotation) -> tuple[tuple[int, int] | None, list[tuple[str, NDArray[np.bool_]]]]:
    """Size of the film, where it is known, and the masks of what is there."""
    masks = list(_masks(one))
    return (masks[0][1].size if masks else None), [(name, pixels_of(mask)) for name, mask in masks]


def _mask_files(annotations: Sequence[Annotation]) -> Iterator[tuple[str, bytes]]:
    from pedaxr.clinic.exchange.mask_png import DECISIONS, encode_mask

    yield DECISIONS, _json({one.study_id: write_said(one) for one in annotations})
    for one in annotations:
        for finding, mask in _masks(one):
            yield f"{one.study_id}/{finding}.png", encode_mask(pixels_of(mask))


def _masks(one: Annotation) -> Iterator[tuple[str, Mask]]:
    if one.is_unsuitable:
        return
    for finding, found in one.findings.items():
        if found.mask is not None:
            yield finding.value, found.mask


def _json(data: Any) -> bytes:
    return (json.dumps(data, ensure_ascii=False, indent=1) + "\n").encode()
