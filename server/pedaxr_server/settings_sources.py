"""Where each setting comes from: flags, then the environment, then a TOML file, then the default.

Weights that none of them names are those that the clinic uses (`pedaxr weights use`), or the bundled ones.
"""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal, get_args

from pedaxr.errors import InvalidRequest
from pedaxr.pacs.node import Sending
from pedaxr.storage.home import default_home
from pedaxr.storage.weights import weights_in_use
from pedaxr_server.settings import Settings

Source = Literal["flag", "environment", "file", "clinic", "default"]
CONFIG_VARIABLE = "PEDAXR_CONFIG"
SECRETS = frozenset({"auth_secret", "pacs_password", "pacs_token", "fhir_token"})
_PREFIX = "PEDAXR_"
_MOST_BYTES = 100_000


@dataclass(frozen=True)
class Gathered:
    """Settings with the source of each.

    Attributes:
        sources: by setting name.
        file: the settings file that was read; None when there is none.
    """

    settings: Settings
    sources: Mapping[str, Source]
    file: Path | None

    def rows(self) -> list[tuple[str, str, Source]]:
        """Name, value and source of every setting; secrets are masked."""
        return [(name, self._shown(name), self.sources[name]) for name in _NAMES]

    def origin(self, name: str) -> str:
        """Where the value of a setting comes from, as a human finds it."""
        source = self.sources[name]
        places = {"environment": f"${variable(name)}", "file": str(self.file), "flag": "command line"}
        return places.get(source, source)

    def _shown(self, name: str) -> str:
        value = getattr(self.settings, name)
        if value is None or value == ():
            return "not set"
        if name in SECRETS:
            return "set (hidden)"
        return ", ".join(value) if isinstance(value, tuple) else str(value)


def gather(
    flags: Mapping[str, Any], environment: Mapping[str, str], *, config: Path | None = None
) -> Gathered:
    """The settings of one process. A flag that is None was not given.

    Raises:
        InvalidRequest: a value, a name in the file, or the file itself cannot be used.
    """
    values: dict[str, Any] = {}
    sources: dict[str, Source] = dict.fromkeys(_NAMES, "default")
    file = config_file(environment, config)
    layers: list[tuple[Source, Mapping[str, Any]]] = [
        ("file", _from_file(file) if file else {}),
        ("environment", _from_environment(environment)),
        ("flag", {name: value for name, value in flags.items() if value is not None and value != ()}),
    ]
    for source, layer in layers:
        values |= layer
        sources |= dict.fromkeys(layer, source)
    if "weights" not in values and (used := weights_in_use(values.get("home") or default_home())):
        values["weights"], sources["weights"] = used, "clinic"
    return Gathered(Settings(**values), sources, file)


def config_file(environment: Mapping[str, str], config: Path | None = None) -> Path | None:
    """The settings file in use: `config`, $PEDAXR_CONFIG, or pedaxr.toml in the user's settings folder.

    Raises:
        InvalidRequest: a file was named that does not exist.
    """
    named = config or (Path(environment[CONFIG_VARIABLE]) if environment.get(CONFIG_VARIABLE) else None)
    if named is not None:
        if not named.is_file():
            raise InvalidRequest(
                f"There is no settings file {str(named)!r}. Correct --config or PEDAXR_CONFIG."
            )
        return named
    return usual_file() if usual_file().is_file() else None


def usual_file() -> Path:
    """The settings file that is read where none is named."""
    import platformdirs

    return platformdirs.user_config_path("pedaxr") / "pedaxr.toml"


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + name.upper()


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    given = {name: environment.get(variable(name)) for name in _NAMES}
    return {name: _read(variable(name), name, text) for name, text in given.items() if text}


def _from_file(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = tomllib.loads(file.read(_MOST_BYTES).decode())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as err:
        raise InvalidRequest(
            f"The settings file {str(path)!r} cannot be read: it must be TOML text."
        ) from err
    unknown = sorted(set(data) - set(_NAMES))
    if unknown:
        raise InvalidRequest(f"{path.name} has no setting {unknown[0][:60]!r}. Use only {', '.join(_NAMES)}.")
    if SECRETS & set(data):
        raise InvalidRequest(
            f"{path.name} holds a secret. Keep it in a file of its own that only the server can read, and "
            "set auth_key_file, pacs_password_file, pacs_token_file or fhir_token_file."
        )
    return {name: _read(f"{name} in {path.name}", name, value) for name, value in data.items()}


def _read(where: str, name: str, value: object) -> Any:
    """The value as the type of the setting; `where` names it in an error, which never holds a secret."""
    try:
        return _READERS[name](value)
    except (TypeError, ValueError, KeyError):
        shown = "not usable" if name in SECRETS else f"{str(value)[:80]!r}"
        raise InvalidRequest(f"{where} is {shown}. {_EXPECTED[_READERS[name]]}") from None


def _text(value: object) -> str:
    if not isinstance(value, str) or not value.strip():
        raise TypeError
    return value.strip()


def _path(value: object) -> Path:
    return Path(_text(value)).expanduser()


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise TypeError
    return int(value)


def _switch(value: object) -> bool:
    if isinstance(value, bool):
        return value
    return {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False}[
        _text(value).lower()
    ]


def _names(value: object) -> tuple[str, ...]:
    listed = value.split(",") if isinstance(value, str) else value
    if not isinstance(listed, list):
        raise TypeError
    return tuple(_text(name) for name in listed)


def _transport(value: object) -> str:
    if value not in ("stdio", "http"):
        raise ValueError
    return str(value)


def _sending(value: object) -> str:
    if value not in get_args(Sending):
        raise ValueError
    return str(value)


_EXPECTED: dict[Callable[[object], Any], str] = {
    _text: "Use text.",
    _path: "Use a path.",
    _number: "Use a whole number.",
    _switch: "Use true or false.",
    _names: "Use a list of names; in the environment, separated by commas.",
    _transport: "Use stdio or http.",
    _sending: "Use off, signed or drafts.",
}
_READERS: dict[str, Callable[[object], Any]] = {
    "home": _path,
    "weights": _path,
    "transport": _transport,
    "host": _text,
    "port": _number,
    "public_url": _text,
    "allowed_hosts": _names,
    "allowed_origins": _names,
    "auth_issuer": _text,
    "auth_audience": _text,
    "auth_key_file": _path,
    "auth_secret": _text,
    "open_departments": _switch,
    "clock_skew_s": _number,
    "warm": _switch,
    "waiting": _number,
    "worker": _switch,
    "decode_in_worker": _switch,
    "reading_s": _number,
    "readers": _text,
    "readers_at_once": _number,
    "runtime": _text,
    "device": _text,
    "threads": _number,
    "drain_s": _number,
    "log_json": _switch,
    "films_from_page": _switch,
    "pacs_host": _text,
    "pacs_port": _number,
    "pacs_called_aet": _text,
    "pacs_aet": _text,
    "pacs_web_url": _text,
    "pacs_user": _text,
    "pacs_password": _text,
    "pacs_password_file": _path,
    "pacs_token": _text,
    "pacs_token_file": _path,
    "pacs_tls_ca": _path,
    "pacs_tls_cert": _path,
    "pacs_tls_key": _path,
    "pacs_insecure": _switch,
    "pacs_listen_host": _text,
    "pacs_listen_port": _number,
    "pacs_callers": _names,
    "pacs_send": _sending,
    "pacs_kinds": _names,
    "organisation": _text,
    "fhir_url": _text,
    "fhir_token": _text,
    "fhir_token_file": _path,
    "metrics": _switch,
}
_NAMES = tuple(field.name for field in fields(Settings))
