"""Which objects there are: of which class, in which series, under which name."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from pedaxr.errors import InvalidRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydicom import Dataset


@dataclass(frozen=True)
class Kind:
    """One kind of object (PS3.3 and PS3.4 B.5).

    Attributes:
        sop_class_uid: DICOM's class of it.
        series_number: every kind has a series of its own, as viewers show one object of a series.
        title: what the series is called, after who answers for it.
    """

    sop_class_uid: str
    modality: str
    series_number: int
    title: str


KINDS: dict[str, Kind] = {
    "seg": Kind("1.2.840.10008.5.1.4.1.1.66.4", "SEG", 9001, "Outlines"),
    "sr": Kind("1.2.840.10008.5.1.4.1.1.88.34", "SR", 9003, "Measurements"),
    "text_sr": Kind("1.2.840.10008.5.1.4.1.1.88.22", "SR", 9004, "Report text"),
    "capture": Kind("1.2.840.10008.5.1.4.1.1.7", "OT", 9005, "Overlay picture"),
    "gsps": Kind("1.2.840.10008.5.1.4.1.1.11.1", "PR", 9006, "Outlines, presentation state"),
    "pdf": Kind("1.2.840.10008.5.1.4.1.1.104.1", "DOC", 9007, "Report as PDF"),
    "text_sr_ko": Kind("1.2.840.10008.5.1.4.1.1.88.22", "SR", 9014, "Report text in Korean"),
    "pdf_ko": Kind("1.2.840.10008.5.1.4.1.1.104.1", "DOC", 9017, "Report as PDF in Korean"),
}
# The picture is among them because many viewers show neither segmentations nor presentation states.
DEFAULT_KINDS: tuple[str, ...] = ("seg", "sr", "gsps", "capture")


def checked_kinds(kinds: "Sequence[str]") -> list[str]:
    """The kinds asked for, in the order in which they refer to each other. Raises InvalidRequest."""
    if unknown := [kind for kind in kinds if kind not in KINDS]:
        raise InvalidRequest(f"There is no kind {unknown[0][:40]!r} of object. Use {', '.join(KINDS)}.")
    if not kinds:
        raise InvalidRequest(f"No kind of object was asked for. Use {', '.join(KINDS)}.")
    return [kind for kind in KINDS if kind in kinds]


def kind_of(dataset: "Dataset") -> str:
    """The kind of an object that was made here: by its class and, where two are of one, its series."""
    same = {kind: one for kind, one in KINDS.items() if one.sop_class_uid == dataset.SOPClassUID}
    by_series = [kind for kind, one in same.items() if one.series_number == dataset.get("SeriesNumber")]
    return (by_series or list(same))[0]
