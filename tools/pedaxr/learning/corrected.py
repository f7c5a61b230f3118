"""The films that humans corrected in a clinic, as films to learn from and to be measured on.

What was decided of a finding is known: its outline where it is there, its absence where it was rejected. What
was called uncertain, or was not looked at, is unknown. Films marked unsuitable teach nothing.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from pedaxr.audit.trail import accessing
from pedaxr.clinic.annotate import Annotation, annotations_of, merged
from pedaxr.clinic.export_annotations import pixels_of
from pedaxr.radiograph.raster import DECODER_ERRORS
from pedaxr.registry.annotation_rows import annotated_studies
from pedaxr.registry.schema import reading
from pedaxr.text import printable
from pedaxr_models.datasets.film import Film, FilmMetadata, write_masks
from pedaxr_models.labels import FINDINGS, NORMAL, URGENCY, Finding

_DEVICE = ("Manufacturer", "ManufacturerModelName")

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr.records import Study


def corrected_films(clinic: "Clinic", folder: Path) -> list[Film]:
    """One film of each study that somebody annotated, with masks written below `folder`.

    `Film.extra` names the study, its annotation and its author, for the provenance. Raises StorageError.
    """
    with accessing(clinic.home, "corrected_films"):
        with reading(clinic.registry.path) as connection:
            ids = sorted(annotated_studies(connection))
        films = []
        for study_id in ids:
            said = merged(annotations_of(study_id, clinic=clinic))
            if said is None or said.is_unsuitable:
                continue
            film = film_of(clinic.registry.study(study_id), said, folder)
            films += [film] if film.labelled_channels else []
        return films


def film_of(study: "Study", said: Annotation, folder: Path) -> Film:
    """The study's film with what the annotation says of it; its masks are written as (H, W) bit planes."""
    known, masks = known_masks(said)
    mask_path = folder / "masks" / f"{said.annotation_id}.npz"
    if masks and not mask_path.is_file():
        mask_path.parent.mkdir(parents=True, exist_ok=True)
        write_masks(mask_path, {finding.value: mask for finding, mask in masks.items()})
    shown = [finding.value for finding in URGENCY if finding in masks]
    is_whole = known == frozenset(finding.value for finding in FINDINGS)
    return Film(
        image_path=study.image_path,
        label=shown[0] if shown else NORMAL if is_whole else None,
        labelled_channels=known,
        metadata=_metadata(study),
        mask_path=mask_path if masks else None,
        pixel_spacing_mm=study.pixel_spacing_mm,
        extra={
            "study": study.study_id,
            "annotation": said.annotation_id,
            "author": said.author,
            "device": device_of(study.image_path),
        },
    )


def known_masks(said: Annotation) -> tuple[frozenset[str], Mapping[Finding, NDArray[np.bool_]]]:
    """The findings of which it is known whether they are there, and the masks (H, W) of those that are."""
    decided = {finding: given for finding, given in said.findings.items() if given.decision != "uncertain"}
    masks = {finding: pixels_of(given.mask) for finding, given in decided.items() if given.mask is not None}
    return frozenset(finding.value for finding in decided), masks


def _metadata(study: "Study") -> FilmMetadata:
    return FilmMetadata(
        patient_id=study.patient_id,
        study_date=study.study_date.isoformat() if study.study_date else None,
        age_months=study.age_months,
        view=study.view_position,
        indication=study.indication,
    )


def device_of(path: Path) -> str:
    """Maker and model of what took a DICOM film; empty where nobody says, or of a picture."""
    import pydicom
    from pydicom.errors import InvalidDicomError

    try:
        header = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(_DEVICE))
    except (InvalidDicomError, *DECODER_ERRORS):
        return ""
    named = [printable(str(header.get(name) or ""), 60).strip() for name in _DEVICE]
    return " ".join(filter(None, named))
