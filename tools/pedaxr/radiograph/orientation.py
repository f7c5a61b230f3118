"""How a film is stored against how it is read: turned, mirrored, of pixels that are not square."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
Vector = tuple[int, int]


@dataclass(frozen=True)
class Orientation:
    """What brings a stored picture upright: mirrored left to right first, then turned clockwise.

    Attributes:
        is_mirrored: whether the stored picture is mirrored.
        quarter_turns: 0 to 3, clockwise, that bring it upright.
    """

    is_mirrored: bool = False
    quarter_turns: int = 0

    @property
    def is_upright(self) -> bool:
        """Whether the picture is stored as it is read."""
        return not self.is_mirrored and not self.quarter_turns

    def apply(self, pixels: FloatArray) -> FloatArray:
        """Stored (H, W) to upright, (H, W) or (W, H); no pixel changes its value."""
        flipped = pixels[:, ::-1] if self.is_mirrored else pixels
        turned = np.rot90(flipped, -self.quarter_turns)
        return pixels if self.is_upright else np.ascontiguousarray(turned)

    def turned(self, quarters: int) -> "Orientation":
        """The same, turned on clockwise."""
        return Orientation(self.is_mirrored, (self.quarter_turns + quarters) % 4)

    def directions(self, right: Vector, down: Vector) -> tuple[Vector, Vector]:
        """What points right and down once a picture whose own axes point so is brought upright."""
        if self.is_mirrored:
            right = (-right[0], -right[1])
        for _ in range(self.quarter_turns):
            right, down = (-down[0], -down[1]), right  # what pointed up points right
        return right, down

    def matrix(self, width: int, height: int) -> NDArray[np.float64]:
        """(2, 3): leads from x, y of the stored picture (width, height) to x, y of the upright one."""
        x, y = self.directions((1, 0), (0, 1))
        linear = np.array([x, y], np.float64)
        corners = linear @ np.array([[0, width - 1], [0, height - 1]])
        return np.column_stack([linear, -corners.min(axis=1)])


@dataclass(frozen=True)
class Stored:
    """How a film is stored.

    Attributes:
        orientation: what brings it upright.
        is_certain: whether the header says how the child lies, and not only what was done to the picture.
        pixel_aspect: height of a pixel over its width, for pictures without a pixel spacing.
        is_from_the_side: whether the header says that this is not a frontal film.
    """

    orientation: Orientation = Orientation()
    is_certain: bool = False
    pixel_aspect: float = 1.0
    is_from_the_side: bool = False


ORIENTATIONS = tuple(Orientation(mirrored, turns) for mirrored in (False, True) for turns in range(4))
