"""What a source holds that is of no format read here: what it is, and what to export instead."""

import re
from pathlib import PurePosixPath
from typing import Any

from pedaxr.clinic.exchange.files import Files
from pedaxr.clinic.exchange.mask_png import film_and_finding

_COCO = "Export it as COCO (with polygons or run lengths)"
_MASKS = "Write a PNG mask for each finding, called FILM_FINDING.png, such as 1_free air.png."
_SUFFIXES: dict[str, tuple[str, str]] = {
    ".geojson": ("GeoJSON, as QuPath writes it", _MASKS),
    ".jsonl": ("JSON with a document on each line", f"{_COCO}."),
    ".ndjson": ("JSON with a document on each line, as Labelbox writes it", f"{_COCO}, with its converter."),
    ".nii": ("a NIfTI volume", _MASKS),
    ".gz": ("compressed (NIfTI or an archive)", f"Unpack it; of a NIfTI mask: {_MASKS}"),
    ".nrrd": ("an NRRD volume", _MASKS),
    ".mha": ("a MetaImage volume", _MASKS),
    ".mhd": ("a MetaImage volume", _MASKS),
    ".mat": ("a MATLAB file", _MASKS),
    ".npy": ("a NumPy array", _MASKS),
    ".roi": ("a region of ImageJ", f"Use Edit > Selection > Create Mask, and save it as PNG. {_MASKS}"),
    ".psd": ("a Photoshop file", _MASKS),
    ".svg": ("a drawing", _MASKS),
    ".xlsx": ("a workbook", "Save it as CSV UTF-8."),
    ".xls": ("a workbook", "Save it as CSV UTF-8."),
    ".rar": ("an archive", "Unpack it."),
    ".7z": ("an archive", "Unpack it."),
    ".tar": ("an archive", "Unpack it."),
    ".tgz": ("an archive", "Unpack it."),
    ".zip": ("an archive inside the source", "Unpack it."),
}
_JPEG = (".jpg", ".jpeg")
_TASK_MASK = re.compile(r"task-\d+-annotation-")


def what_it_is(files: Files, documents: list[tuple[str, Any]]) -> str:
    """One or two sentences on the first file that is known and not read; empty where there is none."""
    for name, document in documents:
        if said := _of_json(document):
            return f"{_short(name)} {said}"
    for name in files.ending(".xml"):
        if said := _of_xml(files[name]):
            return f"{_short(name)} {said}"
    for name in files:
        path = PurePosixPath(name.lower())
        if _TASK_MASK.match(path.name):
            return (
                f"{_short(name)} is a mask of Label Studio's, which names a task and no picture. Export "
                "JSON, which holds what the brush painted."
            )
        if path.suffix in _JPEG and film_and_finding(name):
            return f"{_short(name)} is a mask as JPEG, which blurs its edges. Save the masks as PNG."
        if path.suffix in _SUFFIXES:
            kind, advice = _SUFFIXES[path.suffix]
            return f"{_short(name)} is {kind}, which is not read. {advice}"
    return f"{_short(documents[0][0])} is JSON of another form. {_COCO}." if documents else ""


def _short(name: str) -> str:
    return name[-80:]


def _of_json(document: Any) -> str:
    if isinstance(document, list) and document and isinstance(document[0], dict):
        document = document[0]
    if not isinstance(document, dict):
        return ""
    if document.get("type") in ("FeatureCollection", "Feature"):
        return f"is GeoJSON, as QuPath writes it, which is not read. {_MASKS}"
    if {"image_id", "category_id"} <= document.keys():
        return "is a list of COCO results, which names no films. Export the whole COCO file with its images."
    if {"objects", "size"} <= document.keys():
        return f"is Supervisely's. {_COCO}."
    if {"annotations", "item"} <= document.keys():
        return f"is Darwin JSON of V7. {_COCO}."
    if "data_row" in document:
        return f"is Labelbox's. {_COCO}, with its converter."
    if "annotations" in document and "images" not in document:
        return "has annotations and neither images nor categories. Export the whole COCO file."
    return ""


def _of_xml(data: bytes) -> str:
    head = data[:200_000]
    if b"<track" in head and b"<image" not in head:
        return "is CVAT for video. Export the task as 'CVAT for images 1.1'."
    if b"<bndbox" in head:
        return f"is Pascal VOC with boxes, which outline nothing. Draw outlines. {_COCO}, or as masks."
    if b"<annotation" in head and b"<polygon" in head:
        return f"is of the old LabelMe of the web. {_COCO}, or as LabelMe JSON."
    return ""
