"""COCO instance annotations: polygons, run lengths, compressed run lengths; decisions beside the images."""

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from pedaxr.clinic.exchange.files import stem
from pedaxr.clinic.exchange.outlined import (
    BoolArray,
    OutlinedFilm,
    checked_size,
    decided,
    filled_if_meant,
    finding_named,
    not_outlined,
    not_understood,
    placed,
    presence_of,
    read_or_told,
    read_presence,
)
from pedaxr.clinic.exchange.said import read_said
from pedaxr.errors import InvalidRequest
from pedaxr_models.datasets.shapes import decoded_runs
from pedaxr_models.labels import Finding

Drawn = tuple[object, Any, str]  # the name of a category, a segmentation, and where it stands


def is_coco(document: object) -> bool:
    """Whether a JSON document is one."""
    return isinstance(document, dict) and {"images", "categories"} <= document.keys()


def read_coco(document: Mapping[str, Any]) -> Iterator[OutlinedFilm]:
    """One film for each image. Raises InvalidRequest: the document contradicts itself."""
    try:
        # Some write ids as numbers in one place and as text in another.
        names = {str(row["id"]): row["name"] for row in document["categories"]}
        drawn: dict[str, list[Drawn]] = {str(image["id"]): [] for image in document["images"]}
        for number, row in enumerate(document.get("annotations") or [], 1):
            if (category := str(row["category_id"])) not in names:
                raise InvalidRequest(
                    f"An annotation of the COCO file names the category {category[:40]!r}, which is not in "
                    "its list of categories. Export it again with all of them."
                )
            drawn[str(row["image_id"])].append(
                (names[category], row.get("segmentation"), f"annotation {number}")
            )
        for image in document["images"]:
            name = stem(str(image["file_name"]))
            yield read_or_told(name, partial(_film, image, drawn[str(image["id"])]))
    except (KeyError, TypeError, AttributeError, ValueError) as err:
        raise InvalidRequest(
            "The COCO file is not as the format wants it: every annotation names an image and a category, "
            "every image a file and its size."
        ) from err


def _film(image: Mapping[str, Any], outlined: Sequence[Drawn]) -> OutlinedFilm:
    said = read_said(image.get("pedaxr"))
    named = ((finding_named(label), segmentation, place) for label, segmentation, place in outlined)
    drawn = [(finding, segmentation, place) for finding, segmentation, place in named if finding is not None]
    masks: dict[Finding, BoolArray] = {}
    for finding, segmentation, place in drawn:
        with placed(place):
            mask = _mask(segmentation, _size(image, segmentation))
        masks[finding] = masks[finding] | mask if finding in masks else mask
    masks = {finding: mask for finding, mask in masks.items() if mask.any()}
    shown = {
        *presence_of(image.get("findings")),
        *(finding for finding, _, _ in drawn),
    }  # a box outlines nothing
    decisions = {**read_presence(image.get("findings")), **said.decisions}
    return OutlinedFilm(
        name=stem(str(image["file_name"])),
        masks=masks,
        decisions=decided(
            masks, {f: d for f, d in decisions.items() if f not in masks or f in said.decisions}
        ),
        is_unsuitable=said.is_unsuitable or image.get("suitable") is False,
        sha256=said.sha256,
        author=said.author,
        without_outline=not_outlined(shown, masks, said.decisions),
        unknown_labels=not_understood(label for label, _, _ in outlined),
    )


def _size(image: Mapping[str, Any], segmentation: Any) -> tuple[int, int]:
    """That of the image; run lengths, which say how long they are, need none."""
    height, width = image.get("height"), image.get("width")
    if height is None and width is None and isinstance(segmentation, Mapping):
        height, width = segmentation["size"]
    return checked_size(height, width, str(image["file_name"]))


def _mask(segmentation: Any, size: tuple[int, int]) -> BoolArray:
    if not segmentation:
        return np.zeros(size, bool)
    if isinstance(segmentation, list):
        return filled_if_meant([_pairs(polygon) for polygon in segmentation], size)
    if (stated := segmentation.get("size")) is not None and tuple(map(int, stated)) != size:
        raise InvalidRequest(
            f"its run lengths state {' x '.join(map(str, stated))} pixels, the film has {size[0]} x {size[1]}"
            ": the height comes first"
        )
    return decoded_runs(segmentation, size)


def _pairs(polygon: Sequence[float]) -> list[list[float]]:
    return [[float(x), float(y)] for x, y in zip(polygon[::2], polygon[1::2], strict=True)]
