"""The distortions that a network is trained with: other poses, exposures, processing and shutters.

They reach well beyond the training films, because the films a network will meet do. Mirrored films come with
mirrored masks: the network learns to see where things lie instead of assuming it; which side is which is
worked out from the masks afterwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]
Bits = NDArray[np.uint32]


@dataclass(frozen=True)
class Augmentation:
    """Ranges of the distortions.

    Attributes:
        rotation_degrees, shift, log_scale, log_aspect: of the pose, largest absolute value; shift is a share
            of the side.
        bend: standard deviation of a smooth displacement, share of the side: bodies of other proportions.
        log_gamma, log_steepness: of the grey curve, largest absolute value of its gamma and of the slope of
            each sixth of it.
        grey_range: share of the grey scale that may be lost at either end.
        haze: largest share of the film replaced by its own slow part, as scatter does.
        crispness: largest factor on the detail over that slow part, as another processing does.
        noise, blur: largest standard deviations, in grey levels of 255 and pixels of a 256-pixel frame.
        shutters: share of films that get new shutters; their floor is a grey of at most `shutter_floor`.
        dropout: probability that up to three rectangles are greyed out.
        mirror, quarter_turn: share of films that are mirrored, and turned by a quarter as films are shown
            that were taken with the child on its side.
        makers: share of films with another maker's processing: local histogram equalisation, strong unsharp
            masking, a narrow window.
    """

    rotation_degrees: float = 14.0
    shift: float = 0.09
    log_scale: float = 0.28
    log_aspect: float = 0.12
    bend: float = 0.012
    log_gamma: float = 0.6
    log_steepness: float = 0.7
    grey_range: float = 0.2
    haze: float = 0.5
    crispness: float = 0.8
    noise: float = 11.0
    blur: float = 1.0
    shutters: float = 0.4
    shutter_floor: float = 36.0
    dropout: float = 0.15
    mirror: float = 0.0
    quarter_turn: float = 0.0
    makers: float = 0.0

    def __call__(self, film: Grey, bits: Bits, rng: np.random.Generator) -> tuple[Grey, Bits]:
        """Film (S, S) and mask bit planes (S, S), distorted alike.

        What a rectangle hides keeps its mask, what lies under the shutters loses it, as in every data set.
        """
        film, (moved,) = self.distort(film, [bits], rng)
        return film, moved

    def distort(
        self, film: Grey, planes: Sequence[Bits], rng: np.random.Generator
    ) -> tuple[Grey, list[Bits]]:
        """As a call, with any number of planes of bits; beyond the film and under shutters they are 0."""
        film, moved = self._turn(film, planes, rng)
        film, moved = self._move(film, moved, rng)
        if self.makers and rng.random() < self.makers:
            film = self._other_maker(film, rng)
        elif rng.random() < 0.6:
            film = self._process(film, rng)
        film = self._degrade(cv2.LUT(film, self._grey_scale(rng)), rng)
        return self._shutter(film, moved, rng) if rng.random() < self.shutters else (film, moved)

    def _turn(self, film: Grey, planes: Sequence[Bits], rng: np.random.Generator) -> tuple[Grey, list[Bits]]:
        """Mirrored and turned by quarters, as far as this augmentation does so."""
        moved = list(planes)
        if self.mirror and rng.random() < self.mirror:
            film, moved = np.ascontiguousarray(film[:, ::-1]), [p[:, ::-1] for p in moved]
        if self.quarter_turn and rng.random() < self.quarter_turn:
            quarters = int(rng.choice([1, 3]))
            film, moved = (
                np.ascontiguousarray(np.rot90(film, quarters)),
                [np.rot90(p, quarters) for p in moved],
            )
        return film, [np.ascontiguousarray(plane) for plane in moved]

    def _move(self, film: Grey, planes: Sequence[Bits], rng: np.random.Generator) -> tuple[Grey, list[Bits]]:
        """Pose, and in half of the films a smooth bend, in one resampling."""
        side = film.shape[0]
        size = (side, side)
        pose = self._pose(side, rng)
        if rng.random() < 0.5:
            film = np.asarray(cv2.warpAffine(film, pose, size, flags=cv2.INTER_LINEAR), np.uint8)
            moved = [cv2.warpAffine(p.view(np.int32), pose, size, flags=cv2.INTER_NEAREST) for p in planes]
        else:
            x, y = self._bent_grid(side, cv2.invertAffineTransform(pose), rng)
            film = np.asarray(cv2.remap(film, x, y, cv2.INTER_LINEAR), np.uint8)
            # Seen as floats, since remap takes those alone; it copies bytes and computes nothing.
            moved = [cv2.remap(p.view(np.float32), x, y, cv2.INTER_NEAREST) for p in planes]
        return film, [np.asarray(plane).view(np.uint32) for plane in moved]

    def _bent_grid(
        self, side: int, back: NDArray[np.float64], rng: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Where each pixel (S, S) comes from: x and y, the inverse pose plus a bend of five nodes a side."""
        nodes = rng.normal(0, self.bend * side, (5, 5, 2)).astype(np.float32)
        bend = cv2.resize(nodes, (side, side), interpolation=cv2.INTER_CUBIC)
        row = np.arange(side, dtype=np.float32)
        x = back[0, 0] * row[None] + back[0, 1] * row[:, None] + back[0, 2] + bend[..., 0]
        y = back[1, 0] * row[None] + back[1, 1] * row[:, None] + back[1, 2] + bend[..., 1]
        return np.asarray(x, np.float32), np.asarray(y, np.float32)

    def _pose(self, side: int, rng: np.random.Generator) -> NDArray[np.float64]:
        angle, scale, aspect, dx, dy = rng.uniform(-1, 1, 5)
        angle *= abs(angle)  # mostly small, sometimes as large as allowed
        turn = cv2.getRotationMatrix2D((side / 2, side / 2), self.rotation_degrees * angle, 1.0)
        stretch = np.exp(self.log_scale * scale + self.log_aspect * aspect * np.array([1.0, -1.0]))
        pose = stretch[:, None] * turn
        pose[:, 2] += (1 - stretch) * side / 2 + self.shift * side * np.array([dx, dy])
        return np.asarray(pose, np.float64)

    def _grey_scale(self, rng: np.random.Generator) -> Grey:
        """Table of 256 grey levels: a rising curve of six slopes, as another latitude and exposure give."""
        slopes = np.exp(self.log_steepness * rng.uniform(-1, 1, 6))
        corners = np.concatenate([[0.0], np.cumsum(slopes) / slopes.sum()])
        gamma = np.exp(self.log_gamma * rng.uniform(-1, 1))
        curve = np.interp(np.linspace(0, 1, 256) ** gamma, np.linspace(0, 1, 7), corners)
        low, high = self.grey_range * rng.random(2) ** 2
        return np.asarray((255 * (low + (1 - low - high) * curve)).round(), np.uint8)

    def _process(self, film: Grey, rng: np.random.Generator) -> Grey:
        """Scatter and multi-scale processing: weigh the film's slow part against the rest."""
        side = film.shape[0]
        reach = int(side * rng.uniform(0.03, 0.16)) | 1
        slow = cv2.blur(film, (reach, reach), borderType=cv2.BORDER_REFLECT)
        detail = 1 - self.haze * rng.random() if rng.random() < 0.6 else 1 + self.crispness * rng.random()
        return np.asarray(cv2.addWeighted(film, detail, slow, 1 - detail, 0), np.uint8)

    def _other_maker(self, film: Grey, rng: np.random.Generator) -> Grey:
        """Local histogram equalisation, strong unsharp masking or a narrow window."""
        kind = rng.integers(3)
        if kind == 0:
            tiles = int(rng.integers(3, 12))
            equalise = cv2.createCLAHE(float(rng.uniform(1.0, 4.0)), (tiles, tiles))
            return np.asarray(equalise.apply(film), np.uint8)
        if kind == 1:
            reach = film.shape[0] * rng.uniform(0.006, 0.04)
            slow = cv2.GaussianBlur(film, (0, 0), reach)
            strength = rng.uniform(0.8, 3.0)
            return np.asarray(cv2.addWeighted(film, 1 + strength, slow, -strength, 0), np.uint8)
        low, high = np.percentile(film[::4, ::4], (rng.uniform(0, 25), rng.uniform(75, 100)))
        table = np.clip((np.arange(256) - low) * 255 / max(high - low, 20), 0, 255)
        return np.asarray(cv2.LUT(film, table.astype(np.uint8)), np.uint8)

    def _degrade(self, film: Grey, rng: np.random.Generator) -> Grey:
        side = film.shape[0]
        if rng.random() < 0.4:
            film = np.asarray(
                cv2.GaussianBlur(film, (0, 0), 0.3 + rng.uniform(0, self.blur) * side / 256), np.uint8
            )
        if rng.random() < 0.6:
            grain = rng.standard_normal(film.shape, np.float32) * rng.uniform(0, self.noise)
            film = np.clip(film + grain, 0, 255).astype(np.uint8)
        if rng.random() < self.dropout:
            film = film.copy()
            for _ in range(rng.integers(1, 4)):
                y, x = rng.integers(0, side, 2)
                height, width = rng.integers(side // 32, side // 8, 2)
                film[y : y + height, x : x + width] = rng.integers(256)
        return np.asarray(film, np.uint8)

    def _shutter(
        self, film: Grey, planes: Sequence[Bits], rng: np.random.Generator
    ) -> tuple[Grey, list[Bits]]:
        """Close tilted shutters with soft edges round a window that leaves most of the middle."""
        side = film.shape[0]
        width, height = side * rng.uniform(0.55, 1.0), side * rng.uniform(0.72, 1.05)
        centre = side * (0.5 + rng.uniform(-0.05, 0.05, 2))
        tilt = rng.uniform(-8, 8)
        corners = cv2.boxPoints(((float(centre[0]), float(centre[1])), (width, height), float(tilt)))
        field = np.zeros(film.shape, np.uint8)
        cv2.fillConvexPoly(field, np.round(corners).astype(np.int32), 255)
        softness = rng.uniform(0.5, 3.0) * side / 256
        soft = cv2.GaussianBlur(field, (0, 0), softness).astype(np.float32) / 255
        shut = film * soft + rng.uniform(0, self.shutter_floor) * (1 - soft)
        return shut.astype(np.uint8), [np.where(field > 0, plane, np.uint32(0)) for plane in planes]
