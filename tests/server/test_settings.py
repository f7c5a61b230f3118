"""Settings: flags before environment before file before defaults, and no listening where others can reach."""

from pathlib import Path

import pytest

from pedaxr.errors import InvalidRequest
from pedaxr_server.http.app import transport_security
from pedaxr_server.settings import Settings
from pedaxr_server.settings_sources import gather

SECRET = "s" * 40


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pedaxr.toml"
    path.write_text(
        'home = "/file"\nport = 7000\nhost = "127.0.0.2"\nallowed_hosts = ["a.example"]\nwarm = true\n'
    )
    return path


def test_flags_win_over_the_environment_and_that_over_defaults() -> None:
    environment = {"PEDAXR_HOME": "/environment", "PEDAXR_PORT": "9000", "PEDAXR_TRANSPORT": "http"}
    settings = gather({"home": Path("/flag")}, environment).settings
    assert settings == Settings(home=Path("/flag"), port=9000, transport="http")
    assert gather({}, {}).settings == Settings()


def test_the_file_comes_between_environment_and_defaults_and_sources_are_told(file: Path) -> None:
    environment = {"PEDAXR_PORT": "9000", "PEDAXR_HOME": "/environment", "PEDAXR_CONFIG": str(file)}
    gathered = gather({"home": Path("/flag"), "port": None, "allowed_origins": ()}, environment)
    assert (gathered.settings.home, gathered.settings.port) == (Path("/flag"), 9000)
    assert gathered.settings.host == "127.0.0.2"
    assert gathered.settings.allowed_hosts == ("a.example",)
    assert gathered.settings.warm
    sources = {name: source for name, _, source in gathered.rows()}
    named = {name: sources[name] for name in ("home", "port", "host", "weights", "allowed_origins")}
    assert named == {
        "home": "flag",
        "port": "environment",
        "host": "file",
        "weights": "default",
        "allowed_origins": "default",
    }


def test_secrets_are_shown_nowhere() -> None:
    gathered = gather({}, {"PEDAXR_AUTH_SECRET": SECRET, "PEDAXR_AUTH_ISSUER": "https://issuer.example"})
    assert gathered.settings.auth_secret == SECRET
    assert SECRET not in str(gathered.rows()) + repr(gathered) + str(gathered.settings)
    assert ("auth_secret", "set (hidden)", "environment") in gathered.rows()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        pytest.param("prot = 1", "prot", id="misspelt name"),
        pytest.param("port = 'many'", "port", id="word for a number"),
        pytest.param("port = true", "port", id="truth for a number"),
        pytest.param("warm = 'perhaps'", "warm", id="no truth"),
        pytest.param("allowed_hosts = 3", "allowed_hosts", id="no list"),
        pytest.param("home = ''", "home", id="empty path"),
        pytest.param("port = ", "TOML", id="no TOML"),
        pytest.param(f"auth_secret = '{SECRET}'", "auth_key_file", id="secret"),
    ],
)
def test_an_unusable_file_is_named_without_its_secrets(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "pedaxr.toml"
    path.write_text(text)
    with pytest.raises(InvalidRequest, match=told) as caught:
        gather({}, {}, config=path)
    assert SECRET not in str(caught.value)


def test_a_named_file_must_exist(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="settings file"):
        gather({}, {}, config=tmp_path / "none.toml")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", "127.0.0.1.example.org", ""])
def test_http_without_login_is_refused_off_loopback(host: str) -> None:
    with pytest.raises(InvalidRequest, match="no login"):
        Settings(transport="http", host=host)


def test_http_with_login_may_listen_anywhere() -> None:
    settings = Settings(
        transport="http",
        host="0.0.0.0",
        public_url="https://pedaxr.example.org/mcp",
        auth_issuer="https://issuer.example",
        auth_secret=SECRET,
    )
    assert settings.audience == "https://pedaxr.example.org/mcp"
    assert "pedaxr.example.org" in settings.hosts
    assert "https://pedaxr.example.org" in settings.origins


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"auth_issuer": "https://issuer.example"}, id="issuer without key"),
        pytest.param({"auth_secret": SECRET}, id="key without issuer"),
        pytest.param(
            {"auth_issuer": "https://i.example", "auth_secret": SECRET, "auth_key_file": Path("k")},
            id="two keys",
        ),
        pytest.param({"auth_issuer": "http://issuer.example", "auth_secret": SECRET}, id="issuer in clear"),
        pytest.param({"public_url": "https://user:password@example.org/mcp"}, id="password in address"),
        pytest.param({"public_url": "https://example.org/mcp?x=1"}, id="query in address"),
        pytest.param({"readers": "http://10.0.0.7:8766"}, id="readers elsewhere, in the clear"),
        pytest.param({"readers": "ray://127.0.0.1:10001"}, id="readers by another protocol"),
        pytest.param({"readers": "https://user:password@example.org"}, id="password in the readers' address"),
        pytest.param({"readers_at_once": 0}, id="no reader at once"),
        pytest.param({"device": "tpu"}, id="unknown device"),
        pytest.param({"allowed_hosts": ("*.example.org",)}, id="host pattern"),
        pytest.param({"allowed_origins": ("http://localhost:*",)}, id="origin pattern"),
        pytest.param({"waiting": -1}, id="negative"),
    ],
)
def test_half_a_login_and_patterns_are_refused(given: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        Settings(**given)  # type: ignore[arg-type]


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
        gather({}, environment)
