"""Whose the rows of a source are, among the patients registered and those met in it before."""

from dataclasses import dataclass, field
from datetime import date

from pedaxr.clinic.identity import Refused, check_same, completed, is_contradicted
from pedaxr.errors import PatientNotFound
from pedaxr.records import UNNAMED, Patient
from pedaxr.registry import Registry
from pedaxr_models.written.plain import zero_spellings

SPELLED = "spell their patient's name otherwise than the first: that spelling is kept"
COMPLETED = "state a birth date, sex or name that was not known of their patient: it was added"
ZEROS = "[has|have] a patient id that lost or gained zeros in front: name and birth date are that patient's"
APART = (
    "[has|have] another patient's id but for zeros in front, as spreadsheets drop them: "
    "[it was|they were] kept apart"
)


@dataclass
class KnownPatients:
    """The patients of a registry, and those of a source as far as it was read.

    Attributes:
        met: by patient id in lower case.
    """

    registry: Registry
    met: dict[str, Patient] = field(default_factory=dict)
    _first_film: dict[str, date] = field(default_factory=dict)

    def of(self, patient_id: str) -> Patient:
        """The patient of a film that was taken. Raises KeyError."""
        return self.met[patient_id.casefold()]

    def take(self, patient: Patient, study_date: date | None) -> None:
        """Remember a patient, one of whose films will be registered."""
        key = patient.patient_id.casefold()
        self.met[key] = patient
        if study_date:
            self._first_film[key] = min(study_date, self._first_film.get(key, study_date))

    def settle(self, named: Patient) -> tuple[Patient, list[str]]:
        """The patient that a row names, as known and completed by it, and what to note of it.

        Raises:
            Refused: the id is another child's, or may be.
        """
        known = self._with_that_id(named)
        notes: list[str] = []
        if known is None:
            known, notes = self._but_for_zeros(named)
        if known is None:
            return named, notes
        if check_same(known, named):
            notes.append(SPELLED)
        whole = completed(known, named)
        if whole != known:
            self._check_birth(whole)
            notes.append(COMPLETED)
        return whole, notes

    def _with_that_id(self, named: Patient) -> Patient | None:
        if met := self.met.get(named.patient_id.casefold()):
            return met
        try:
            return self.registry.patient(named.patient_id)
        except PatientNotFound:
            return None

    def _but_for_zeros(self, named: Patient) -> tuple[Patient | None, list[str]]:
        """One child where name and birth date are the same; else the row is refused, or another child's.

        A hospital may have both numbers, so nothing less makes one child of them.
        """
        alike = self._alike(named)
        possible = [
            one
            for one in alike
            if UNNAMED not in (one.patient_name, named.patient_name) and not is_contradicted(one, named)
        ]
        certain = [one for one in possible if one.patient_birth_date and named.patient_birth_date]
        if len(certain) == 1:
            return certain[0], [ZEROS]
        if possible:
            raise Refused(
                "the patient id is that of a patient of this name but for zeros in front, as spreadsheets "
                "drop them; write the id in full, or state the birth date"
            )
        return None, [APART] if alike else []

    def _alike(self, named: Patient) -> list[Patient]:
        spellings = zero_spellings(named.patient_id)
        registered = {one.patient_id: one for one in self.registry.patients_with_ids(spellings)}
        met = {self.met[one].patient_id: self.met[one] for one in spellings if one in self.met}
        return list((registered | met).values())

    def _check_birth(self, patient: Patient) -> None:
        """Raises Refused where a film of the patient is dated before the birth that is new."""
        born = patient.patient_birth_date
        days = [study.study_date for study in self.registry.studies(patient.patient_id)]
        days.append(self._first_film.get(patient.patient_id.casefold()))
        if born and any(day < born for day in days if day):
            raise Refused("an earlier film of the patient is dated before this birth date")
