"""A child's abdominal films in the PACS, found by C-FIND; who is meant is decided by our own rules of names.

A PACS compares letters, not names: exact and unspaced Korean forms find nothing in most. So the question is
wide (a birth date alone, or the name in pieces between wildcards), and every answer is compared here. What
somebody typed never becomes a wildcard.
"""

import unicodedata
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from datetime import date

from pedaxr.pacs.dimse import Finder, finding
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.rows import PacsFilm, PacsStudy, code_in, study_of, uid_in
from pedaxr.patient_search.asked import Asked
from pedaxr.patient_search.hangul import is_hangul, split_surname
from pedaxr.patient_search.name_forms import name_forms, romanised_name
from pedaxr.patient_search.name_matching import SAME, Likeness
from pedaxr.radiograph.character_sets import header_text
from pedaxr_models.written.plain import is_odd_id

_STUDY_KEYS = ("PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyInstanceUID", "StudyDate")
_SERIES_KEYS = ("SeriesInstanceUID", "Modality", "BodyPartExamined")
_ABDOMEN = ("", "ABDOMEN", "ABDOMENPELVIS", "ABDO", "KUB", "PELVIS", "BABYGRAM", "WHOLEBODY", "CHESTABDOMEN")
_MODALITIES = ("CR", "DX")
_SPECIAL = str.maketrans("", "", "*?\\^=")
_MOST_STUDIES = 20  # newest first: of each the series and films are asked for
_SHORTEST_ID, _MOST_IDS = 3, 2
_COUNT = "NumberOfStudyRelatedInstances"
_MOST_POLLED, _POLL_S = 6000, 600.0  # studies of two days in a large hospital
_CONNECT_S = 3  # a search waits no longer for a PACS that is away


@dataclass(frozen=True)
class FoundFilm:
    """One film, and why it is taken for one that was asked for."""

    film: PacsFilm
    likeness: Likeness


def films_asked_for(node: PacsNode, asked: Asked) -> list[FoundFilm]:
    """The abdominal films of everybody whom the question can mean, newest study first.

    Raises:
        PacsDown, PacsError.
    """
    with finding(node, connect_s=_CONNECT_S) as finder:
        found = sorted(_studies(finder, asked), key=lambda one: one[0].study_date or date.min, reverse=True)
        return [
            FoundFilm(film, like) for study, like in found[:_MOST_STUDIES] for film in _films(finder, study)
        ]


def films_of_accession(node: PacsNode, accession: str) -> list[PacsFilm]:
    """The abdominal films of one order. Raises PacsDown, PacsError."""
    number = _cleaned(accession)
    if not number or is_odd_id(number):
        return []
    with finding(node) as finder:
        rows = finder.find("STUDY", {"AccessionNumber": number}, (*_STUDY_KEYS,))
        studies = {study.study_uid: study for row in rows if (study := study_of(row))}
        return [film for study in studies.values() for film in _films(finder, study)]


def study_in_pacs(node: PacsNode, study_uid: str) -> PacsStudy | None:
    """Whose study that is, by the PACS itself; None where it has none. Raises PacsDown, PacsError."""
    with finding(node) as finder:
        rows = finder.find("STUDY", {"StudyInstanceUID": study_uid}, _STUDY_KEYS)
        found = [study for row in rows if (study := study_of(row)) and study.study_uid == study_uid]
    return found[0] if len(found) == 1 else None


def new_films(
    node: PacsNode, since: date, until: date, seen: dict[str, str]
) -> Generator[PacsFilm, None, None]:
    """The abdominal films of some days, of studies that have changed since they were seen.

    Args:
        node: the PACS.
        since: the first day.
        until: the last day.
        seen: how many objects each study had; kept up to date here, once the films of a study were taken.

    Raises:
        PacsDown, PacsError: in the middle, too; what was given before is good.
    """
    wanted = {"StudyDate": f"{since:%Y%m%d}-{until:%Y%m%d}", "ModalitiesInStudy": "\\".join(_MODALITIES)}
    with finding(node, most_rows=_MOST_POLLED, all_s=_POLL_S) as finder:
        rows = finder.find("STUDY", wanted, (*_STUDY_KEYS, _COUNT))
        there = {study.study_uid: (study, row) for row in rows if (study := study_of(row))}
        for study_uid in [old for old in seen if old not in there]:
            del seen[study_uid]
        for study, row in there.values():
            count = header_text(row, _COUNT)
            if count and seen.get(study.study_uid) == count:
                continue
            yield from _films(finder, study)
            seen[study.study_uid] = count


def _studies(finder: Finder, asked: Asked) -> Iterator[tuple[PacsStudy, Likeness]]:
    """Each study once; a study is only taken for one asked for where the answer itself says so."""
    seen: set[str] = set()
    for keys in _questions(asked):
        for row in finder.find("STUDY", keys, _STUDY_KEYS):
            study = study_of(row)
            if study is None or study.study_uid in seen:
                continue
            seen.add(study.study_uid)
            if like := _fits(study, asked, keys):
                yield study, like


def _fits(study: PacsStudy, asked: Asked, keys: dict[str, str]) -> Likeness | None:
    """Why the study can be meant; None where any part of the question is not true of it."""
    patient = study.patient
    if asked.contradicts_itself or (asked.day and patient.birth_date != asked.day):
        return None
    ids, name = _ids_and_name(asked)
    if "PatientID" in keys and patient.patient_id.casefold() != keys["PatientID"].casefold():
        return None
    if name:
        return patient.likeness(name_forms(name))
    if "AccessionNumber" in keys:
        return Likeness(SAME, "accession number")
    return Likeness(SAME, "patient id" if ids else "born on that day")


def _questions(asked: Asked) -> Iterator[dict[str, str]]:
    """C-FIND keys, the surest alone: an id, else a birth date, else a name in pieces."""
    ids, name = _ids_and_name(asked)
    if ids:
        for some_id in ids:
            yield {"PatientID": some_id}
            yield {"AccessionNumber": some_id[:16]}
    elif asked.day:
        yield {"PatientBirthDate": f"{asked.day:%Y%m%d}"}
    elif name:
        yield from ({"PatientName": pattern} for pattern in dict.fromkeys(patterns(name)))


def _ids_and_name(asked: Asked) -> tuple[list[str], str]:
    """Words that can be ids (three characters or more, a digit among them), and the rest."""
    words = _cleaned(asked.name).split()
    ids = [word for word in words if len(word) >= _SHORTEST_ID and any(map(str.isdigit, word))]
    return ids[:_MOST_IDS], " ".join(word for word in words if word not in ids)


def patterns(name: str) -> Iterator[str]:
    """A name in pieces between wildcards: senders differ in ^, = and order."""
    name = _cleaned(name)
    words = name.replace(",", " ").split()
    if any(map(is_hangul, name)):
        surname, given = split_surname("".join(words))
        yield "*" + "*".join(filter(None, (surname, given))) + "*"
        if latin := romanised_name(name):
            yield "*" + "*".join(latin.split()) + "*"
    elif words:
        yield "*" + "*".join(words) + "*"
        if len(words) > 1:
            yield "*" + "*".join(reversed(words)) + "*"


def _cleaned(text: str) -> str:
    """What was typed, without what has a meaning in a question to a PACS (PS3.4 C.2.2.2.4)."""
    kept = unicodedata.normalize("NFC", text).translate(_SPECIAL)
    return " ".join(kept.split())[:60]


def _films(finder: Finder, study: PacsStudy) -> Iterator[PacsFilm]:
    """The study's CR and DX images whose series can be of an abdomen; many a header leaves the part out."""
    wanted = {"StudyInstanceUID": study.study_uid}
    for row in finder.find("SERIES", wanted, _SERIES_KEYS):
        series_uid = uid_in(row, "SeriesInstanceUID")
        is_film = code_in(row, "Modality") in _MODALITIES and code_in(row, "BodyPartExamined") in _ABDOMEN
        if series_uid is None or not is_film:
            continue
        of_series = {**wanted, "SeriesInstanceUID": series_uid}
        for image in finder.find("IMAGE", of_series, ("SOPInstanceUID",)):
            if sop_uid := uid_in(image, "SOPInstanceUID"):
                yield PacsFilm(study, series_uid, sop_uid)
