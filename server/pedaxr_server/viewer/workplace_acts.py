"""What each of the page's calls does: from a checked request to the bytes of an answer.

Signing asks what the terminal asks: the film was read by whoever signs, by name, and of a critical finding
who was told. A program can send what a person would click, so without a login it also takes a one-time code
that a person made at a terminal. The imports inside reach the registry.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pedaxr.errors import InvalidRequest

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic

Model = TypeVar("Model", bound=BaseModel)
_NO_CODE = (
    "Without a login a signature needs a one-time code. Whoever signs makes one at a terminal: "
    "pedaxr reports code --by NAME."
)


@dataclass(frozen=True)
class Asked:
    """One request.

    Attributes:
        home: of the clinic; None means the default one.
        names: from the path and the query.
        body: JSON, None without one.
        login: whose it is, in words; empty without one.
    """

    home: Path | None
    names: Mapping[str, str]
    body: object = None
    login: str = ""


@dataclass(frozen=True)
class Answer:
    """One answer, as it goes out."""

    data: bytes
    media_type: str = "application/json"
    file_name: str = ""


class Signature(BaseModel):
    """What a human gives to sign a draft."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=100)
    has_read_film: bool
    code: str = Field(default="", max_length=100)
    impression: str = Field(default="", max_length=4000)
    told: str = Field(default="", max_length=500)


class Amendment(BaseModel):
    """What a human gives to amend a signed report."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str = Field(max_length=100)
    has_read_film: bool
    code: str = Field(default="", max_length=100)
    text: str = Field(max_length=4000)


def sign(asked: Asked) -> Answer:
    """Make a draft the final report."""
    from pedaxr.reports.sign_off import finalise

    given = _read(Signature, asked.body)
    _check_was_read(given.has_read_film)
    with _confirmed(asked, given) as confirmed:
        final = finalise(
            asked.names["report_id"],
            by=given.name,
            impression=given.impression or None,
            told=given.told or None,
            confirmed=confirmed,
            clinic=_clinic(asked),
        )
    return _json(final.model_dump(mode="json"))


def amend_signed(asked: Asked) -> Answer:
    """Put a human's words on a signed report."""
    from pedaxr.reports.sign_off import amend

    given = _read(Amendment, asked.body)
    _check_was_read(given.has_read_film)
    with _confirmed(asked, given) as confirmed:
        amended = amend(
            asked.names["report_id"],
            by=given.name,
            text=given.text,
            confirmed=confirmed,
            clinic=_clinic(asked),
        )
    return _json(amended.model_dump(mode="json"))


def list_annotations(asked: Asked) -> Answer:
    """Every annotation of a film, oldest first, and what they come to."""
    from pedaxr.clinic.annotate import annotations_of, merged

    found = annotations_of(asked.names["study_id"], clinic=_clinic(asked))
    current = merged(found)
    return _json(
        {
            "annotations": [one.model_dump(mode="json") for one in found],
            "current": current and current.model_dump(mode="json"),
        }
    )


def save_annotation(asked: Asked) -> Answer:
    """Store an annotation as the next version."""
    from pedaxr.clinic.annotate import NewAnnotation, annotate

    body = asked.body if isinstance(asked.body, dict) else {}
    author = body.get("author")
    given = _read(NewAnnotation, {name: value for name, value in body.items() if name != "author"})
    if not isinstance(author, str):
        raise InvalidRequest("Give the author's name.")
    saved = annotate(asked.names["study_id"], given, by=author, clinic=_clinic(asked))
    return _json(saved.model_dump(mode="json"))


def export(asked: Asked) -> Answer:
    """What humans have annotated, as a ZIP archive in one of the formats; of one study where it is named."""
    from pedaxr.clinic.export_annotations import export_annotations, to_export

    kind = asked.names.get("format", "coco")
    clinic = _clinic(asked)
    found = to_export(asked.names.get("study_id"), clinic=clinic)
    return Answer(
        export_annotations(found, kind, clinic=clinic), "application/zip", f"annotations-{kind}.zip"
    )


def teaching(asked: Asked) -> Answer:
    """Films that would teach most if somebody corrected them next."""
    from pedaxr.clinic.teaching import teaching_films

    return _json(teaching_films(clinic=_clinic(asked)).model_dump(mode="json"))


@contextmanager
def _confirmed(asked: Asked, given: Signature | Amendment) -> Iterator[str]:
    """The block signs; yields how it is known who does."""
    from pedaxr.reports.sign_off import human_name
    from pedaxr.reports.signers import spending

    if asked.login:
        yield asked.login
        return
    if not given.code:
        raise InvalidRequest(_NO_CODE)
    with spending(_clinic(asked).home, given.code, by=human_name(given.name)) as confirmed:
        yield f"on the page, {confirmed}"


def _check_was_read(has_read_film: bool) -> None:
    if not has_read_film:
        raise InvalidRequest("Whoever signs has read the film. Tick the box once you have.")


def _clinic(asked: Asked) -> "Clinic":
    from pedaxr.clinic import open_clinic

    return open_clinic(asked.home)


def _read(kind: type[Model], body: object) -> Model:
    """What was sent, checked. Raises InvalidRequest: it names what is wrong and repeats no value."""
    try:
        return kind.model_validate_json(json.dumps(body))
    except ValidationError as err:
        faults = err.errors(include_input=False, include_url=False, include_context=False)
        told = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in faults[:5])
        raise InvalidRequest(f"{told}.") from err


def _json(data: Any) -> Answer:
    return Answer(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
