"""What results do at a Python prompt: a short repr, tables, masks, and a page in a notebook.

Mixed into the types of `pedaxr.types`. NumPy, Pillow and pandas load with the first mask and table.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from pedaxr.errors import InvalidRequest
from pedaxr_models.labels import CHANNELS

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

Polygons = Sequence[Sequence[tuple[int, int]]]
_Pairs = Iterator[tuple[str | None, Any]]


class _Dumped(Protocol):
    def model_dump(self) -> dict[str, Any]: ...


class _OutlinedRegion(_Dumped, Protocol):
    @property
    def name(self) -> str: ...
    @property
    def polygons(self) -> Polygons: ...


class _Outlined(Protocol):
    @property
    def study_id(self) -> str | None: ...
    @property
    def findings(self) -> Sequence[_OutlinedRegion]: ...
    @property
    def structures(self) -> Sequence[_OutlinedRegion]: ...
    @property
    def critical(self) -> Sequence[str]: ...
    @property
    def in_doubt(self) -> str | None: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


class _Drafted(Protocol):
    @property
    def report_id(self) -> str: ...
    @property
    def study_id(self) -> str | None: ...
    @property
    def status(self) -> str: ...
    @property
    def label(self) -> str | None: ...
    @property
    def critical(self) -> Sequence[str]: ...
    @property
    def findings(self) -> Sequence[_Dumped]: ...


class _Child(_Dumped, Protocol):
    @property
    def patient_id(self) -> str: ...
    @property
    def studies(self) -> Sequence[_Dumped]: ...


class _Found(Protocol):
    @property
    def status(self) -> str: ...
    @property
    def total(self) -> int: ...
    @property
    def matches(self) -> Sequence[_Child]: ...
    @property
    def nearest(self) -> Sequence[_Child]: ...


class _Waiting(Protocol):
    @property
    def critical(self) -> Sequence[_Dumped]: ...
    @property
    def unsigned(self) -> Sequence[_Dumped]: ...
    @property
    def unread(self) -> Sequence[_Dumped]: ...


class InNotebook:
    """Shown as a page by Jupyter, and elsewhere as one short line."""

    def __str__(self) -> str:
        return repr(self)

    def _repr_html_(self) -> str:
        # By name, as `pedaxr` does it: what draws pages stands above what it draws.
        return str(import_module("pedaxr.notebook").page(self))


class OutlinedResult(InNotebook):
    """Of a segmentation."""

    def __repr_args__(self: _Outlined) -> _Pairs:
        yield "study_id", self.study_id
        yield "findings", [region.name for region in self.findings]
        yield "structures", len(self.structures)
        yield from _warnings(self.critical, self.in_doubt)

    def mask(self: _Outlined, name: str) -> "NDArray[np.bool_]":
        """(height, width) of the film as stored, true inside the outlines of one finding or structure.

        Nothing is true where it is not outlined. Outlines have no holes.

        Raises:
            InvalidRequest: there is no finding or structure of that name.
        """
        if name not in CHANNELS:
            raise InvalidRequest(
                f"There is no outline named {name[:64]!r}. Use one of {', '.join(CHANNELS)}."
            )
        drawn = [region.polygons for region in (*self.findings, *self.structures) if region.name == name]
        return filled([polygon for polygons in drawn for polygon in polygons], self.width, self.height)

    def masks(self: _Outlined) -> "dict[str, NDArray[np.bool_]]":
        """The mask of every finding and structure that is outlined, by name."""
        regions = (*self.findings, *self.structures)
        return {region.name: filled(region.polygons, self.width, self.height) for region in regions}

    def to_frame(self: _Outlined) -> "pd.DataFrame":
        """One row for each outlined finding and structure, without the outlines themselves."""
        return table(
            {"study_id": self.study_id} | _without(region.model_dump(), "polygons")
            for region in (*self.findings, *self.structures)
        )


class DraftedResult(InNotebook):
    """Of a report."""

    def __repr_args__(self: _Drafted) -> _Pairs:
        yield "report_id", self.report_id
        yield "study_id", self.study_id
        yield "status", self.status
        yield "label", self.label
        yield from _warnings(self.critical, None)

    def to_frame(self: _Drafted) -> "pd.DataFrame":
        """One row for each finding, present or not."""
        ids = {"report_id": self.report_id, "study_id": self.study_id}
        return table(ids | finding.model_dump() for finding in self.findings)


class FoundResult(InNotebook):
    """Of a search."""

    def __repr_args__(self: _Found) -> _Pairs:
        yield "status", self.status
        yield "total", self.total
        listed = "matches" if self.matches else "nearest"
        yield listed, [child.patient_id for child in self.matches or self.nearest]

    def to_frame(self: _Found) -> "pd.DataFrame":
        """One row for each film of each match, one for a child without films; without a match the nearest."""
        return table(
            _without(child.model_dump(), "studies") | study
            for child in self.matches or self.nearest
            for study in [film.model_dump() for film in child.studies] or [{}]
        )


class WaitingResult(InNotebook):
    """Of the worklist."""

    def __repr_args__(self: _Waiting) -> _Pairs:
        for name, films in _lists(self).items():
            yield name, len(films)

    def to_frame(self: _Waiting) -> "pd.DataFrame":
        """One row for each film that waits, with what for."""
        return table(
            {"waits": name} | film.model_dump() for name, films in _lists(self).items() for film in films
        )


class ShortRegion:
    """Of one outline."""

    def __repr_args__(self: Any) -> _Pairs:
        yield "name", self.name
        yield "confidence", round(self.confidence, 2)
        yield "area_px", self.area_px
        yield "quadrants", self.quadrants


def filled(polygons: Polygons, width: int, height: int) -> "NDArray[np.bool_]":
    """(height, width), true inside the polygons and on their borders; points are x, y in pixels."""
    import numpy as np
    from PIL import Image, ImageDraw

    picture = Image.new("1", (width, height))
    pen = ImageDraw.Draw(picture)
    for polygon in polygons:
        points = [tuple(point) for point in polygon]
        if len(points) > 2:
            pen.polygon(points, fill=1, outline=1)
        else:
            pen.point(points, fill=1)
    return np.asarray(picture, bool)


def table(rows: Iterable[Mapping[str, Any]]) -> "pd.DataFrame":
    """A data frame of the rows.

    Raises:
        InvalidRequest: pandas is not installed.
    """
    try:
        import pandas as pd
    except ModuleNotFoundError as err:
        raise InvalidRequest("Tables need pandas. Run `pip install 'pedaxr[archive]'`.") from err
    return pd.DataFrame(list(rows))


def _lists(waiting: _Waiting) -> dict[str, Sequence[_Dumped]]:
    return {"critical": waiting.critical, "unsigned": waiting.unsigned, "unread": waiting.unread}


def _warnings(critical: Sequence[str], in_doubt: str | None) -> _Pairs:
    if critical:
        yield "critical", list(critical)
    if in_doubt:
        yield "in_doubt", True


def _without(fields: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key != name}
