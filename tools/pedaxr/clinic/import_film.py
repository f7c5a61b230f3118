"""Import one film that comes by itself, from a PACS: its own header says whose it is."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.clinic.clinic import Clinic
from pedaxr.clinic.identity import AnotherPicture, Refused, same_id
from pedaxr.clinic.import_films import begin, store_items
from pedaxr.clinic.intake.film import content_of, item_of
from pedaxr.errors import ImportFailed, InvalidRequest
from pedaxr.storage.files import disk_errors
from pedaxr.storage.home import default_home
from pedaxr_models.datasets import Film

if TYPE_CHECKING:
    from pedaxr.radiograph.read import Radiograph


def import_film(
    path: Path,
    *,
    clinic: Clinic,
    check: "Callable[[Radiograph], None] | None" = None,
    department: str | None = None,
) -> str:
    """Copy a film into the clinic; one that is there already stays the film it is.

    Args:
        path: of a DICOM file.
        clinic: to import into.
        check: raises where this is not the film expected, before anything is stored.
        department: whose staff may see the child, where it is new.

    Returns:
        The film's study_id.

    Raises:
        ImportFailed: it cannot be imported; the reason repeats nothing of the file.
        UnreadableImage, StorageError.
    """
    with disk_errors():
        under_way = begin(clinic.home, path.parent)
        under_way.department = department
        film = Film(path, None)
        content, radiograph = content_of(under_way, film)
        if check is not None:
            check(radiograph)
        try:
            item = item_of(under_way, film, "this file", content, radiograph)
            if item and store_items(under_way, [item]):
                return item.study.study_id
            reason = "its patient is not the one registered with it"
        except AnotherPicture as err:
            raise ImportFailed(f"The film was not imported: {err}.") from err
        except (Refused, InvalidRequest) as err:
            reason = str(err)
    if known := _known_study(clinic, radiograph):
        return known
    raise ImportFailed(f"The film was not imported: {reason.rstrip('.')}.")


def clinic_to_fill(home: Path | None = None) -> Clinic:
    """The clinic in `home` (by default `default_home()`), made where there is none. Raises StorageError."""
    home = home or default_home()
    with disk_errors():
        return begin(home, home).clinic


def _known_study(clinic: Clinic, radiograph: "Radiograph") -> str | None:
    """The registered study of the very bytes, or of that film where the header names the same child."""
    header = radiograph.metadata
    study = clinic.registry.study_of_film(radiograph.sha256, header.sop_instance_uid)
    if study is None:
        return None
    is_same_child = header.patient_id is not None and same_id(study.patient_id, header.patient_id)
    return study.study_id if is_same_child or study.image_sha256 == radiograph.sha256 else None
