"""Where gas meets fluid: the lie of gravity, and the level lines it draws in a lumen."""

from dataclasses import dataclass

import numpy as np

from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, View
from pedaxr_models.phantom.body.pose import Pose
from pedaxr_models.phantom.geometry import XX, YY, Field, Mask, Window

LEVEL_PITCHES = 0.8  # 25 mm at ten years (pitch 31 mm), 9.5 mm in a newborn
_SEEN_PX = 5  # a shorter run is not seen as a level


@dataclass(frozen=True)
class Level:
    """A gas-fluid interface.

    Attributes:
        start, end: canvas points x, y.
        counts: whether it is long enough to count.
        loop: number of the bowel loop; -1 for the stomach. Two levels of one loop stand at different heights.
    """

    organ: str
    start: tuple[float, float]
    end: tuple[float, float]
    counts: bool
    loop: int = -1


@dataclass(frozen=True)
class Gravity:
    """Which way is down.

    Attributes:
        depth: canvas pixels along gravity, growing downward; on a supine film gravity follows the beam and
            `depth` means nothing.
        across: canvas axis along which level lines run: 1, columns, if erect; 0, rows, on the side.
    """

    view: View
    depth: Field
    across: int

    @classmethod
    def of(cls, view: View, pose: Pose) -> "Gravity":
        """Gravity keeps to the detector, not to the child.

        A left lateral decubitus film is shown head up like the others: down is towards the child's left, the
        viewer's right.
        """
        angle = pose.angle + pose.tilt
        c, s = float(np.cos(angle)), float(np.sin(angle))
        if view is View.LEFT_LATERAL_DECUBITUS:
            return cls(view, np.asarray(c * (XX - 256) + s * (YY - 256), np.float32), 0)
        return cls(view, np.asarray(c * (YY - 256) - s * (XX - 256), np.float32), 1)

    @property
    def is_in_plane(self) -> bool:
        """Whether a horizontal beam sees levels edge-on."""
        return self.view in HORIZONTAL_BEAM_VIEWS


def level_lines(
    organ: str, window: Window, mine: Mask, gravity: Gravity, level: float, shortest: float, loop: int = -1
) -> list[Level]:
    """Runs of a lumen along one depth; `level` in pixels of `gravity.depth`, `shortest` in pixels."""
    near = mine & (np.abs(gravity.depth[window] - level) < 0.75)
    places = np.flatnonzero(near.any(1 - gravity.across))
    if not len(places):
        return []
    corner = (window[1].start, window[0].start)  # x, y
    lines = []
    for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
        if len(run) >= _SEEN_PX:
            start, end = (_point(near, int(place), gravity.across, corner) for place in (run[0], run[-1]))
            counts = len(run) >= shortest and organ != "stomach"
            lines.append(Level(organ, start, end, counts, loop))
    return lines


def _point(near: Mask, place: int, across: int, corner: tuple[int, int]) -> tuple[float, float]:
    """The middle of the level's trace at one column (or row), as a canvas point."""
    other = float(np.flatnonzero(near[:, place] if across else near[place]).mean())
    x, y = (float(place), other) if across else (other, float(place))
    return x + corner[0], y + corner[1]
