"""Whether reports contradict themselves: over films as they are, and in the states that are known to be hard.

Every film goes through `generate_report`, as in service: as it is; without a stated view; cut off below the
domes of the diaphragm; and with free air suspected on every film on which it is not outlined.
"""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import OperatingPoints, operating_points, using
from pedaxr.reports.consistency import Contradiction, contradictions
from pedaxr.reports.generate_report import generate_report
from pedaxr.storage.files import disk_errors
from pedaxr.types import Report
from pedaxr_models.datasets.film import Film, read_masks
from pedaxr_models.labels import CHANNELS, Finding, Structure, View
from pedaxr_models.report_text import parser
from pedaxr_models.report_text.parser import parse

Progress = Callable[[int, int], None]
WAYS = ("as it is", "view not stated", "domes cut off", "free air suspected")
_BELOW_DOMES_PX = 4
_LEAST_LEFT = 0.5  # of the height of the film
_AIR = Finding.PNEUMOPERITONEUM


@dataclass(frozen=True)
class FilmTold:
    """What the report of one film in one state says, of what is counted; see `Told`.

    Attributes:
        key: of what it depends on, so that one that is kept is used only where nothing has changed.
        is_reported: whether a report was made.
        found: kind, what is said, and what is settled, of each contradiction.
    """

    key: str
    is_reported: bool = False
    is_refused: bool = False
    is_critical: bool = False
    is_suspected: bool = False
    is_denied: bool = False
    found: tuple[tuple[str, str, str], ...] = ()


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

    def add(self, name: str, one: "FilmTold") -> None:
        """Count one film; `name` is that of its file."""
        self.films += one.is_reported
        self.refused += one.is_refused
        self.critical += one.is_critical
        self.suspected += one.is_suspected
        self.denied += one.is_denied
        if one.found:
            self.found[name] = [Contradiction(*found) for found in one.found]

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


def evaluate_consistency(
    films: Sequence[Film], *, records: Path | None = None, progress: Progress | None = None
) -> dict[str, Told]:
    """By state, what the reports of these films say.

    Args:
        films: with masks, for the domes; without them that state is left out.
        records: each film's result is kept there (JSON lines), and a second run resumes.
        progress: called with (reports done, reports in all).

    Raises:
        ModelUnavailable, UnreadableImage, StorageError.
    """
    told = {way: Told() for way in WAYS}
    kept = _read_records(records) if records else {}
    done, total = 0, len(films) * len(WAYS)
    with tempfile.TemporaryDirectory() as folder:
        for film in films:
            for way in WAYS:
                key = _key(film, way)
                one = kept.get(key)
                if one is None:
                    one = _tell(film, way, key, Path(folder))
                    if records:
                        _append(records, one)
                told[way].add(film.image_path.name, one)
                done += 1
                if progress is not None:
                    progress(done, total)
    return told


def _key(film: Film, way: str) -> str:
    """Digest of the film, its masks, the state, the weights, the operating points and the program's text."""
    files = [film.image_path, *([film.mask_path] if film.mask_path else [])]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    weights = models.segmenter().weights_sha256, models.reporter().weights_sha256
    said = json.dumps([digests, str(film.metadata), way, weights, asdict(_points(way)), _program()])
    return hashlib.sha256(said.encode()).hexdigest()[:20]


def _points(way: str) -> OperatingPoints:
    """Those in use; for suspicions everywhere, such as need neither a probability nor a trace."""
    points = operating_points()
    if way != "free air suspected":
        return points
    return replace(points, free_air_suspicion=0.0, free_air_trace=0.0, free_air_trace_unnamed=0.0)


@cache
def _program() -> str:
    """Digest of everything that reads films and writes reports: what one version says another may not."""
    folders = [Path(__file__).parents[1] / name for name in ("reading", "reports", "radiograph")]
    folders.append(Path(parser.__file__).parent)
    sources = sorted(path for folder in folders for path in folder.rglob("*.py"))
    return hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()


def _read_records(path: Path) -> dict[str, FilmTold]:
    """Those kept so far, by key; a line that an interruption cut short is left out."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        try:
            one = FilmTold(**json.loads(line))
            found[one.key] = replace(one, found=tuple((kind, said, so) for kind, said, so in one.found))
        except (TypeError, ValueError):
            continue
    return found


def _append(path: Path, one: FilmTold) -> None:
    with disk_errors(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(one)) + "\n")


def _tell(film: Film, way: str, key: str, folder: Path) -> FilmTold:
    path = film.image_path if way != "domes cut off" else _without_domes(film, folder)
    if path is None:
        return FilmTold(key)
    view = None if way == "view not stated" else film.metadata.view
    try:
        with using(_points(way)):
            return _told(key, _report(film, path, view))
    except NotAnAbdominalFilm:
        return FilmTold(key, is_refused=True)


def _told(key: str, report: Report) -> FilmTold:
    said = {fact.finding: fact for fact in parse(report.sections.get("Findings", "")).findings}
    return FilmTold(
        key,
        is_reported=True,
        is_refused=bool(report.in_doubt),
        is_critical=bool(report.critical),
        is_suspected="suspected" in report.critical_certainty.values(),
        is_denied=_AIR in said and said[_AIR].presence.value == "absent",
        found=tuple((one.kind, one.said, one.settled) for one in contradictions(report)),
    )


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
