"""What becomes of films that hang wrongly, and of two in one picture; and of the same films as they should.

Every picture goes the way that it goes in service, through `reading.read_film`.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.evaluation.rejection import Tally, judge_picture
from pedaxr.radiograph.read import read_radiograph

FloatArray = NDArray[np.float32]
Progress = Callable[[int, int], None]

AS_STORED = "as stored"
_Z = 1.96


def beside(film: FloatArray, other: FloatArray) -> FloatArray:
    """Two films side by side, at one height."""
    return np.hstack([film, _at_height(other, film.shape[0])])


def stacked(film: FloatArray, other: FloatArray) -> FloatArray:
    """Two films one above the other, at one width."""
    return np.vstack([film, _at_height(other.T, film.shape[1]).T])


def _at_height(film: FloatArray, height: int) -> FloatArray:
    width = max(1, round(film.shape[1] * height / film.shape[0]))
    scaled = cv2.resize(np.ascontiguousarray(film), (width, height), interpolation=cv2.INTER_AREA)
    return np.asarray(scaled, np.float32)


# Each takes a film (H, W) and the next one of its set.
WAYS: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    AS_STORED: lambda film, _: film,
    "mirrored": lambda film, _: film[:, ::-1],
    "turned by half": lambda film, _: film[::-1, ::-1],
    "mirrored head to foot": lambda film, _: film[::-1],
    "two side by side": beside,
    "two, one above the other": stacked,
}


@dataclass(frozen=True)
class HangingFigures:
    """Verdicts by set of films and by the way they hang."""

    tallies: Mapping[tuple[str, str], Tally]

    def to_json(self) -> list[dict[str, object]]:
        """One object per row of the table."""
        return [
            {
                "films": name,
                "way": way,
                "pictures": tally.pictures,
                "refused": tally.refused,
                "in_doubt": tally.flagged,
                "share": round(tally.caught, 4),
                "interval": [round(end, 4) for end in interval(tally)],
            }
            for (name, way), tally in self.tallies.items()
        ]


def evaluate_hanging(sets: Mapping[str, Sequence[Path]], progress: Progress | None = None) -> HangingFigures:
    """Judge every film of every set, hung in every way of `WAYS`.

    Raises:
        ModelUnavailable: there are no usable segmentation weights.
        UnreadableImage: a film cannot be read.
    """
    total = len(WAYS) * sum(map(len, sets.values()))
    tallies: dict[tuple[str, str], Tally] = {}
    done = 0
    for name, films in sets.items():
        for way in WAYS:
            with TemporaryDirectory() as folder:
                judged = []
                for path in _hung(films, way, Path(folder)):
                    judged.append(judge_picture(path))
                    done += 1
                    if progress is not None:
                        progress(done, total)
            tallies[name, way] = Tally.of(judged)
    return HangingFigures(tallies)


def _hung(films: Sequence[Path], way: str, folder: Path) -> Iterator[Path]:
    """Each film hung that way, as a file that the next one replaces."""
    for number, path in enumerate(films):
        other = films[(number + 1) % len(films)]
        picture = WAYS[way](read_radiograph(path).pixels, read_radiograph(other).pixels)
        file = folder / "film.png"
        cv2.imwrite(str(file), np.round(np.clip(picture, 0, 1) * 255).astype(np.uint8))
        yield file


def interval(tally: Tally) -> tuple[float, float]:
    """95 % interval of the share that was refused or in doubt (Wilson, 1927); 0 to 1 of none."""
    n = tally.pictures
    if not n:
        return 0.0, 1.0
    centre = tally.caught + _Z**2 / (2 * n)
    half = _Z * math.sqrt(tally.caught * (1 - tally.caught) / n + _Z**2 / (4 * n**2))
    return max(0.0, (centre - half) / (1 + _Z**2 / n)), min(1.0, (centre + half) / (1 + _Z**2 / n))


def hanging_table(figures: HangingFigures) -> str:
    """Markdown: a row per set of films and way of hanging."""
    head = [
        "| films | hung | pictures | refused | in doubt | refused or in doubt | 95 % |",
        "|---|---|---|---|---|---|---|",
    ]
    rows = [_row(name, way, tally) for (name, way), tally in figures.tallies.items()]
    return "\n".join(head + rows)


def _row(name: str, way: str, tally: Tally) -> str:
    low, high = interval(tally)
    cells = (
        name,
        f"{way} (must not)" if way == AS_STORED else way,
        tally.pictures,
        tally.refused,
        tally.flagged,
        f"{tally.caught:.3f}",
        f"{low:.3f} to {high:.3f}",
    )
    return f"| {' | '.join(map(str, cells))} |"
