"""Drafts and whole reports on synthetic films of seeds of which nothing was chosen and nothing learned.

    python benchmarks/film_seeds.py FOLDER --seeds 1 2 [--publish docs/results.md]

FOLDER keeps films and figures: what is there is not made again. Of each seed there are the test films among
the first 1,000, and 100 shifted ones. Seed 0 is measured by `pedaxr evaluate` itself: its other films were
learned from and chosen on.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import markdown

from pedaxr_models.phantom.dataset.films_csv import split_of
from pedaxr_models.phantom.metadata import patient_id_of
from pedaxr_server.cli.publish import publish

SETS = ("test", "shifted")
FIRST, SHIFTED = 1000, 100
REPORT = {
    "report: facts stated, right": "facts stated: right",
    "report: true findings named": "true findings named, hedged or not",
    "report: side right of findings named": "of findings named: side right",
    "report: free air missed": "free air missed (not in `critical`)",
    "report: critical without free air": "critical false alarms, films without free air",
    "report: unhedged and not there": "unhedged: unsupported, got through",
}
DRAFT = {
    "draft: fact F1": ("fact_f1", "0.93 / 0.86"),
    "draft: hallucinated": ("hallucination_rate", "0.03 / 0.06"),
    "draft: omitted": ("omission_rate", ""),
    "draft: wrong side": ("laterality_error_rate", "0.01 / 0.03"),
}
READER = "film and metadata"
UNCHANGED = "findings unchanged by a wrong working diagnosis"


def main() -> None:
    """Make the films, measure, print the table and put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--publish", type=Path)
    given = parser.parse_args()
    figures = {seed: measured(given.folder / str(seed), seed) for seed in given.seeds}
    table = markdown(list(rows(figures)))
    sys.stdout.write(table + "\n")
    if given.publish:
        publish(given.publish, "film seeds", table)


def measured(folder: Path, seed: int) -> dict[str, Any]:
    """The figures of one seed, from its folder where they were measured already."""
    films = {name: folder / name for name in SETS}
    for name, made in films.items():
        make(made, seed, is_shifted=name == "shifted")
    data = ["--data", str(films["test"]), "--shifted", str(films["shifted"])]
    return {kind: evaluated(folder / f"{kind}.json", kind, data) for kind in ("reports", "captioner")}


def make(folder: Path, seed: int, *, is_shifted: bool) -> None:
    """The films of one set; those that are there stay."""
    if is_shifted:
        run("films", str(folder), "--seed", str(seed), "--count", str(SHIFTED), "--shifted")
        return
    test = [n for n in range(FIRST) if split_of(patient_id_of(seed, n)) == "test"]
    chosen = [word for number in test for word in ("--index", str(number))]
    run("films", str(folder), "--seed", str(seed), *chosen)


def evaluated(path: Path, kind: str, data: list[str]) -> Any:
    """What `pedaxr evaluate KIND` finds."""
    if not path.exists():
        run("evaluate", kind, *data, "--json", str(path))
    return json.loads(path.read_text())


def run(*words: str) -> None:
    """One command of pedaxr, with its progress to be seen."""
    subprocess.run([sys.executable, "-m", "pedaxr_server", *words], check=True)


def rows(figures: dict[int, Any]) -> Iterator[dict[str, str]]:
    """A row a figure: its goal, then each seed's on test and shifted films."""
    for title, name in REPORT.items():
        yield {"figure": title, "test / shifted, goal": ""} | {
            f"seed {seed}": " / ".join(share(found["reports"][one], name) for one in SETS)
            for seed, found in figures.items()
        }
    for title, (name, goal) in DRAFT.items():
        yield {"figure": title, "test / shifted, goal": goal} | {
            f"seed {seed}": " / ".join(f"{one['readers'][READER][name]:.3f}" for one in drafts(found))
            for seed, found in figures.items()
        }
    yield {"figure": f"draft: {UNCHANGED}", "test / shifted, goal": "0.98"} | {
        f"seed {seed}": " / ".join(f"{one['proofs'][UNCHANGED]:.3f}" for one in drafts(found))
        for seed, found in figures.items()
    }


def drafts(found: Any) -> tuple[Any, Any]:
    """Of test and of shifted films."""
    return found["captioner"], found["captioner"]["shifted"]


def share(shares: list[dict[str, Any]], name: str) -> str:
    """As a count out of a count."""
    one = next(share for share in shares if share["name"] == name)
    return f"{one['count']} of {one['of']}"


if __name__ == "__main__":
    main()
