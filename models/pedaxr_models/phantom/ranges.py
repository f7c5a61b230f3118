"""The ranges that a film's body, pose, exposure and finish are drawn from, for each domain.

A range is one or more bands. Every shifted band lies outside the standard one, so that a network tested on
shifted films meets sizes, poses, doses and grey scales that it never saw in training.
"""

from dataclasses import dataclass, replace

import numpy as np

from pedaxr_models.phantom.spec import VERSION, Domain, FilmSpec

Bands = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class ProcessingStyle:
    """Weights of slow, middle and fine detail; the slow weight is drawn from a range."""

    slow: tuple[float, float]
    middle: float
    fine: float


@dataclass(frozen=True)
class Ranges:
    """Bands of one domain; see `draw`.

    Attributes:
        size: factor of pitch, trunk half-width and pelvis.
        scale: factor of the age's millimetres per pixel.
        build: -1 thin to 1 sturdy.
        fat: factor of the subcutaneous fat.
        inspiration: height of the diaphragm above its usual place, lumbar pitches (negative: deep).
        rib_slope: factor.
        angle_degrees: rotation of the child, either way.
        zoom: child; `infant_zoom`: under a few months, infants fill the film.
        off_centre: share of the film, either way and either axis.
        quanta: per pixel behind the middle of the body.
        scatter, blur_px, motion_px: share of scatter, unsharpness of the system and of a moving child.
        median_grey, bright, dark, latitude, floor, ceiling: anchors of the grey curve, see `process`.
        shutter_share: share of films with shutters in view.
        side_margin: of the shutters, half-widths of the trunk; `end_margin`: rows from the film's middle.
        shutter_angle: radians, either way. `penumbra_px`: half the softness of their edge.
        shutter_floor: grey under the shutters.
        marker_px: letter height.
        bow_px: sideways bend of the spine, either way, canvas pixels; nil in version 3.
        turn: of the child about its long axis, either way, as a share by which its near side is broader.
        surround_share: share of films whose surround is not black, see `radiography.surround`.
        clutter: gas and stool seen through loops in the middle of every belly, share of its depth.
        vessels: factor of the lungs' fine vessels beyond the drawn trees.
        pool_size: factor of the size of supine pools of free air.
        bone_blur_px: softness of bones' own edges; `uneven`: cloudiness of bone and soft tissue.
    """

    size: Bands = ((0.95, 1.05),)
    scale: Bands = ((0.95, 1.05),)
    build: Bands = ((-1.0, 1.0),)
    fat: Bands = ((0.7, 1.3),)
    inspiration: Bands = ((-1.0, 1.0),)
    rib_slope: Bands = ((0.8, 1.2),)
    angle_degrees: Bands = ((0.0, 4.5),)
    zoom: Bands = ((1.04, 1.14),)
    infant_zoom: Bands = ((1.04, 1.32),)
    off_centre: Bands = ((0.0, 0.03),)
    quanta: Bands = ((4e3, 4e4),)
    scatter: Bands = ((0.25, 0.68),)
    blur_px: Bands = ((0.45, 0.8),)
    motion_px: Bands = ((0.0, 1.2),)
    median_grey: Bands = ((0.40, 0.62),)
    bright: Bands = ((0.90, 1.0),)
    dark: Bands = ((0.04, 0.12),)
    latitude: Bands = ((1.5, 2.2),)
    floor: Bands = ((0.0, 0.11),)
    ceiling: Bands = ((0.86, 1.0),)
    shutter_share: float = 0.55
    side_margin: Bands = ((1.12, 1.6),)
    end_margin: Bands = ((212.0, 262.0),)
    shutter_angle: Bands = ((0.0, 0.06),)
    penumbra_px: Bands = ((0.7, 3.0),)
    shutter_floor: Bands = ((0.0, 0.03),)
    marker_px: Bands = ((13.0, 34.0),)
    bow_px: Bands = ((0.0, 0.0),)
    turn: Bands = ((0.0, 0.0),)
    surround_share: float = 0.0
    clutter: Bands = ((0.0, 0.0),)
    vessels: Bands = ((0.0, 0.0),)
    pool_size: Bands = ((1.0, 1.0),)
    bone_blur_px: Bands = ((0.0, 0.0),)
    uneven: Bands = ((0.0, 0.0),)
    styles: tuple[ProcessingStyle, ...] = (
        ProcessingStyle((0.62, 0.85), 1.1, 1.35),
        ProcessingStyle((0.42, 0.60), 1.15, 1.6),
        ProcessingStyle((0.55, 0.80), 1.0, 1.1),
    )


STANDARD = Ranges()
VERSION_4 = replace(
    STANDARD,
    zoom=((1.08, 1.17),),
    infant_zoom=((1.1, 1.34),),
    median_grey=((0.46, 0.63),),
    latitude=((1.6, 2.2),),
    floor=((0.0, 0.111),),
    shutter_share=0.7,
    side_margin=((1.1, 1.3),),
    end_margin=((230.0, 262.0), (252.0, 262.0)),
    bow_px=((0.0, 8.0), (0.0, 22.0)),
    turn=((0.0, 0.12),),
    surround_share=0.6,
    clutter=((0.0, 0.10), (0.03, 0.22)),
    vessels=((0.15, 0.5),),
    pool_size=((0.5, 0.95),),
    bone_blur_px=((0.5, 1.4),),
    uneven=((0.5, 1.0),),
)
SHIFTED = Ranges(
    size=((0.89, 0.94), (1.06, 1.11)),
    scale=((0.84, 0.93), (1.07, 1.18)),
    build=((-1.5, -1.1), (1.1, 1.5)),
    fat=((0.45, 0.62), (1.4, 1.8)),
    inspiration=((-1.4, -1.1), (1.1, 1.3)),
    rib_slope=((0.68, 0.78), (1.22, 1.35)),
    angle_degrees=((6.0, 12.0),),
    zoom=((0.86, 0.99), (1.18, 1.28)),
    infant_zoom=((0.88, 1.0), (1.36, 1.46)),
    off_centre=((0.035, 0.06),),
    quanta=((2e3, 3.7e3),),
    scatter=((0.70, 0.90),),
    blur_px=((0.85, 1.1),),
    motion_px=((1.3, 2.0),),
    median_grey=((0.34, 0.39), (0.64, 0.70)),
    bright=((0.84, 0.89),),
    dark=((0.13, 0.16),),
    latitude=((1.25, 1.42), (2.25, 2.5)),
    floor=((0.112, 0.13),),
    ceiling=((0.80, 0.85),),
    shutter_share=0.85,
    side_margin=((0.90, 1.08),),
    end_margin=((178.0, 208.0),),
    shutter_angle=((0.07, 0.13),),
    penumbra_px=((3.5, 6.0),),
    shutter_floor=((0.035, 0.08),),
    marker_px=((9.0, 12.0), (38.0, 52.0)),
    styles=(ProcessingStyle((0.32, 0.40), 1.2, 1.4), ProcessingStyle((0.87, 0.95), 1.05, 1.0)),
)


def ranges_of(spec: FilmSpec) -> Ranges:
    """The bands of a film's domain and version."""
    if spec.domain is not Domain.STANDARD:
        return SHIFTED
    return STANDARD if spec.version == VERSION else VERSION_4


def draw(rng: np.random.Generator, bands: Bands) -> float:
    """A value of one of the bands, each as likely."""
    low, high = bands[int(rng.integers(len(bands)))]
    return float(rng.uniform(low, high))


def draw_either_way(rng: np.random.Generator, bands: Bands) -> float:
    """A value whose size lies in the bands and whose sign is even odds."""
    return draw(rng, bands) * (1 if rng.random() < 0.5 else -1)
