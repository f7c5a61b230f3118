"""Fetch a film from the PACS into the clinic: its bytes untouched, and whose film it is proven first."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.callers import current_caller
from pedaxr.audit.trail import accessing, note
from pedaxr.clinic import Clinic
from pedaxr.clinic.identity import same_id
from pedaxr.clinic.import_film import import_film
from pedaxr.errors import (
    ImportFailed,
    InvalidRequest,
    OtherBodyPart,
    PacsDown,
    PacsError,
    PatientNotFound,
    UnreadableImage,
)
from pedaxr.pacs.handle_ids import is_handle
from pedaxr.pacs.handles import Handle, handle_of, recall
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.retrieve import Place, film_at
from pedaxr.patient_search.asked import parse_query
from pedaxr.radiograph.raster import OTHER_PART
from pedaxr.storage.files import disk_errors, write_durably

if TYPE_CHECKING:
    from pedaxr.pacs.rows import PacsFilm
    from pedaxr.radiograph.read import Radiograph

_ANOTHER = (
    "The film that the PACS sent is not the one it listed: another child, study or image. Nothing was kept. "
    "Tell the PACS's administrator."
)


@dataclass(frozen=True)
class Fetched:
    """What fetching came to.

    Attributes:
        study_ids: of the films that are here now, newest study first.
        known: how many of them were here before.
        left: films of another part of the body, which were not kept.
        failed: why each of the others could not be fetched.
    """

    study_ids: list[str]
    known: int
    left: int
    failed: list[str]


def film_here(study_id: str, *, clinic: Clinic, node: PacsNode | None) -> str:
    """The study_id of a film in this clinic, fetched first where it is still in the PACS alone.

    An id that is not of a film in the PACS comes back as it is, and so does every id where the caller may see
    some departments only: a PACS knows none.

    Raises:
        PacsDown, PacsError, ImportFailed, UnreadableImage, StorageError.
    """
    if not is_handle(study_id) or (handle := recall(clinic.home, study_id)) is None:
        return study_id
    if study := clinic.registry.study_of_film("", handle.sop_uid):
        return study.study_id
    if node is None or current_caller().departments is not None:
        return study_id
    with accessing(clinic.home, "fetch", study_id=handle.study_id):
        return fetch_film(handle, clinic=clinic, node=node)


def fetch_film(handle: Handle, *, clinic: Clinic, node: PacsNode) -> str:
    """Fetch one film and import it; its study_id. Raises what `film_here` does."""
    place = Place(handle.study_uid, handle.series_uid, handle.sop_uid)
    content = film_at(place, node=node, home=clinic.home)

    def check(radiograph: "Radiograph") -> None:
        _check_is_expected(radiograph, handle)

    with disk_errors(), _spooled(clinic.home, content) as path:
        return import_film(path, clinic=clinic, check=check)


def fetch(what: str, *, born: date | None = None, clinic: Clinic, node: PacsNode) -> Fetched:
    """Fetch the films of an order by its accession number, or of one child by name and birth date.

    A film that cannot be used keeps out no other. A child who is registered gets the films that are new.

    Raises:
        InvalidRequest: a name without a birth date, or several children answer.
        PatientNotFound: nothing in the PACS answers.
        OtherBodyPart: none of the films is of an abdomen.
        PacsDown, PacsError, ImportFailed, UnreadableImage, StorageError: no film at all could be fetched.
    """
    with accessing(clinic.home, "query", query=what if born is None else f"{what} born {born}"):
        found = _of_one_child(_wanted(what, born, node), by_name=born is not None)
        note(patient_ids=[found[0].study.patient.patient_id])
    fetched: list[str] = []
    failed: list[ImportFailed | PacsError | UnreadableImage] = []
    known = 0
    for film in found:
        if study := clinic.registry.study_of_film("", film.sop_uid):
            fetched.append(study.study_id)
            known += 1
            continue
        try:
            with accessing(clinic.home, "fetch", study_id=film.study_id):
                fetched.append(fetch_film(handle_of(film), clinic=clinic, node=node))
        except PacsDown:
            raise
        except (PacsError, ImportFailed, UnreadableImage) as err:
            failed.append(err)
    wrong = [err for err in failed if not isinstance(err, OtherBodyPart)]
    if not fetched:
        raise (wrong or failed)[0]
    return Fetched(fetched, known, len(failed) - len(wrong), [str(err) for err in wrong])


def _wanted(what: str, born: date | None, node: PacsNode) -> "list[PacsFilm]":
    from pedaxr.pacs.find import films_asked_for, films_of_accession

    if born is not None:
        return [found.film for found in films_asked_for(node, parse_query(what, born))]
    if films := films_of_accession(node, what):
        return films
    if not any(map(str.isdigit, what)):
        raise InvalidRequest(
            "A name alone is not enough: add --born YYYY-MM-DD, or give an accession number."
        )
    return []


def _of_one_child(found: "list[PacsFilm]", *, by_name: bool) -> "list[PacsFilm]":
    if not found:
        raise PatientNotFound("The PACS has no abdominal film that answers. Check the spelling and the date.")
    if len({film.study.patient.digest for film in found}) > 1:
        raise InvalidRequest(
            "Several children have that name and birth date. Fetch by accession number."
            if by_name
            else "That accession number is of several children in the PACS. Fetch by name and --born."
        )
    return found


def _check_is_expected(radiograph: "Radiograph", handle: Handle) -> None:
    """Raises PacsError unless the header is of the film listed, ImportFailed unless it can be an abdomen."""
    from pedaxr.pacs.rows import PacsPatient

    header = radiograph.metadata
    born = date.fromisoformat(header.patient_birth_date) if header.patient_birth_date else None
    whose, unborn = (PacsPatient(header.patient_id or "", (), day, None).digest for day in (born, None))
    # The header or the PACS's list may lack the birth date; they may not contradict each other.
    compared = len(whose) if born and handle.whose != unborn else len(whose) // 2
    if (header.study_instance_uid, header.sop_instance_uid) != (handle.study_uid, handle.sop_uid):
        raise PacsError(_ANOTHER)
    if whose[:compared] != handle.whose[:compared]:
        raise PacsError(_ANOTHER)
    check_is_abdomen(radiograph)


def check_is_abdomen(radiograph: "Radiograph") -> None:
    """Raises OtherBodyPart for another part of the body, ImportFailed where the header has no patient id."""
    if OTHER_PART in radiograph.notes:
        raise OtherBodyPart("The film's header names another part of the body than the abdomen. It was left.")
    if not radiograph.metadata.patient_id:
        raise ImportFailed("The film's header has no patient id: whose it is cannot be told. It was left.")


def is_same_patient(
    patient_id: str, birth_date: date | None, other_id: str | None, other: date | None
) -> bool:
    """Whether two sources name one child: both the id and the birth date, which each must have."""
    return (
        bool(other_id)
        and same_id(patient_id, other_id or "")
        and birth_date is not None
        and birth_date == other
    )


@contextmanager
def _spooled(home: Path, content: bytes) -> Iterator[Path]:
    """The file for the block, readable by its owner alone."""
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=home) as folder:
        path = Path(folder) / "film.dcm"
        write_durably(path, content)
        yield path
