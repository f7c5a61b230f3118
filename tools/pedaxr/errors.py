"""Every error a user of pedaxr can meet.

    PedaxrError
    |-- NotFound                  nothing has that id or name
    |   |-- PatientNotFound
    |   |-- StudyNotFound
    |   |   +-- FilmMoved         it had that id under the wrong patient
    |   +-- ReportNotFound
    |-- InvalidRequest            the arguments cannot be used
    |-- UnreadableImage           a file is missing, broken, too large or of an unknown kind
    |-- NotAnAbdominalFilm        the picture is readable but is not a paediatric abdominal film
    |-- ModelUnavailable          weights are missing, damaged or of another version
    |-- WorkerFailed              a helper process ended or did not answer in time; calling again may help
    |-- StorageError              the registry or a folder cannot be read or written
    |   |-- StorageBusy           another program is writing; calling again will help
    |   +-- DamagedEntry          a row of the registry holds what pedaxr never wrote
    |-- ImportFailed              a data set to import has the wrong shape, or a film cannot be imported
    |   +-- OtherBodyPart         its header names another part of the body
    +-- PacsError                 the PACS refuses, or its answer cannot be used
        +-- PacsDown              it cannot be reached; calling again may help

The message says what was wrong and what to do next. It may repeat what the caller passed, never what was
read from the registry or a file.
"""


class PedaxrError(Exception):
    """Base of all errors with a message fit for the user, human or language model.

    Attributes:
        code: stable machine-readable name of the kind of error.
    """

    code = "error"


class NotFound(PedaxrError):
    """Nothing has that id or name."""

    code = "not_found"


class PatientNotFound(NotFound):
    """No patient matches."""

    code = "patient_not_found"


class StudyNotFound(NotFound):
    """No study has that id."""

    code = "study_not_found"


class FilmMoved(StudyNotFound):
    """A film had that id while it stood under the wrong patient."""


class ReportNotFound(NotFound):
    """No stored report has that id."""

    code = "report_not_found"


class InvalidRequest(PedaxrError):
    """The arguments cannot be used."""

    code = "invalid_request"


class UnreadableImage(PedaxrError):
    """A picture file is missing, broken, too large or of an unknown kind."""

    code = "unreadable_image"


class NotAnAbdominalFilm(PedaxrError):
    """The picture is readable but is not a paediatric abdominal film."""

    code = "not_an_abdominal_film"


class ModelUnavailable(PedaxrError):
    """Weights are missing, damaged or of another version."""

    code = "model_unavailable"


class WorkerFailed(PedaxrError):
    """A helper process ended, ran out of memory or did not answer in time; calling again may help."""

    code = "worker_failed"


class StorageError(PedaxrError):
    """The registry or a folder cannot be read or written."""

    code = "storage"


class StorageBusy(StorageError):
    """Another program has been writing to the registry for longer than a call may wait.

    Attributes:
        retry_after_s: when to call again.
    """

    code = "busy"
    retry_after_s = 2


class DamagedEntry(StorageError):
    """A row of the registry holds what pedaxr never wrote; `pedaxr verify` names it."""

    code = "damaged_entry"


class ImportFailed(PedaxrError):
    """A data set to import has the wrong shape, or a film cannot be imported."""

    code = "import_failed"


class OtherBodyPart(ImportFailed):
    """A film whose header names another part of the body than the abdomen."""

    code = "other_body_part"


class PacsError(PedaxrError):
    """The PACS refuses what was asked, broke off, or its answer cannot be used."""

    code = "pacs"


class PacsDown(PacsError):
    """The PACS cannot be reached; calling again may help."""

    code = "pacs_down"


def _by_code(base: type[PedaxrError]) -> dict[str, type[PedaxrError]]:
    return {base.code: base} | {
        code: kind for below in base.__subclasses__() for code, kind in _by_code(below).items()
    }


# Gathered here, where every class of the hierarchy and no other is defined: a code that came from another
# process becomes its error again.
ERRORS_BY_CODE = _by_code(PedaxrError)
