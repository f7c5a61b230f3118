"""What the registry keeps and gives back: patients and studies, as frozen dataclasses."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pedaxr.types import Sex
from pedaxr_models.labels import View


@dataclass(frozen=True)
class Patient:
    """One child as registered.

    Attributes:
        department: whose staff may see the child; without one only those who may see everybody.
    """

    patient_id: str
    patient_name: str
    patient_birth_date: date | None = None
    patient_sex: Sex | None = None
    department: str | None = None


@dataclass(frozen=True)
class NewStudy:
    """One film to register.

    Attributes:
        image_path: absolute, or relative to the registry's folder; inside it the two move together.
        stated_age_months: as the source says; used only when the dates give none.
        source_label: what the data set calls the film; for counting, never shown with a study.
        accession_number: of the order, DICOM (0008,0050); patients are searched by it.
    """

    study_id: str
    patient_id: str
    image_path: Path
    image_sha256: str
    study_date: date | None = None
    stated_age_months: float | None = None
    view_position: View | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    indication: str | None = None
    working_diagnosis: str | None = None
    source_label: str | None = None
    accession_number: str | None = None


@dataclass(frozen=True)
class Study:
    """One film with whose it is.

    Attributes:
        age_months: at the study, from the two dates; the source's statement where a date is missing.
        pixel_spacing_mm: row, column.
        working_diagnosis: supplied with the request: context, never evidence.
        image_sha256: of the file when it was registered.
        stated_age_months: as the source says, to compare with `age_months`.
    """

    study_id: str
    patient_id: str
    patient_name: str
    patient_birth_date: date | None
    patient_sex: Sex | None
    study_date: date | None
    age_months: float | None
    view_position: View | None
    image_path: Path
    pixel_spacing_mm: tuple[float, float] | None
    indication: str | None
    working_diagnosis: str | None
    image_sha256: str
    stated_age_months: float | None = None
    accession_number: str | None = None
