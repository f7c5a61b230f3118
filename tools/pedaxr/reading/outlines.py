"""What the segmentation sees on one film, whichever way the film is stored."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from pedaxr.radiograph.orientation import Orientation
from pedaxr.radiograph.read import Radiograph
from pedaxr.radiograph.recent_cache import Recent
from pedaxr.reading.framing import Framing, framing_of, with_exposed_field
from pedaxr.reading.markers import SideLetter
from pedaxr.reading.notes import Note
from pedaxr.reading.placement import Anatomy
from pedaxr.reading.positioning import faults
from pedaxr.reading.quality import sureness
from pedaxr.reading.regions import channel_masks, find_regions
from pedaxr.reading.second_look import Looks
from pedaxr.types import Region
from pedaxr_models.labels import Structure
from pedaxr_models.runtime.threads import begin
from pedaxr_models.segmentation.confident_cores import with_cores

if TYPE_CHECKING:
    from pedaxr_models.segmentation.film_segmenter import FilmSegmenter, Segmentation
    from pedaxr_models.tubes.finder import TubeFinder
    from pedaxr_models.tubes.follow import SeenTube

FloatArray = NDArray[np.float32]
Spacing = tuple[float, float]

T = TypeVar("T")
_MOST_FIGURES = 8
_SURER = 0.03  # plausibility: films upside down lose .04 or more, the same film mirrored .01 either way
_DECIDED = 10  # weight of how far all probabilities lie from even: it differs little, and reliably


@dataclass(frozen=True)
class Outlines:
    """What the segmentation sees on a film, whoever's it is.

    Attributes:
        framing: how the film is laid out for reading.
        film: (H, W), as it was segmented.
        masks: (512, 512) per channel, as `regions.channel_masks` gives them.
        cores: the same, cut back to what lengths are read from.
        read_regions: those that are not empty, named and placed, in pixels of the film as it is read.
        regions: the same in pixels of the film as it is stored.
        looks: how sure they are, and how sure with the film hung otherwise.
        contradicts_header: whether the header says how the child lies, and what is outlined contradicts it.
        notes: on how the film was framed.
        is_part: whether only part of the exposed field was read.
        is_lying: whether spine and gas say that the film is shown lying, so that it was turned for reading.
        letters: lead letters on the whole upright picture, in its pixels.
    """

    framing: Framing
    film: FloatArray
    segmentation: "Segmentation"
    masks: Mapping[str, NDArray[np.bool_]]
    cores: Mapping[str, NDArray[np.bool_]]
    read_regions: tuple[Region, ...]
    regions: tuple[Region, ...]
    looks: Looks
    contradicts_header: bool = False
    notes: tuple[Note, ...] = ()
    is_part: bool = False
    is_lying: bool = False
    letters: tuple[SideLetter, ...] = ()

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """What `make` gives, made once for all who read this film alike: its outlining and its report.

        `key` names it and all that it depends on besides the outlines; the last few are kept.
        """
        return cast(T, self._figures.get(key, make))

    @cached_property
    def _figures(self) -> Recent[object]:
        return Recent(_MOST_FIGURES)

    @cached_property
    def anatomy(self) -> Anatomy:
        """What tells where a finding lies; found once."""
        return Anatomy.of(self.segmentation, self.film, self.masks)

    def tube(self, finder: "TubeFinder") -> "SeenTube | None":
        """The gastric tube that is seen on this film, in the frame; looked for once."""
        seen = self.segmentation
        return self.once(
            ("tube", id(finder)), lambda: (finder, finder.find(seen.frame_of(self.film), seen.letterbox))
        )[1]

    def tube_on_film(self, finder: "TubeFinder") -> NDArray[np.float64] | None:
        """Its course (n, 2), x and y in pixels of the film as it is stored, from above to its tip."""
        tube = self.tube(finder)
        if tube is None:
            return None
        return self.framing.to_stored(self.segmentation.letterbox.to_film(tube.course))

    @property
    def midline_x(self) -> float:
        """Column of the spine on the upright picture; without one the middle of what is read."""
        spine = next((region for region in self.read_regions if region.name == Structure.SPINE), None)
        box = spine.bounding_box if spine else (0, 0, self.film.shape[1], 0)
        return self.framing.read_box[2] + (box[0] + box[2]) / 2

    def region_of(self, channel: str, mask: NDArray[np.bool_], spacing: Spacing | None) -> Region:
        """The region of a part (512, 512) of a channel's outline, in pixels of the film as it is stored."""
        regions = find_regions(
            self.segmentation,
            self.film,
            {**self.masks, channel: mask},
            pixel_spacing_mm=square_spacing(spacing),
        )
        return self.framing.stored_region(next(region for region in regions if region.name == channel))


def outline(
    radiograph: Radiograph,
    segmenter: "FilmSegmenter",
    spacing: Spacing | None,
    framing: Framing | None = None,
    meanwhile: Callable[[Framing], None] = lambda framing: None,
) -> Outlines:
    """Segment a film at first look, as its header and its exposed field say how to read it.

    A film that its header calls turned or mirrored is looked at as stored, too. Where the header says only
    what was done to the picture, and not how the child lies, the likelier of the two is taken: consoles turn
    a picture upright and say so in the same elements. Where it says how the child lies, it is believed, and
    doubted where liver, pelvis or spine contradict it: whether it calls a film turned, or upright.

    `meanwhile` is called once the network has looked, to begin what needs no outline.
    """
    stored = radiograph.stored
    framing = framing or exposed_framing(radiograph, spacing)
    asked = outline_framed(radiograph, segmenter, spacing, framing, meanwhile=meanwhile)
    if stored.orientation.is_upright:
        return replace(asked, contradicts_header=stored.is_certain and faults(asked.masks) > 0)
    plain = exposed_framing(radiograph, spacing, Orientation())
    as_stored = outline_framed(radiograph, segmenter, spacing, plain)
    if not _hangs_better(as_stored, asked):
        return replace(asked, contradicts_header=stored.is_certain and faults(asked.masks) > 0)
    return replace(asked, contradicts_header=True) if stored.is_certain else as_stored


def _hangs_better(one: Outlines, other: Outlines) -> bool:
    """Whether one way of reading a film is likelier than another.

    What is outlined tells. Where it does not, the surer one is: a film upside down is outlined less surely,
    while a network is as sure of a mirrored one.
    """
    wrong, wrong_otherwise = faults(one.masks), faults(other.masks)
    if wrong != wrong_otherwise:
        return wrong < wrong_otherwise
    is_turned = one.framing.orientation.quarter_turns != other.framing.orientation.quarter_turns
    return is_turned and plausibility(one) - plausibility(other) > _SURER


def exposed_framing(
    radiograph: Radiograph, spacing: Spacing | None, orientation: Orientation | None = None
) -> Framing:
    """The exposed field of a film, upright by its header or by an orientation given, of square pixels."""
    aspect = spacing[0] / spacing[1] if spacing else radiograph.stored.pixel_aspect
    orientation = radiograph.stored.orientation if orientation is None else orientation
    framing = framing_of(radiograph.width, radiograph.height, orientation, aspect)
    return with_exposed_field(framing, framing.upright(radiograph.pixels))


def plausibility(outlines: Outlines) -> float:
    """How sure the network is of what it sees: less so of a child that lies in another way than it learned.

    Where it outlines the liver says nothing of the side: it looks for one where livers are.
    """
    sure = {region.name: region.confidence for region in outlines.read_regions}
    rows, columns = outlines.segmentation.letterbox.content
    decided = outlines.segmentation.probabilities[:, rows, columns] - np.float32(0.5)
    np.abs(decided, out=decided)  # 17 planes: where they lie is not laid out twice
    return sureness(outlines.read_regions) + sure.get(Structure.LIVER, 0.0) + _DECIDED * float(decided.mean())


def outline_framed(
    radiograph: Radiograph,
    segmenter: "FilmSegmenter",
    spacing: Spacing | None,
    framing: Framing,
    *,
    meanwhile: Callable[[Framing], None] = lambda framing: None,
) -> Outlines:
    """Segment a film in one framing; `meanwhile` as for `outline`."""
    film = framing.apply(radiograph.pixels)
    segmentation = segmenter.predict(film, is_framed=framing.is_framed)
    begin(lambda: segmentation.tissue)
    looks = Looks(segmentation, film, segmenter.glance)
    meanwhile(framing)
    masks = channel_masks(segmentation, segmenter)
    regions = find_regions(segmentation, film, masks, pixel_spacing_mm=square_spacing(spacing))
    cores = with_cores(masks, segmentation.probabilities, segmenter.core_thresholds)
    return Outlines(
        framing, film, segmentation, masks, cores, tuple(regions), _stored_regions(regions, framing), looks
    )


def square_spacing(spacing: Spacing | None) -> Spacing | None:
    """Of the film as it is read, in mm: its pixels are as small as the shorter side of the stored ones."""
    if spacing is None:
        return None
    is_square = framing_of(1, 1, Orientation(), spacing[0] / spacing[1]).stretch == (1.0, 1.0)
    return spacing if is_square else (min(spacing), min(spacing))


def _stored_regions(regions: Sequence[Region], framing: Framing) -> tuple[Region, ...]:
    return tuple(framing.stored_region(region) for region in regions)
