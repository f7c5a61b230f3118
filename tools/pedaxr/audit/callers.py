"""Who asks: known to every part of one call, so that it can be written down and so that what is not theirs
stays out of sight.

The server names the caller of each message; on stdio and at a terminal it is whoever started the program. The
reading worker gets the caller with the job.
"""

import getpass
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True)
class Caller:
    """One human or program, through one client.

    Attributes:
        user: as the login names them; at a terminal the account of the operating system.
        client: the program that speaks for them.
        departments: whose patients they may see; None is all, also patients of no department.
        request_id: of the message that is being answered, to find it again in the log.
    """

    user: str
    client: str
    departments: frozenset[str] | None = None
    request_id: str | None = None

    def to_json(self) -> str:
        """For another process."""
        listed = None if self.departments is None else sorted(self.departments)
        return json.dumps([self.user, self.client, listed, self.request_id])

    @classmethod
    def from_json(cls, text: str) -> "Caller":
        """What `to_json` wrote."""
        user, client, listed, request_id = json.loads(text)
        return cls(user, client, None if listed is None else frozenset(listed), request_id)


_caller: ContextVar[Caller | None] = ContextVar("pedaxr_caller", default=None)


def current_caller() -> Caller:
    """Whoever asks now."""
    return _caller.get() or Caller(user=_account(), client="local")


@contextmanager
def called_by(caller: Caller) -> Iterator[None]:
    """Everything in the block is done for `caller`."""
    token = _caller.set(caller)
    try:
        yield
    finally:
        _caller.reset(token)


def _account() -> str:
    uid = os.getuid() if hasattr(os, "getuid") else None
    return _account_of(uid, *map(os.environ.get, _ACCOUNT_VARIABLES))


@lru_cache(maxsize=8)
def _account_of(uid: int | None, *named: str | None) -> str:
    """Looked up once: every search asks several times, and the accounts are a file or a server."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container whose user has no name
        return "unknown" if uid is None else f"uid {uid}"


_ACCOUNT_VARIABLES = ("LOGNAME", "USER", "LNAME", "USERNAME")  # as `getpass.getuser` reads them
