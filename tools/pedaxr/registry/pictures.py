"""Which registered films show one picture: its pixels have one digest, in whatever file they came.

A film that was sent twice, under another UID, date or child, is known by nothing else.
"""

import sqlite3
from collections.abc import Sequence

from pedaxr.records import Study

TABLES = (
    "CREATE TABLE pictures (image_sha256 TEXT PRIMARY KEY NOT NULL, picture_sha256 TEXT NOT NULL) "
    "WITHOUT ROWID",
    "CREATE INDEX pictures_by_digest ON pictures (picture_sha256)",
)
# Films of the picture of one: by its file's digest.
SAME_PICTURE = (
    "image_sha256 <> ?1 AND image_sha256 IN (SELECT p.image_sha256 FROM pictures p JOIN pictures one "
    "USING (picture_sha256) WHERE one.image_sha256 = ?1)"
)
OF_ANOTHER_PATIENT = (
    "The very same picture is registered for another patient, too: find out whose film it is before anything "
    "is taken from it."
)
_OF_ANOTHER_DAY = (
    "The very same picture is registered for this patient with another date ({}), too: it is one film, check "
    "the dates."
)
_OF_THAT_DAY = "The very same picture is registered a second time for that day: it is one film, sent twice."


def note_picture(connection: sqlite3.Connection, image_sha256: str, picture_sha256: str) -> None:
    """Remember which picture a registered film shows."""
    connection.execute("INSERT OR REPLACE INTO pictures VALUES (?, ?)", [image_sha256, picture_sha256])


def forget_pictures(connection: sqlite3.Connection, patient_id: str) -> None:
    """Forget the pictures of a patient's films, before these are removed."""
    films = "SELECT image_sha256 FROM studies WHERE patient_id = ?"
    connection.execute(f"DELETE FROM pictures WHERE image_sha256 IN ({films})", [patient_id])


def picture_flags(study: Study, same: Sequence[Study], *, is_of_another: bool) -> list[str]:
    """What to check of a film whose very picture other films have, the gravest first.

    Args:
        study: the film.
        same: the other films of the picture that the caller may see.
        is_of_another: whether any is another patient's, of whatever department: that is warned of, since the
            film may be the other child's, and nothing more is said.
    """
    flags = [OF_ANOTHER_PATIENT] if is_of_another else []
    days = dict.fromkeys(one.study_date for one in same if one.patient_id == study.patient_id)
    others = ", ".join(str(day or "not known") for day in days if day != study.study_date)
    flags += [_OF_ANOTHER_DAY.format(others)] if others else []
    return [*flags, _OF_THAT_DAY] if study.study_date in days else flags
