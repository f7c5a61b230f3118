"""One film of a hospital, read as in service and held against what is known of it, be that ever so little."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedaxr.errors import NotAnAbdominalFilm, UnreadableImage
from pedaxr.evaluation.ground_truth import known_findings
from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading.ood_score import oddness
from pedaxr.reading.operating_points import operating_points
from pedaxr.reading.quality import measures_of
from pedaxr.reading.read_film import Reading, Source, forget_films, read_film
from pedaxr.reports.generate_report import generate_report
from pedaxr.storage.files import disk_errors
from pedaxr.types import Report
from pedaxr_models.datasets.film import Film, outlined_masks, read_masks
from pedaxr_models.datasets.splits import patient_key
from pedaxr_models.facts import Presence
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding
from pedaxr_models.plausibility import cannot_show

Progress = Callable[[int, int], None]
BoolArray = NDArray[np.bool_]
_AGE_BANDS = ((1, "under 1 month"), (12, "1 to 11 months"), (36, "1 to 2 years"), (144, "3 to 11 years"))


@dataclass(frozen=True)
class Judged:
    """One film.

    Attributes:
        film: its study id, or the name of its file.
        patient: the films of one child have the same; of no meaning outside.
        known: findings of which it is known whether the film shows them in its view.
        true: of these those that it shows.
        told: findings that the report affirms, hedged or not; none of a film that is refused or in doubt.
        is_critical: whether the report has something to be told to a human now.
        refused: why the film was not read; empty where it was.
        is_in_doubt: whether the report gives no finding because the film is doubted.
        confidence: that the report names exactly the right findings, as it says itself.
        probabilities: by finding, the report writer's.
        dice: by true finding with an outline, of the segmentation at its thresholds, whatever the gate says.
        oddness: by measure of `quality.measures_of`, how rare it is among the films that the operating points
            were chosen on: minus the logarithm of the share that are as odd.
        groups: by name ("age", "view", "device", "month") the film's.
    """

    film: str
    patient: str
    known: tuple[str, ...]
    true: tuple[str, ...]
    told: tuple[str, ...] = ()
    is_critical: bool = False
    refused: str = ""
    is_in_doubt: bool = False
    confidence: float | None = None
    probabilities: Mapping[str, float] = field(default_factory=dict)
    dice: Mapping[str, float] = field(default_factory=dict)
    oddness: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_right(self) -> bool:
        """Whether the report names, of the known findings, exactly the true ones."""
        return not self.refused and set(self.told) & set(self.known) == set(self.true)

    def to_json(self) -> dict[str, object]:
        """Without the child."""
        return {name: value for name, value in asdict(self).items() if name != "patient"}


def read_judged(path: Path) -> list[Judged]:
    """Films kept so far, in order; a line that an interruption cut short ends them."""
    found: list[Judged] = []
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    for line in lines:
        try:
            kept = json.loads(line)
            kept |= {name: tuple(kept[name]) for name in ("known", "true", "told")}
            found.append(Judged(**kept))
        except (ValueError, KeyError, TypeError):
            break
    if len(found) < len(lines):  # what comes next must not stand behind half a line
        path.write_text("".join(json.dumps(asdict(one)) + "\n" for one in found), encoding="utf-8")
    return found


def append_judged(path: Path, judged: Judged) -> None:
    """Keep one more. Raises StorageError."""
    with disk_errors(path.name):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(judged)) + "\n")


@contextmanager
def reading_with(weights: Path | None) -> Iterator[None]:
    """Have films read with these weights inside the block; None: with those in use. Not for threads."""
    before = os.environ.get("PEDAXR_WEIGHTS")
    forget_films()
    try:
        if weights is not None:
            os.environ["PEDAXR_WEIGHTS"] = str(weights)
        yield
    finally:
        forget_films()
        os.environ.pop("PEDAXR_WEIGHTS", None)
        os.environ |= {"PEDAXR_WEIGHTS": before} if before is not None else {}


def judge_films(films: Sequence[Film], progress: Progress | None = None) -> list[Judged]:
    """Every film of which something is known. Raises ModelUnavailable."""
    judged = []
    for number, film in enumerate(films, 1):
        if known_findings(film):
            judged.append(judge(film))
        if progress is not None:
            progress(number, len(films))
    return judged


def judge(film: Film) -> Judged:
    """Have one film reported on as a file with its metadata, and compare. Raises ModelUnavailable."""
    name = film.extra.get("study") or film.image_path.name
    known, true = truth_of(film)
    plain = Judged(name, patient_key(film), known, true, groups=groups_of(film))
    meta = film.metadata
    try:
        report = generate_report(
            file=film.image_path, view=meta.view, age_months=meta.age_months, indication=meta.indication
        )
        reading = read_film(Source(film.image_path))
    except (NotAnAbdominalFilm, UnreadableImage) as err:
        return replace(plain, refused=str(err))
    return replace(plain, **{**_said(report), **_seen(reading, film)})  # type: ignore[arg-type]


def truth_of(film: Film) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Findings that are known, and those of them that the film shows in its view."""
    known = known_findings(film)
    shown = {finding.value for finding in masks_of(film)} | ({film.label} if film.label else set())
    judged = [f.value for f in FINDINGS if f in known and not cannot_show(f, film.metadata.view)]
    return tuple(judged), tuple(name for name in judged if name in shown)


def masks_of(film: Film) -> dict[Finding, BoolArray]:
    """Of each finding that is outlined, the mask (H, W) in pixels of the stored film."""
    if film.mask_path is None:
        if not any(film.polygons.values()):
            return {}
        radiograph = read_radiograph(film.image_path)
        return outlined_masks(film, (radiograph.height, radiograph.width))
    bits = read_masks(film.mask_path)
    planes = {finding: bits >> np.uint32(CHANNELS.index(finding)) & 1 > 0 for finding in FINDINGS}
    return {finding: plane for finding, plane in planes.items() if plane.any()}


def _said(report: Report) -> dict[str, object]:
    return {
        "told": tuple(f.finding for f in report.findings if f.presence is Presence.PRESENT),
        "is_critical": bool(report.critical),
        "is_in_doubt": report.in_doubt is not None,
        "confidence": report.confidence,
        "probabilities": {f.finding: f.probability for f in report.findings if f.probability is not None},
    }


def _seen(reading: Reading, film: Film) -> dict[str, object]:
    dice = {}
    for finding, mask in masks_of(film).items():
        true = reading.segmentation.letterbox.apply(reading.outlines.framing.apply(mask.astype(np.float32)))
        said, shown = reading.outlines.masks[finding], true >= 0.5
        both = np.count_nonzero(said) + np.count_nonzero(shown)
        dice[finding.value] = round(2 * np.count_nonzero(said & shown) / both, 4) if both else 0.0
    usual = operating_points().usual
    measured = measures_of(reading.outlines.read_regions)
    odd = {
        name: round(oddness({name: value}, usual), 3) for name, value in measured.items() if usual.get(name)
    }
    return {"dice": dice, "oddness": odd}


def groups_of(film: Film) -> dict[str, str]:
    """Age band, view, device and month of a film, as far as they are known."""
    meta = film.metadata
    age = "unknown" if meta.age_months is None else _age_band(meta.age_months)
    return {
        "age": age,
        "view": meta.view.value.replace("_", " ") if meta.view else "unknown",
        "device": film.extra.get("device") or "unknown",
        "month": (meta.study_date or "unknown")[:7],
    }


def _age_band(months: float) -> str:
    return next((name for limit, name in _AGE_BANDS if months < limit), "12 years and older")
