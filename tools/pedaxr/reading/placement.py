"""Where a finding can lie on a film, and how much of the body it must fill to be one.

A speck, or a lucency in a lung or beside the child, is not a finding, however dark it is. Pieces of an
outline that lie where their finding cannot are left out; what is left must fill a least share of the body.
What falls short is a note that says where to look.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedaxr.reading.notes import Note, NoteKind
from pedaxr.reading.positioning import is_on_its_side
from pedaxr_models.labels import FINDINGS, Finding, Structure, View, sign_within
from pedaxr_models.segmentation.landmarks import Landmarks, box_of, find_landmarks, pieces_of

if TYPE_CHECKING:
    from pedaxr_models.segmentation.film_segmenter import Segmentation

BoolArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]

_LEAST_WITHIN = 0.5  # of a piece, where its finding can lie
# Of half the body's width, from the midline, the patient's right being negative: wider than any true free air
# of the training films lies on that view.
_DECUBITUS_FLANK = -0.5
_SUPINE_POOL = (-0.97, 0.9)


@dataclass(frozen=True)
class Anatomy:
    """What tells where on a film a finding lies, in the frame.

    Attributes:
        masks: (S, S) per channel.
        body: (S, S) the child, found without any finding's outline; each row is filled.
    """

    masks: Mapping[str, BoolArray]
    body: BoolArray

    @classmethod
    def of(cls, segmentation: "Segmentation", film: FloatArray, masks: Mapping[str, BoolArray]) -> "Anatomy":
        """Of one segmented film (H, W)."""
        structures = {name: mask for name, mask in masks.items() if name not in FINDINGS}
        return cls(masks, segmentation.body_of(film, structures))

    @cached_property
    def landmarks(self) -> Landmarks:
        """Midline and L3-L4."""
        return find_landmarks(self.masks, self.body)

    @cached_property
    def is_on_its_side(self) -> bool:
        """Whether up and down, right and left cannot be taken from the picture."""
        return is_on_its_side(self.masks)

    @cached_property
    def above_domes(self) -> BoolArray:
        """(S, S) above the line of the diaphragm, carried on sideways; nowhere if that is not outlined."""
        dome = self.masks[Structure.DIAPHRAGM]
        columns = np.flatnonzero(dome.any(axis=0))
        if not len(columns) or self.is_on_its_side:
            return np.zeros_like(dome)
        rows = np.interp(np.arange(dome.shape[1]), columns, dome.argmax(axis=0)[columns])
        above: BoolArray = np.arange(dome.shape[0])[:, None] < rows
        return above

    @cached_property
    def aside(self) -> FloatArray:
        """(S, S) from the midline, the patient's left positive, in halves of the body's width at that row."""
        half = np.maximum(self.body.sum(axis=1) / 2, 1.0)
        across = np.arange(self.body.shape[1]) - self.landmarks.midline_x[:, None]
        return np.asarray(across / half[:, None], np.float32)


def can_lie(finding: Finding, anatomy: Anatomy, view: View | None) -> BoolArray:
    """(S, S) where that finding can lie: within the body, below the domes, not in a lung.

    Free air moreover erect above the level of L3-L4, on the left side along the upper flank, supine in front
    of all but the outermost flanks; anywhere within the abdomen where the view is not known.
    """
    inside: BoolArray = anatomy.body & ~anatomy.masks[Structure.LUNGS] & ~anatomy.above_domes
    if finding is not Finding.PNEUMOPERITONEUM or anatomy.is_on_its_side:
        return inside
    if view is View.ERECT:
        return inside & (np.arange(len(inside)) < anatomy.landmarks.quadrant_y)[:, None]
    if view is View.LEFT_LATERAL_DECUBITUS:
        return inside & (anatomy.aside < _DECUBITUS_FLANK)
    if view is View.SUPINE:
        low, high = _SUPINE_POOL
        return inside & (low < anatomy.aside) & (anatomy.aside < high)
    return inside


def counted(finding: Finding, anatomy: Anatomy, view: View | None) -> BoolArray:
    """The pieces (S, S) of a finding's outline at least half of which lies where it can."""
    mask = anatomy.masks[finding]
    inside = box_of(mask)
    if not mask[inside].size:
        return mask
    labels, areas = pieces_of(mask[inside])
    well_placed = labels[can_lie(finding, anatomy, view)[inside]]
    within = np.bincount(well_placed, minlength=len(areas))
    is_kept = within >= _LEAST_WITHIN * areas
    is_kept[0] = False
    kept = np.zeros_like(mask)
    kept[inside] = is_kept[labels]
    return kept


def share_of_body(mask: BoolArray, anatomy: Anatomy) -> float:
    """Pixels of the mask over those of the body; 0 without a body."""
    body = np.count_nonzero(anatomy.body)
    return np.count_nonzero(mask) / body if body else 0.0


def small_note(finding: Finding, quadrants: list[str], *, is_small: bool) -> Note:
    """What is said of an outline that is not a finding: where to look."""
    what = "a lucency" if finding is Finding.PNEUMOPERITONEUM else "an area"
    where = "all four quadrants" if len(quadrants) == 4 else ", ".join(quadrants) or "place not certain"
    why = "is too small" if is_small else "lies where none is counted"
    return Note(NoteKind.SMALL, f"Look again: {what} like {sign_within(finding)} ({where}) {why}.")
