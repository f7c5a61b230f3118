"""Who did, read or searched what: everything that touches a patient passes through here.

    with accessing(home, "find_patient", query=...):   a read, search or refusal, for the access log
        note(patient_ids=[...])                        what it showed, from anywhere below
    record(connection, "report", ...)                  a change, in the transaction that makes it

An access inside an access is part of it. What cannot be written down because the disk is full or failing does
not stop a read: it is counted, and the count is written with the next entry.
"""

import logging
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from functools import wraps
from pathlib import Path
from sqlite3 import Connection
from typing import ParamSpec, Protocol, TypeVar, cast
from uuid import uuid4

from pedaxr.audit import chain as audit_chain
from pedaxr.audit.access_log import AccessLog
from pedaxr.audit.callers import Caller, current_caller
from pedaxr.audit.chain import OK, Entry
from pedaxr.errors import PedaxrError
from pedaxr.storage.home import REGISTRY_FILE, default_home
from pedaxr.text import counted

P = ParamSpec("P")
R = TypeVar("R")
_LONGEST_QUERY = 500
_log = logging.getLogger(__name__)


class HasHome(Protocol):
    """A clinic, as far as the trail needs it."""

    @property
    def home(self) -> Path:
        """Its folder."""


@dataclass
class _Access:
    """What one call has shown so far; dictionaries serve as ordered sets."""

    action: str
    query: str | None
    study_id: str | None
    patient_ids: dict[str, None] = field(default_factory=dict)
    weights: dict[str, None] = field(default_factory=dict)
    image_sha256: str | None = None
    report_id: str | None = None


_access: ContextVar[_Access | None] = ContextVar("pedaxr_access", default=None)
_missed: dict[Path, int] = {}


@contextmanager
def accessing(
    home: Path | None, action: str, *, query: str | None = None, study_id: str | None = None
) -> Iterator[None]:
    """Write down what the block does, with its outcome, before it is left.

    Args:
        home: of the clinic; None writes nothing (a film that belongs to no clinic).
        action: the tool, or the kind of document that is read.
        query: what is searched for.
        study_id: of the film asked for, whether there is one or not.
    """
    if home is None or _access.get() is not None:
        yield
        return
    access = _Access(action, query, study_id)
    token = _access.set(access)
    outcome = "failed"  # by a bug or a cancellation
    try:
        yield
        outcome = OK
    except PedaxrError as err:
        outcome = err.code
        raise
    finally:
        _access.reset(token)
        _write(home, _entry(access, outcome))


def audited(tool: Callable[P, R]) -> Callable[P, R]:
    """Write down every call of a tool whose first argument is a study_id, and whose `clinic` may be given."""

    @wraps(tool)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        study_id = args[0] if args else kwargs.get("study_id")
        clinic = cast("HasHome | str | os.PathLike[str] | None", kwargs.get("clinic"))
        home = home_of(clinic) if study_id or clinic else None
        with accessing(home, tool.__name__, study_id=study_id if isinstance(study_id, str) else None):
            return tool(*args, **kwargs)

    return wrapper


def home_of(clinic: "HasHome | str | os.PathLike[str] | None") -> Path | None:
    """Where what is done in a clinic is written down: its home, or the folder named if a clinic is there.

    Of what is no clinic there is none; whoever opens it says so.
    """
    if clinic is not None and not isinstance(clinic, str | os.PathLike):
        return getattr(clinic, "home", None)
    named = None if clinic is None else os.fspath(clinic)
    if not isinstance(named, str | None):
        return None
    home = default_home() if named is None else Path(os.path.expanduser(named))  # noqa: PTH111
    return home if (home / REGISTRY_FILE).is_file() else None


def note(
    *,
    patient_ids: Iterable[str] = (),
    study_id: str | None = None,
    report_id: str | None = None,
    image_sha256: str | None = None,
    weights: str | None = None,
) -> None:
    """Add to the access under way what is shown by it; the study asked for stays the first one named."""
    access = _access.get()
    if access is None:
        return
    access.patient_ids |= dict.fromkeys(patient_ids)
    access.weights |= {weights: None} if weights else {}
    access.report_id = report_id or access.report_id
    if study_id is not None and access.study_id in (None, study_id):
        access.study_id = study_id
        access.image_sha256 = image_sha256 or access.image_sha256


def refused(
    home: Path,
    action: str,
    outcome: str,
    *,
    caller: Caller,
    study_id: str | None = None,
    detail: str | None = None,
) -> None:
    """Write down a refusal that no tool saw: no login, no scope, no place."""
    entry = _entry(_Access(action, None, study_id), outcome, caller)
    _write(home, replace(entry, detail=detail))


def record(
    connection: Connection,
    action: str,
    *,
    patient_ids: Iterable[str] = (),
    study_id: str | None = None,
    report_id: str | None = None,
    image_sha256: str | None = None,
    detail: str | None = None,
) -> None:
    """Write down a change in the transaction that makes it."""
    audit_chain.append(
        connection,
        [
            act(
                action,
                patient_ids=patient_ids,
                study_id=study_id,
                report_id=report_id,
                image_sha256=image_sha256,
                detail=detail,
            )
        ],
    )


def act(
    action: str,
    *,
    patient_ids: Iterable[str] = (),
    study_id: str | None = None,
    report_id: str | None = None,
    image_sha256: str | None = None,
    detail: str | None = None,
) -> Entry:
    """The entry of a change by the present caller, with the networks that had a part in it."""
    access, caller = _access.get(), current_caller()
    return Entry(
        entry_id=uuid4().hex,
        at=audit_chain.now(),
        action=action,
        outcome=OK,
        user=_text(caller.user),
        client=_text(caller.client),
        request_id=caller.request_id,
        patient_ids=tuple(patient_ids),
        study_id=study_id,
        report_id=report_id,
        image_sha256=image_sha256,
        weights=tuple(access.weights) if access else (),
        detail=detail,
    )


def _entry(access: _Access, outcome: str, caller: Caller | None = None) -> Entry:
    caller = caller or current_caller()
    return Entry(
        entry_id=uuid4().hex,
        at=audit_chain.now(),
        action=access.action,
        outcome=outcome,
        user=_text(caller.user),
        client=_text(caller.client),
        request_id=caller.request_id,
        patient_ids=tuple(access.patient_ids),
        study_id=_text(access.study_id) if access.study_id else None,
        report_id=access.report_id,
        image_sha256=access.image_sha256,
        weights=tuple(access.weights),
        query=_text(access.query) if access.query is not None else None,
    )


def _write(home: Path, entry: Entry) -> None:
    missed = _missed.pop(home, 0)
    if missed:
        gap = f"{counted(missed, 'entry')} before this one could not be written"
        entry = replace(entry, detail=f"{entry.detail}; {gap}" if entry.detail else gap)
    try:
        if home.is_dir():
            AccessLog(home).add(entry)
    except OSError as err:
        _missed[home] = missed + 1
        _log.error("An access could not be written down [errno %s]", err.errno)


def _text(text: str) -> str:
    """Short, and storable whatever it holds."""
    return text[:_LONGEST_QUERY].encode("utf-8", "replace").decode()
