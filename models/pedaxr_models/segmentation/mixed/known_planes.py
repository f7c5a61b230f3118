"""Partial truth to masks: which pixels are known in each channel, and what they hold.

Outlines are coarse: a band along each is unknown. A finding that is absent is known to be empty everywhere;
an uncertain one is unknown inside the abdominal cavity, and empty outside it and in the lungs. Outside the
body all is empty. Where bowel gas is drawn some loop holds gas, but nobody said which; elsewhere in the
cavity what is no darker than its surroundings holds none. There is no colon either, unless it holds stool,
and no stomach, unless it is distended: neither is seen on a film but by its gas.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.partial_truth import PartialFilm, Presence
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, Structure
from pedaxr_models.segmentation.transforms import FRAME, FloatArray, Letterbox, frame_film

Plane = NDArray[np.uint8]
Bits = NDArray[np.uint32]

GAS_BIT = 20  # of the mask: gas of some loop or of the stomach
_CHANNEL = {channel: index for index, channel in enumerate(CHANNELS)}
_RIM = 0.01  # the same, outside of what was put in
_BAND = 0.02  # half width of what is not believed along an outline, share of the frame
# Structures drawn as a whole, and the band along each: inside of the outline, outside of it.
_WHOLE = {"lungs": (0.02, 0.02), "spine": (0.012, 0.015), "pelvis": (0.02, 0.02), "liver": (0.03, 0.03)}
# Content of the abdomen: never in the lungs, never outside the cavity.
_CONTENT = (Structure.STOMACH, Structure.COLON, Structure.SMALL_BOWEL_GAS, Structure.STOOL)
_NOT_IN_LUNGS = (*FINDINGS, *_CONTENT, Structure.PELVIS, Structure.L2_BODY)
# Whoever draws gas does not draw all of it: what is dark may be more. Surroundings: standard deviation of the
# window that is averaged, share of the frame.
_SURROUNDINGS = 0.1
# A finding that is present, and the drawn thing that is surely part of it.
_SHOWN_BY = {Finding.ABDOMINAL_DISTENSION: "bowel_gas", Finding.CONSTIPATION: "stool"}


@dataclass(frozen=True)
class KnownPlanes:
    """One film in the 512 frame.

    Attributes:
        frame: (512, 512) float32 in [0, 1], its exposed field.
        bits: (512, 512) uint32, bit i: `CHANNELS[i]` is there; bit `GAS_BIT`: gas of some loop is.
        unknown: (512, 512) uint32, bit i: nothing is known of `CHANNELS[i]` here.
        letterbox: leads back to the picture.
        drawn: (512, 512) uint8 per outlined name, 1 inside.
    """

    frame: FloatArray
    bits: Bits
    unknown: Bits
    letterbox: Letterbox
    drawn: dict[str, Plane]


def known_planes(film: PartialFilm, pixels: FloatArray | None = None) -> KnownPlanes:
    """Read and rasterise a film. `pixels` (H, W) may be another version of its picture, of the same size."""
    frame, letterbox = frame_film(read_pixels(film.image_path) if pixels is None else pixels)
    drawn = {name: fill(polygons, letterbox) for name, polygons in film.outlines.items()}
    holds, empty = np.zeros((len(CHANNELS), FRAME, FRAME), np.uint8), _rule_out(drawn)
    _structures(drawn, holds, empty)
    _findings(film, drawn, holds, empty)
    if "abdominal_cavity" in drawn and "bowel_gas" in drawn:
        _no_loops(film, frame, drawn, empty)
    empty &= 1 - holds
    empty[:, _bars(letterbox)] = 1
    unknown = _pack(1 - (holds | empty))
    gas = np.zeros((FRAME, FRAME), np.uint8)
    for name in ("bowel_gas", "stomach"):
        if name in drawn:
            gas |= shrink(drawn[name], 0.008)
    bits = _pack(holds) | gas.astype(np.uint32) << np.uint32(GAS_BIT)
    return KnownPlanes(frame, bits, unknown, letterbox, drawn)


def fill(polygons: Sequence[FloatArray], letterbox: Letterbox) -> Plane:
    """Outlines in pixels of the picture, filled in the frame (512, 512)."""
    filled = np.zeros((FRAME, FRAME), np.uint8)
    for polygon in polygons:
        one = np.zeros_like(filled)
        points = np.round(letterbox.from_film(polygon) * 16).astype(np.int32)  # sixteenths of a pixel
        cv2.fillPoly(one, [points], (1,), shift=4)
        filled |= one
    return filled


def grow(plane: Plane, share: float) -> Plane:
    """Wider by a share of the frame."""
    return np.asarray(cv2.dilate(plane, _disc(share)), np.uint8)


def shrink(plane: Plane, share: float) -> Plane:
    """Narrower by a share of the frame; not where it runs off the frame."""
    return np.asarray(cv2.erode(plane, _disc(share), borderType=cv2.BORDER_REPLICATE), np.uint8)


def _rule_out(drawn: dict[str, Plane]) -> Plane:
    """What cannot be, by where it would lie: (C, 512, 512)."""
    empty = np.zeros((len(CHANNELS), FRAME, FRAME), np.uint8)
    if "body" in drawn:
        empty |= 1 - grow(drawn["body"], _BAND)
    if "lungs" in drawn:
        lungs = shrink(drawn["lungs"], _BAND)
        for channel in _NOT_IN_LUNGS:
            empty[_CHANNEL[channel]] |= lungs
    if "abdominal_cavity" in drawn:
        outside = 1 - grow(drawn["abdominal_cavity"], _BAND)
        for channel in _CONTENT:
            empty[_CHANNEL[channel]] |= outside
    return empty


def _structures(drawn: dict[str, Plane], holds: Plane, empty: Plane) -> None:
    for channel, (inside, outside) in _WHOLE.items():
        if channel in drawn:
            holds[_CHANNEL[channel]] |= shrink(drawn[channel], inside)
            empty[_CHANNEL[channel]] |= 1 - grow(drawn[channel], outside)
    if "spine" in drawn and "pelvis" in drawn:  # where the sacrum begins is drawn differently by everyone
        empty[_CHANNEL["spine"]] &= 1 - grow(drawn["pelvis"], _BAND)
    for channel in ("stomach", "stool"):  # drawn where surely seen: nothing is said of the rest
        if channel in drawn:
            holds[_CHANNEL[channel]] |= shrink(drawn[channel], 0.01)


def _no_loops(film: PartialFilm, frame: FloatArray, drawn: dict[str, Plane], empty: Plane) -> None:
    """Mark where no loop is seen, since nothing there is darker than what lies round it."""
    bare = _without_gas(frame, drawn)
    empty[_CHANNEL[Structure.SMALL_BOWEL_GAS]] |= bare
    if film.says(Finding.PYLORIC_STENOSIS) is Presence.ABSENT:
        empty[_CHANNEL[Structure.STOMACH]] |= bare
    stool = grow(drawn["stool"], _BAND) if "stool" in drawn else 0
    empty[_CHANNEL[Structure.COLON]] |= bare & np.uint8(1 - stool)


def _without_gas(frame: FloatArray, drawn: dict[str, Plane]) -> Plane:
    """Where the cavity is no darker than its surroundings, away from the gas that is drawn."""
    cavity = drawn["abdominal_cavity"].astype(np.float32)
    around = _SURROUNDINGS * FRAME
    near, whole = (cv2.GaussianBlur(plane, (0, 0), around) for plane in (frame * cavity, cavity))
    is_bright = cv2.GaussianBlur(frame, (0, 0), 2) * whole >= near
    gas = np.max([drawn[name] for name in ("bowel_gas", "stomach", "free_air") if name in drawn], axis=0)
    return np.asarray(is_bright & (cavity > 0) & (grow(gas, _BAND) == 0), np.uint8)


def _findings(film: PartialFilm, drawn: dict[str, Plane], holds: Plane, empty: Plane) -> None:
    outside = np.zeros((FRAME, FRAME), np.uint8)
    if "abdominal_cavity" in drawn:
        outside = 1 - grow(drawn["abdominal_cavity"], _BAND)
    for finding in FINDINGS:
        said, plane = film.says(finding), _CHANNEL[finding]
        if said is Presence.ABSENT:
            empty[plane] = 1
            continue
        empty[plane] |= outside
        if said is not Presence.PRESENT:
            continue
        if finding is Finding.PNEUMOPERITONEUM and "free_air" in drawn:
            is_exact = "free_air" in film.exact
            holds[plane] |= drawn["free_air"] if is_exact else shrink(drawn["free_air"], _BAND)
            empty[plane] |= 1 - grow(drawn["free_air"], _RIM if is_exact else 0.03)
            continue
        shown_by = _SHOWN_BY.get(finding)
        if shown_by in drawn:
            holds[plane] |= shrink(drawn[shown_by], 0.008)


def _bars(letterbox: Letterbox) -> NDArray[np.bool_]:
    bars = np.ones((FRAME, FRAME), bool)
    bars[letterbox.content] = False
    return bars


def _pack(planes: Plane) -> Bits:
    """(C, 512, 512) of 0 and 1 to bit planes (512, 512)."""
    bits = np.zeros(planes.shape[1:], np.uint32)
    for index, plane in enumerate(planes):
        bits |= plane.astype(np.uint32) << np.uint32(index)
    return bits


def _disc(share: float) -> NDArray[np.uint8]:
    radius = max(1, round(share * FRAME))
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1,) * 2), np.uint8)
