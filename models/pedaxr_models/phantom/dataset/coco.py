"""The outlines of a data set as COCO instance annotations (cocodataset.org, "Object Detection" format)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

import cv2
import numpy as np

from pedaxr_models.labels import FINDINGS, TERMS
from pedaxr_models.phantom.dataset.films_csv import Row
from pedaxr_models.phantom.geometry import N

CATEGORY_IDS = {finding.value: number for number, finding in enumerate(FINDINGS, start=1)}


def coco_annotations(rows: Iterable[Row]) -> dict[str, Any]:
    """Images, categories and one annotation per finding and film; the pieces of a finding stay together."""
    rows = list(rows)
    annotations = [found for number, row in enumerate(rows, start=1) for found in _of_film(number, row)]
    return {
        "info": {"description": "pedaxr synthetic films", "is_synthetic": True},
        "categories": [
            {"id": CATEGORY_IDS[f], "name": f.value, "english": TERMS[f].english, "korean": TERMS[f].korean}
            for f in FINDINGS
        ],
        "images": [
            {"id": number, "file_name": row["ImagePath"], "width": N, "height": N}
            for number, row in enumerate(rows, start=1)
        ],
        "annotations": [{"id": number, **found} for number, found in enumerate(annotations, start=1)],
    }


def _of_film(image_id: int, row: Row) -> Iterator[dict[str, Any]]:
    for name, pieces in json.loads(row["Findings"]).items():
        points = np.concatenate([np.asarray(piece, np.float32) for piece in pieces])
        (left, top), (right, bottom) = points.min(0), points.max(0)
        yield {
            "image_id": image_id,
            "category_id": CATEGORY_IDS[name],
            "segmentation": [[v for point in piece for v in point] for piece in pieces],
            "bbox": [float(left), float(top), float(right - left), float(bottom - top)],
            "area": float(sum(cv2.contourArea(np.asarray(piece, np.float32)) for piece in pieces)),
            "iscrowd": 0,
        }
