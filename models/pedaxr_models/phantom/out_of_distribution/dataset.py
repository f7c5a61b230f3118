"""Out-of-distribution images: pictures that are not paediatric abdominal films, to test rejection.

Radiographs of other parts come from the generator's own bones and physics, so that they differ from its films
in what they show and not in how they are printed. `KINDS` names them all.
"""

import csv
import io
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.phantom.out_of_distribution.pictures import (
    blank,
    inverted_film,
    noise,
    pelvis_crop,
    photograph,
    text_page,
    ultrasound,
)
from pedaxr_models.phantom.out_of_distribution.radiographs import (
    chest,
    hand,
    knee,
    lateral_abdomen,
    step_wedge,
    water_phantom,
)
from pedaxr_models.phantom.spec import VERSION

Picture = NDArray[np.uint8]
Progress = Callable[[int, int], None]

KINDS: dict[str, Callable[[np.random.Generator], Picture]] = {
    "chest": chest,
    "hand": hand,
    "knee": knee,
    "lateral_abdomen": lateral_abdomen,
    "water_phantom": water_phantom,
    "step_wedge": step_wedge,
    "pelvis_crop": pelvis_crop,
    "inverted_film": inverted_film,
    "ultrasound": ultrasound,
    "photograph": photograph,
    "text_page": text_page,
    "noise": noise,
    "blank": blank,
}
_STREAM = 0x57A9  # keeps their random stream apart from those of films
TABLE_FILE = "ood_images.csv"
_TILE = 256
_COLUMNS = ("ImagePath", "Kind", "Seed", "Index", "Version")


@dataclass(frozen=True)
class OodImage:
    """An image that is not a film.

    Attributes:
        kind: a key of `KINDS`.
        pixels: (512, 512) uint8 grey, or (512, 512, 3) RGB.
    """

    kind: str
    pixels: Picture


def make_ood_image(seed: int, index: int) -> OodImage:
    """One picture; the kinds take turns. Equal arguments give equal bytes."""
    cv2.setNumThreads(1)
    kind = list(KINDS)[index % len(KINDS)]
    key = np.random.SeedSequence(entropy=(VERSION, seed), spawn_key=(_STREAM, index))
    return OodImage(kind, KINDS[kind](np.random.default_rng(key)))


def write_ood_images(
    folder: Path, *, count: int, seed: int = 0, sheet: bool = True, progress: Progress | None = None
) -> Path:
    """Write `count` pictures as PNG and ood_images.csv, and return the path of the table.

    The table has no Class column: nothing of it can be trained on or imported by mistake.

    Args:
        folder: made when missing.
        count: pictures in all; the kinds take turns.
        seed: same seed, same pictures.
        sheet: also draw all kinds on one page, sheet.png.
        progress: called with (pictures done, count) after each.

    Raises:
        ValueError: the folder holds other pictures, which would be lost.
    """
    images = folder / "images"
    if not (folder / TABLE_FILE).exists() and next(images.glob("*"), None) is not None:
        raise ValueError(f"{folder.name} holds other pictures; choose an empty folder.")
    images.mkdir(parents=True, exist_ok=True)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    shown: list[OodImage] = []
    for index in range(count):
        image = make_ood_image(seed, index)
        name = f"images/{index:06d}.png"
        (folder / name).write_bytes(encoded(image.pixels))
        table.writerow((name, image.kind, seed, index, VERSION))
        if len(shown) < 4 * len(KINDS):
            shown.append(image)
        if progress is not None:
            progress(index + 1, count)
    (folder / TABLE_FILE).write_text(text.getvalue(), encoding="utf-8")
    (folder / "DATA_CARD.md").write_text(_card(count, seed), encoding="utf-8")
    if sheet and shown:
        (folder / "sheet.png").write_bytes(encoded(contact_sheet(shown)))
    return folder / TABLE_FILE


def encoded(pixels: Picture) -> bytes:
    """Grey or RGB as PNG."""
    return bytes(cv2.imencode(".png", pixels if pixels.ndim == 2 else pixels[:, :, ::-1])[1])


def contact_sheet(images: Sequence[OodImage]) -> Picture:
    """A column per kind, (rows * 256, kinds * 256, 3) RGB; the kind stands on each picture."""
    columns: dict[str, list[Picture]] = {kind: [] for kind in KINDS}
    for image in images:
        columns[image.kind].append(_tile(image))
    rows = max(map(len, columns.values()))
    empty = np.zeros((_TILE, _TILE, 3), np.uint8)
    used = [tiles + [empty] * (rows - len(tiles)) for tiles in columns.values() if tiles]
    return np.concatenate([np.concatenate(tiles) for tiles in used], axis=1)


def _tile(image: OodImage) -> Picture:
    colour = image.pixels if image.pixels.ndim == 3 else np.repeat(image.pixels[:, :, None], 3, 2)
    tile = np.asarray(cv2.resize(colour, (_TILE, _TILE), interpolation=cv2.INTER_AREA), np.uint8)
    cv2.putText(tile, image.kind, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 210, 60), 1, cv2.LINE_AA)
    return tile


def _card(count: int, seed: int) -> str:
    shares = Counter(list(KINDS)[index % len(KINDS)] for index in range(count))
    return "\n".join(
        [
            "# Data card: images that are not paediatric abdominal films",
            "",
            "**All are synthetic.** They are for one test: a reader must refuse them, or at least claim no",
            f"finding. Made by `pedaxr_models.phantom.out_of_distribution.dataset`, version {VERSION},",
            f"seed {seed}.",
            "",
            "| kind | pictures |",
            "|---|---|",
            *(f"| {kind} | {number} |" for kind, number in shares.items()),
            "",
        ]
    )
