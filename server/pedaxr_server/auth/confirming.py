"""How the command line knows that a person signs: asked at a terminal, by a one-time code, or by a login."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.errors import InvalidRequest

if TYPE_CHECKING:
    from pedaxr.audit.callers import Caller

TOKEN_VARIABLE = "PEDAXR_TOKEN"
AT_A_TERMINAL = "at a terminal"
_UNCONFIRMED = (
    "--yes signs for nobody who was not asked. Add --code with a one-time code (pedaxr reports code, at a "
    f"terminal), or put a token with the scope reports:sign into {TOKEN_VARIABLE}."
)


@contextmanager
def signing(yes: bool, code: str | None, by: str, home: Path) -> Iterator[str]:
    """The block signs; yields how that was confirmed, and with a login signs as its owner.

    Raises:
        InvalidRequest: `yes` without a code or a login, or with one that is not good.
    """
    from pedaxr.audit.callers import called_by

    if code is not None:
        from pedaxr.reports.sign_off import human_name
        from pedaxr.reports.signers import spending

        with spending(home, code, by=human_name(by)) as confirmed:
            yield confirmed
    elif not yes:
        yield AT_A_TERMINAL
    else:
        owner = _signed_in(home)
        with called_by(owner):
            yield f"by login {owner.user} ({owner.client})"


def _signed_in(home: Path) -> "Caller":
    import anyio

    from pedaxr.audit.callers import Caller
    from pedaxr_server.auth.identity import departments_of
    from pedaxr_server.auth.tokens import REPORTS_SIGN, TokenVerifier
    from pedaxr_server.settings_sources import gather

    token, settings = os.environ.get(TOKEN_VARIABLE, ""), gather({"home": home}, os.environ).settings
    if not token or settings.auth_issuer is None:
        raise InvalidRequest(_UNCONFIRMED)
    found = anyio.run(TokenVerifier(settings).verify_token, token)
    if found is None or REPORTS_SIGN not in found.scopes:
        raise InvalidRequest(f"The token in {TOKEN_VARIABLE} is not good for signing. Sign in again.")
    return Caller(str(found.subject), found.client_id, departments=departments_of(found, settings))
