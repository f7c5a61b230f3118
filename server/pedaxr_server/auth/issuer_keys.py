"""The issuer's keys, and with each the algorithms that a token may have been signed with.

The algorithm follows from the key and never from the token: a token that names its own (`none`, or HMAC over
a public key) is refused. See RFC 8725, section 3.1.
"""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from jwt.algorithms import AllowedPublicKeys

from pedaxr.errors import InvalidRequest

LEAST_SECRET_BYTES = 32  # RFC 7518, section 3.2: as long as the hash
_LEAST_RSA_BITS = 2048
_RSA = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512")
_CURVES = {"secp256r1": "ES256", "secp384r1": "ES384", "secp521r1": "ES512"}


@dataclass(frozen=True, repr=False)
class Key:
    """One key.

    Attributes:
        key: a public key of `cryptography`, or the bytes of a shared secret.
    """

    key: AllowedPublicKeys | bytes
    algorithms: tuple[str, ...]


class Keys:
    """Keys by key id; the file is read again when it was changed, so that an issuer can change its keys."""

    def __init__(self, file: Path | None, secret: str | None) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._stamp: tuple[int, int] | None = None
        self._keys: dict[str | None, Key] = {}
        if secret is not None:
            self._keys = {None: _secret_key(secret.encode())}
        else:
            self._refresh()

    def of(self, header: Mapping[str, Any]) -> Key:
        """The key that the token's header names; the only one when it names none.

        Raises:
            jwt.PyJWTError: there is no such key, or the header's algorithm is not one of that key.
        """
        with self._lock:
            self._refresh_quietly()
            keys = self._keys
        kid = header.get("kid")
        key = keys.get(kid if isinstance(kid, str) else None)
        if key is None and len(keys) == 1 and (kid is None or None in keys):
            key = next(iter(keys.values()))
        if key is None or header.get("alg") not in key.algorithms:
            raise jwt.InvalidKeyError("no key for this token")
        return key

    def shared_secret(self) -> bytes:
        """The secret, to sign with.

        Raises:
            InvalidRequest: tokens are checked with a public key, which cannot sign.
        """
        key = self._keys.get(None)
        if key is None or not isinstance(key.key, bytes):
            raise InvalidRequest(
                "Tokens can only be made with a shared secret. Ask your issuer for one, or set "
                "PEDAXR_AUTH_SECRET."
            )
        return key.key

    def _refresh_quietly(self) -> None:
        """A file that is being replaced, or was replaced by a broken one, leaves the old keys in force."""
        try:
            self._refresh()
        except InvalidRequest:
            return

    def _refresh(self) -> None:
        if self._file is None:
            return
        try:
            stat = self._file.stat()
            stamp = (stat.st_mtime_ns, stat.st_size)
            if stamp != self._stamp:
                self._keys = parse_keys(self._file.read_bytes())
                self._stamp = stamp
        except OSError as err:
            raise InvalidRequest(
                "The file of auth_key_file cannot be read. Correct the path or its rights."
            ) from err


def parse_keys(data: bytes) -> dict[str | None, Key]:
    """Keys from a JWK set, one JWK, a PEM public key, or else a shared secret.

    Raises:
        InvalidRequest: the key is too weak, private or of an unknown kind.
    """
    text = data.strip()
    if text.startswith(b"{"):
        return _json_keys(text)
    if text.startswith(b"-----BEGIN"):
        return {None: _pem_key(text)}
    return {None: _secret_key(text)}


def _json_keys(text: bytes) -> dict[str | None, Key]:
    try:
        data = json.loads(text)
        listed = data.get("keys", [data])
        keys = {jwk.get("kid"): jwt.PyJWK(jwk).key for jwk in listed if jwk.get("use", "sig") == "sig"}
    except (jwt.PyJWTError, ValueError, KeyError, TypeError, AttributeError) as err:
        raise InvalidRequest(
            "auth_key_file begins like a JWK set but is not one. Fetch the issuer's set again."
        ) from err
    if not keys or len(keys) != len(listed):
        raise InvalidRequest("auth_key_file must hold signing keys with different key ids, and only those.")
    return {kid: _public_key(key) for kid, key in keys.items()}


def _pem_key(text: bytes) -> Key:
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        return _public_key(load_pem_public_key(text))
    except ValueError as err:
        raise InvalidRequest(
            "auth_key_file is not a public key. Give the issuer's public key, not a private one."
        ) from err


def _public_key(key: object) -> Key:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

    if isinstance(key, RSAPublicKey) and key.key_size >= _LEAST_RSA_BITS:
        return Key(key, _RSA)
    if isinstance(key, EllipticCurvePublicKey) and key.curve.name in _CURVES:
        return Key(key, (_CURVES[key.curve.name],))
    if isinstance(key, Ed25519PublicKey):
        return Key(key, ("EdDSA",))
    raise InvalidRequest(
        "auth_key_file holds a key that cannot be used. Use the public half of RSA with "
        f"{_LEAST_RSA_BITS} bits or more, of EC on P-256, P-384 or P-521, or of Ed25519."
    )


def _secret_key(secret: bytes) -> Key:
    if len(secret) < LEAST_SECRET_BYTES:
        raise InvalidRequest(
            f"The shared secret is shorter than {LEAST_SECRET_BYTES} bytes. Make one: "
            "python -c 'import secrets; print(secrets.token_urlsafe(32))'."
        )
    return Key(secret, ("HS256",))
