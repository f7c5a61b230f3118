"""Masks as PNG or TIFF: `STUDY/FINDING.png`, `STUDY_FINDING.png` or `masks/FINDING/STUDY.png`.

They are bright inside; decisions.json has the decisions.
"""

import io
import json
import re
import warnings
from collections.abc import Iterator
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pedaxr.clinic.exchange.files import MOST_BYTES, Files, stem
from pedaxr.clinic.exchange.outlined import (
    BoolArray,
    OutlinedFilm,
    decided,
    finding_named,
    read_or_told,
)
from pedaxr.clinic.exchange.said import Said, read_said
from pedaxr.errors import InvalidRequest
from pedaxr.radiograph.raster import DECODER_ERRORS
from pedaxr_models.labels import Finding

DECISIONS = "decisions.json"
MASKS = (".png", ".tif", ".tiff", ".bmp")
_OF_MASKS = re.compile(r"mask|label|seg|annot|마스크", re.IGNORECASE)  # in the name of a folder of masks
_ADDED = re.compile(r"[_\-. ](mask|seg|label|gt)$", re.IGNORECASE)  # behind a film's name or a finding's
_SOFT = 0.1  # of a mask's pixels may be neither black nor white


def are_masks(files: Files) -> bool:
    """Whether a source holds masks: a table of decisions, or pictures named after a film and a finding."""
    return any(name.rpartition("/")[2] == DECISIONS for name in files) or any(
        film_and_finding(name) for name in files.ending(*MASKS)
    )


def read_mask_pngs(files: Files) -> Iterator[OutlinedFilm]:
    """One film for each that has a mask or a decision. Raises InvalidRequest: the decisions are damaged."""
    said = _decisions(files)
    pictures: dict[str, list[tuple[Finding, str]]] = {film: [] for film in said}
    for name in files.ending(*MASKS):
        if (found := film_and_finding(name)) is not None:
            pictures.setdefault(found[0], []).append((found[1], name))
    for film, named in sorted(pictures.items()):
        yield read_or_told(film, partial(_film, film, named, said.get(film), files))


def _film(film: str, named: list[tuple[Finding, str]], ours: Said | None, files: Files) -> OutlinedFilm:
    said = ours or Said()
    drawn = {finding: decode_mask(files[name], name) for finding, name in named}
    if ours is None:  # another program's
        for finding, name in named:
            _refuse_inverted(drawn[finding], name)
    if len({mask.shape for mask in drawn.values()}) > 1:
        raise InvalidRequest(f"The masks of {film[:80]} are not of one size.")
    drawn = {finding: mask for finding, mask in drawn.items() if mask.any()}
    return OutlinedFilm(
        name=film,
        masks=drawn,
        decisions=decided(drawn, said.decisions),
        is_unsuitable=said.is_unsuitable,
        sha256=said.sha256,
        author=said.author,
    )


def _refuse_inverted(mask: BoolArray, name: str) -> None:
    """Raises InvalidRequest: it is bright all round its rim, where no finding is on all four sides."""
    if all(rim.all() for rim in (mask[0], mask[-1], mask[:, 0], mask[:, -1])):
        raise InvalidRequest(
            f"{name[:80]} is bright all round its edge: it is inverted, or filled whole. Save it with the "
            "finding bright and all else black."
        )


def film_and_finding(name: str) -> tuple[str, Finding] | None:
    """The film and the finding that the name of a mask says."""
    *folders, last = name.split("/")
    base = _ADDED.sub("", stem(last))
    if folders and (finding := finding_named(base)) is not None:
        return stem(folders[-1]), finding
    for at in (at for at, sign in enumerate(base) if sign in "_-." and at):
        if (finding := finding_named(base[at + 1 :])) is not None:
            return _ADDED.sub("", stem(base[:at])), finding
    if any(map(_OF_MASKS.search, folders[:-1])) and (finding := finding_named(folders[-1])) is not None:
        return base, finding
    return None


def decode_mask(data: bytes, name: str) -> BoolArray:
    """(rows, columns), true inside. Raises InvalidRequest: it is no picture, or one of many greys."""
    if len(data) > MOST_BYTES:
        raise InvalidRequest(f"{name[:80]} is too large.")
    if data[:2] in (b"II", b"MM"):
        pixels = _tiff(data, name)
    else:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if pixels is None:
        raise InvalidRequest(f"{name[:80]} is not a PNG or TIFF picture. Export the masks again.")
    grey = pixels if pixels.ndim == 2 else pixels[..., :3].max(axis=2)
    if pixels.ndim == 3 and pixels.shape[2] == 4:  # what is not painted is transparent, whatever its colour
        grey = np.minimum(grey, pixels[..., 3])
    most = int(grey.max())
    if ((grey > most // 10) & (grey < most - most // 10)).mean() > _SOFT:
        raise InvalidRequest(
            f"{name[:80]} has many greys: it is a film, not a mask, which is black and white."
        )
    return np.asarray(grey > most // 2)  # 1, 255 or 65535 inside; edges may be soft


def _tiff(data: bytes, name: str) -> NDArray[Any] | None:
    """(rows, columns) or (rows, columns, channels); None where it is damaged.

    Raises:
        InvalidRequest: it has several pages.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data), formats=("TIFF",)) as picture:
                pages = getattr(picture, "n_frames", 1)
                pixels = np.asarray(picture.convert("RGB") if picture.mode == "P" else picture)
    except DECODER_ERRORS:
        return None
    if pages > 1:
        raise InvalidRequest(f"{name[:80]} has {pages} pages. Save each as a file, named after its finding.")
    return pixels.astype(np.uint8) * 255 if pixels.dtype == bool else pixels


def encode_mask(mask: BoolArray) -> bytes:
    """A PNG, 255 inside."""
    return bytes(cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes())


def _decisions(files: Files) -> dict[str, Said]:
    name = next((name for name in files if name.rpartition("/")[2] == DECISIONS), None)
    if name is None:
        return {}
    try:
        return {str(film): read_said(one) for film, one in json.loads(files[name]).items()}
    except (ValueError, AttributeError) as err:
        raise InvalidRequest(f"{DECISIONS} is not a JSON object of films. Export the masks again.") from err
