"""What a running server needs to know, taken once from flags and the environment and never changed."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from pedaxr.errors import InvalidRequest

Transport = Literal["stdio", "http"]
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
HTTP_PATH = "/mcp"


@dataclass(frozen=True)
class Settings:
    """One server's settings.

    Attributes:
        home: the clinic's folder; None means the default of `pedaxr.open_clinic`.
        weights: folder holding `segmentation/` and `captioner/`; None means the shipped weights.
        host: only a loopback address is accepted with `http`, since there is no login yet.
    """

    home: Path | None = None
    weights: Path | None = None
    transport: Transport = "stdio"
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT

    def __post_init__(self) -> None:
        if self.transport not in get_args(Transport):
            raise InvalidRequest(f"Unknown transport {self.transport!r}. Use one of {get_args(Transport)}.")
        if not 1 <= self.port <= 65535:
            raise InvalidRequest(f"Port {self.port} does not exist. Use a number from 1 to 65535.")
        if self.transport == "http" and not is_loopback(self.host):
            raise InvalidRequest(
                f"pedaxr has no login and will not listen on {self.host!r}, where others could reach patient "
                f"data. Use --host {DEFAULT_HOST}, or reach it from elsewhere through an ssh tunnel."
            )

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        *,
        home: Path | None = None,
        weights: Path | None = None,
        transport: Transport | None = None,
        host: str | None = None,
        port: int | None = None,
    ) -> "Settings":
        """Flags first, then PEDAXR_HOME, _WEIGHTS, _TRANSPORT, _HOST and _PORT, then the defaults.

        Raises:
            InvalidRequest: a value cannot be used.
        """
        return cls(
            home=home or _path(environment.get("PEDAXR_HOME")),
            weights=weights or _path(environment.get("PEDAXR_WEIGHTS")),
            transport=transport or _transport(environment.get("PEDAXR_TRANSPORT")),
            host=host or environment.get("PEDAXR_HOST") or DEFAULT_HOST,
            port=port if port is not None else _port(environment.get("PEDAXR_PORT")),
        )

    @property
    def url(self) -> str:
        """Where an HTTP client connects."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{HTTP_PATH}"


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach `host`; names other than localhost are not resolved."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _path(text: str | None) -> Path | None:
    return Path(text).expanduser() if text else None


def _transport(text: str | None) -> Transport:
    if text in (None, "", "stdio"):
        return "stdio"
    if text == "http":
        return "http"
    raise InvalidRequest(f"PEDAXR_TRANSPORT is {text!r}. Use stdio or http.")


def _port(text: str | None) -> int:
    try:
        return int(text) if text else DEFAULT_PORT
    except ValueError:
        raise InvalidRequest(f"PEDAXR_PORT is {text!r}. Use a number from 1 to 65535.") from None
