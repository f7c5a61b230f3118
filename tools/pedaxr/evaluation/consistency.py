"""Whether reports contradict themselves: over films as they are, and in the states that are known to be hard.

Every film goes through `generate_report`, as in service: as it is; without a stated view; cut off below the
domes of the diaphragm; and with free air suspected on every film on which it is not outlined.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.consistency import Contradiction, contradictions
from pedaxr.reports.generate_report import generate_report
from pedaxr.types import Report
from pedaxr_models.datasets.film import Film, read_masks
from pedaxr_models.labels import CHANNELS, Finding, Structure, View
from pedaxr_models.report_text.parser import parse

Progress = Callable[[int, int], None]
WAYS = ("as it is", "view not stated", "domes cut off", "free air suspected")
_BELOW_DOMES_PX = 4
_LEAST_LEFT = 0.5  # of the height of the film
_AIR = Finding.PNEUMOPERITONEUM


@dataclass
class Told:
    """What was counted of one set of films in one state.

    Attributes:
        films: reports that were made.
        refused: films that were refused as no abdominal film, or gave no finding.
        critical: reports that name something critical.
        suspected: of these, with free air only suspected.
        denied: reports that deny free air, in either language.
        found: by film, what contradicts what.
    """

    films: int = 0
    refused: int = 0
    critical: int = 0
    suspected: int = 0
    denied: int = 0
    found: dict[str, list[Contradiction]] = field(default_factory=dict)

    @property
    def kinds(self) -> Counter[str]:
        """How many contradictions of each kind."""
        return Counter(one.kind for found in self.found.values() for one in found)

    def add(self, name: str, report: Report) -> None:
        """Count one report."""
        self.films += 1
        self.refused += bool(report.in_doubt)
        self.critical += bool(report.critical)
        self.suspected += "suspected" in report.critical_certainty.values()
        said = {fact.finding: fact for fact in parse(report.sections.get("Findings", "")).findings}
        self.denied += _AIR in said and said[_AIR].presence.value == "absent"
        if found := contradictions(report):
            self.found[name] = found

    def to_json(self) -> dict[str, object]:
        """Counts, and every contradiction in words."""
        words = {
            name: [f"{one.kind}: {one.said} / {one.settled}" for one in found]
            for name, found in self.found.items()
        }
        counts = {
            name: getattr(self, name) for name in ("films", "refused", "critical", "suspected", "denied")
        }
        return {**counts, "contradictions": sum(self.kinds.values()), "found": words}


def evaluate_consistency(films: Sequence[Film], *, progress: Progress | None = None) -> dict[str, Told]:
    """By state, what the reports of these films say.

    Args:
        films: with masks, for the domes; without them that state is left out.
        progress: called with (reports done, reports in all).

    Raises:
        ModelUnavailable, UnreadableImage.
    """
    told = {way: Told() for way in WAYS}
    done, total = 0, len(films) * len(WAYS)
    with tempfile.TemporaryDirectory() as folder:
        for film in films:
            for way in WAYS:
                _tell(film, way, told[way], Path(folder))
                done += 1
                if progress is not None:
                    progress(done, total)
    return told


def _tell(film: Film, way: str, told: Told, folder: Path) -> None:
    path = film.image_path if way != "domes cut off" else _without_domes(film, folder)
    if path is None:
        return
    view = None if way == "view not stated" else film.metadata.view
    points = operating_points()
    if way == "free air suspected":
        points = replace(points, free_air_suspicion=0.0)
    try:
        with using(points):
            told.add(film.image_path.name, _report(film, path, view))
    except NotAnAbdominalFilm:
        told.refused += 1


def _report(film: Film, path: Path, view: View | None) -> Report:
    meta = film.metadata
    return generate_report(file=path, view=view, age_months=meta.age_months, indication=meta.indication)


def _without_domes(film: Film, folder: Path) -> Path | None:
    """The film from below the domes on; None where that leaves too little, or nobody knows where they are."""
    if film.mask_path is None:
        return None
    bits = read_masks(film.mask_path) >> np.uint32(CHANNELS.index(Structure.DIAPHRAGM))
    rows = np.nonzero(bits & np.uint32(1))[0]
    with Image.open(film.image_path) as opened:
        picture = opened.convert("L")
    top = int(rows.max()) + _BELOW_DOMES_PX if len(rows) else 0
    if not top or picture.height - top < _LEAST_LEFT * picture.height:
        return None
    path = folder / film.image_path.name
    picture.crop((0, top, picture.width, picture.height)).save(path)
    return path


def consistency_table(sets: Mapping[str, Mapping[str, Told]]) -> str:
    """Markdown: a row for each set of films and state."""
    head = (
        "films",
        "state",
        "reports",
        "refused or in doubt",
        "critical",
        "only suspected",
        "free air denied",
    )
    lines = [f"| {' | '.join((*head, 'contradictions'))} |", f"|{'---|' * (len(head) + 1)}"]
    for name, states in sets.items():
        for way, told in states.items():
            kinds = ", ".join(f"{kind} {count}" for kind, count in told.kinds.items())
            counts = (told.films, told.refused, told.critical, told.suspected, told.denied)
            found = f"{sum(told.kinds.values())}{f' ({kinds})' if kinds else ''}"
            lines.append(f"| {' | '.join([name, way, *map(str, counts), found])} |")
    return "\n".join(lines)
