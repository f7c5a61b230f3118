"""What a running server needs to know, taken once from flags, environment and file and never changed.

Every setting has one name: `auth_issuer` in the file, `PEDAXR_AUTH_ISSUER` in the environment, and where
there is a flag, `--auth-issuer`. `pedaxr_server.settings_sources` reads them.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from pedaxr.errors import InvalidRequest
from pedaxr.pacs.node import DEFAULT_KINDS, PacsNode, Sending, is_loopback

Transport = Literal["stdio", "http"]
Runtime = Literal["auto", "torch", "compiled"]
Device = Literal["auto", "cpu", "cuda"]
DEFAULT_HOST = "127.0.0.1"
DEFAULT_PORT = 8765
HTTP_PATH = "/mcp"
_LONGEST_SECRET = 10_000


@dataclass(frozen=True)
class Settings:
    """One server's settings.

    Attributes:
        home: the clinic's folder; None means the default of `pedaxr.open_clinic`.
        weights: folder holding `segmentation/` and `captioner/`; None means the bundled weights.
        host: off loopback only together with `auth_issuer`.
        public_url: how clients reach the server, such as https://pedaxr.example.org/mcp; it names the
            resource in tokens and metadata. None: the address listened on.
        allowed_hosts: further exact Host headers, such as pedaxr.example.org; no patterns.
        allowed_origins: further exact Origin headers, whose pages may read answers.
        auth_issuer: whose tokens are accepted (the `iss` claim, exactly). None: no login.
        auth_audience: the `aud` that tokens must name. None: `resource_url`.
        auth_key_file: the issuer's JWK set, public key (PEM) or shared secret; read again when it changes.
        auth_secret: shared secret instead of a file. Never a flag, which `ps` would show.
        open_departments: whether a token without the claim `departments` shows all patients, or none.
        clock_skew_s: how far the issuer's clock may be off.
        warm: load the networks in the background after the start instead of with the first search that finds
            a film, or with the first film.
        waiting: calls that may wait for the networks; one more is told to come back.
        worker: have the networks in a process of their own, which can be stopped, dies alone and is replaced.
        decode_in_worker: decode films in a process with limits on memory and time.
        reading_s: longest time that one film may take.
        readers: address of readers that several servers share (`pedaxr readers`), such as
            http://127.0.0.1:8766; then this server has no networks of its own.
        readers_at_once: films that this server has them read at once: as many as there are replicas.
        runtime: what runs the networks; auto is compiled where that is possible, else torch.
        device: where graphs run; auto is a GPU where ONNX Runtime has CUDA, else the CPU.
        threads: cores that one film may use.
        films_from_page: whether a film may be dropped onto the page; it is read once and stored nowhere.
        log_json: write the log as JSON lines, one for each answered message too.
        metrics: answer /metrics, to everybody who reaches the port; they hold nothing of patients.
        drain_s: how long a stopping HTTP server lets calls finish.
        pacs_host: the PACS; None: there is none. The rest of it is as in `PacsNode`; each secret
            comes from the environment or from a file of its own.
    """

    home: Path | None = None
    weights: Path | None = None
    transport: Transport = "stdio"
    host: str = DEFAULT_HOST
    port: int = DEFAULT_PORT
    public_url: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    allowed_origins: tuple[str, ...] = ()
    auth_issuer: str | None = None
    auth_audience: str | None = None
    auth_key_file: Path | None = None
    auth_secret: str | None = field(default=None, repr=False)
    open_departments: bool = True
    clock_skew_s: int = 30
    warm: bool = False
    waiting: int = 8
    worker: bool = True
    decode_in_worker: bool = True
    reading_s: int = 120
    readers: str | None = None
    readers_at_once: int = 2
    runtime: Runtime = "auto"
    device: Device = "auto"
    threads: int = 2
    drain_s: int = 20
    log_json: bool = False
    films_from_page: bool = False
    pacs_host: str | None = None
    pacs_port: int = 104
    pacs_called_aet: str = "ANY-SCP"
    pacs_aet: str = "PEDAXR"
    pacs_web_url: str | None = None
    pacs_user: str | None = field(default=None, repr=False)
    pacs_password: str | None = field(default=None, repr=False)
    pacs_password_file: Path | None = None
    pacs_token: str | None = field(default=None, repr=False)
    pacs_token_file: Path | None = None
    pacs_tls_ca: Path | None = None
    pacs_tls_cert: Path | None = None
    pacs_tls_key: Path | None = None
    pacs_insecure: bool = False
    pacs_listen_host: str = DEFAULT_HOST
    pacs_listen_port: int = 11112
    pacs_callers: tuple[str, ...] = ()
    pacs_send: Sending = "off"
    pacs_kinds: tuple[str, ...] = DEFAULT_KINDS
    organisation: str | None = None
    fhir_url: str | None = None
    fhir_token: str | None = field(default=None, repr=False)
    fhir_token_file: Path | None = None
    metrics: bool = False

    def __post_init__(self) -> None:
        if self.transport not in get_args(Transport):
            raise InvalidRequest(f"Unknown transport {self.transport!r}. Use one of {get_args(Transport)}.")
        if self.runtime not in get_args(Runtime):
            raise InvalidRequest(f"Unknown runtime {self.runtime!r}. Use one of {get_args(Runtime)}.")
        if self.device not in get_args(Device):
            raise InvalidRequest(f"Unknown device {self.device!r}. Use one of {get_args(Device)}.")
        _within("threads", self.threads, 1, 256)
        _within("port", self.port, 1, 65535)
        _within("clock_skew_s", self.clock_skew_s, 0, 300)
        _within("waiting", self.waiting, 0, 1000)
        _within("reading_s", self.reading_s, 1, 3600)
        _within("readers_at_once", self.readers_at_once, 1, 256)
        _within("drain_s", self.drain_s, 0, 600)
        _within("pacs_port", self.pacs_port, 1, 65535)
        _within("pacs_listen_port", self.pacs_listen_port, 0, 65535)
        self._check_names()
        self._check_login()
        _ = self.pacs  # what cannot be used is said at the start

    @property
    def url(self) -> str:
        """Where the server listens."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}{HTTP_PATH}"

    @property
    def resource_url(self) -> str:
        """Where clients connect, and the resource that tokens are for."""
        return self.public_url or self.url

    @property
    def page_url(self) -> str:
        """Where people open the viewer."""
        return self.resource_url.removesuffix(HTTP_PATH).rstrip("/") + "/"

    @property
    def audience(self) -> str:
        """What tokens must name as their audience."""
        return self.auth_audience or self.resource_url

    @property
    def hosts(self) -> list[str]:
        """Every Host header that is answered, exactly."""
        local = {"127.0.0.1", "localhost", "[::1]", urlsplit(self.url).netloc.rsplit(":", 1)[0]}
        named = {urlsplit(self.public_url).netloc} if self.public_url else set()
        return sorted({f"{name}:{self.port}" for name in local} | named | set(self.allowed_hosts))

    @property
    def origins(self) -> list[str]:
        """Every Origin header that is answered, exactly."""
        public = urlsplit(self.public_url) if self.public_url else None
        named = {f"{public.scheme}://{public.netloc}"} if public else set()
        local = {f"http://{name}:{self.port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        own = f"http://{urlsplit(self.url).netloc}"
        return sorted(local | named | {own} | set(self.allowed_origins))

    @property
    def pacs(self) -> PacsNode | None:
        """The PACS, with its secrets; None where none is set.

        Raises:
            InvalidRequest: a value, a secret's file, or the lack of TLS.
        """
        if self.pacs_host is None:
            return None
        return PacsNode(
            host=self.pacs_host,
            port=self.pacs_port,
            called_aet=self.pacs_called_aet,
            aet=self.pacs_aet,
            web_url=self.pacs_web_url,
            user=self.pacs_user,
            password=self.pacs_password or _secret("pacs_password_file", self.pacs_password_file),
            token=self.pacs_token or _secret("pacs_token_file", self.pacs_token_file),
            tls_ca=self.pacs_tls_ca,
            tls_cert=self.pacs_tls_cert,
            tls_key=self.pacs_tls_key,
            insecure=self.pacs_insecure,
            listen_host=self.pacs_listen_host,
            listen_port=self.pacs_listen_port,
            callers=self.pacs_callers,
            send=self.pacs_send,
            kinds=self.pacs_kinds,
            organisation=self.organisation,
            fhir_url=self.fhir_url,
            fhir_token=self.fhir_token or _secret("fhir_token_file", self.fhir_token_file),
        )

    def _check_names(self) -> None:
        for name in (*self.allowed_hosts, *self.allowed_origins):
            if "*" in name or not name.strip():
                raise InvalidRequest(
                    f"{name!r} is not an exact name. List every allowed host and origin in full."
                )
        addresses = {"public_url": self.public_url, "auth_issuer": self.auth_issuer, "readers": self.readers}
        for name, value in addresses.items():
            if value is not None and not _is_web_address(value):
                raise InvalidRequest(
                    f"{name} {value!r} is not a valid URL. Use https://... (http: loopback)."
                )

    def _check_login(self) -> None:
        keys = [self.auth_key_file is not None, self.auth_secret is not None]
        if self.auth_issuer and sum(keys) != 1:
            raise InvalidRequest(
                "Tokens need one key to be checked with. Set either auth_key_file or PEDAXR_AUTH_SECRET."
            )
        if any(keys) and not self.auth_issuer:
            raise InvalidRequest("There is a key but no issuer. Set auth_issuer to whose tokens to accept.")
        if self.transport == "http" and not is_loopback(self.host) and not self.auth_issuer:
            raise InvalidRequest(
                f"pedaxr has no login and will not listen on {self.host!r}, where others could reach patient "
                f"data. Use --host {DEFAULT_HOST}, or set auth_issuer and a key (docs/http.md)."
            )


def _secret(name: str, path: Path | None) -> str | None:
    """The first line of a secret's file."""
    if path is None:
        return None
    try:
        with path.open(encoding="utf-8") as file:
            return file.readline(_LONGEST_SECRET).strip() or None
    except (OSError, UnicodeDecodeError) as err:
        raise InvalidRequest(f"The file of {name} cannot be read. Check its path and permissions.") from err


def _is_web_address(text: str) -> bool:
    """Https, or http on this machine, without user, query or fragment."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return False
    extras = parts.query or parts.fragment or parts.username
    return (
        bool(host)
        and not extras
        and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host)))
    )


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidRequest(f"{name} is {value}. Use a number from {low} to {high}.")
