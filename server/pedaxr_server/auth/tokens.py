"""Who may call what over HTTP: bearer tokens (JWT, RFC 7519 and RFC 9068) and one scope per kind of data.

The server is an OAuth 2.1 resource server only: tokens come from the clinic's own issuer. The MCP SDK reads
the header and answers 401; this module checks the token and knows the scopes. On stdio, and on loopback
without an issuer, there is no token and whoever started the server may do everything.
"""

import time
from collections.abc import Mapping
from typing import Any

from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.provider import AccessToken
from mcp.server.auth.settings import AuthSettings
from pydantic import AnyHttpUrl, ConfigDict, TypeAdapter

from pedaxr.errors import InvalidRequest
from pedaxr_server.settings import Settings

PATIENTS_READ = "patients:read"
FILMS_READ = "films:read"
REPORTS_READ = "reports:read"
REPORTS_WRITE = "reports:write"
REPORTS_SIGN = "reports:sign"  # of its own: who may have drafts made may not sign them by that
ANNOTATIONS_WRITE = "annotations:write"  # in the viewer; no tool needs it
SCOPES = (PATIENTS_READ, FILMS_READ, REPORTS_READ, REPORTS_WRITE, REPORTS_SIGN, ANNOTATIONS_WRITE)
TOOL_SCOPES: Mapping[str, str] = {
    "find_patient": PATIENTS_READ,
    "segment_xray": FILMS_READ,
    "generate_report": REPORTS_WRITE,
    "finalise_report": REPORTS_SIGN,
}
_REQUIRED_CLAIMS = ["exp", "iat", "iss", "aud", "sub"]
_LONGEST_TOKEN = 8192
_LONGEST_NAME = 255
_LONGEST_LIFE_S = 24 * 3600  # a token that lives longer is a password


class TokenVerifier:
    """Checks bearer tokens against the issuer's keys; the SDK calls it for each request."""

    def __init__(self, settings: Settings) -> None:
        from pedaxr_server.auth.issuer_keys import Keys  # not on stdio, which has no tokens: it loads slowly

        self._settings = settings
        self._keys = Keys(settings.auth_key_file, settings.auth_secret)

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's owner and scopes, or None: it is not said what was wrong with it.

        Signature, issuer, audience, a named subject, expiry and a life of at most a day are all required.
        """
        claims = self._claims(token)
        if claims is None or not _is_short_lived(claims) or not _names_somebody(claims):
            return None
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or claims["sub"]),
            scopes=scopes_of(claims),
            expires_at=int(claims["exp"]) + self._settings.clock_skew_s,
            resource=self._settings.resource_url,  # the audience has been checked
            subject=str(claims["sub"]),
            claims={"iss": claims["iss"], "departments": departments_in(claims)},
        )

    def _claims(self, token: str) -> dict[str, Any] | None:
        import jwt

        if len(token) > _LONGEST_TOKEN:
            return None
        try:
            key = self._keys.of(jwt.get_unverified_header(token))
            claims: dict[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=list(key.algorithms),
                audience=self._settings.audience,
                issuer=self._settings.auth_issuer,
                leeway=self._settings.clock_skew_s,
                options={"require": _REQUIRED_CLAIMS},
            )
        except jwt.PyJWTError:
            return None
        return claims


def _is_short_lived(claims: Mapping[str, Any]) -> bool:
    """Times are numbers (RFC 7519, section 2); PyJWT takes a string of digits as well."""
    issued, expires = claims["iat"], claims["exp"]
    are_numbers = isinstance(issued, int | float) and isinstance(expires, int | float)
    return are_numbers and expires - issued <= _LONGEST_LIFE_S


def _names_somebody(claims: Mapping[str, Any]) -> bool:
    """A subject that a person or program can have: the audit trail and the shares of clients go by it."""
    subject, client = claims["sub"], claims.get("client_id") or claims.get("azp") or claims["sub"]
    return all(
        isinstance(name, str)
        and name == name.strip() != ""
        and name.isprintable()
        and len(name) <= _LONGEST_NAME
        for name in (subject, client)
    )


def scopes_of(claims: Mapping[str, Any]) -> list[str]:
    """Scopes as `scope` (RFC 8693: one string) or `scp` (a list or string, as some issuers write it)."""
    given = claims.get("scope") or claims.get("scp") or ""
    listed = given.split() if isinstance(given, str) else given
    return [str(scope) for scope in listed] if isinstance(listed, list) else []


def departments_in(claims: Mapping[str, Any]) -> list[str] | None:
    """The claim `departments`: a list, or names between spaces; None without it, none for anything else."""
    if "departments" not in claims:
        return None
    given = claims["departments"]
    listed = given.split() if isinstance(given, str) else given
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def auth_settings(settings: Settings) -> AuthSettings | None:
    """What the SDK needs to know to ask for tokens; None without an issuer."""
    if settings.auth_issuer is None:
        return None
    return AuthSettings(
        issuer_url=web_address(settings.auth_issuer),
        resource_server_url=web_address(settings.resource_url),
        validate_token_resource=False,  # TokenVerifier checks the audience itself
    )


def web_address(text: str) -> AnyHttpUrl:
    """The address as it was written: issuers are compared as strings, so no slash may be added."""
    return TypeAdapter(AnyHttpUrl, config=ConfigDict(url_preserve_empty_path=True)).validate_python(text)


def scope_needed(method: str, params: Mapping[str, Any]) -> str | None:
    """The scope that a request needs; None for what shows no patient (lists, prompts, ping).

    An unknown tool needs the strongest scope and an unknown address any: nothing is open by omission.
    """
    if method == "tools/call":
        return TOOL_SCOPES.get(str(params.get("name")), REPORTS_SIGN)
    if method in ("resources/read", "resources/subscribe"):
        return _resource_scope(str(params.get("uri")))
    if method == "completion/complete":
        return PATIENTS_READ
    return None


def _resource_scope(uri: str) -> str | None:
    if uri.startswith("ui://"):  # the viewer's page, without data
        return None
    if uri.startswith("pedaxr://patients/"):
        return PATIENTS_READ
    if uri == "pedaxr://worklist":
        return REPORTS_READ
    document = uri.rsplit("/", 1)[-1]
    return REPORTS_READ if document.startswith("report") else FILMS_READ


def scope_missing(method: str, params: Mapping[str, Any]) -> str | None:
    """The scope that the present caller lacks for a request; None when it may proceed."""
    token = get_access_token()
    needed = scope_needed(method, params)
    return needed if token is not None and needed is not None and needed not in token.scopes else None


def may(scope: str) -> bool:
    """Whether the present caller has `scope`; without a login everybody has."""
    token = get_access_token()
    return token is None or scope in token.scopes


def mint_token(
    settings: Settings,
    *,
    subject: str,
    scopes: list[str],
    minutes: int,
    departments: list[str] | None = None,
) -> str:
    """A development token, signed with the shared secret. Real ones come from the clinic's issuer.

    Raises:
        InvalidRequest: the settings hold no issuer, or no shared secret.
    """
    if settings.auth_issuer is None:
        raise InvalidRequest("There is no issuer to make tokens for. Set auth_issuer and a shared secret.")
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": settings.auth_issuer,
        "aud": settings.audience,
        "sub": subject,
        "client_id": "pedaxr-token",
        "scope": " ".join(scopes),
        "iat": now,
        "exp": now + 60 * minutes,
    }
    if departments is not None:
        claims["departments"] = departments
    import jwt

    from pedaxr_server.auth.issuer_keys import Keys

    secret = Keys(settings.auth_key_file, settings.auth_secret).shared_secret()
    return jwt.encode(claims, secret, algorithm="HS256", headers={"typ": "at+jwt"})
