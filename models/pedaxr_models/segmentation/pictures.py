"""Pictures of a training run: its curves, and the best, median and worst film of each finding."""

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS, FINDINGS, TERMS, Finding
from pedaxr_models.segmentation.data import rasterise
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.metrics import Overlap
from pedaxr_models.segmentation.segmenter import Segmenter

_TRUTH = (255, 255, 255)
_GAP = 8
_KEPT = 8  # readings, 18 MB each: of few films the same ones are the best and worst of several findings


def draw_cases(segmenter: Segmenter, films: Sequence[Film], folder: Path) -> list[Path]:
    """Per finding one PNG: its best, median and worst film by Dice; the truth is white, ours in colour."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for finding, picture in _cases(segmenter, films).items():
        paths.append(folder / f"{finding.value}.png")
        cv2.imwrite(str(paths[-1]), picture[..., ::-1])
    return paths


def draw_case_sheet(segmenter: Segmenter, films: Sequence[Film], path: Path) -> None:
    """The pictures of `draw_cases` in one PNG, a finding a row, at half their size.

    Raises:
        ValueError: no film shows any finding.
    """
    rows = list(_cases(segmenter, films).values())
    if not rows:
        raise ValueError("None of the films shows a finding, so there is no case to draw.")
    gap = np.zeros((_GAP, *rows[0].shape[1:]), np.uint8)
    sheet = cv2.vconcat([part for row in rows for part in (row, gap)][:-1])
    path.parent.mkdir(parents=True, exist_ok=True)
    half = cv2.resize(sheet, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(path), half[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 9])


def _cases(segmenter: Segmenter, films: Sequence[Film]) -> dict[Finding, NDArray[np.uint8]]:
    """Per finding that the films show, its best, median and worst film (512, 3 * 512 + gaps, 3) RGB."""

    @lru_cache(_KEPT)
    def look(index: int) -> Segmentation:
        return segmenter.predict(read_pixels(films[index].image_path))

    dices = _film_dices(segmenter, films, look)
    pictures = {}
    for index, finding in enumerate(FINDINGS):
        shown = np.flatnonzero(np.isfinite(dices[:, index]))
        if len(shown):
            order = shown[np.argsort(-dices[shown, index])]
            chosen = [order[0], order[len(order) // 2], order[-1]]
            limit = segmenter.thresholds[finding]
            panels = [draw_case(films[i], look(i), finding, limit, float(dices[i, index])) for i in chosen]
            pictures[finding] = np.asarray(cv2.hconcat(panels)[:, :-_GAP], np.uint8)
    return pictures


def _film_dices(
    segmenter: Segmenter, films: Sequence[Film], look: Callable[[int], Segmentation]
) -> NDArray[np.float64]:
    """(films, FINDINGS) Dice, NaN where the film does not show the finding."""
    dices = np.full((len(films), len(FINDINGS)), np.nan)
    for row, film in enumerate(films):
        segmentation = look(row)
        bits = rasterise(film, segmentation.letterbox)
        for index, finding in enumerate(FINDINGS):
            true = (bits >> np.uint32(index) & np.uint32(1)).astype(bool)
            if true.any():
                predicted = segmentation.probabilities[index] >= segmenter.thresholds[finding]
                dices[row, index] = Overlap.of(predicted, true).dice
    return dices


def draw_case(
    film: Film, segmentation: Segmentation, finding: Finding, threshold: float, dice: float
) -> NDArray[np.uint8]:
    """One film (512, 512 + gap, 3) RGB with both outlines and the Dice score."""
    channel = CHANNELS.index(finding)
    true = rasterise(film, segmentation.letterbox) >> np.uint32(channel) & np.uint32(1)
    predicted = segmentation.probabilities[channel] >= threshold
    grey = (segmentation.letterbox.apply(read_pixels(film.image_path)) * 255).astype(np.uint8)
    picture = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    for mask, colour in ((true, _TRUTH), (predicted, TERMS[finding].colour)):
        outlines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0]
        cv2.drawContours(picture, outlines, -1, colour, 1, cv2.LINE_AA)
    caption = f"{TERMS[finding].english}  Dice {dice:.2f}"
    cv2.putText(picture, caption, (8, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.5, _TRUTH, 1, cv2.LINE_AA)
    return np.asarray(cv2.copyMakeBorder(picture, 0, 0, 0, _GAP, cv2.BORDER_CONSTANT), np.uint8)


def draw_curves(history: Path, path: Path) -> None:
    """Loss and validation Dice over minutes, from the metrics file (JSON lines) of a run."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = [json.loads(line) for line in history.read_text(encoding="utf-8").splitlines()]
    minutes = [row["minutes"] for row in rows]
    figure = Figure(figsize=(12, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    loss, finding_axes, structure_axes = figure.subplots(1, 3)
    loss.plot(minutes, [row["loss"] for row in rows], label="training loss")
    for axes, channels in ((finding_axes, FINDINGS), (structure_axes, CHANNELS[len(FINDINGS) :])):
        for channel in channels:
            colour = tuple(level / 255 for level in TERMS[channel].colour)
            dices = [row["dice"].get(channel) for row in rows]
            axes.plot(minutes, [np.nan if d is None else d for d in dices], color=colour, label=channel)
        axes.set(ylim=(0, 1), ylabel="Dice, validation")
    for axes in (loss, finding_axes, structure_axes):
        axes.set_xlabel("minutes")
        axes.legend(fontsize=7)
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
