"""What of each answer the published schemas name: what a caller branches on. The data stay complete.

Definitions are read by a language model with every request, so that each name costs; the types are those of
the pydantic models, and a name that no model has is an error when the tools are published.
"""

from collections.abc import Mapping
from typing import Any

# Name to None for a field as it is, or to the names inside it.
Shown = Mapping[str, Any]

_STUDY: Shown = dict.fromkeys(("study_id", "study_date", "report_status", "critical"))
FIND_ANSWER: Shown = {
    "status": None,
    "matches": {"patient_id": None, "patient_birth_date": None, "studies": _STUDY},
    **dict.fromkeys(("nearest", "total", "today", "next_step")),
}
SEGMENT_ANSWER: Shown = {
    "film": None,
    "critical": None,
    "findings": dict.fromkeys(("name", "area_mm2", "share_of_body", "bounding_box")),
    **dict.fromkeys(("not_assessed", "measures", "summary", "next_step")),
}
REPORT_ANSWER: Shown = {
    **dict.fromkeys(("report_id", "film", "version", "status", "signed_report")),
    **dict.fromkeys(("critical", "critical_certainty", "sections", "sentences")),
    "findings": dict.fromkeys(("finding", "presence", "probability", "agreed")),
    **dict.fromkeys(("comparison", "measures", "flags", "next_step")),
}


def shown_of(schema: dict[str, Any], shown: Shown) -> dict[str, Any]:
    """The schema of an object, without references, cut down to what is shown of it.

    Raises:
        KeyError: the object has no such field.
    """
    inside: dict[str, Any] = schema["properties"]
    kept = {name: _field(inside[name], deeper) for name, deeper in shown.items()}
    required = [name for name in schema.get("required", ()) if name in shown]
    return {"type": "object", "properties": kept, "required": required}


def _field(field: dict[str, Any], shown: Shown | None) -> dict[str, Any]:
    if shown is not None:
        return {"type": "array", "items": shown_of(field["items"], shown)}
    if field.get("type") in ("array", "object"):
        return {"type": field["type"]}
    return field
