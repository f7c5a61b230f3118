"""Films of any hospital as backgrounds: with outlines and findings in a JSON file next to them, or bare."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, View
from pedaxr_models.pasting.grey_curve import Mask
from pedaxr_models.pasting.structures import structures_from_channels
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter

_SUFFIXES = (".png", ".jpg", ".jpeg", ".dcm")
_MONTHS = {"neonate": 0.3, "infant": 8.0, "child": 72.0, "adolescent": 170.0, "adult": 190.0}

# Segments a film (H, W) float32 in 0..1: channel to mask (H, W).
Outline = Callable[[NDArray[np.float32]], Mapping[str, Mask]]


@dataclass(frozen=True)
class Segmented:
    """Outlines structures with a segmentation network, which is loaded for the first bare film."""

    load: Callable[[], FilmSegmenter]

    def __call__(self, pixels: NDArray[np.float32]) -> dict[str, Mask]:
        """Masks (H, W) per channel, at the film's own size."""
        segmenter = self.load()
        seen = segmenter.predict(pixels)
        masks = {}
        for channel, probability in zip(CHANNELS, seen.probabilities, strict=True):
            film = cv2.resize(probability[seen.letterbox.content], pixels.shape[::-1])
            masks[channel] = np.asarray(film >= segmenter.thresholds[channel])
        return masks


@dataclass(frozen=True)
class Background:
    """A film that findings may be put into.

    Attributes:
        pixels: (H, W) uint8, bone bright.
        structures: (H, W) bool each, see `pasting.free_air.put_free_air`.
        absent: findings that it is known not to show: only these may be put in.
        said: what its JSON file holds, for the copies; empty for a bare film.
    """

    name: str
    pixels: NDArray[np.uint8]
    structures: dict[str, Mask]
    absent: tuple[Finding, ...]
    view: View
    age_months: float
    said: dict[str, Any] = field(default_factory=dict)


def find_films(folder: Path) -> list[Path]:
    """Pictures of a folder, in order.

    Raises:
        ValueError: there are none.
    """
    found = sorted(p for p in folder.iterdir() if p.suffix.lower() in _SUFFIXES)
    if not found:
        raise ValueError(f"'{folder.name}' holds no PNG, JPEG or DICOM films. Name the folder that does.")
    return found


def read_background(path: Path, outline: Outline | None) -> Background:
    """One film with what is known of it; a bare film is taken to show no finding.

    Raises:
        ValueError: it cannot be decoded, its JSON file is of another picture, or a bare film comes without
            anything to outline its structures.
    """
    pixels = read_pixels(path)
    film = np.asarray(np.rint(pixels * 255), np.uint8)
    beside = path.with_suffix(".json")
    if not beside.exists():
        if outline is None:
            raise ValueError(f"'{path.name}' has no JSON file with outlines next to it. Outline it first.")
        structures = structures_from_channels(film, outline(pixels))
        return Background(path.stem, film, structures, FINDINGS, View.SUPINE, 24.0)
    said = json.loads(beside.read_text(encoding="utf-8"))
    findings = said.get("findings", {})
    return Background(
        name=path.stem,
        pixels=film,
        structures=dict(_drawn(said.get("polygons", {}), film.shape)),
        absent=tuple(f for f in FINDINGS if findings.get(f.value) == "absent"),
        view=_view(str(said.get("view", ""))),
        age_months=_MONTHS.get(str(said.get("age_group", "")), 24.0),
        said=said,
    )


def _drawn(polygons: Mapping[str, Any], shape: tuple[int, ...]) -> Iterator[tuple[str, Mask]]:
    for name, pieces in polygons.items():
        mask = np.zeros(shape, np.uint8)
        for piece in pieces:
            cv2.fillPoly(mask, [np.rint(np.array(piece, float)).astype(np.int32)], 1)
        yield name, mask.astype(bool)


def _view(text: str) -> View:
    if "decubitus" in text:
        return View.LEFT_LATERAL_DECUBITUS
    return View.ERECT if text == View.ERECT.value else View.SUPINE
