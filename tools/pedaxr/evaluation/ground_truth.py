"""What a film truly shows, from the masks it was made with, in the terms a report is judged by."""

from collections.abc import Mapping
from dataclasses import dataclass

from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.datasets.film import Film, read_masks, unpack_masks
from pedaxr_models.facts import Side
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.plausibility import cannot_show
from pedaxr_models.segmentation.landmarks import body_mask, find_landmarks, locate_shares
from pedaxr_models.segmentation.transforms import Letterbox

# A side is truly that of a finding when it holds this share of the finding's mask.
LEAST_SIDE_SHARE = 0.05


@dataclass(frozen=True)
class TrueFindings:
    """Findings that the film shows in its view.

    Attributes:
        left_share: by finding, the share of its true mask on the patient's left.
    """

    left_share: Mapping[str, float]

    @property
    def present(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(self.left_share)

    def lies_on(self, finding: str, side: Side | None) -> bool:
        """Whether the film shows the finding, on every side that is said."""
        left = self.left_share.get(finding)
        if left is None:
            return False
        on_left, on_right = left >= LEAST_SIDE_SHARE, 1 - left >= LEAST_SIDE_SHARE
        said = {None: True, Side.LEFT: on_left, Side.RIGHT: on_right, Side.BOTH: on_left and on_right}
        return said[side]


def true_findings(film: Film) -> TrueFindings:
    """Of a film with masks; what its view cannot show is left out.

    Raises:
        ValueError: the film has no masks.
        UnreadableImage: its picture cannot be read.
    """
    if film.mask_path is None:
        raise ValueError("These films carry no masks to judge by. Use films written by `pedaxr films`.")
    pixels = read_radiograph(film.image_path).pixels
    letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
    planes = unpack_masks(read_masks(film.mask_path)).astype("float32")  # (C, H, W)
    masks = {name: letterbox.apply(plane) >= 0.5 for name, plane in zip(CHANNELS, planes, strict=True)}
    landmarks = find_landmarks(masks, body_mask(letterbox.apply(pixels), masks, letterbox.content))
    shown = [f for f in Finding if masks[f].any() and not cannot_show(f, film.metadata.view)]
    return TrueFindings({f.value: float(locate_shares(masks[f], landmarks)[1]) for f in shown})
