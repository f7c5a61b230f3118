"""Make the demo clinic's films and write them as a clinic holds them: DICOM CR."""

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.demo.patients import DemoFilm
from pedaxr.registry import NewStudy
from pedaxr.storage.files import write_durably
from pedaxr_models.worker_processes import map_in_processes

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pedaxr_models.phantom.film import PhantomFilm

Progress = Callable[[int, int], None]


def make_films(
    films: list[DemoFilm], home: Path, *, processes: int, progress: Progress | None
) -> list[NewStudy]:
    """Write every film below `home` and return what to register, in the order given."""
    studies: list[NewStudy] = []
    for study in map_in_processes(partial(make_one, home), films, processes):
        studies.append(study)
        if progress is not None:
            progress(len(studies), len(films))
    return studies


def make_one(home: Path, demo: DemoFilm) -> NewStudy:
    """Make one film and write it durably."""
    from pedaxr.demo.synthetic_dicom import encoded
    from pedaxr.radiograph.read import picture_digest, read_radiograph
    from pedaxr_models.phantom import make_film

    film = make_film(demo.spec)
    path = home / "films" / f"{demo.study_id}.dcm"
    dataset = _dicom(film, demo)
    content = encoded(dataset)
    write_durably(path, content)
    return NewStudy(
        study_id=demo.study_id,
        patient_id=demo.patient.patient_id,
        image_path=path.relative_to(home),
        image_sha256=hashlib.sha256(content).hexdigest(),
        study_date=demo.study_date,
        stated_age_months=demo.spec.age_months,
        view_position=demo.spec.view,
        pixel_spacing_mm=film.pixel_spacing_mm,
        indication=film.metadata.indication,
        working_diagnosis=film.metadata.working_diagnosis,
        source_label=film.label,
        accession_number=dataset.AccessionNumber,
        study_instance_uid=str(dataset.StudyInstanceUID),
        series_instance_uid=str(dataset.SeriesInstanceUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        picture_sha256=picture_digest(read_radiograph(content)),
    )


def _dicom(film: "PhantomFilm", demo: DemoFilm) -> "Dataset":
    from pydicom.dataset import Dataset

    from pedaxr.demo.synthetic_dicom import add_film, write_patient, write_study

    dataset, patient = Dataset(), demo.patient
    write_patient(
        dataset,
        patient_id=patient.patient_id,
        name=patient.patient_name,
        sex=patient.patient_sex,
        birth_date=patient.patient_birth_date,
    )
    write_study(dataset, demo.study_id, demo.study_date, demo.spec.age_months, demo.spec.view)
    return add_film(dataset, film)
