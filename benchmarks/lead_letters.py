"""How often the lead letters of a film doubt it as it hangs, and how often when it is mirrored.

    python benchmarks/lead_letters.py FOLDER...

A folder holds films as PNG, JPEG or DICOM, in `images/` where there is one. The middle of the exposed field
stands for the spine.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading.markers import letter_notes, side_letters
from pedaxr_models.segmentation.exposed_field import find_exposed_field


def doubts(path: Path) -> tuple[bool, bool]:
    """Of the film as it hangs, and mirrored."""
    pixels = read_radiograph(path).pixels
    film = find_exposed_field(pixels).crop(pixels)
    width = film.shape[1]
    both = (film, np.ascontiguousarray(film[:, ::-1]))
    hangs, mirrored = (bool(letter_notes(side_letters(one), width / 2, width)) for one in both)
    return hangs, mirrored


def films_of(folder: Path) -> list[Path]:
    """Its films, in order."""
    inside = folder / "images" if (folder / "images").is_dir() else folder
    return sorted(p for p in inside.iterdir() if p.suffix.lower() in (".png", ".jpg", ".jpeg", ".dcm"))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, nargs="+", help="of films, or with films in images/")
    for folder in parser.parse_args().folder:
        found = [doubts(path) for path in films_of(folder)]
        said = f"{len(found)} films, doubted {sum(a for a, _ in found)}, mirrored {sum(b for _, b in found)}"
        sys.stdout.write(f"{folder.name}: {said}\n")
