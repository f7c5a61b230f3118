"""Where the line is drawn between sure and doubtful: figures chosen on validation films, never on test films.

`pedaxr evaluate thresholds` chooses them and writes them as JSON. Those in use are the file of that name
in `$PEDAXR_WEIGHTS`, next to weights of one's own, or else the bundled ones.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property, lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np

from pedaxr.errors import ModelUnavailable
from pedaxr.reading.ood_score import Table
from pedaxr.storage.files import disk_errors, replace_durably
from pedaxr_models.labels import FINDINGS

POINTS_FILE = "operating_points.json"
NEVER = 99.0  # above any unsureness: -log(1e-6) is 14


@dataclass(frozen=True)
class OperatingPoints:
    """The figures.

    Attributes:
        doubted_below: `quality.sureness` below which a picture is said to be perhaps no abdominal film.
        refused_below: the same, below which it is refused.
        spine_off_centre: `quality.spine_offset` above which a film that is doubted for another reason is said
            to be perhaps no frontal film.
        largest_colon: `quality.colon_share` above which it is said to be perhaps a chest film.
        free_air_suspicion: probability of the report writer from which free air is told, outlined or not.
        least_confidence: `flags.least_sure` below which that is said.
        least_support: by finding, `verify.support` below which a sentence on it is hedged.
        faint_free_air: `Reading.faint_free_air` from which free air is reported although it is not outlined.
        free_air_trace: the same, below which a suspicion of the report writer, unless sure, is no alarm:
            where the segmentation sees nothing at all its sentence is struck.
        free_air_trace_unnamed: the same of a suspicion that the draft's words do not name, however sure.
        least_share: by finding, share of the body that its outline must fill, where it can lie, to be one; 0
            where none is given.
        turned_looked_from, mirrored_looked_from: `second_look.Looks.upright` and `.sides` above which the
            film is looked at again, upside down or mirrored.
        turned_surer_by, mirrored_surer_by: by how much surer it must then be, the logarithm of the ratio, for
            a doubt that it hangs the right way round.
        likeness: the rule of `ood_score.likeness`, learned on real pictures too; none is judged without it.
        unlike_doubted_below, unlike_refused_below: log-odds below which a picture is doubted, and refused.
        usual: by measure of `quality.measures_of`, the `oddness.surprise_table` of good films.
        largest_oddness: `oddness.oddness` above which it is said to be perhaps no abdominal film.
        confidence_curve: what share of reports is right, by `flags.least_sure`: pairs, both rising; between
            them straight lines. Empty: `least_sure` stands for itself.
        not_excluded: by finding, the report writer's probability from which a supplied diagnosis that is not
            outlined is called not excluded, and not contradicted; never where none is given.
        grade_scale: by finding, and for distal gas, what an extent measured on the outlines is of the true
            one; what has none is graded by the report writer, see `reports.measured_grades`.
        weights: by network, SHA-256 of the weights they were chosen with; empty: chosen by hand.
    """

    doubted_below: float
    refused_below: float
    spine_off_centre: float
    largest_colon: float
    free_air_suspicion: float
    least_confidence: float
    least_support: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    confidence_curve: Table = ()
    not_excluded: Mapping[str, float] = field(default_factory=dict)
    usual: Mapping[str, Table] = field(default_factory=dict)
    largest_oddness: float = 0.0
    faint_free_air: float = 1.0
    free_air_trace: float = 0.0
    free_air_trace_unnamed: float = 0.0
    least_share: Mapping[str, float] = field(default_factory=dict)
    turned_looked_from: float = NEVER
    turned_surer_by: float = 0.1
    mirrored_looked_from: float = NEVER
    mirrored_surer_by: float = 0.1
    likeness: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    unlike_doubted_below: float = 0.0
    unlike_refused_below: float = 0.0
    grade_scale: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shares = [getattr(self, name) for name in _SHARES]
        by_finding = (self.least_support, self.not_excluded, self.least_share)
        shares += [share for shares_of in by_finding for share in shares_of.values()]
        shares += [share for pair in self.confidence_curve for share in pair]
        named = {name for shares_of in by_finding for name in shares_of}
        if not all(0 <= share <= 1 for share in shares) or not named <= set(FINDINGS):
            raise ValueError("an operating point is a share from 0 to 1, of a finding where it is of one")
        graded = {*FINDINGS, "distal_gas"}
        if not set(self.grade_scale) <= graded or not all(s > 0 for s in self.grade_scale.values()):
            raise ValueError("a grade's scale is a positive number, of a finding or of distal gas")
        for table in (self.confidence_curve, *self.usual.values()):
            columns = [list(column) for column in zip(*table, strict=True)]
            if any(column != sorted(column) for column in columns) or len(columns) not in (0, 2):
                raise ValueError("a table is of pairs that rise")

    @cached_property
    def figures(self) -> dict[str, object]:
        """All of them by name, as JSON takes them; made once, as every report's id hangs on them."""
        return asdict(self)

    def confidence(self, least_sure: float) -> float:
        """The calibrated confidence, 0 to 1: the share of right reports among those that were as sure."""
        if not self.confidence_curve:
            return least_sure
        sure, right = zip(*self.confidence_curve, strict=True)
        return float(np.interp(least_sure, sure, right))


_SHARES = (
    "doubted_below",
    "refused_below",
    "spine_off_centre",
    "largest_colon",
    "free_air_suspicion",
    "least_confidence",
    "faint_free_air",
    "free_air_trace",
    "free_air_trace_unnamed",
)


_given: ContextVar[OperatingPoints | None] = ContextVar("pedaxr_operating_points", default=None)


@contextmanager
def using(points: OperatingPoints) -> Iterator[None]:
    """Have these in use inside the block, in this thread or task."""
    token = _given.set(points)
    try:
        yield
    finally:
        _given.reset(token)


def operating_points() -> OperatingPoints:
    """Those in use.

    Raises:
        ModelUnavailable: the file next to the weights in use is damaged.
    """
    from pedaxr_models.checkpoint import weights_root

    return _given.get() or _beside(weights_root())


@lru_cache(maxsize=4)
def _beside(weights: Path) -> OperatingPoints:
    from pedaxr_models.checkpoint import points_folders

    for folder in points_folders(weights):
        if (own := folder / POINTS_FILE).is_file():
            return parse_points(own.read_text(encoding="utf-8"))
    return parse_points((files("pedaxr") / POINTS_FILE).read_text(encoding="utf-8"))


def parse_points(text: str) -> OperatingPoints:
    """From JSON. Raises ModelUnavailable where a figure is missing, unknown or impossible."""
    try:
        read = json.loads(text)
        curve = _table(read.pop("confidence_curve", ()))
        usual = {name: _table(pairs) for name, pairs in read.pop("usual", {}).items()}
        rule = {name: _triple(figures) for name, figures in read.pop("likeness", {}).items()}
        return OperatingPoints(**read, confidence_curve=curve, usual=usual, likeness=rule)
    except (TypeError, ValueError, AttributeError) as err:
        names = ", ".join(f.name for f in fields(OperatingPoints))
        raise ModelUnavailable(
            f"{POINTS_FILE} next to the weights is damaged: it must hold {names}. Remove it or rewrite it "
            "with `pedaxr evaluate thresholds`."
        ) from err


def _table(pairs: Iterable[Iterable[float]]) -> Table:
    return tuple(tuple(map(float, pair)) for pair in pairs)


def _triple(figures: Iterable[float]) -> tuple[float, float, float]:
    middle, spread, weight = map(float, figures)
    return middle, spread, weight


def write_points(points: OperatingPoints, path: Path) -> None:
    """Write them, whole. Raises StorageError."""
    with disk_errors(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_durably(path, (json.dumps(points.figures, indent=2) + "\n").encode())
    _beside.cache_clear()
