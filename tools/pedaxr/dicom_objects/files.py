"""Objects as files in a folder."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

from pydicom import Dataset

from pedaxr.dicom_objects.kinds import kind_of
from pedaxr.errors import StorageError
from pedaxr.storage.files import replace_durably


def encoded(dataset: Dataset) -> bytes:
    """The object as a DICOM file (PS3.10)."""
    buffer = BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def write_objects(objects: Sequence[Dataset], folder: Path, *, study_id: str) -> list[Path]:
    """Write each as `<study_id>_<kind>_<end of its UID>.dcm`; the same object again replaces itself.

    Raises:
        StorageError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        paths = []
        for one in objects:
            path = folder / f"{study_id}_{kind_of(one)}_{one.SOPInstanceUID[-12:]}.dcm"
            replace_durably(path, encoded(one))
            paths.append(path)
    except OSError as err:
        raise StorageError(f"{folder} cannot be written ({err.strerror}). Choose another place.") from err
    return paths
