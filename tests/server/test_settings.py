"""Settings: flags before environment before defaults, and no listening where others can reach."""

from pathlib import Path

import pytest

from pedaxr.errors import InvalidRequest
from pedaxr_server.server import transport_security
from pedaxr_server.settings import Settings


def test_flags_win_over_the_environment_and_that_over_defaults() -> None:
    environment = {"PEDAXR_HOME": "/environment", "PEDAXR_PORT": "9000", "PEDAXR_TRANSPORT": "http"}
    settings = Settings.from_environment(environment, home=Path("/flag"))
    assert settings == Settings(home=Path("/flag"), port=9000, transport="http")
    assert Settings.from_environment({}) == Settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.example.org", ""])
def test_http_is_refused_off_loopback(host: str) -> None:
    with pytest.raises(InvalidRequest, match="no login"):
        Settings(transport="http", host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "::1", "localhost"])
def test_http_is_accepted_on_loopback(host: str) -> None:
    settings = Settings(transport="http", host=host, port=8000)
    security = transport_security(settings)
    assert settings.url.split("/")[2] in security.allowed_hosts
    assert security.enable_dns_rebinding_protection
    assert not any("*" in name for name in security.allowed_hosts + security.allowed_origins)


@pytest.mark.parametrize(
    "environment",
    [{"PEDAXR_PORT": "many"}, {"PEDAXR_PORT": "70000"}, {"PEDAXR_TRANSPORT": "carrier pigeon"}],
    ids=["word", "too high", "transport"],
)
def test_an_unusable_environment_is_named(environment: dict[str, str]) -> None:
    with pytest.raises(InvalidRequest, match=next(iter(environment.values()))):
        Settings.from_environment(environment)
