"""What a data set of synthetic films holds, counted for programs and described for people."""

import json
from collections import Counter
from collections.abc import Mapping

from pedaxr_models.labels import FINDINGS, LABELS, TERMS
from pedaxr_models.phantom.dataset.films_csv import Row
from pedaxr_models.phantom.geometry import N
from pedaxr_models.phantom.spec import VERSION, Domain

_AGE_BANDS = (
    (0, 1, "under 1 month"),
    (1, 6, "1-6 months"),
    (6, 36, "6 months-3 years"),
    (36, 120, "3-10 years"),
    (120, 999, "10-16 years"),
)
_SHIFTED = (
    "These are the **shifted test films**: sizes, build, breathing, pose, dose, scatter, shutters and grey",
    "scale lie outside the ranges of the ordinary films (`phantom/ranges.py`). All are of the test split,",
    "and no patient is shared with any other folder. Never train or choose thresholds on them.",
    "",
)
_TELLS = (
    "How far a film's label can be guessed without its bowel is measured: `pedaxr leaks FOLDER`",
    "prints it for these very films, and `pedaxr areas FOLDER` compares the outlines with public figures.",
    "Known reasons:",
    "",
    "- Air-fluid levels need a horizontal beam, so they never come supine.",
    "- Pyloric stenosis occurs only at 2 to 12 weeks; a third of every other class are infants too.",
    "- Distension widens the belly and lifts the diaphragm; build and inspiration vary in all classes but",
    "  do not hide this wholly.",
    "- Working diagnoses are right in 45 %, absent in 35 % and wrong in 20 % of films; most requests are",
    "  vague, and some mislead.",
    "- Every patient has one film. Anatomy has no variants, no malformations and no earlier operations.",
    "",
    "What an eye finds at full size, on films of every class:",
    "",
    "- Every level is exactly level with the picture and ends in sharp corners; the fluid under it is",
    "  hardly seen, so that the gas looks cut off. On decubitus films the cuts stand upright, the body does",
    "  not sag, and the gas beside the liver is of one even black.",
    "- A stomach held up by stenosis is a clean dark bag; bowel seldom lies over it.",
    "- Colon gas runs along the flanks as beads of even size; stool is mottled alike everywhere.",
    "- Rib ends are round, vertebrae are clean boxes in infants, iliac wings are smooth fans with a thin",
    "  even rim; the teardrop and the vessels of the lungs are faint; arms have no hands.",
    "- Between dilated loops a fluid-filled stomach shows as a sharp bright blade; the outline round such",
    "  loops may have bites and splinters that no hand would draw.",
)


def describe(rows: list[Row], stamp: Mapping[str, object]) -> dict[str, object]:
    """What was made, countable; `stamp` says how."""
    by_age = sorted(rows, key=lambda row: float(row["AgeMonths"]))
    return {
        "name": "pedaxr synthetic films",
        "is_synthetic": True,
        "generator": "pedaxr_models.phantom",
        "domain": Domain.STANDARD.value,
        **stamp,
        "count": len(rows),
        "image_size": [N, N],
        "labels": dict(sorted(Counter(row["Class"] for row in rows).items())),
        "views": dict(sorted(Counter(row["ViewPosition"] for row in rows).items())),
        "ages": dict(Counter(_age_band(row) for row in by_age)),
        "splits": dict(sorted(Counter(row["Split"] for row in rows).items())),
        "several_findings": sum(len(json.loads(row["Findings"])) > 1 for row in rows),
    }


def data_card(rows: list[Row], seed: int, domain: Domain, version: int = VERSION) -> str:
    """The description for people, Markdown."""
    remake = " --shifted" if domain is Domain.SHIFTED else ""
    remake += f" --generator {version}" if version != VERSION else ""
    lines = [
        "# Data card: synthetic paediatric abdominal films",
        "",
        "**Every film and every patient here is synthetic.** Names, dates and requests are invented by a",
        "program; no real child was imaged. The films are for research and teaching. A figure measured on",
        "them says nothing about real films until it is measured there too.",
        "",
        *(_SHIFTED if domain is Domain.SHIFTED else ()),
        f"Made by `pedaxr_models.phantom` version {version}, seed {seed}: {len(rows)} films of {N} x {N}.",
        "Outlines, masks, facts and millimetres come from the geometry, after pose and collimation. Any film",
        f"can be made again alone: `pedaxr films OUT --seed {seed}{remake} --index NUMBER` writes the same",
        "bytes.",
        "",
        "`films.csv` holds one line a film: outlines, facts, measures, metadata, a caption and a full",
        "report in English and Korean. `annotations.json` holds the same outlines in COCO format, `masks/` a",
        "bit plane per finding and structure (`pedaxr_models.datasets.film.read_masks`).",
        "",
        *_count_table(rows),
        "",
        "## What still gives a film away",
        "",
        *_TELLS,
    ]
    return "\n".join(lines) + "\n"


def _age_band(row: Row) -> str:
    age = float(row["AgeMonths"])
    return next(name for low, high, name in _AGE_BANDS if low <= age < high)


def _count_table(rows: list[Row]) -> list[str]:
    """Label by view and age band."""
    views = sorted({row["ViewPosition"] for row in rows})
    bands = [name for _, _, name in _AGE_BANDS]
    lines = [
        f"| label | all | {' | '.join((*views, *bands))} | with it |",
        "|---" * (3 + len(views) + len(bands)) + "|",
    ]
    shown = Counter(name for row in rows for name in json.loads(row["Findings"]))
    for label in LABELS:
        mine = [row for row in rows if row["Class"] == TERMS[label].english]
        by_view = Counter(row["ViewPosition"] for row in mine)
        by_band = Counter(_age_band(row) for row in mine)
        cells = [len(mine), *(by_view[v] for v in views), *(by_band[b] for b in bands)]
        cells.append(shown[label] if label in FINDINGS else len(mine))
        lines.append(f"| {TERMS[label].english} | {' | '.join(map(str, cells))} |")
    note = "`with it`: films that show the finding, whatever they are named after."
    return [*lines, "", note]
