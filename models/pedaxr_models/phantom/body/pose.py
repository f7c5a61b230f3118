"""How the child lies on the detector: one rotation, zoom and shift for film, masks and level lines alike."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.geometry import Field, Mask, N
from pedaxr_models.phantom.ranges import STANDARD, Ranges, draw, draw_either_way


@dataclass(frozen=True)
class Pose:
    """Canvas to film: p' = zoom * R(angle) (p - 256) + 256 + shift; `tilt` turns gravity off the rows.

    A bowed or turned child is moved sideways only, so that fluid levels stay level.

    Attributes:
        bow: height in film pixels, middle row and half-length of the spine's bend; nil for a straight one.
        turn: share by which the side nearer the tube is broader, positive for the child's left.
    """

    angle: float
    zoom: float
    shift: tuple[float, float]
    tilt: float
    bow: tuple[float, float, float] = (0.0, 256.0, 160.0)
    turn: float = 0.0

    @cached_property
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

    @property
    def is_straight(self) -> bool:
        """Whether the affine map is all there is."""
        return self.bow[0] == 0 and self.turn == 0

    def _aside(self, x: NDArray[np.floating], y: NDArray[np.floating]) -> NDArray[np.float64]:
        """How far to the right a film point's place lies on the film of the straight child."""
        height, middle, reach = self.bow
        bend = height * np.exp(-(((y - middle) / reach) ** 2))
        off = (x - N / 2 - self.shift[0]) / (N / 2)
        return np.asarray(-bend - self.turn * (off**2 - 0.25) * np.exp(-(off**2)) * N / 4)

    def point(self, x: float, y: float) -> tuple[float, float]:
        """A canvas point on the film."""
        u, v = self.matrix @ np.array([x, y, 1.0])
        if self.is_straight:
            return float(u), float(v)
        found = np.array([u])
        for _ in range(6):
            found = u - self._aside(found, np.array([v]))
        return float(found[0]), float(v)

    @cached_property
    def _places(self) -> NDArray[np.float32]:
        """Canvas points (N, N, 2) of the film's pixels: the same for every mask of a child."""
        y, x = np.arange(N, dtype=np.float64)[:, None], np.arange(N, dtype=np.float64)[None]
        back = np.linalg.inv(np.vstack([self.matrix, [0, 0, 1]]))
        straight = np.stack(np.broadcast_arrays(x + self._aside(x, y), y, 1.0))
        return np.asarray(np.tensordot(back[:2], straight, 1).transpose(1, 2, 0), np.float32)

    def warp(self, field: Field) -> Field:
        """A canvas image on the film; mirrored beyond its edge, since replication leaves streaks."""
        edge = cv2.BORDER_REFLECT_101
        if self.is_straight:
            film = cv2.warpAffine(field, self.matrix, (N, N), flags=cv2.INTER_CUBIC, borderMode=edge)
        else:
            film = cv2.remap(field, self._places, None, cv2.INTER_CUBIC, borderMode=edge)
        return np.asarray(film, np.float32)

    def warp_mask(self, mask: Mask) -> Mask:
        """A silhouette on the film; nothing beyond the canvas."""
        if not mask.any():
            return np.zeros((N, N), bool)
        grey = mask.astype(np.uint8) * 255
        if self.is_straight:
            grey = cv2.warpAffine(grey, self.matrix, (N, N), flags=cv2.INTER_LINEAR)
        else:
            grey = cv2.remap(grey, self._places, None, cv2.INTER_LINEAR)
        return np.asarray(grey > 127)

    def reach(self) -> float:
        """Rows from the film's middle that shutters may open to, so that a shrunk canvas shows no edge."""
        if self.zoom > 1.02:
            return float(N)  # the slivers beyond a turned canvas are mirrored, which does not show
        turned = np.cos(self.angle) + abs(np.sin(self.angle))
        return float(N / 2 * self.zoom / turned - abs(self.shift[1]))


def sample_pose(infancy: float, rng: np.random.Generator, r: Ranges = STANDARD) -> Pose:
    """Infants fill more of the film."""
    angle = np.deg2rad(draw_either_way(rng, r.angle_degrees))
    zoom = draw(rng, r.infant_zoom if rng.random() < infancy else r.zoom)
    shift = (draw_either_way(rng, r.off_centre) * N, draw_either_way(rng, r.off_centre) * N * 0.75)
    pose = Pose(float(angle), float(zoom), shift, float(rng.uniform(-0.012, 0.012)))
    if r.bow_px == ((0.0, 0.0),) and r.turn == ((0.0, 0.0),):
        return pose
    bow = (draw_either_way(rng, r.bow_px) * pose.zoom, rng.uniform(180, 340), rng.uniform(90, 200))
    return replace(pose, bow=bow, turn=draw_either_way(rng, r.turn))
