"""How the child lies on the detector: one rotation, zoom and shift for film, masks and level lines alike."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.geometry import Field, Mask, N
from pedaxr_models.phantom.ranges import STANDARD, Ranges, draw, draw_either_way


@dataclass(frozen=True)
class Pose:
    """Canvas to film: p' = zoom * R(angle) (p - 256) + 256 + shift; `tilt` turns gravity off the rows."""

    angle: float
    zoom: float
    shift: tuple[float, float]
    tilt: float

    @property
    def matrix(self) -> NDArray[np.float64]:
        """Forward affine map, (2, 3)."""
        c, s = self.zoom * np.cos(self.angle), self.zoom * np.sin(self.angle)
        centre = N / 2
        return np.array(
            [
                [c, s, centre + self.shift[0] - (c + s) * centre],
                [-s, c, centre + self.shift[1] - (c - s) * centre],
            ]
        )

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A canvas point on the film."""
        p = self.matrix @ np.array([x, y, 1.0])
        return float(p[0]), float(p[1])

    def warp(self, field: Field) -> Field:
        """A canvas image on the film; mirrored beyond its edge, since replication leaves streaks."""
        return np.asarray(
            cv2.warpAffine(
                field, self.matrix, (N, N), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
            ),
            np.float32,
        )

    def reach(self) -> float:
        """Rows from the film's middle that shutters may open to, so that a shrunk canvas shows no edge."""
        if self.zoom > 1.02:
            return float(N)  # the slivers beyond a turned canvas are mirrored, which does not show
        turned = np.cos(self.angle) + abs(np.sin(self.angle))
        return float(N / 2 * self.zoom / turned - abs(self.shift[1]))

    def warp_mask(self, mask: Mask) -> Mask:
        """A silhouette on the film; nothing beyond the canvas."""
        if not mask.any():
            return np.zeros((N, N), bool)
        grey = cv2.warpAffine(mask.astype(np.uint8) * 255, self.matrix, (N, N), flags=cv2.INTER_LINEAR)
        return np.asarray(grey > 127)


def sample_pose(infancy: float, rng: np.random.Generator, r: Ranges = STANDARD) -> Pose:
    """Infants fill more of the film."""
    angle = np.deg2rad(draw_either_way(rng, r.angle_degrees))
    zoom = draw(rng, r.infant_zoom if rng.random() < infancy else r.zoom)
    shift = (draw_either_way(rng, r.off_centre) * N, draw_either_way(rng, r.off_centre) * N * 0.75)
    return Pose(float(angle), float(zoom), shift, float(rng.uniform(-0.012, 0.012)))
