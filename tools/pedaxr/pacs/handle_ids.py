"""Which ids are of films that lie in the PACS alone; loads nothing, for whoever only has to ask."""

from pedaxr.records import bare_id

PREFIX = "X-"


def is_handle(study_id: str) -> bool:
    """Whether an id is of a film in the PACS."""
    return bare_id(study_id).upper().startswith(PREFIX)
