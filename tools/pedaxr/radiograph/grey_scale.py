"""Stored values of a DICOM radiograph to [0, 1], bone bright: by the header where it fits the picture.

Headers name bit depths, windows and tables that were true of another copy of the film. So the data decide:
what a header asks for is done when it leaves the film to be seen, and said when it is not done (PS3.3
C.7.6.3, C.7.5.1.1.2 padding, C.11.1 modality, C.11.2 VOI, C.11.6 presentation; PS3.4 N.2 their order).
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.pixels import apply_color_lut, pixel_array

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph.header_numbers import each_number, number
from pedaxr.radiograph.pixel_data.compressed import check_decoded
from pedaxr.radiograph.raster import FloatArray
from pedaxr_models.datasets.grey_range import film_range, unit_range
from pedaxr_models.datasets.pictures import to_grey

BoolArray = NDArray[np.bool_]
Values = NDArray[np.integer]
T = TypeVar("T", bound=np.generic)

_LEAST_SEEN = 0.2  # share of the film's pixels that a window must show as neither black nor white
_MOST_BLACK, _MOST_WHITE = 0.6, 0.4  # shares that it may show so: a window of fewer bits burns a film out
_END = 1 / 512  # a sigmoid never reaches black and white
_LEAST_CONTRAST = 0.1  # between the 2nd and the 98th percentile of the film
_SURROUND = (
    0.02  # of the range, at either end: collimated, bare or burnt out; no matter what a window does to it
)
_BLANK = 64  # part of the range of the bits in use that a blank film does not reach,
_LARGEST_SLOPE = 1e6  # of a radiograph's rescale; beyond, or below its inverse, float32 cannot hold the film
_LARGEST_INTERCEPT = 1e6
_LARGEST_WINDOW = 1e12
_LESS_COLOUR = 4  # times, in the order of the colours that is the right one
_FEW = 0.05  # share of the pixels that a marker or an edge may have: it does not tell the film's sign
_BLANK_LEVELS = 24  # nor this many stored values

_NOT_USED = "The header's window or table leaves most of the film black or white: it was not used."
_CONTRADICTION = "The header contradicts itself on whether bone is bright; the picture decided."
_UNSAID = "The header does not say whether bone is bright; the picture decided."
_OTHER_SIGN = "The header misstates whether stored values have a sign; the picture decided."
SEVERAL_FRAMES = "The DICOM file holds several frames. Export the one film to read."
_NO_WINDOW = "The header's window is not a centre and a width in numbers: it was not used."
_OTHER_PLANES = "The header misstates how the colours are stored; the picture decided."
_OTHER_BITS = "The film uses more bits than its header says: they were used."


@dataclass(frozen=True)
class Shown:
    """A film as it is looked at.

    Attributes:
        pixels: (H, W) float32 in [0, 1], bone bright; padding is 0.
        colourfulness: share of pixels that are clearly not grey.
        notes: on what of the header was not followed.
    """

    pixels: FloatArray
    colourfulness: float = 0.0
    notes: tuple[str, ...] = ()


def shown(dataset: Dataset, *, says_polarity: bool = True) -> Shown:
    """The one frame of a file that says how its pixels are encoded, and perhaps whether bone is bright.

    Raises:
        UnreadableImage: it holds several frames, whatever it says.
    """
    if str(dataset.PhotometricInterpretation) == "PALETTE COLOR":
        palette = apply_color_lut(_frame(dataset), dataset)
        most = (
            255 if palette.max() <= 255 else np.iinfo(palette.dtype).max
        )  # entries of fewer bits than declared
        return Shown(*to_grey(palette.astype(np.float32) / np.float32(most)))
    if int(dataset.SamplesPerPixel) > 1:
        colour, note = _colours(dataset)
        unit = unit_range(colour) if colour.itemsize > 1 else colour.astype(np.float32) / np.float32(255)
        return Shown(*to_grey(unit), notes=(note,) if note else ())
    stored, bits_note = _stored_values(dataset)
    padding = _padding(stored, dataset)
    stored, sign_note = _with_its_sign(stored, ~padding, dataset)
    grey, window_note = _windowed(stored, ~padding, dataset)
    grey = _as_presented(grey, ~padding, dataset)
    is_inverted, polarity_note = _bone_is_dark(grey, dataset, says_polarity)
    grey = 1 - grey if is_inverted else grey
    grey[padding] = 0
    if not np.isfinite(grey).all():
        raise ValueError("The header leaves no grey values.")
    notes = tuple(filter(None, (bits_note, sign_note, window_note, polarity_note)))
    return Shown(np.ascontiguousarray(grey, np.float32), notes=notes)


def _frame(dataset: Dataset) -> Values:
    """(H, W), or (H, W, 3) of colour."""
    pixels: Values = pixel_array(dataset)
    if pixels.ndim != (2 if int(dataset.SamplesPerPixel) == 1 else 3):
        raise UnreadableImage(SEVERAL_FRAMES)
    check_decoded(dataset, pixels)
    return pixels


def _colours(dataset: Dataset) -> tuple[Values, str]:
    """(H, W, 3), and a note where colour lies by pixels or by planes against what the header says.

    A film is grey: in the right order its three colours are alike.
    """
    declared = _frame(dataset)
    if dataset["PixelData"].is_undefined_length or str(dataset.PhotometricInterpretation) != "RGB":
        return declared, ""
    height, width, _ = declared.shape
    as_pixels = declared.transpose(2, 0, 1).reshape(height, width, 3)
    as_planes = declared.reshape(3, height, width).transpose(1, 2, 0)
    other = as_pixels if int(dataset.PlanarConfiguration) else as_planes
    is_other = _LESS_COLOUR * _chroma(other) < _chroma(declared)
    return (other, _OTHER_PLANES) if is_other else (declared, "")


def _chroma(colour: Values) -> float:
    """How far the three colours of a pixel are apart, on average, in stored values."""
    some = colour[:: max(1, len(colour) // 512)].astype(np.int32)
    return float((some.max(axis=2) - some.min(axis=2)).mean())


def _stored_values(dataset: Dataset) -> tuple[Values, str]:
    """Pixels (H, W) as stored. Bits above BitsStored are overlays, or a film whose depth is misstated.

    Overlays tear a film apart where they are taken for grey; a deeper film that is cut to fewer bits wraps
    round. So the one with smaller steps where the two differ is the film.
    """
    masked = _frame(dataset)
    bits, allocated = int(dataset.BitsStored), int(dataset.BitsAllocated)
    if bits >= allocated or masked.dtype.itemsize * 8 != allocated:
        return masked, ""
    whole = _with_all_bits(dataset)
    if whole is None or whole.shape != masked.shape or np.array_equal(whole, masked):
        return masked, ""
    cut, uncut = _steps(masked), _steps(whole)
    if np.count_nonzero(cut > uncut) <= np.count_nonzero(cut < uncut):
        return masked, ""
    shift = int(dataset.get("HighBit") or 0) + 1 - bits
    if shift > 0 and not np.any(whole & ((1 << shift) - 1)):
        return whole >> shift, ""  # left-aligned, as HighBit says
    return whole, _OTHER_BITS


def _with_all_bits(dataset: Dataset) -> Values | None:
    """Uncompressed pixels without a mask; None where they are compressed."""
    if dataset["PixelData"].is_undefined_length:
        return None
    kind = "i" if int(dataset.get("PixelRepresentation") or 0) else "u"
    order = "<" if dataset.original_encoding[1] is not False else ">"
    size = int(dataset.BitsAllocated) // 8
    count = int(dataset.Rows) * int(dataset.Columns)
    values = np.frombuffer(dataset.PixelData, f"{order}{kind}{size}", count=count)
    return values.reshape(int(dataset.Rows), int(dataset.Columns)).astype(f"={kind}{size}")


def _with_its_sign(values: Values, inside: BoolArray, dataset: Dataset) -> tuple[Values, str]:
    """Values read with the sign that they have: with the other the film is torn where it wraps round."""
    bits = int(dataset.BitsStored if values.max() < 2 ** int(dataset.BitsStored) else dataset.BitsAllocated)
    is_signed = bool(values.min() < 0)
    step = max(1, len(values) // 512)
    some, film = values[::step], inside[::step]
    other = _with_other_sign(some, bits, is_signed)
    if not film.any() or not _FEW < float((other != some)[film].mean()) < 1 - _FEW:
        return values, ""
    torn, whole = np.abs(np.diff(some.astype(np.int32), axis=1)), np.abs(np.diff(other, axis=1))
    far, near, both = 2 ** (bits - 1), 2 ** (bits - 2), film[:, 1:] & film[:, :-1]
    mended, spoilt = (
        np.count_nonzero(both & (a > far) & (b < near)) for a, b in ((torn, whole), (whole, torn))
    )
    if mended <= 2 * spoilt:
        return values, ""
    return _with_other_sign(values, bits, is_signed), _OTHER_SIGN


def _with_other_sign(values: Values, bits: int, is_signed: bool) -> Values:
    bare = values.astype(np.int32) & ((1 << bits) - 1)
    half = 1 << (bits - 1)
    return bare if is_signed else (bare ^ half) - half


def _steps(values: Values) -> NDArray[np.int32]:
    """From each pixel to the next, over a share of the rows; none is of more than 16 bits."""
    some = values[:: max(1, len(values) // 512)].astype(np.int32)
    return np.abs(np.diff(some, axis=1))


def _padding(stored: Values, dataset: Dataset) -> BoolArray:
    """Where the picture is padded: declared values that reach in from its border along a row or a column.

    A value or a range (PS3.3 C.7.5.1.1.2), in either sign, as consoles write them, or of more bits than are
    stored. Burnt-out bone may have the same value; it does not begin at the border.
    """
    outside = np.zeros(stored.shape, bool)
    value = number(dataset, "PixelPaddingValue")
    if value is None:
        return outside
    limit = number(dataset, "PixelPaddingRangeLimit")
    low, high = sorted((value, value if limit is None else limit))
    wrap = 2 ** int(dataset.BitsAllocated)
    for turn in (-wrap, 0, wrap):
        outside |= (stored >= low + turn) & (stored <= high + turn)
    kept = 2 ** int(dataset.BitsStored)
    if low % kept <= high % kept:  # what is left of it where the bits above are overlays
        bare = stored.astype(np.int32) & (kept - 1)
        outside |= (bare >= low % kept) & (bare <= high % kept)
    return _from_the_border(outside)


def _from_the_border(area: BoolArray) -> BoolArray:
    """The part of an area (H, W) that is seen from one of the four sides of the picture."""
    seen = np.zeros(area.shape, bool)
    for axis in (0, 1):
        for part, found in ((area, seen), (np.flip(area, axis), np.flip(seen, axis))):
            found |= np.logical_and.accumulate(part, axis=axis)
    return seen


def _windowed(stored: Values, inside: BoolArray, dataset: Dataset) -> tuple[FloatArray, str]:
    """The first of the header's tables and windows that shows the film; else the film's own range."""
    values = _modality_values(stored, dataset)
    sample = values[inside] if inside.any() else values.ravel()
    film = _film_of(sample)
    asked = list(_asked_for(dataset))
    for present in asked:
        if _is_seen(present(film)):
            return present(values), ""
    low, high = film_range(sample)
    least = _least_range(stored, inside, dataset)
    note = (_NOT_USED if high - low > least else "") if asked else _window_note(dataset)
    return _clipped((values - low) / max(high - low, least)), note


def _window_note(dataset: Dataset) -> str:
    """What to say of a window that is there and none: not of zeros, which consoles write for none."""
    stated = [each_number(dataset, keyword) for keyword in ("WindowCenter", "WindowWidth")]
    return "" if all(found and None not in found for found in stated) or not any(stated) else _NO_WINDOW


def _modality_values(stored: Values, dataset: Dataset) -> NDArray[np.float32]:
    if item := _table_in(dataset, "ModalityLUTSequence"):
        return _looked_up(stored, _entries(item, dataset), item, dataset).astype(np.float32)
    slope, intercept = _rescale(dataset)
    return stored.astype(np.float32) * np.float32(slope) + np.float32(intercept)


def _rescale(dataset: Dataset) -> tuple[float, float]:
    """Slope and intercept; 1 and 0 of a header without, or whose own would leave no film."""
    slope, intercept = number(dataset, "RescaleSlope") or 1.0, number(dataset, "RescaleIntercept") or 0.0
    is_usable = 1 / _LARGEST_SLOPE <= abs(slope) <= _LARGEST_SLOPE and abs(intercept) <= _LARGEST_INTERCEPT
    return (slope, intercept) if is_usable else (1.0, 0.0)


def _as_presented(grey: FloatArray, inside: BoolArray, dataset: Dataset) -> FloatArray:
    """By the table of P-values, in which way it runs left to `_bone_is_dark`, where that shows the film."""
    item = _table_in(dataset, "PresentationLUTSequence")
    if item is None:
        return grey
    levels = _levels(_entries(item, dataset), item)
    levels = 1 - levels if _runs_down(levels) else levels
    presented = levels[np.rint(grey * np.float32(len(levels) - 1)).astype(np.int64)]
    film = presented[inside] if inside.any() else presented.ravel()
    return presented if _is_seen(_film_of(film)) else grey


def _runs_down(levels: FloatArray | Values) -> bool:
    """Whether a table of P-values shows high values dark."""
    return bool(levels[-1] < levels[0])


def _film_of(sample: NDArray[np.float32]) -> NDArray[np.float32]:
    """Every some-th value of the film (n,), without those at the ends of its range where enough are left."""
    few = sample[:: max(1, sample.size // 2**16)]
    low, high = film_range(few)
    edge = _SURROUND * (high - low)
    within = few[(few > low + edge) & (few < high - edge)]
    return within if within.size > 0.02 * few.size else few


Present = Callable[[NDArray[np.float32]], FloatArray]


def _asked_for(dataset: Dataset) -> Iterator[Present]:
    """What the header offers: a table, then one or several alternative windows."""
    if item := _table_in(dataset, "VOILUTSequence"):
        yield lambda values: _by_table(values, item, dataset)
    function = str(dataset.get("VOILUTFunction") or "LINEAR").strip().upper()
    for centre, width in zip(
        each_number(dataset, "WindowCenter"), each_number(dataset, "WindowWidth"), strict=False
    ):
        if centre is None or width is None or max(abs(centre), width) > _LARGEST_WINDOW:
            continue
        if width >= 1 or (function != "LINEAR" and width > 1 / _LARGEST_WINDOW):
            yield lambda values, c=centre, w=width: _by_window(values, c, w, function)  # type: ignore[misc]


def _table_in(dataset: Dataset, keyword: str) -> Dataset | None:
    """The first item of a sequence of tables, where it is one."""
    items = dataset.get(keyword) or [Dataset()]
    is_table = items[0].get("LUTData") is not None and len(items[0].get("LUTDescriptor") or ()) == 3
    return items[0] if is_table else None


def _by_table(values: NDArray[np.float32], item: Dataset, dataset: Dataset) -> FloatArray:
    return _looked_up(values, _levels(_entries(item, dataset), item), item, dataset)


def _levels(entries: Values, item: Dataset) -> FloatArray:
    """Of a table, in [0, 1]. Of one that was declared deeper or shallower than its entries, as by Agfa, the
    entries count.
    """
    declared, largest = 2 ** int(item.LUTDescriptor[2]) - 1, int(entries.max())
    full = largest if largest > declared or 4 * largest <= declared else declared
    return _clipped(entries.astype(np.float32) / np.float32(max(full, 1)))


def _looked_up(
    values: Values | NDArray[np.float32], entries: NDArray[T], item: Dataset, dataset: Dataset
) -> NDArray[T]:
    """What a table has for each value; its ends for those beyond them."""
    first = int(item.LUTDescriptor[1])
    if first >= 2**15 and int(dataset.PixelRepresentation):
        first -= 2**16
    return entries[np.clip(np.rint(values).astype(np.int64) - first, 0, len(entries) - 1)]


def _entries(item: Dataset, dataset: Dataset) -> Values:
    """Of 8 bits packed or of 16, as many bytes as there are say (PS3.3 C.11.2.1.1)."""
    order = "<" if dataset.original_encoding[1] is not False else ">"
    data, count = item.LUTData, int(item.LUTDescriptor[0]) or 2**16
    if not isinstance(data, bytes):
        return np.asarray(data, np.int64).reshape(-1)
    width = 2 if len(data) >= 2 * count else 1
    return np.frombuffer(data[: count * width], f"{order}u{width}")


def _by_window(values: NDArray[np.float32], centre: float, width: float, function: str) -> FloatArray:
    if function == "SIGMOID":
        return _clipped(1 / (1 + np.exp(np.clip(-4 * (values - centre) / width, -50, 50))))
    if function == "LINEAR_EXACT":
        return _clipped((values - centre) / width + 0.5)
    return _clipped((values - (centre - 0.5)) / max(width - 1, 1e-6) + 0.5)


def _is_seen(grey: FloatArray) -> bool:
    low, high = np.percentile(grey, (2, 98))
    black, white = float((grey <= _END).mean()), float((grey >= 1 - _END).mean())
    is_clipped = black > _MOST_BLACK or white > _MOST_WHITE or black + white > 1 - _LEAST_SEEN
    return not is_clipped and float(high - low) >= _LEAST_CONTRAST


def _least_range(stored: Values, inside: BoolArray, dataset: Dataset) -> float:
    """In modality values: a blank film stays blank, however few of the declared bits it uses."""
    largest = int(np.abs(stored[inside].astype(np.int64)).max()) if inside.any() else 1
    bits = min(int(dataset.BitsAllocated), max(largest, 1).bit_length())
    slope = 1.0 if dataset.get("ModalityLUTSequence") else _rescale(dataset)[0]
    return float(max(2.0**bits / _BLANK, _BLANK_LEVELS) * abs(slope))


def _bone_is_dark(grey: FloatArray, dataset: Dataset, says_polarity: bool) -> tuple[bool, str]:
    """Whether the film is to be inverted, once. Where the header says both or nothing, its surround tells."""
    shape = str(dataset.get("PresentationLUTShape") or "").strip().upper()
    if item := _table_in(dataset, "PresentationLUTSequence"):
        shape = "INVERSE" if _runs_down(_entries(item, dataset)) else "IDENTITY"
    by_photometric = str(dataset.PhotometricInterpretation) == "MONOCHROME1"
    says_shape = shape in ("INVERSE", "IDENTITY")
    if says_polarity and (not says_shape or (shape == "INVERSE") is by_photometric):
        return by_photometric, ""
    if not says_polarity and says_shape:
        return shape == "INVERSE", ""
    edge = max(1, min(grey.shape) // 32)
    rim = np.concatenate(
        [grey[:edge].ravel(), grey[-edge:].ravel(), grey[:, :edge].ravel(), grey[:, -edge:].ravel()]
    )
    height, width = grey.shape
    centre = grey[height // 4 : -height // 4, width // 4 : -width // 4]
    lighter = float(np.median(rim)) - float(np.median(centre)) if centre.size else 0.0
    is_dark = lighter > 0 if abs(lighter) > _LEAST_CONTRAST else shape == "INVERSE"
    return is_dark, _CONTRADICTION if says_polarity else _UNSAID


def _clipped(levels: NDArray[np.floating]) -> FloatArray:
    return np.asarray(np.clip(levels, 0, 1), np.float32)
