"""Films of another generator for the trial of learning: 60 to correct and 40 held out, each with a table.

    python benchmarks/learning_trial.py --generator films_sketch.py --out out/trial
    LEARNING_TRIAL=out/trial LEARNING_PUBLISH=docs/learning.md \\
        pytest tests/server/viewer/test_learning_trial.py

The generator is a module with `CLS`, its classes, and `make(class, age, seed)`, which gives film, mask,
structures and facts. The first command takes about four minutes, the second about twenty on two cores; it
goes through the page in Chromium and writes the table into the document.
"""

import argparse
import csv
import importlib.util
import json
from pathlib import Path
from types import ModuleType

import cv2

from pedaxr_models.datasets.film import write_masks
from pedaxr_models.labels import FINDINGS, NORMAL

COUNT = 100
HELD_OUT = (1, 3)  # of every five films of a class
AGES = {"neonate": "10 days", "m2": "2 months", "y3": "3 years", "y10": "10 years"}
NAMES = {"distension": "abdominal_distension", "air_fluid": "air_fluid_level"}  # as the generator calls ours
COLUMNS = (
    *("ImagePath", "Point", "Class", "Age", "PatientName", "Caption", "PatientID"),
    *("ViewPosition", "Known", "MaskPath"),
)


def main() -> None:
    """Write `corrected/` and `held_out/`."""
    given = _arguments()
    generator = _loaded(given.generator)
    rows: dict[str, list[dict[str, str]]] = {"corrected": [], "held_out": []}
    for number in range(COUNT):
        side = "held_out" if number // len(generator.CLS) % 5 in HELD_OUT else "corrected"
        rows[side].append(_row(generator, number, given.out / side))
        print(f"{number + 1} of {COUNT}", end="\r", flush=True)  # noqa: T201
    for side, films in rows.items():
        with (given.out / side / "films.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(films)
        print(f"{given.out / side}: {len(films)} films")  # noqa: T201


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--generator", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


def _loaded(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("generator", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _row(generator: ModuleType, number: int, folder: Path) -> dict[str, str]:
    """Write a film and its mask; what it shows of the five findings is all known."""
    classes, ages = generator.CLS, list(AGES)
    name, turn = classes[number % len(classes)], number // len(classes)
    age = ages[turn % (2 if name == "pyloric_stenosis" else len(ages))]  # nobody older has it
    film, mask, _, facts = generator.make(name, age, number)
    folder.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(folder / f"{number:03d}.png"), film)
    is_shown = name != "normal" and mask is not None and bool(mask.any())
    shown = NAMES.get(name, name) if is_shown else NORMAL
    if is_shown:
        write_masks(folder / f"{number:03d}.npz", {shown: mask > 0})
    return {
        "ImagePath": f"{number:03d}.png",
        "Point": json.dumps([]),
        "Class": shown,
        "Age": AGES[age],
        "PatientName": f"Child {number:03d}",
        "Caption": "",
        "PatientID": f"T{number:03d}",
        "ViewPosition": str(facts.get("view") or ""),
        "Known": " ".join(FINDINGS),
        "MaskPath": f"{number:03d}.npz" if is_shown else "",
    }


if __name__ == "__main__":
    main()
