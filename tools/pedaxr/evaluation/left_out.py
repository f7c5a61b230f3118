"""Networks on the children that they did not learn from, as they are and with free air put in.

True free air on real films is next to not to be had. So every film that surely shows none is also read with
some put in (`pedaxr_models.pasting`), where the mask is known. A run of `pedaxr train mixed --fold N` is held
against the children of that fold alone; five runs then tell what the recipe gives on films it has not seen.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.evaluation.real_figures import MOST_SUITABLE_CAUGHT
from pedaxr.evaluation.real_films import STRUCTURES, Verdict, gate_verdict, structure_dice
from pedaxr.evaluation.reports import Share
from pedaxr.radiograph.read import Radiograph
from pedaxr.reading.outlines import Outlines
from pedaxr.reading.read_film import look_at
from pedaxr.reading.regions import channel_masks
from pedaxr.types import Region
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence
from pedaxr_models.free_air.alone import is_second, second_alone
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.pasting.free_air import put_free_air
from pedaxr_models.runtime.load import load_segmenter
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter, Segmentation
from pedaxr_models.segmentation.landmarks import pieces_of
from pedaxr_models.segmentation.mixed.folds import left_out_films
from pedaxr_models.segmentation.mixed.known_planes import KnownPlanes, known_planes

Progress = Callable[[int, int], None]
BoolArray = NDArray[np.bool_]
_AIR = Finding.PNEUMOPERITONEUM
MOST_FALSE_ALARMS, LEAST_DICE = 0.10, 0.5
_CRESCENTS = ("crescent", "flank")
# How much darker than the ring round it, grey levels of 255: nobody sees the faintest at a glance.
_CONTRASTS = {"less than 10": (-255, 10), "10 to 20": (10, 20), "20 or more": (20, 256)}


@dataclass(frozen=True)
class LeftOutRecord:
    """One version of one film.

    Attributes:
        film: its id.
        has_free_air: None where nobody can say.
        sign: of the free air that was put in (crescent, pool, ...); empty for the untouched film.
        contrast: how much darker it is than the ring round it, grey levels of 255.
        score: the highest probability at which the film would be called to show free air.
        dice: of the free air that was put in, where it is called at the point in use; 0 where it is not.
        structures: Dice of what is drawn; untouched films only.
        verdict: what the gate makes of the untouched film, as in service; empty for the others.
        suitable, is_babygram: whether a reader should accept it, see `PartialFilm`.
    """

    film: str
    has_free_air: bool | None
    score: float
    sign: str = ""
    contrast: float = 0.0
    dice: float = 0.0
    structures: Mapping[str, float] = field(default_factory=dict)
    verdict: Verdict | Literal[""] = ""
    suitable: bool = False
    is_babygram: bool = False


@dataclass(frozen=True)
class LeftOutFigures:
    """What was counted.

    Attributes:
        call: the probability from which free air is called.
        highest_call: the lowest point with at most `MOST_FALSE_ALARMS` false alarms, chosen on these films.
        shares: counts out of counts.
        dice: per structure the mean, and on how many films.
    """

    call: float
    highest_call: float
    shares: tuple[Share, ...]
    dice: Mapping[str, tuple[float, int]]
    records: tuple[LeftOutRecord, ...]

    def to_json(self) -> dict[str, object]:
        """Plain values."""
        return {
            "call": self.call,
            "highest_call": round(self.highest_call, 6),
            "shares": [share.to_json() for share in self.shares],
            "dice": {n: {"mean": round(d, 4), "films": count} for n, (d, count) in self.dice.items()},
            "films": [asdict(record) for record in self.records],
        }


def read_left_out(
    runs: Mapping[int, Path],
    films: Sequence[PartialFilm],
    in_use: FilmSegmenter,
    *,
    versions: int = 8,
    seed: int = 0,
    second: tuple[float, float] = (0.0, 1.0),
    progress: Progress | None = None,
) -> list[LeftOutRecord]:
    """Each film by the network that has not seen its child.

    Args:
        runs: by fold, the checkpoint folder, of a segmentation or of what looks for free air alone, at films
            that are laid out as `in_use` sees them, which may have learned from them.
        films: those that the runs learned from, but for the fold's.
        in_use: the segmentation whose thresholds are used.
        versions: with free air put in, of each film that surely shows none.
        seed: equal seeds put in the same.
        second: log-odds from which one that looks for free air alone outlines it, and calls it.
        progress: called with the films done and their number.

    Raises:
        CheckpointError: a folder holds no segmentation network.
    """
    pairs = [(fold, film) for fold in sorted(runs) for film in left_out_films(films, fold)]
    networks = {fold: _network(folder, in_use, second) for fold, folder in runs.items()}
    records: list[LeftOutRecord] = []
    for number, (fold, film) in enumerate(pairs, 1):
        rng = np.random.default_rng((seed, fold, number))
        records += _versions(film, networks[fold], versions, rng)
        if progress is not None:
            progress(number, len(pairs))
    return records


def _network(folder: Path, in_use: FilmSegmenter, second: tuple[float, float]) -> FilmSegmenter:
    if is_second(folder):
        return second_alone(folder, in_use, outlined_from=second[0], called_from=second[1])
    network = load_segmenter(folder)
    network.take_thresholds_of(in_use)
    return network


def _versions(
    film: PartialFilm, network: FilmSegmenter, count: int, rng: np.random.Generator
) -> Iterator[LeftOutRecord]:
    known = known_planes(film)
    said = film.says(_AIR)
    yield LeftOutRecord(
        film=film.id,
        has_free_air=None if said in (None, Presence.UNCERTAIN) else said is Presence.PRESENT,
        score=score_of(_read(known.frame, known, network).segmentation, network),
        structures=_structures(film, known, network),
        verdict=gate_verdict(film.image_path, network)[0],
        suitable=bool(film.suitable),
        is_babygram=film.is_babygram,
    )
    if said is not Presence.ABSENT or "abdominal_cavity" not in known.drawn:
        return
    for _ in range(count):
        if record := _pasted(film, known, network, rng):
            yield record


def _structures(film: PartialFilm, known: KnownPlanes, network: FilmSegmenter) -> dict[str, float]:
    seen = network.predict_frame(known.frame, known.letterbox)
    return structure_dice(film, channel_masks(seen, network), known.letterbox)


def _pasted(
    film: PartialFilm, known: KnownPlanes, network: FilmSegmenter, rng: np.random.Generator
) -> LeftOutRecord | None:
    grey = np.round(known.frame * 255).astype(np.uint8)
    made = put_free_air(grey, {name: plane > 0 for name, plane in known.drawn.items()}, rng)
    if made is None:
        return None
    outlines = _read((made.film / np.float32(255)).astype(np.float32), known, network)
    true = made.mask[known.letterbox.content]
    said = _filled([r for r in outlines.regions if r.name == _AIR], true.shape)
    return LeftOutRecord(
        film=film.id,
        has_free_air=True,
        score=score_of(outlines.segmentation, network),
        sign=made.kind,
        contrast=round(made.measures["contrast"], 1),
        dice=round(float(2 * (said & true).sum() / max(1, said.sum() + true.sum())), 4),
    )


def _read(frame: NDArray[np.float32], known: KnownPlanes, network: FilmSegmenter) -> Outlines:
    """As in service: askew films are turned, and of a whole baby the abdomen is read."""
    return look_at(Radiograph(np.ascontiguousarray(frame[known.letterbox.content])), network, None, None)


def _filled(regions: Sequence[Region], shape: tuple[int, ...]) -> BoolArray:
    drawn = np.zeros(shape, np.uint8)
    for region in regions:
        cv2.fillPoly(drawn, [np.array(polygon, np.int32) for polygon in region.polygons], (1,))
    return drawn > 0


def score_of(seen: Segmentation, network: FilmSegmenter) -> float:
    """The highest call point at which the film would be called to show free air; 0 where none would do."""
    probability = np.zeros_like(seen.probabilities[0])
    content = seen.letterbox.content
    probability[content] = seen.probabilities[CHANNELS.index(_AIR)][content]
    labels, areas = pieces_of(probability >= network.thresholds[_AIR])
    least = max(1, network.min_area_px.get(_AIR, 1))
    pieces = [probability[labels == piece] for piece in range(1, len(areas)) if areas[piece] >= least]
    return max((float(np.partition(piece, -least)[-least]) for piece in pieces), default=0.0)


def left_out_figures(records: Sequence[LeftOutRecord], call: float) -> LeftOutFigures:
    """Count, at the call point in use and at the lowest that keeps false alarms rare."""
    untouched = [record for record in records if not record.sign]
    without = [record for record in untouched if record.has_free_air is False]
    highest = call_for(sorted((r.score for r in without), reverse=True))
    dice = {}
    for name in STRUCTURES:
        values = [record.structures[name] for record in untouched if name in record.structures]
        if values:
            dice[name] = (float(np.mean(values)), len(values))
    return LeftOutFigures(
        call=call,
        highest_call=highest,
        shares=tuple(share for share in _shares(records, call, highest) if share.of),
        dice=dice,
        records=tuple(records),
    )


def call_for(scores: Sequence[float]) -> float:
    """The lowest point at which at most `MOST_FALSE_ALARMS` of these falling scores are called."""
    allowed = int(MOST_FALSE_ALARMS * len(scores))
    return float(np.nextafter(scores[allowed], 2)) if len(scores) > allowed else 0.0


def _shares(records: Sequence[LeftOutRecord], call: float, highest: float) -> Iterator[Share]:
    without = [r for r in records if r.has_free_air is False]
    true = [r for r in records if r.has_free_air and not r.sign]
    pasted = [r for r in records if r.sign]
    crescents = [r for r in pasted if r.sign in _CRESCENTS]
    pools = [r for r in pasted if r.sign not in _CRESCENTS]
    yield from _gate([r for r in records if r.verdict])
    yield _called("free air called where there is none", without, call, "<= 0.10")
    yield _called("true free air called", true, call)
    yield _called("free air put in, called", pasted, call, ">= 0.80")
    yield _called("free air put in as a crescent or along the flank, called", crescents, call)
    yield _called("free air put in otherwise, called", pools, call)
    lies = sum(r.dice >= LEAST_DICE for r in pasted)
    yield Share(f"free air put in, outlined where it lies (Dice {LEAST_DICE})", lies, len(pasted), "")
    yield _called("free air put in, called at the point chosen on these films", pasted, highest)
    for sign, count in sorted(Counter(r.sign for r in pasted).items(), key=lambda one: -one[1]):
        yield _called(f"{sign} ({count})", [r for r in pasted if r.sign == sign], call)
    for name, (low, high) in _CONTRASTS.items():
        here = [r for r in pasted if low <= r.contrast < high]
        yield _called(f"{name} grey levels darker than around it", here, call)


def _gate(records: Sequence[LeftOutRecord]) -> Iterator[Share]:
    """What becomes of good films that no network learned from: those it learned from hardly test a gate."""
    suitable = [r for r in records if r.suitable]
    yield Share("suitable films refused", sum(r.verdict == "refused" for r in suitable), len(suitable), "0")
    for name, goal, films in (
        ("suitable films", f"<= {MOST_SUITABLE_CAUGHT}", suitable),
        ("babygrams", "0", [r for r in records if r.is_babygram]),
    ):
        caught = sum(r.verdict != "read" for r in films)
        yield Share(f"{name} refused or doubted", caught, len(films), goal)


def _called(name: str, records: Sequence[LeftOutRecord], call: float, goal: str = "") -> Share:
    return Share(name, sum(r.score >= call for r in records), len(records), goal)
