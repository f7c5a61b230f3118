"""Tokens: what is accepted, and everything near it that is not."""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from pedaxr.errors import InvalidRequest
from pedaxr_server.auth.issuer_keys import parse_keys
from pedaxr_server.auth.tokens import SCOPES, TOOL_SCOPES, TokenVerifier, mint_token, scope_needed
from pedaxr_server.cli.serve import SCOPES as OFFERED
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.settings import Settings

pytestmark = pytest.mark.anyio
SECRET = "a shared secret for tests, long enough for the longest hash that there is"
ISSUER = "https://issuer.example"
RSA_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
SETTINGS = Settings(auth_issuer=ISSUER, auth_secret=SECRET)


def claims(**changed: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": ISSUER,
        "aud": SETTINGS.audience,
        "sub": "somebody",
        "scope": "patients:read films:read",
        "iat": now,
        "exp": now + 300,
    }
    return {name: value for name, value in (good | changed).items() if value is not None}


def signed(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **changed: Any) -> str:
    return jwt.encode(claims(**changed), key, algorithm=algorithm, headers={"kid": kid} if kid else None)


def pem(key: Any) -> bytes:
    return bytes(
        key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


def jwk(key: Any, kid: str) -> dict[str, Any]:
    algorithm = (
        jwt.algorithms.RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else jwt.algorithms.ECAlgorithm
    )
    return {**algorithm.to_jwk(key.public_key(), as_dict=True), "kid": kid, "use": "sig"}


def with_file(path: Path, data: bytes) -> TokenVerifier:
    path.write_bytes(data)
    return TokenVerifier(Settings(auth_issuer=ISSUER, auth_key_file=path))


async def test_a_good_token_names_its_owner_and_scopes() -> None:
    token = await TokenVerifier(SETTINGS).verify_token(signed())
    assert token is not None
    assert (token.subject, token.scopes) == ("somebody", ["patients:read", "films:read"])
    assert token.resource == SETTINGS.resource_url
    assert token.expires_at is not None


async def test_the_developers_token_is_accepted() -> None:
    made = mint_token(SETTINGS, subject="me", scopes=["films:read"], minutes=5)
    token = await TokenVerifier(SETTINGS).verify_token(made)
    assert token is not None and token.scopes == ["films:read"]


NOW = int(time.time())


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"exp": NOW - 3600, "iat": NOW - 7200}, id="expired"),
        pytest.param({"exp": None}, id="no expiry"),
        pytest.param({"exp": 0}, id="expiry zero"),
        pytest.param({"exp": str(NOW + 300)}, id="expiry in a string"),
        pytest.param({"exp": float("inf")}, id="no end"),
        pytest.param({"iat": str(NOW)}, id="issue time in a string"),
        pytest.param({"iat": None}, id="no issue time"),
        pytest.param({"iat": NOW + 3600, "exp": NOW + 7200}, id="issued tomorrow"),
        pytest.param({"nbf": NOW + 3600}, id="not valid yet"),
        pytest.param({"exp": NOW + 30 * 86400}, id="lives a month"),
        pytest.param({"aud": "https://elsewhere.example/mcp"}, id="other audience"),
        pytest.param({"aud": SETTINGS.audience + "/"}, id="nearly the audience"),
        pytest.param({"aud": None}, id="no audience"),
        pytest.param({"iss": "https://other.example"}, id="other issuer"),
        pytest.param({"iss": ISSUER + "/"}, id="nearly the issuer"),
        pytest.param({"iss": None}, id="no issuer"),
        pytest.param({"sub": None}, id="nobody's"),
        *(
            pytest.param({"sub": subject}, id=f"of {subject!r:.12}")
            for subject in (
                "",
                " ",
                "\t",
                "a\nb",
                " somebody",
                "some\u202ebody",
                "\u200b",
                "x" * 256,
                7,
                ["a"],
            )
        ),
        pytest.param({"client_id": "\n"}, id="a client that is a line"),
        pytest.param({"key": SECRET + "x"}, id="other secret"),
        pytest.param({"algorithm": "HS512"}, id="other algorithm"),
    ],
)
async def test_a_token_with_one_fault_is_refused(changed: dict[str, Any]) -> None:
    assert await TokenVerifier(SETTINGS).verify_token(signed(**changed)) is None


async def test_clock_skew_is_allowed_and_no_more() -> None:
    verifier = TokenVerifier(Settings(auth_issuer=ISSUER, auth_secret=SECRET, clock_skew_s=60))
    late = {"iat": NOW - 600}
    assert await verifier.verify_token(signed(**late, exp=int(time.time()) - 20)) is not None
    assert await verifier.verify_token(signed(**late, exp=int(time.time()) - 90)) is None


@pytest.mark.parametrize(
    "text", ["", "x", "a.b.c", "..", "\u0000", "x" * 100_000, "eyJhbGciOiJub25lIn0.e30."]
)
async def test_what_is_no_token_is_refused(text: str) -> None:
    assert await TokenVerifier(SETTINGS).verify_token(text) is None


async def test_an_unsigned_token_is_refused() -> None:
    assert await TokenVerifier(SETTINGS).verify_token(jwt.encode(claims(), None, algorithm="none")) is None


@pytest.mark.parametrize(
    ("key", "algorithm"),
    [
        pytest.param(RSA_KEY, "RS256", id="RSA"),
        pytest.param(RSA_KEY, "PS256", id="RSA-PSS"),
        pytest.param(ec.generate_private_key(ec.SECP256R1()), "ES256", id="EC"),
        pytest.param(ed25519.Ed25519PrivateKey.generate(), "EdDSA", id="Ed25519"),
    ],
)
async def test_public_keys_of_each_kind_check_tokens(tmp_path: Path, key: Any, algorithm: str) -> None:
    verifier = with_file(tmp_path / "key.pem", pem(key))
    assert await verifier.verify_token(signed(key, algorithm)) is not None
    assert await verifier.verify_token(signed()) is None, "another key"


async def test_a_public_key_is_never_taken_for_a_shared_secret(tmp_path: Path) -> None:
    """The classic: the attacker signs with HMAC over the public key, which everybody knows."""
    verifier = with_file(tmp_path / "key.pem", pem(RSA_KEY))
    forged = jwt.api_jws.PyJWS().encode(
        json.dumps(claims()).encode(), b"x" * 40, algorithm="HS256", headers={"typ": "JWT"}
    )
    head, body, _ = forged.split(".")
    import base64
    import hashlib
    import hmac

    mac = hmac.new(pem(RSA_KEY).strip(), f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert (
        await verifier.verify_token(f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}")
        is None
    )


async def test_a_key_set_is_searched_by_key_id_and_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "jwks.json"
    new = ec.generate_private_key(ec.SECP256R1())
    verifier = with_file(path, json.dumps({"keys": [jwk(RSA_KEY, "old"), jwk(new, "new")]}).encode())
    assert await verifier.verify_token(signed(RSA_KEY, "RS256", "old")) is not None
    assert await verifier.verify_token(signed(RSA_KEY, "RS256", "new")) is None, "the key of another id"
    assert await verifier.verify_token(signed(RSA_KEY, "RS256")) is None, "which of two?"
    path.write_text(json.dumps({"keys": [jwk(new, "new")]}))
    assert await verifier.verify_token(signed(RSA_KEY, "RS256", "old")) is None, "withdrawn"
    assert await verifier.verify_token(signed(new, "ES256", "new")) is not None
    path.write_text("{ broken")
    os.utime(path, ns=(1, 1))
    assert await verifier.verify_token(signed(new, "ES256", "new")) is not None, "the last good set stays"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"short", id="short secret"),
        pytest.param(b"", id="empty"),
        pytest.param(b"{}", id="no set"),
        pytest.param(b'{"keys": []}', id="empty set"),
        pytest.param(b"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", id="broken PEM"),
        pytest.param(pem(rsa.generate_private_key(public_exponent=65537, key_size=1024)), id="small RSA"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256K1())), id="other curve"),
        pytest.param(
            RSA_KEY.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            id="private key",
        ),
    ],
)
def test_an_unfit_key_is_refused_at_the_start(data: bytes) -> None:
    with pytest.raises(InvalidRequest):
        parse_keys(data)


def test_no_token_can_be_made_from_a_public_key(tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(pem(RSA_KEY))
    settings = Settings(auth_issuer=ISSUER, auth_key_file=tmp_path / "key.pem")
    with pytest.raises(InvalidRequest, match="shared secret"):
        mint_token(settings, subject="me", scopes=[], minutes=5)


@pytest.mark.parametrize("make", [Settings, lambda: Settings(auth_issuer=ISSUER, auth_secret=SECRET)])
def test_every_published_tool_has_a_scope(make: Callable[[], Settings]) -> None:
    assert {tool.name for tool in XrayTools(make()).published()} == set(TOOL_SCOPES)
    assert set(TOOL_SCOPES.values()) <= set(SCOPES)
    assert OFFERED == SCOPES, "what `pedaxr token` offers"


@pytest.mark.parametrize(
    ("method", "params", "scope"),
    [
        ("tools/list", {}, None),
        ("prompts/get", {"name": "read_film"}, None),
        ("tools/call", {"name": "find_patient"}, "patients:read"),
        ("tools/call", {"name": "made_up"}, "reports:sign"),
        ("tools/call", {}, "reports:sign"),
        ("resources/read", {"uri": "pedaxr://patients/P1"}, "patients:read"),
        ("resources/read", {"uri": "pedaxr://studies/S1/overlay.png"}, "films:read"),
        ("resources/read", {"uri": "pedaxr://studies/S1/masks/liver.png"}, "films:read"),
        ("resources/read", {"uri": "pedaxr://studies/S1/report.html"}, "reports:read"),
        ("resources/read", {"uri": "made-up:"}, "films:read"),
        ("resources/read", {"uri": "ui://pedaxr/viewer.html"}, None),
        ("completion/complete", {}, "patients:read"),
    ],
)
def test_scopes_by_request(method: str, params: dict[str, Any], scope: str | None) -> None:
    assert scope_needed(method, params) == scope
