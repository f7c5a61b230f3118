"""Whose film a row or a header names: one child in two spellings is one patient, two children are two."""

import hashlib
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, cast

from pedaxr.patient_search.name_forms import fold, name_forms
from pedaxr.patient_search.name_matching import READING, likeness
from pedaxr.records import UNNAMED, Patient
from pedaxr.text import printable
from pedaxr.types import Sex
from pedaxr_models.written.masked import fits, is_masked
from pedaxr_models.written.nobody import names_any_child
from pedaxr_models.written.plain import is_odd_id, plain_id

if TYPE_CHECKING:  # loads NumPy and OpenCV, which a search has no use for
    from pedaxr_models.datasets.film import FilmMetadata

_LONGEST_NAME = 200


class Refused(ValueError):
    """A film that cannot be imported."""


class AnotherPicture(Refused):
    """Its SOPInstanceUID is that of a film that shows something else."""


def may_be_one_name(one: str, other: str) -> bool:
    """Whether two names beside one id may be one child's: spellings of one name, or one hides the other."""
    return same_name(one, other) or fits(one, other)


def same_name(one: str, other: str) -> bool:
    """Whether two names are spellings of one: width, spacing, order, title or script apart."""
    like = likeness(name_forms(one), name_forms(other))
    return like is not None and like.score >= READING


def same_id(one: str, other: str) -> bool:
    """Whether two ids are one: in any width or case, as a spreadsheet's number too."""
    return plain_id(one).casefold() == plain_id(other).casefold()


def names_another(ours: "FilmMetadata", header: "FilmMetadata") -> bool:
    """Whether a header's patient id or name is that of somebody else than the table's."""
    if ours.patient_id and header.patient_id and not same_id(ours.patient_id, header.patient_id):
        return True
    return bool(
        ours.patient_name
        and header.patient_name
        and not may_be_one_name(ours.patient_name, header.patient_name)
    )


def patient_named(meta: "FilmMetadata", digest: str) -> Patient:
    """The patient of a film; without an id, name, sex and birth date (or age) tell children apart.

    A masked name does not: each film under it alone is taken for a child of its own, and compared with none.

    Args:
        meta: of the film.
        digest: of its file, which alone names a child without an id and a name of its own.

    Raises:
        Refused: the id or the accession number would have to be cut or cleaned.
    """
    name = printable(meta.patient_name or "", _LONGEST_NAME)
    for text, what in ((meta.patient_id, "patient id"), (meta.accession_number, "accession number")):
        if text and is_odd_id(text):
            raise Refused(f"the {what} is longer than 64 characters, or holds invisible ones; correct it")
    sex, birth = meta.patient_sex, meta.patient_birth_date
    patient_id = plain_id(meta.patient_id or "")
    if not patient_id:
        known = (fold(name).replace(" ", ""), sex, birth, None if birth else meta.age_months)
        is_named = not (names_any_child(name) or is_masked(name))
        patient_id = "I-" + hashlib.sha256(repr(known if is_named else digest).encode()).hexdigest()[:10]
    return Patient(
        patient_id, name or UNNAMED, date.fromisoformat(birth) if birth else None, cast(Sex | None, sex)
    )


def check_same(known: Patient, named: Patient) -> bool:
    """Whether a row's patient is spelled otherwise than the one known by that id.

    Raises:
        Refused: it is another child: the name, birth date or sex contradicts.
    """
    if is_contradicted(known, named):
        raise Refused("the patient id belongs to a patient with another name, birth date or sex")
    return UNNAMED not in (known.patient_name, named.patient_name) and (
        named.patient_name != known.patient_name
    )


def is_contradicted(known: Patient, named: Patient) -> bool:
    """Whether name, birth date or sex are stated of both, and differ."""
    births = {known.patient_birth_date, named.patient_birth_date} - {None}
    sexes = {known.patient_sex, named.patient_sex} - {None}
    is_named = UNNAMED not in (known.patient_name, named.patient_name)
    return (
        len(births) > 1
        or len(sexes) > 1
        or (is_named and not may_be_one_name(known.patient_name, named.patient_name))
    )


def completed(known: Patient, named: Patient) -> Patient:
    """The patient known, with what only the other row of the same one states."""
    return replace(
        known,
        patient_name=named.patient_name if known.patient_name == UNNAMED else known.patient_name,
        patient_birth_date=known.patient_birth_date or named.patient_birth_date,
        patient_sex=known.patient_sex or named.patient_sex,
    )
