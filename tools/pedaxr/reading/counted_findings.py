"""Which outlines of one film are findings: well placed and large enough, in the view they were taken in."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr.reading.notes import Note
from pedaxr.reading.outlines import Outlines
from pedaxr.reading.placement import counted, share_of_body, small_note
from pedaxr.types import Region
from pedaxr_models.labels import Finding, View

BoolArray = NDArray[np.bool_]


@dataclass(frozen=True)
class CountedFindings:
    """The findings of one film.

    Attributes:
        regions: in the order of the vocabulary, in pixels of the film as it is stored.
        masks: (512, 512) by finding that is outlined at all, what of it counts; empty where nothing does.
        notes: on what is outlined and is not a finding.
    """

    regions: tuple[Region, ...]
    masks: Mapping[str, BoolArray]
    notes: tuple[Note, ...]

    def has_left_out(self, finding: Finding) -> bool:
        """Whether the finding is outlined, and nothing of it counts."""
        return finding in self.masks and not self.masks[finding].any()


def count_findings(
    outlines: Outlines,
    *,
    spacing: tuple[float, float] | None,
    view: View | None,
    least_share: Mapping[str, float],
) -> CountedFindings:
    """Of every outlined finding the pieces that lie where it can, if they fill enough of the body.

    Args:
        outlines: of the film.
        spacing: row, column of the stored film in mm.
        view: decides where free air can lie.
        least_share: by finding, of the body; 0 where none is given.
    """
    regions, masks, notes = [], {}, []
    for region in (region for region in outlines.regions if region.kind == "finding"):
        kept = counted(Finding(region.name), outlines.anatomy, view)
        is_there = kept.any()
        if is_there and share_of_body(kept, outlines.anatomy) >= least_share.get(region.name, 0.0):
            masks[region.name] = kept
            is_whole = np.count_nonzero(kept) == np.count_nonzero(outlines.masks[region.name])
            regions.append(region if is_whole else outlines.region_of(region.name, kept, spacing))
            continue
        masks[region.name] = np.zeros_like(kept)
        notes.append(small_note(Finding(region.name), region.quadrants, is_small=bool(is_there)))
    return CountedFindings(tuple(regions), masks, tuple(notes))
