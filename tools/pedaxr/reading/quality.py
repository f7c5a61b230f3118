"""Is this a film that can be read at all, and what limits what can be read off it?

Simple checks with limits set on synthetic films: they catch blank, noisy, coloured and foreign pictures, not
a subtly bad one. A picture that passes is not thereby a good film. Once it is segmented, what is outlined
tells more: on what is not an abdominal film the network is less sure of spine, liver, ribs and pelvis.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.errors import NotAnAbdominalFilm
from pedaxr.radiograph.raster import Raster
from pedaxr.reading.notes import Note, NoteKind
from pedaxr.reading.ood_score import figures_of, likeness, oddness
from pedaxr.reading.operating_points import operating_points
from pedaxr.types import Region
from pedaxr_models.labels import Structure
from pedaxr_models.segmentation.landmarks import box_of
from pedaxr_models.segmentation.transforms import Letterbox

if TYPE_CHECKING:
    from pedaxr_models.segmentation.film_segmenter import Segmentation

FloatArray = NDArray[np.float32]
BoolArray = NDArray[np.bool_]

_LEAST_SIDE_PX = 128
_LONGEST_TO_SHORTEST = 3.0
_LEAST_CONTRAST = 0.08  # 1st to 99th percentile
_LARGEST_COLOURED_SHARE = 0.2
_LARGEST_GRAIN_SHARE = 0.35  # of the variance; films have under 0.05
_LARGEST_SMOOTH_SHARE = 0.9995
_BURNT_SHARE = 0.10
_LEAST_SPINE_SHARE = 0.01  # of the body; phantoms 0.02 to 0.15
_LEAST_OTHER_SHARE = 0.01
_BOWEL = (Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS, Structure.STOOL)
# Outlined on nearly every film of an abdomen, whatever is wrong with the child.
_LANDMARKS = (Structure.SPINE, Structure.LIVER, Structure.RIBS, Structure.PELVIS)
_SLIVER = 0.005  # share of the body
# Weight of the ribs' share: chosen on validation films and on images that are not tested on.
_RIBS_COUNT = 0.5

_NEXT = "Choose a frontal abdominal film of a child, or check how it was exported."
_UNSURE = Note(
    NoteKind.DOUBT,
    "The outlines are less sure than on abdominal films, so this may not be a frontal abdominal film of a "
    "child.",
)
_OFF_CENTRE = Note(NoteKind.DOUBT, "The spine lies far from the middle, so this may not be a frontal film.")
_ODD = Note(
    NoteKind.DOUBT,
    "What is outlined is odd in several ways at once, so this may not be a frontal abdominal film of a "
    "child.",
)
_UNLIKE = Note(
    NoteKind.DOUBT,
    "What is outlined, and where, is unlike an abdominal film, so this may not be a frontal abdominal film "
    "of a child.",
)
_FILLED = Note(
    NoteKind.DOUBT,
    "Colon seems to fill the body, as lungs taken for colon do, so this may be a chest film.",
)
_INVERTED = Note(NoteKind.DOUBT, "Bright corners lie round a dark centre, so bone may be shown dark.")
_DARK_SPINE = Note(NoteKind.DOUBT, "The spine is darker than what lies beside it, so bone may be shown dark.")
_BESIDE_PX = 12  # of the frame, on either side of the spine: muscle and gas
# On one of 18 real films the spine is darker, by .016, on none of 50 shifted ones; inverted, by .009 to .133
# on those of them that nothing else doubts.
_DARKER = 0.025
_BURNT = Note(
    NoteKind.EXPOSURE,
    "Much of the film is burnt out to white: bone and tissue cannot be told apart there.",
)
_NO_SPINE = Note(
    NoteKind.FRAMING,
    "The spine was not recognised: sides and quadrants are divided at the middle of the body.",
)
_NO_PELVIS = Note(NoteKind.FRAMING, "The pelvis was not recognised: the lower abdomen may be cut off.")
_NO_DOMES = Note(
    NoteKind.FRAMING,
    "The domes of the diaphragm were not recognised: free air beneath them cannot be judged.",
)


def check_picture(film: Raster) -> list[Note]:
    """Look at the pixels alone, before any network does; notes for whoever reads the film.

    Raises:
        NotAnAbdominalFilm: too small, blank, coloured, noise, or without any detail.
    """
    height, width = film.pixels.shape
    if min(height, width) < _LEAST_SIDE_PX or max(height, width) > _LONGEST_TO_SHORTEST * min(height, width):
        raise NotAnAbdominalFilm(f"The picture is too small or too narrow to be a whole film. {_NEXT}")
    if film.colourfulness > _LARGEST_COLOURED_SHARE:
        raise NotAnAbdominalFilm(
            "The picture is in colour; a radiograph is grey. Of a photograph of a film or a screen give the "
            f"film's own file. {_NEXT}"
        )
    small = _small(film.pixels)
    low, high = np.percentile(small, (1, 99))
    if high - low < _LEAST_CONTRAST:
        raise NotAnAbdominalFilm(f"The picture is blank or almost so. {_NEXT}")
    _check_texture(small)
    return [note for note in (_burnt_note(small), _inverted_note(small)) if note]


def check_anatomy(regions: Sequence[Region], *, is_lying: bool = False) -> list[Note]:
    """Look at what the segmentation found; notes for whoever reads the film.

    Args:
        regions: of the film as it is read.
        is_lying: spine and gas say that the film is shown lying: such films are less sure, which is doubted
            and not refused, and seldom centred on the spine.

    Raises:
        NotAnAbdominalFilm: neither a spine, nor a pelvis or bowel, of a plausible size; or all that is
            outlined is far less sure than on any abdominal film.
    """
    share = {region.name: region.share_of_body for region in regions}
    has_spine = share.get(Structure.SPINE, 0.0) >= _LEAST_SPINE_SHARE
    has_pelvis = share.get(Structure.PELVIS, 0.0) >= _LEAST_OTHER_SHARE
    has_bowel = sum(share.get(channel, 0.0) for channel in _BOWEL) >= _LEAST_OTHER_SHARE
    if not has_spine and not (has_pelvis and has_bowel):
        raise NotAnAbdominalFilm(
            f"Neither a spine nor a pelvis with bowel was recognised: no abdomen is read into it. {_NEXT}"
        )
    notes = _doubts_of(regions, is_lying=is_lying)
    missing = (
        (has_spine, _NO_SPINE),
        (has_pelvis, _NO_PELVIS),
        (Structure.DIAPHRAGM in share, _NO_DOMES),
    )
    return notes + [note for is_there, note in missing if not is_there]


def check_likeness(segmentation: "Segmentation", *, is_lying: bool = False) -> list[Note]:
    """A doubt where all that is outlined, taken together, is unlike an abdominal film.

    Args:
        segmentation: of the film as it is read.
        is_lying: spine and gas say that the film is shown lying. The rule was learned without such films, so
            it must be half as far again from a refusal for a doubt.

    Raises:
        NotAnAbdominalFilm: it is far from one.
    """
    points = operating_points()
    like = likeness(figures_of(segmentation), points.likeness)
    if like < points.unlike_refused_below:
        raise NotAnAbdominalFilm(
            f"What was outlined, and where, is unlike any abdominal film: nothing is read into it. {_NEXT}"
        )
    doubted_below = points.unlike_doubted_below
    if is_lying:
        doubted_below = (doubted_below + points.unlike_refused_below) / 2
    return [_UNLIKE] if like < doubted_below else []


def check_polarity(film: FloatArray, letterbox: Letterbox, masks: Mapping[str, BoolArray]) -> list[Note]:
    """A doubt where bone is dark: gas is then bright, and free air looks like a bone.

    The corners tell where the film shows any air beside the child; this tells where the child fills it.

    Args:
        film: (H, W), as it was segmented.
        letterbox: its frame.
        masks: (S, S) per channel.
    """
    rows, columns = _widened(box_of(masks[Structure.SPINE]), letterbox.content)
    spine = masks[Structure.SPINE][rows, columns]
    around = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * _BESIDE_PX + 1,) * 2)
    beside = cv2.dilate(spine.astype(np.uint8), around).astype(bool) & ~spine if spine.any() else spine
    if not beside.any():
        return []
    under = _film_under(film, letterbox, rows, columns)
    darker = float(np.median(under[beside])) - float(np.median(under[spine]))
    return [_DARK_SPINE] if darker > _DARKER else []


def _widened(box: tuple[slice, slice], content: tuple[slice, slice]) -> tuple[slice, slice]:
    """The box with what lies beside it, as far as the frame shows the film."""
    rows, columns = (
        slice(max(within.start, part.start - _BESIDE_PX), min(within.stop, part.stop + _BESIDE_PX))
        for part, within in zip(box, content, strict=True)
    )
    return rows, columns


def _film_under(film: FloatArray, letterbox: Letterbox, rows: slice, columns: slice) -> FloatArray:
    """The film's pixels under those rows and columns of the frame."""
    x = letterbox.to_film([(column, 0) for column in range(columns.start, columns.stop)])[:, 0]
    y = letterbox.to_film([(0, row) for row in range(rows.start, rows.stop)])[:, 1]
    height, width = film.shape
    at = np.rint(y).astype(int).clip(0, height - 1), np.rint(x).astype(int).clip(0, width - 1)
    under: FloatArray = film[np.ix_(*at)]
    return under


def sureness(regions: Sequence[Region]) -> float:
    """How surely this is an abdomen, 0 to 1: the landmarks' confidence, and more where ribs are outlined.

    Mean confidence of those of spine, liver, ribs and pelvis that are outlined, and half of the ribs' share
    of the body, at most 1; 0 where none is outlined. A sliver at the edge of a film says nothing.
    """
    large = (region for region in regions if region.share_of_body >= _SLIVER)
    found = {region.name: region for region in large if region.name in _LANDMARKS}
    if not found:
        return 0.0
    ribs = found[Structure.RIBS].share_of_body if Structure.RIBS in found else 0.0
    sure = float(np.mean([region.confidence for region in found.values()]))
    return min(1.0, sure + _RIBS_COUNT * ribs)


def spine_offset(regions: Sequence[Region]) -> float:
    """How far the spine lies from the middle of ribs and pelvis, as a share of their width.

    The nearer of the two counts, as either may be cut off at one side; 0 where it cannot be told.
    """
    boxes = {region.name: region.bounding_box for region in regions}
    spine = boxes.get(Structure.SPINE)
    wide = [box for name in (Structure.RIBS, Structure.PELVIS) if (box := boxes.get(name))]
    if spine is None or not wide:
        return 0.0
    return min(abs(_middle(spine) - _middle(box)) / (box[2] - box[0]) for box in wide)


def colon_share(regions: Sequence[Region]) -> float:
    """Share of the body that is outlined as colon; 0 where none is."""
    return _share(regions, Structure.COLON)


def l2_share(regions: Sequence[Region]) -> float:
    """Share of the body that is outlined as the second lumbar body; 0 where none is.

    A film of the abdomen is centred near it; of a chest, or from the side, it is hardly ever outlined.
    """
    return _share(regions, Structure.L2_BODY)


def spine_confidence(regions: Sequence[Region]) -> float:
    """How surely the spine is outlined, 0 to 1; 0 where it is not."""
    return next((region.confidence for region in regions if region.name == Structure.SPINE), 0.0)


def spine_pieces(regions: Sequence[Region]) -> int:
    """In how many pieces the spine is outlined: from the front it is one column."""
    return next((len(region.polygons) for region in regions if region.name == Structure.SPINE), 0)


def measures_of(regions: Sequence[Region]) -> dict[str, float]:
    """What `oddness` looks at, each larger where it is odder."""
    return {
        "unsureness": 1 - sureness(regions),
        "spine_offset": spine_offset(regions),
        "colon_share": colon_share(regions),
        "spine_unsureness": 1 - spine_confidence(regions),
        "spine_pieces": float(spine_pieces(regions)),
        "no_l2": 1 - l2_share(regions),
    }


def _share(regions: Sequence[Region], name: Structure) -> float:
    return next((region.share_of_body for region in regions if region.name == name), 0.0)


def _middle(box: tuple[int, int, int, int]) -> float:
    return (box[0] + box[2]) / 2


def _doubts_of(regions: Sequence[Region], *, is_lying: bool) -> list[Note]:
    """Raises NotAnAbdominalFilm where doubt is certainty."""
    points, sure = operating_points(), sureness(regions)
    if sure < points.refused_below and not is_lying:
        raise NotAnAbdominalFilm(
            f"What was outlined is far less sure than on an abdominal film: nothing is read into it. {_NEXT}"
        )
    found = (
        (sure < points.doubted_below, _UNSURE),
        (colon_share(regions) > points.largest_colon, _FILLED),
        (oddness(measures_of(regions), points.usual) > points.largest_oddness, _ODD),
    )
    notes = [note for is_so, note in found if is_so]
    # Alone it doubts films cut off at one side; of a film from the side more is odd.
    is_off_centre = spine_offset(regions) > points.spine_off_centre and not is_lying
    return [_OFF_CENTRE, *notes] if notes and is_off_centre else notes


def _small(pixels: FloatArray) -> FloatArray:
    """At most 256 pixels long, by area average."""
    scale = 256 / max(pixels.shape)
    if scale >= 1:
        return pixels
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)


def _check_texture(small: FloatArray) -> None:
    """Grain is what a blur of 2 pixels removes. Noise is all grain; a drawn gradient has none at all."""
    grain = float((small - cv2.GaussianBlur(small, (0, 0), 2)).var() / small.var())
    if grain > _LARGEST_GRAIN_SHARE:
        raise NotAnAbdominalFilm(f"The picture is noise. {_NEXT}")
    if grain < 1 - _LARGEST_SMOOTH_SHARE:
        raise NotAnAbdominalFilm(f"The picture is a smooth gradient without any detail. {_NEXT}")


def _burnt_note(small: FloatArray) -> Note | None:
    return _BURNT if float((small >= 0.995).mean()) > _BURNT_SHARE else None


def _inverted_note(small: FloatArray) -> Note | None:
    """Outside the child the film is exposed, hence dark with bone bright; the corners show it."""
    side = max(4, min(small.shape) // 12)
    corners = [
        small[y, x] for y in (slice(side), slice(-side, None)) for x in (slice(side), slice(-side, None))
    ]
    height, width = small.shape
    centre = small[height // 4 : -height // 4, width // 4 : -width // 4]
    brightness = sorted(float(np.median(corner)) for corner in corners)
    if brightness[1] > np.median(centre) + 0.15:
        return _INVERTED
    return None
