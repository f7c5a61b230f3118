"""Batches of films with a tube drawn on half of them; batch n follows from (seed, n)."""

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from pedaxr_models.segmentation.augmentation import Augmentation, Bits
from pedaxr_models.segmentation.mixed.looks import add_margins, add_marks, lend_look
from pedaxr_models.segmentation.transforms import FRAME, normalise
from pedaxr_models.tubes.backgrounds import Background
from pedaxr_models.tubes.drawing import BoolArray, FloatArray, lay_lines, lay_tube
from pedaxr_models.tubes.follow import STRIDE

_TUBE, _UNSEEN = np.uint32(1), np.uint32(2)  # bits of a plane
# Milder than for organs: a line of two pixels is soon gone.
_DISTORTED = Augmentation(noise=7.0, blur=0.5, dropout=0.05, makers=0.3, log_scale=0.35)


class TubeBatches(Dataset[tuple[Tensor, Tensor, Tensor]]):
    """Item n is batch n: films (B, 1, 512, 512) normalised, and two planes of 0 and 1 (B, 128, 128).

    The first says in which squares a tube is to be seen, the second where that is known: not where one runs
    unseen.
    """

    def __init__(
        self,
        films: Sequence[Background],
        *,
        seed: int,
        batch_size: int = 8,
        real: float = 0.4,
        tubes: float = 0.5,
    ) -> None:
        """Draw from `films`.

        Args:
            films: synthetic and, if any, real ones.
            seed: of all that is drawn.
            batch_size: films of a batch.
            real: share of real films, where there are any.
            tubes: share of films that get a tube.
        """
        self.made = [film for film in films if not film.is_real]
        self.real = [film for film in films if film.is_real]
        self.seed, self.batch_size, self.shares = seed, batch_size, (real, tubes)

    def __len__(self) -> int:
        return 2**31

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        rng = np.random.default_rng((self.seed, number))
        made = [self._one(rng) for _ in range(self.batch_size)]
        films, tubes, known = (np.stack(group) for group in zip(*made, strict=True))
        return torch.from_numpy(films)[:, None], torch.from_numpy(tubes), torch.from_numpy(known)

    def _one(self, rng: np.random.Generator) -> tuple[FloatArray, FloatArray, FloatArray]:
        real, often = self.shares
        background = _drawn(self.real if self.real and rng.random() < real else self.made, rng)
        frame = background.frame
        if not background.is_real and self.real and rng.random() < 0.4:
            other = _drawn(self.real, rng)
            frame = lend_look(frame, background.content, other.frame, other.content, rng)
        film = np.asarray(frame / np.float32(255), np.float32)
        planes = np.zeros((FRAME, FRAME), np.uint32)
        if background.torso is not None:
            film = lay_lines(film, background.torso, rng)
            if rng.random() < often:
                film, tube, unseen = lay_tube(film, background.torso, rng)
                planes = np.asarray(tube * _TUBE + unseen * _UNSEEN, np.uint32)
        return _finished(film, planes, background, rng)


def _finished(
    film: FloatArray, bits: Bits, background: Background, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Distorted, levelled, and the tube at the size of the network's output."""
    top, bottom, left, right = background.content
    shown = np.zeros_like(bits)
    shown[top:bottom, left:right] = bits[top:bottom, left:right]
    planes = [shown]
    grey = (film * 255).round().clip(0, 255).astype(np.uint8)
    if rng.random() < 0.15:
        grey, planes = add_margins(grey, planes, background.content, rng)
    grey, planes = _DISTORTED.distort(grey, planes, rng)
    if rng.random() < 0.3:
        grey = add_marks(grey, rng)
    if rng.random() < 0.3:
        quality = int(rng.integers(35, 90))
        grey = np.asarray(cv2.imdecode(cv2.imencode(".jpg", grey, [1, quality])[1], cv2.IMREAD_GRAYSCALE))
    whole = slice(0, FRAME), slice(0, FRAME)
    tube = crossed(planes[0] & _TUBE > 0)
    unseen = crossed(planes[0] & _UNSEEN > 0)
    levelled = normalise(np.asarray(grey / np.float32(255), np.float32), whole)
    return levelled, tube, np.asarray(np.maximum(1 - unseen, tube), np.float32)


def crossed(tube: BoolArray) -> FloatArray:
    """(S, S) to (S / 4, S / 4): 1 where a tube runs through the square."""
    side = tube.shape[0] // STRIDE
    return np.asarray(tube.reshape(side, STRIDE, side, STRIDE).any(axis=(1, 3)), np.float32)


def _drawn(films: Sequence[Background], rng: np.random.Generator) -> Background:
    return films[int(rng.integers(len(films)))]
