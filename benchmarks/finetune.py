"""What a hospital would do: list 200 films of its own in a CSV of six columns, and fine-tune on them.

    python benchmarks/finetune.py runs/hospital

The films are synthetic and come from the shifted ranges, which the bundled weights have never seen; the table
keeps only the six columns that a hospital would have (docs/data.md), so that one finding a film is outlined
and no structure is. The last command is all that a user types; it prints the Dice on the held-out films
before and after.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

COLUMNS = ("ImagePath", "Point", "Class", "Age", "PatientName", "Caption")


def main(folder: Path) -> None:
    """Make the films, strip the table, train."""
    films = folder / "films"
    pedaxr = str(Path(sys.executable).with_name("pedaxr"))
    _run(pedaxr, "films", str(films), "--count", "200", "--seed", "9", "--shifted")
    table = strip_table(films / "films.csv", films / "hospital.csv")
    train = [pedaxr, "train", "segmentation", "--preset", "finetune", "--data", str(table)]
    _run(*train, "--out", str(folder / "run"), "--resume")


def strip_table(source: Path, target: Path) -> Path:
    """Write the rows of `source` with the six columns alone."""
    with (
        source.open(encoding="utf-8", newline="") as given,
        target.open("w", newline="", encoding="utf-8") as kept,
    ):
        writer = csv.DictWriter(kept, COLUMNS, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(csv.DictReader(given))
    return target


def _run(*command: str) -> None:
    sys.stderr.write(f"$ {' '.join(command)}\n")
    subprocess.run(command, check=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="receives the films, the table and the run")
    main(parser.parse_args().folder)
