"""What was drawn on one film, each under its label, as one `OutlinedFilm`."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pedaxr.clinic.exchange.outlined import (
    BoolArray,
    OutlinedFilm,
    absent_where_normal,
    decided,
    filled,
    finding_named,
    not_outlined,
    not_understood,
    placed,
)
from pedaxr.clinic.exchange.said import Said
from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import Finding

_TURN = np.linspace(0, 2 * np.pi, 180, endpoint=False)
_NOTHING_SAID = Said()
_BEYOND = 0.02  # of the picture: so far may a hand draw beyond its edge


@dataclass(frozen=True)
class Drawn:
    """One region, or a label of the whole film.

    Attributes:
        fill: makes its mask (rows, columns); none where it outlines nothing, as a point or a tag.
        place: where it stands in its file, for a message, such as `region 3`.
    """

    label: str
    fill: Callable[[], BoolArray | None] | None = None
    place: str = "an outline"


def film_of(
    name: str, drawn: Iterable[Drawn], *, said: Said = _NOTHING_SAID, file: str = "", sha256: str = ""
) -> OutlinedFilm:
    """The film; regions of one finding are one.

    Args:
        name: of the film, see `OutlinedFilm`.
        drawn: regions and labels, in the order of the file.
        said: what our own export says beside them; its decisions come first.
        file: the stem of the annotations' own file, see `OutlinedFilm`.
        sha256: of the film's file; that of `said` where it is not known otherwise.

    Raises:
        InvalidRequest: a region cannot be used, or the film is called normal and shows a finding.
    """
    masks: dict[Finding, BoolArray] = {}
    shown: list[Finding] = []
    labels: list[str] = []
    for one in drawn:
        labels.append(one.label)
        if (finding := finding_named(one.label)) is not None:
            shown.append(finding)
            mask = _filled(one)
            if mask is not None and mask.any():
                masks[finding] = masks[finding] | mask if finding in masks else mask
    decisions = {**absent_where_normal(labels, shown), **said.decisions}
    return OutlinedFilm(
        name=name,
        masks=masks,
        decisions=decided(masks, decisions),
        is_unsuitable=said.is_unsuitable,
        file=file,
        sha256=sha256 or said.sha256,
        author=said.author,
        without_outline=not_outlined(shown, masks, decisions),
        unknown_labels=not_understood(labels),
    )


def _filled(one: Drawn) -> BoolArray | None:
    with placed(one.place):
        return one.fill() if one.fill else None


def ellipse(centre: tuple[float, float], radii: tuple[float, float], turned: float) -> NDArray[np.float64]:
    """Its border (180, 2) of x, y; `turned` in radians, clockwise as seen. Raises ValueError: not finite."""
    if not np.isfinite([*centre, *radii, turned]).all():
        raise ValueError("an ellipse is not of finite numbers")
    across, down = radii[0] * np.cos(_TURN), radii[1] * np.sin(_TURN)
    x = centre[0] + across * np.cos(turned) - down * np.sin(turned)
    y = centre[1] + across * np.sin(turned) + down * np.cos(turned)
    return np.stack([x, y], axis=1)


def box(x: float, y: float, width: float, height: float) -> list[list[float]]:
    """Its corners, from the upper left one."""
    return [[x, y], [x + width, y], [x + width, y + height], [x, y + height]]


def filled_from_shares(shares: Sequence[Sequence[float]], size: tuple[int, int]) -> BoolArray:
    """One outline drawn in shares of the picture (0 to 1), as (rows, columns).

    Raises:
        InvalidRequest: it leaves the picture, so that it is in pixels or of another picture.
    """
    points = np.asarray(shares, np.float64).reshape(-1, 2)
    if len(points) and not (points.min() >= -_BEYOND and points.max() <= 1 + _BEYOND):
        raise InvalidRequest("an outline leaves the picture: this format wants shares of its sides")
    return filled([(points * (size[1], size[0])).tolist()], size)
