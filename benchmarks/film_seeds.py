"""Drafts and whole reports on synthetic films of seeds of which nothing was chosen and nothing learned.

    python benchmarks/film_seeds.py FOLDER --seeds 1 2 [--beside OUT] [--publish docs/results.md]

FOLDER keeps films and figures: what is there is not made again. Of each seed there are the test films among
the first 1,000, and 100 shifted ones. The other films of seed 0 were learned from and chosen on; its figures
stand beside these where OUT holds reports.json and captioner.json of `pedaxr evaluate ... --json`.
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from measuring import markdown

from pedaxr_models.phantom.dataset.films_csv import split_of
from pedaxr_models.phantom.metadata import patient_id_of
from pedaxr_server.cli.publish import publish

Count = tuple[int, int]  # and out of how many
SETS, KINDS = ("test", "shifted"), ("reports", "captioner")
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
COPIED = "draft, what is measured copied: facts, F1"
READER = "film and metadata"
PROOFS = {
    "free air named when present": "0.97 / 0.90",
    "findings unchanged by a wrong working diagnosis": "0.98",
}


def main() -> None:
    """Make the films, measure, print the table and put it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--beside", type=Path)
    parser.add_argument("--publish", type=Path)
    given = parser.parse_args()
    figures = {0: kept_in(given.beside)} if given.beside else {}
    figures |= {seed: measured(given.folder / str(seed), seed) for seed in given.seeds}
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
    for kind in KINDS:
        if not (path := folder / f"{kind}.json").exists():
            run("evaluate", kind, *data, "--json", str(path))
    return kept_in(folder)


def kept_in(folder: Path) -> dict[str, Any]:
    """What `pedaxr evaluate KIND` found, by kind."""
    return {kind: json.loads((folder / f"{kind}.json").read_text()) for kind in KINDS}


def make(folder: Path, seed: int, *, is_shifted: bool) -> None:
    """The films of one set; those that are there stay."""
    if is_shifted:
        run("films", str(folder), "--seed", str(seed), "--count", str(SHIFTED), "--shifted")
        return
    test = [n for n in range(FIRST) if split_of(patient_id_of(seed, n)) == "test"]
    chosen = [word for number in test for word in ("--index", str(number))]
    run("films", str(folder), "--seed", str(seed), *chosen)


def run(*words: str) -> None:
    """One command of pedaxr, with its progress to be seen."""
    subprocess.run([sys.executable, "-m", "pedaxr_server", *words], check=True)


def rows(figures: dict[int, Any]) -> Iterator[dict[str, str]]:
    """A row a figure: its goal, each seed's on test and shifted films, and all together."""
    for title, name in REPORT.items():
        counts, pooled = counted(figures, name)
        shown = [" / ".join(f"{count} of {of}" for count, of in pair) for pair in (*counts, pooled)]
        yield row(title, "", figures, [*shown[:-1], f"{shown[-1]} ({in_shares(pooled)})"])
    counts, pooled = counted(figures, COPIED)
    yield row(COPIED, "0.93 / 0.86", figures, [in_shares(pair) for pair in (*counts, pooled)])
    for title, (name, goal) in DRAFT.items():
        yield mean_row(title, goal, figures, lambda one, name=name: one["readers"][READER][name])
    for name, goal in PROOFS.items():
        yield mean_row(f"draft: {name}", goal, figures, lambda one, name=name: one["proofs"][name])


def counted(figures: dict[int, Any], name: str) -> tuple[list[list[Count]], list[Count]]:
    """Of a share each seed's counts on test and shifted films, and those of all seeds together."""
    counts = [[share(found["reports"][one], name) for one in SETS] for found in figures.values()]
    pooled = [
        (sum(c for c, _ in of_set), sum(of for _, of in of_set)) for of_set in zip(*counts, strict=True)
    ]
    return counts, pooled


def mean_row(title: str, goal: str, figures: dict[int, Any], of: Callable[[Any], float]) -> dict[str, str]:
    """Of a figure that is a share of no count that is kept: together stands the mean of the seeds."""
    found = [[of(one) for one in drafts(one_seed)] for one_seed in figures.values()]
    means = [sum(of_set) / len(of_set) for of_set in zip(*found, strict=True)]
    return row(
        title, goal, figures, [" / ".join(f"{value:.3f}" for value in pair) for pair in (*found, means)]
    )


def row(title: str, goal: str, figures: dict[int, Any], shown: list[str]) -> dict[str, str]:
    """Of the table: a column a seed, and one of all."""
    columns = [*(f"seed {seed}" for seed in figures), "together"]
    return {"figure": title, "test / shifted, goal": goal} | dict(zip(columns, shown, strict=True))


def drafts(found: Any) -> tuple[Any, Any]:
    """Of test and of shifted films."""
    return found["captioner"], found["captioner"]["shifted"]


def share(shares: list[dict[str, Any]], name: str) -> Count:
    """A count, and out of how many."""
    one = next(share for share in shares if share["name"] == name)
    return one["count"], one["of"]


def in_shares(counts: Sequence[Count]) -> str:
    """Of test and of shifted films."""
    return " / ".join(f"{count / of:.3f}" for count, of in counts)


if __name__ == "__main__":
    main()
