"""What the product says of real films whose truth is known in part, film by film.

Every picture goes the way that it goes in service, through `read_film` and the report's check. Where the gate
refuses or doubts a film, what the network would have outlined is kept as well, since a gate hides a network's
faults.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from pedaxr.errors import NotAnAbdominalFilm, UnreadableImage
from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import operating_points
from pedaxr.reading.read_film import Reading, Source, read_film
from pedaxr.reading.regions import channel_masks
from pedaxr.reports.check_draft import check_draft
from pedaxr.types import Region
from pedaxr_models.datasets.partial_truth import PartialFilm
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure
from pedaxr_models.segmentation.mixed.known_planes import fill, grow
from pedaxr_models.segmentation.transforms import Letterbox

if TYPE_CHECKING:
    from pedaxr_models.captioning.film_reporter import FilmReporter
    from pedaxr_models.segmentation.film_segmenter import FilmSegmenter

BoolArray = NDArray[np.bool_]
Verdict = Literal["refused", "doubted", "read", "unreadable"]
Place = Literal["lung", "outside the body", "bowel", "border", "elsewhere"]
Progress = Callable[[int, int], None]

STRUCTURES = ("lungs", "spine", "pelvis", "liver", "bowel_gas")
_BORDER = 0.03  # of the frame: this near the film's edge a region lies at the border
_COARSE = 0.02  # of the frame: how far a drawn outline may be off


@dataclass(frozen=True)
class RealRecord:
    """One film.

    Attributes:
        film: what is known of it.
        verdict: "doubted" where the picture itself is; what limits a film is not a doubt.
        reason: of a refusal or a doubt.
        outlined: findings that the network outlines, whatever the gate says.
        told: findings that the reading names; none of a film that is refused or doubted.
        is_critical: whether the report has something that a human must hear of now.
        dice: per structure that is drawn, as served; of a refused film as the network sees it.
        false_places: where an outline lies of a finding that is known to be absent.
        masks: outlines in the frame, for the sheet.
    """

    film: PartialFilm
    verdict: Verdict
    reason: str
    outlined: tuple[Finding, ...] = ()
    told: tuple[Finding, ...] = ()
    is_critical: bool = False
    dice: Mapping[str, float] = field(default_factory=dict)
    false_places: Mapping[Finding, Place] = field(default_factory=dict)
    masks: Mapping[str, BoolArray] = field(default_factory=dict, repr=False, compare=False)
    frame: NDArray[np.float32] | None = field(default=None, repr=False, compare=False)

    def to_json(self) -> dict[str, object]:
        """Without pictures and paths."""
        return {
            "id": self.film.id,
            "kind": self.film.kind,
            "suitable": self.film.suitable,
            "verdict": self.verdict,
            "reason": self.reason,
            "outlined": [f.value for f in self.outlined],
            "told": [f.value for f in self.told],
            "critical": self.is_critical,
            "dice": {name: round(value, 4) for name, value in self.dice.items()},
            "false_places": {f.value: place for f, place in self.false_places.items()},
            "truth": {f.value: said.value for f, said in self.film.findings.items()},
        }


def measure_films(films: Sequence[PartialFilm], progress: Progress | None = None) -> list[RealRecord]:
    """One record a film, in order.

    Raises:
        ModelUnavailable: there are no usable weights.
    """
    records = []
    for film in films:
        records.append(measure_film(film))
        if progress is not None:
            progress(len(records), len(films))
    return records


def measure_film(film: PartialFilm) -> RealRecord:
    """Read one film as in service, and hold it against what is known of it."""
    try:
        pixels = read_radiograph(film.image_path).pixels
    except (UnreadableImage, NotAnAbdominalFilm) as err:
        return RealRecord(film, "unreadable", str(err))
    seen = models.segmenter().predict(pixels)
    masks = channel_masks(seen, models.segmenter())
    outlined = tuple(f for f in FINDINGS if masks[f].any())
    served = as_in_service(film.image_path)
    drawn = masks if served.reading is None else masks_of(served.reading.outlines.regions, seen.letterbox)
    return RealRecord(
        film=film,
        verdict=served.verdict,
        reason=served.reason,
        outlined=outlined,
        told=served.told,
        is_critical=served.is_critical,
        dice=structure_dice(film, drawn, seen.letterbox),
        false_places={
            f: place_of(masks[f], film, seen.letterbox) for f in outlined if film.says(f) == "absent"
        },
        masks=masks,
        frame=seen.frame_of(pixels),
    )


@dataclass(frozen=True)
class Served:
    """What the service makes of a picture.

    Attributes:
        told: findings that are named.
        is_critical: whether a human must hear of it now.
        reading: None of a picture that is refused.
    """

    verdict: Verdict
    reason: str
    told: tuple[Finding, ...] = ()
    is_critical: bool = False
    reading: Reading | None = None


def as_in_service(path: Path, writer: "FilmReporter | None" = None) -> Served:
    """Read a picture and have it reported on.

    Args:
        path: of the picture.
        writer: who drafts, if another than the one in use.

    Raises:
        ModelUnavailable: there are no usable weights.
    """
    verdict, reason, reading = gate_verdict(path)
    if reading is None:
        return Served(verdict, reason)
    told = (writer or models.reporter()).describe(
        reading.radiograph.pixels, reading.segmentation, reading.metadata
    )
    draft = check_draft(reading, told, operating_points())
    named = tuple(Finding(region.name) for region in reading.findings)
    return Served(verdict, reason, named, bool(draft.critical), reading)


def gate_verdict(path: Path, segmenter: "FilmSegmenter | None" = None) -> tuple[Verdict, str, Reading | None]:
    """Whether a film is refused, doubted or read, and why; and the reading, if there is one.

    Args:
        path: of the picture.
        segmenter: another than the one in use.
    """
    try:
        reading = read_film(Source(path), segmenter)
    except (NotAnAbdominalFilm, UnreadableImage) as err:
        return "refused", str(err), None
    return ("doubted" if reading.doubts else "read"), " ".join(reading.doubts), reading


def masks_of(regions: Sequence[Region], letterbox: Letterbox) -> dict[str, BoolArray]:
    """Regions of a film, filled in the frame; a channel without a region is empty."""
    drawn = {region.name: [np.array(p, np.float32) for p in region.polygons] for region in regions}
    return {channel: fill(drawn.get(channel, []), letterbox) > 0 for channel in CHANNELS}


def structure_dice(
    film: PartialFilm, masks: Mapping[str, BoolArray], letterbox: Letterbox
) -> dict[str, float]:
    """Dice of each structure that was drawn; bowel gas is any loop's and the stomach's, and no stool."""
    found = {}
    for name in STRUCTURES:
        drawn = [*film.outlines.get(name, [])]
        if not drawn:
            continue
        if name == "bowel_gas":
            drawn += film.outlines.get("stomach", [])
            loops = masks[Structure.SMALL_BOWEL_GAS] | (masks[Structure.COLON] & ~masks[Structure.STOOL])
            said = loops | masks[Structure.STOMACH]
        else:
            said = masks[name]
        true = fill(drawn, letterbox) > 0
        found[name] = float(2 * (said & true).sum() / max(1, said.sum() + true.sum()))
    return found


def place_of(mask: BoolArray, film: PartialFilm, letterbox: Letterbox) -> Place:
    """Where most of a region lies, by what is drawn on the film."""

    def share(area: BoolArray) -> float:
        return float((mask & area).sum() / max(1, mask.sum()))

    drawn = {name: fill(polygons, letterbox) for name, polygons in film.outlines.items()}
    if "body" in drawn and share(grow(drawn["body"], _COARSE) == 0) > 0.5:
        return "outside the body"
    if "lungs" in drawn and share(drawn["lungs"] > 0) > 0.5:
        return "lung"
    if any(name in drawn for name in ("bowel_gas", "stomach")):
        gas = np.any([grow(drawn[n], _COARSE) for n in ("bowel_gas", "stomach") if n in drawn], axis=0)
        if share(gas) > 0.5:
            return "bowel"
    return "border" if share(~_inner(mask.shape, letterbox)) > 0.5 else "elsewhere"


def _inner(shape: tuple[int, ...], letterbox: Letterbox) -> BoolArray:
    rows, columns = letterbox.content
    slack = round(_BORDER * shape[0])
    inner = np.zeros(shape, bool)
    inner[rows.start + slack : rows.stop - slack, columns.start + slack : columns.stop - slack] = True
    return inner
