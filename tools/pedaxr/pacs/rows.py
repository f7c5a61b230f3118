"""What a PACS answered, checked: one film with whose it is, in our own types or not at all.

Its texts come from other programs and other people. UIDs are digits and dots or nothing, dates are dates,
names are one clean line; a row without the identifiers that a film needs is left out.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import cast

from pydicom import Dataset
from pydicom.valuerep import PersonName

from pedaxr.pacs.handle_ids import PREFIX
from pedaxr.patient_search.hangul import is_hangul
from pedaxr.patient_search.name_forms import NameForms, name_forms
from pedaxr.patient_search.name_matching import Likeness, likeness
from pedaxr.radiograph.character_sets import header_text
from pedaxr.text import printable
from pedaxr.types import Sex
from pedaxr_models.written.dates import is_placeholder, parse_date
from pedaxr_models.written.nobody import names_nobody
from pedaxr_models.written.plain import is_odd_id, plain_id
from pedaxr_models.written.sexes import sex_of_header

UNNAMED = "Unnamed"
_UID = re.compile(r"[0-9.]{1,64}")
_LONGEST_NAME = 200


@dataclass(frozen=True)
class PacsPatient:
    """Whose study it is, as the PACS says.

    Attributes:
        names: the groups of the name, as people write them: Hangul before Latin.
    """

    patient_id: str
    names: tuple[str, ...]
    birth_date: date | None
    sex: Sex | None

    @property
    def name(self) -> str:
        """To be shown."""
        return next((name for name in self.names if any(map(is_hangul, name))), (*self.names, UNNAMED)[0])

    def likeness(self, asked: NameForms) -> Likeness | None:
        """Of the name asked for and the most similar group of this one's."""
        likes = (likeness(asked, name_forms(name)) for name in self.names)
        return max(filter(None, likes), key=lambda like: like.score, default=None)

    @property
    def digest(self) -> str:
        """Tells patients apart without saying who they are: half of it of the id, half of the birth date."""
        known = (self.patient_id.casefold(), f"{self.patient_id.casefold()} {self.birth_date}")
        return "".join(hashlib.sha256(text.encode()).hexdigest()[:16] for text in known)


@dataclass(frozen=True)
class PacsStudy:
    """One study in the PACS."""

    patient: PacsPatient
    study_uid: str
    study_date: date | None


@dataclass(frozen=True)
class PacsFilm:
    """One film in the PACS: a CR or DX image that may show an abdomen."""

    study: PacsStudy
    series_uid: str
    sop_uid: str

    @property
    def study_id(self) -> str:
        """The id that it goes by until it is fetched."""
        return f"{PREFIX}{hashlib.sha256(self.sop_uid.encode()).hexdigest()[:12]}"


def study_of(row: Dataset) -> PacsStudy | None:
    """The study of an answer at the study level; None where it cannot be told whose or which it is."""
    study_uid, written = uid_in(row, "StudyInstanceUID"), header_text(row, "PatientID").strip()
    if study_uid is None or names_nobody(written) or is_odd_id(written):
        return None
    patient = PacsPatient(
        plain_id(written),
        tuple(_names(row)),
        date_in(row, "PatientBirthDate"),
        cast("Sex | None", sex_of_header(_text(row, "PatientSex", 16))),
    )
    return PacsStudy(patient, study_uid, date_in(row, "StudyDate"))


def uid_in(row: Dataset, keyword: str) -> str | None:
    """Digits and dots, at most 64 (PS3.5 section 9.1); None for anything else."""
    written = _text(row, keyword, 65)
    return written if _UID.fullmatch(written) else None


def code_in(row: Dataset, keyword: str) -> str:
    """A code string in capitals, without what separates its words."""
    return re.sub(r"[^A-Z0-9]", "", _text(row, keyword, 32).upper())


def date_in(row: Dataset, keyword: str) -> date | None:
    """A day, as a file's header is read; None for what is none, or stands for one that is not known."""
    try:
        day = parse_date(_text(row, keyword, 32))
    except ValueError:
        return None
    return None if day is None or is_placeholder(day) else day


def _names(row: Dataset) -> Iterator[str]:
    """The groups of a name; Hangul is written without a space between surname and given name."""
    value = PersonName(header_text(row, "PatientName"))
    for group in (value.phonetic, value.ideographic, value.alphabetic):
        shown = printable(str(group), _LONGEST_NAME)
        joiner = "" if any(map(is_hangul, shown)) else " "
        written = joiner.join(filter(None, shown.split("^"))).strip()
        if not names_nobody(written):
            yield written


def _text(row: Dataset, keyword: str, limit: int) -> str:
    return printable(header_text(row, keyword), limit)
