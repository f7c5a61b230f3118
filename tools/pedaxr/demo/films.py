"""Make the demo clinic's films and write them as a clinic holds them: DICOM CR."""

import hashlib
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.demo.patients import DemoFilm
from pedaxr.registry import NewStudy
from pedaxr.storage.files import write_durably

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from pedaxr_models.phantom.film import PhantomFilm

Progress = Callable[[int, int], None]


def make_films(
    films: list[DemoFilm], home: Path, *, processes: int, progress: Progress | None
) -> list[NewStudy]:
    """Write every film below `home` and return what to register, in the order given."""
    studies: list[NewStudy] = []
    for study in _made(partial(make_one, home), films, processes):
        studies.append(study)
        if progress is not None:
            progress(len(studies), len(films))
    return studies


def _made(make: Callable[[DemoFilm], NewStudy], films: list[DemoFilm], processes: int) -> Iterator[NewStudy]:
    if processes <= 1:
        yield from map(make, films)
        return
    import multiprocessing

    # Spawned, not forked: the caller may be a server with threads.
    with multiprocessing.get_context("spawn").Pool(
        processes, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)
    ) as pool:  # Ctrl-C is for whoever started them
        yield from pool.imap(make, films, chunksize=2)


def make_one(home: Path, demo: DemoFilm) -> NewStudy:
    """Make one film and write it durably."""
    from pedaxr.demo.synthetic_dicom import encoded
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
