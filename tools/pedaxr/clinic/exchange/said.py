"""What our own files say of a film beside its outlines: who decided what, when, in front of which weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from pedaxr.clinic.annotate import Annotation, Decision
from pedaxr.clinic.exchange.outlined import finding_named
from pedaxr.text import printable
from pedaxr_models.labels import Finding


@dataclass(frozen=True)
class Said:
    """Of one film; empty where a file of another program says nothing."""

    decisions: Mapping[Finding, Decision] = field(default_factory=dict)
    is_unsuitable: bool = False
    sha256: str = ""
    author: str = ""


def write_said(one: Annotation) -> dict[str, Any]:
    """Author, time and decisions: what is known absent, and what nobody could say, are not the same."""
    return {
        "annotation_id": one.annotation_id,
        "version": one.version,
        "author": one.author,
        "created_at": one.created_at.isoformat(),
        "model": one.model,
        "image_sha256": one.image_sha256,
        "is_unsuitable": one.is_unsuitable,
        "decisions": {finding.value: found.decision for finding, found in one.findings.items()},
    }


def read_said(said: object) -> Said:
    """The inverse, as far as it is there; anything else counts as nothing."""
    if not isinstance(said, Mapping):
        return Said()
    given = said.get("decisions")
    known = get_args(Decision)
    named = {finding_named(name): word for name, word in given.items()} if isinstance(given, Mapping) else {}
    return Said(
        decisions={finding: word for finding, word in named.items() if finding is not None and word in known},
        is_unsuitable=said.get("is_unsuitable") is True,
        sha256=str(said.get("image_sha256") or ""),
        author=printable(str(said.get("author") or ""), 100),
    )
