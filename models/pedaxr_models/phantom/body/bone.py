"""Bone as a cortical shell round a trabecular core: bright rims, grey interiors."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from pedaxr_models.phantom.geometry import Field, Mask, N, Tube, Window, blur, half_chord, tube
from pedaxr_models.phantom.noise import texture

_SHELL_GAIN = 2.5  # these shells are thinner than real ones; found by eye


class BoneMap:
    """Collects path lengths (pixels) of cortical and trabecular bone, and silhouettes by name."""

    def __init__(self) -> None:
        self.cortical = np.zeros((N, N), np.float32)
        self.trabecular = np.zeros((N, N), np.float32)
        self.masks: dict[str, Mask] = {}

    def outline(self, name: str, window: Window, inside: Mask) -> None:
        """Add a silhouette to the mask of that name."""
        self.masks.setdefault(name, np.zeros((N, N), bool))[window] |= inside

    def tube(
        self,
        curve: Field,
        radius: ArrayLike,
        cortex: float,
        *,
        depth: float = 1.0,
        fill: float = 0.35,
        strength: float | Sequence[float] | Field = 1.0,
        name: str | None = None,
    ) -> None:
        """A long bone. `radius` and `strength` may be given per sample of `curve` (n, 2)."""
        radii = np.broadcast_to(np.asarray(radius, np.float32), (len(curve),))
        t = tube(curve, float(radii.max()))
        if t is None:
            return
        near = np.nonzero(t.distance < radii.max())  # the window of a bent bone is mostly empty
        t = Tube(t.window, t.distance[near], t.arc[near])
        r = t.along(radii) if np.ndim(radius) else radii[0]
        gain = depth * (t.along(strength) if np.ndim(strength) else float(np.asarray(strength)))
        outer = np.sqrt(np.maximum(r**2 - t.distance**2, 0))
        core = np.sqrt(np.maximum(np.maximum(r - cortex, 0) ** 2 - t.distance**2, 0))
        self.cortical[t.window][near] += 2 * (outer - core) * gain * 0.55
        self.trabecular[t.window][near] += 2 * core * (fill * 1.5 + 0.12) * gain
        if name:
            mask = self.masks.setdefault(name, np.zeros((N, N), bool))
            mask[t.window][near] |= t.distance < r

    def plate(
        self,
        window: Window,
        distance: Field,
        rounding: float,
        thickness: float | Field,
        cortex: float,
        *,
        fill: float = 0.35,
        rim: float = 1.0,
    ) -> None:
        """A flat bone of AP `thickness`; `rim` weakens the shell that rounding gives its edge."""
        outer = half_chord(distance, rounding) / rounding
        core = half_chord(distance + cortex, rounding) / rounding
        self.cortical[window] += thickness * np.clip(outer - core, 0, 1) * rim
        self.trabecular[window] += thickness * core * fill

    def finished(self, mineral: float, shell: float, rng: np.random.Generator) -> tuple[Field, Field]:
        """Path lengths (cortical, trabecular) with texture and mineral content."""
        shade = np.clip(1 + 0.05 * texture(rng, 1.2) + 0.05 * texture(rng, 2.4), 0.7, 1.3)
        mesh = np.clip(1 + 0.10 * texture(rng, 1.5) + 0.06 * texture(rng, 4), 0.5, 1.5)
        gain = mineral * _SHELL_GAIN
        return blur(self.cortical * shade, 0.5) * gain * shell, blur(self.trabecular * mesh, 0.5) * gain
