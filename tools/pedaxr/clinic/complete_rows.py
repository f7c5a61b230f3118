"""Films that an earlier version registered, completed from their headers: UIDs, spacing and its origin."""

import hashlib
import math
from dataclasses import replace
from typing import TYPE_CHECKING

from pedaxr.clinic.clinic import Clinic
from pedaxr.errors import UnreadableImage
from pedaxr.records import Study

if TYPE_CHECKING:
    from pedaxr.radiograph.raster import Spacing

_SAME = 0.01
_LARGEST_MAGNIFICATION = 2.0


def complete_older_rows(clinic: Clinic) -> int:
    """Add what rows of DICOM films lack; how many were completed. Only headers are read.

    A film that is missing, changed or damaged is left as it is: `pedaxr verify` names it.

    Raises:
        StorageError: the registry cannot be written.
    """
    completed = [row for study in clinic.registry.incomplete_studies() if (row := _completed(study))]
    return clinic.registry.complete(completed) if completed else 0


def _completed(study: Study) -> Study | None:
    from pedaxr.radiograph.dicom import read_header

    try:
        data = study.image_path.read_bytes()
        if hashlib.sha256(data).hexdigest() != study.image_sha256:
            return None
        header = read_header(data)
    except (OSError, UnreadableImage):
        return None
    if header is None:
        return None
    meta = header.metadata
    whole = replace(
        _with_spacing(study, header.spacing),
        study_instance_uid=study.study_instance_uid or meta.study_instance_uid,
        series_instance_uid=study.series_instance_uid or meta.series_instance_uid,
        sop_instance_uid=study.sop_instance_uid or meta.sop_instance_uid,
    )
    return None if whole == study else whole


def _with_spacing(study: Study, own: "Spacing | None") -> Study:
    """With the file's own spacing where the registered one is that, or that of the detector's shadow.

    What is neither stood in the table, and whoever imported it vouched for it.
    """
    registered = study.pixel_spacing_mm
    if study.pixel_spacing_origin or (own is None and registered is None):
        return study
    if own is None or not (registered is None or _is_own(registered, own)):
        return replace(study, pixel_spacing_origin="table")
    return replace(study, pixel_spacing_mm=own[:2], pixel_spacing_origin=own.origin.value)


def _is_own(registered: tuple[float, float], own: "Spacing") -> bool:
    """Whether a registered spacing is the file's, perhaps from before magnification was taken out of it."""
    down, across = (one / other for one, other in zip(registered, own[:2], strict=True))
    if not math.isclose(down, across, rel_tol=_SAME):
        return False
    is_magnified = own.origin == "detector over magnification" and 1 < down <= _LARGEST_MAGNIFICATION
    return is_magnified or math.isclose(down, 1, rel_tol=_SAME)
