"""What a film truly shows, as far as its source knows, in the terms a report is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.datasets.film import Film, outlined_masks, read_masks, unpack_masks
from pedaxr_models.facts import Side
from pedaxr_models.labels import CHANNELS, FINDINGS, NORMAL
from pedaxr_models.plausibility import cannot_show
from pedaxr_models.segmentation.landmarks import Landmarks, body_mask, find_landmarks, locate_shares
from pedaxr_models.segmentation.transforms import Letterbox

# A side is truly that of a finding when it holds this share of the finding's mask.
LEAST_SIDE_SHARE = 0.05
ALL = frozenset(finding.value for finding in FINDINGS)


@dataclass(frozen=True)
class TrueFindings:
    """Findings that the film shows in its view.

    Attributes:
        left_share: by finding that is shown, the share of its true mask on the patient's left; None where
            nobody outlined it.
        known: findings of which it is known whether the film shows them; of others nothing may be judged.
    """

    left_share: Mapping[str, float | None]
    known: frozenset[str] = ALL

    @property
    def present(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.left_share)

    def lies_on(self, finding: str, side: Side | None) -> bool:
        """Whether the film shows the finding, on every side that is said, where sides are known."""
        if finding not in self.left_share:
            return False
        left = self.left_share[finding]
        if left is None:
            return True
        on_left, on_right = left >= LEAST_SIDE_SHARE, 1 - left >= LEAST_SIDE_SHARE
        said = {None: True, Side.LEFT: on_left, Side.RIGHT: on_right, Side.BOTH: on_left and on_right}
        return said[side]


def known_findings(film: Film) -> frozenset[str]:
    """Findings of which the film's source says whether they are there: by outlines, masks or a class."""
    labelled = ALL & film.labelled_channels
    if film.label == NORMAL or (film.mask_path is not None and not film.labelled_channels):
        return ALL
    return labelled | ({film.label} if film.label in ALL else set())


def true_findings(film: Film) -> TrueFindings:
    """What the film's masks, outlines or class say; what its view cannot show is left out.

    Raises:
        ValueError: nothing is known of the film.
        UnreadableImage: its picture cannot be read.
    """
    known = known_findings(film)
    if not known:
        raise ValueError(
            "Of these films nothing is known to judge by. Use films with masks, outlines or a class."
        )
    masks, landmarks = _true_masks(film)
    shares: dict[str, float | None] = {}
    for finding in FINDINGS:
        if finding not in known or cannot_show(finding, film.metadata.view):
            continue
        if masks[finding].any():
            shares[finding.value] = float(locate_shares(masks[finding], landmarks)[1])
        elif film.label == finding.value:
            shares[finding.value] = None
    return TrueFindings(shares, known)


def _true_masks(film: Film) -> tuple[dict[str, NDArray[np.bool_]], Landmarks]:
    """By channel, (512, 512) bool in the frame, and what divides the sides: without a spine the middle."""
    pixels = read_radiograph(film.image_path).pixels
    letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
    if film.mask_path is not None:
        planes = unpack_masks(read_masks(film.mask_path)).astype("float32")  # (C, H, W)
    else:
        drawn = outlined_masks(film, (pixels.shape[0], pixels.shape[1]))
        by_name = {finding.value: mask for finding, mask in drawn.items()}
        empty = np.zeros(pixels.shape, bool)
        planes = np.stack([by_name.get(name, empty) for name in CHANNELS]).astype("float32")
    masks = {name: letterbox.apply(plane) >= 0.5 for name, plane in zip(CHANNELS, planes, strict=True)}
    return masks, find_landmarks(masks, body_mask(letterbox.apply(pixels), masks, letterbox.content))
