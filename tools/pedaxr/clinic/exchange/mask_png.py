"""Masks as PNG, 255 inside: `STUDY/FINDING.png` or `STUDY_FINDING.png`; decisions.json has the decisions."""

import json
from collections.abc import Iterator

import cv2
import numpy as np

from pedaxr.clinic.exchange.files import MOST_BYTES, Files
from pedaxr.clinic.exchange.outlined import BoolArray, OutlinedFilm, decided, finding_named
from pedaxr.clinic.exchange.said import Said, read_said
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import FINDINGS, Finding

DECISIONS = "decisions.json"


def are_masks(files: Files) -> bool:
    """Whether a source holds masks: a table of decisions, or pictures named after a film and a finding."""
    return any(name.rpartition("/")[2] == DECISIONS for name in files) or any(
        film_and_finding(name) for name in files.ending(".png")
    )


def read_mask_pngs(files: Files) -> Iterator[OutlinedFilm]:
    """One film for each that has a mask or a decision. Raises InvalidRequest: a picture is damaged."""
    said = _decisions(files)
    masks: dict[str, dict[Finding, BoolArray]] = {film: {} for film in said}
    for name in files.ending(".png"):
        if (found := film_and_finding(name)) is not None:
            mask = decode_mask(files[name], name)
            if mask.any():
                masks.setdefault(found[0], {})[found[1]] = mask
    for film, drawn in sorted(masks.items()):
        if len({mask.shape for mask in drawn.values()}) > 1:
            raise InvalidRequest(f"The masks of {film[:80]} are not of one size.")
        given = said.get(film, Said())
        yield OutlinedFilm(
            name=film,
            masks=drawn,
            decisions=decided(drawn, given.decisions),
            is_unsuitable=given.is_unsuitable,
            sha256=given.sha256,
            author=given.author,
        )


def film_and_finding(name: str) -> tuple[str, Finding] | None:
    """The film and the finding that the name of a mask says."""
    parts = name.removesuffix(".png").removesuffix(".PNG").split("/")
    if len(parts) > 1 and (finding := finding_named(parts[-1])) is not None:
        return parts[-2], finding
    for finding in FINDINGS:
        for sign in ("_", "-", "."):
            if parts[-1].endswith(ending := f"{sign}{finding.value}"):
                return parts[-1].removesuffix(ending), finding
    return None


def decode_mask(data: bytes, name: str) -> BoolArray:
    """(rows, columns), true inside. Raises InvalidRequest: it is no picture."""
    if len(data) > MOST_BYTES:
        raise InvalidRequest(f"{name[:80]} is too large.")
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if pixels is None:
        raise InvalidRequest(f"{name[:80]} is not a PNG picture. Export the masks again.")
    grey = pixels if pixels.ndim == 2 else pixels[..., :3].max(axis=2)
    return np.asarray(grey > (127 if grey.max() > 1 else 0))


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
