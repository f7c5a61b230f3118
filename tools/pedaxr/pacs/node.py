"""Which PACS, how it is reached, and what may be sent to it: checked once, before anything connects."""

import ipaddress
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args
from urllib.parse import urlsplit

from pedaxr.errors import InvalidRequest

Sending = Literal["off", "signed", "drafts"]
DEFAULT_KINDS = ("seg", "sr", "gsps", "capture")
_AET = re.compile(r"[!-\[\]-~](?:[ -\[\]-~]{0,14}[!-\[\]-~])?")  # PS3.5 table 6.2-1, AE: no backslash


@dataclass(frozen=True)
class PacsNode:
    """One PACS as an administrator describes it.

    Attributes:
        host, port, called_aet: where it listens for DICOM, and its AE title.
        aet: ours, which the PACS must know.
        web_url: root of its DICOMweb service, such as https://pacs.example.org/dicom-web; None: DICOM alone.
        user, password, token: for DICOMweb; a token goes before a user.
        tls_ca: certificates that the PACS is believed by; with it DICOM is spoken over TLS.
        tls_cert, tls_key: ours, for a PACS that asks for one.
        insecure: allow plain connections to other machines.
        listen_host, listen_port: where `pedaxr listen` takes films.
        callers: who may send, each as AET@address.
        send: off; signed: what a human signed; drafts: every draft too.
        kinds: of the objects that are sent.
        organisation: that whoever signs belongs to; DICOM asks for it in a verified report.
        fhir_url, fhir_token: where `pedaxr send --fhir` posts.
    """

    host: str
    port: int = 104
    called_aet: str = "ANY-SCP"
    aet: str = "PEDAXR"
    web_url: str | None = None
    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    insecure: bool = False
    listen_host: str = "127.0.0.1"
    listen_port: int = 11112
    callers: tuple[str, ...] = ()
    send: Sending = "off"
    kinds: tuple[str, ...] = DEFAULT_KINDS
    organisation: str | None = None
    fhir_url: str | None = None
    fhir_token: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name, aet in (("pacs_aet", self.aet), ("pacs_called_aet", self.called_aet)):
            _check_aet(name, aet)
        for caller in self.callers:
            _check_caller(caller)
        if self.send not in get_args(Sending):
            raise InvalidRequest(f"pacs_send is {self.send!r}. Use one of {', '.join(get_args(Sending))}.")
        if (self.tls_cert is None) != (self.tls_key is None):
            raise InvalidRequest("A certificate needs its key. Set both pacs_tls_cert and pacs_tls_key.")
        if self.tls_cert and not self.tls_ca:
            raise InvalidRequest("Set pacs_tls_ca too: the certificates that the PACS is believed by.")
        self._check_plain()

    @property
    def has_tls(self) -> bool:
        """Whether DICOM is spoken over TLS."""
        return self.tls_ca is not None

    @property
    def allowed(self) -> dict[str, set[str]]:
        """AE titles that may send to us, and from which addresses each."""
        found: dict[str, set[str]] = {}
        for caller in self.callers:
            aet, _, address = caller.rpartition("@")
            found.setdefault(aet, set()).add(str(ipaddress.ip_address(address)))
        return found

    def client_context(self) -> ssl.SSLContext | None:
        """For connections to the PACS; None where they are plain.

        Raises:
            InvalidRequest: the certificates or the key cannot be read.
        """
        return self._context(ssl.Purpose.SERVER_AUTH) if self.has_tls else None

    def server_context(self) -> ssl.SSLContext | None:
        """For connections from the PACS, which must show a certificate; None where they are plain.

        Raises:
            InvalidRequest: the certificates or the key cannot be read.
        """
        if not self.has_tls:
            return None
        if self.tls_cert is None:
            raise InvalidRequest(
                "Listening over TLS needs a certificate: set pacs_tls_cert and pacs_tls_key."
            )
        context = self._context(ssl.Purpose.CLIENT_AUTH)
        context.verify_mode = ssl.CERT_REQUIRED
        return context

    def _context(self, purpose: ssl.Purpose) -> ssl.SSLContext:
        try:
            context = ssl.create_default_context(purpose, cafile=str(self.tls_ca))
            if self.tls_cert:
                context.load_cert_chain(self.tls_cert, self.tls_key)
        except (OSError, ssl.SSLError) as err:
            raise InvalidRequest(
                "The TLS certificates cannot be read. Check pacs_tls_ca, pacs_tls_cert and pacs_tls_key."
            ) from err
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return context

    def _check_plain(self) -> None:
        """Patients' data leave this machine encrypted, unless somebody asks for the contrary."""
        for name, url in (("pacs_web_url", self.web_url), ("fhir_url", self.fhir_url)):
            if url is not None:
                check_url(name, url, insecure=self.insecure)
        plain = None if self.has_tls or is_loopback(self.host) else "pacs_host"
        if self.callers and not self.has_tls and not is_loopback(self.listen_host):
            plain = plain or "pacs_listen_host"
        if plain and not self.insecure:
            raise InvalidRequest(
                f"{plain} is another machine and the connection would be plain. Set pacs_tls_ca (and "
                "pacs_tls_cert, pacs_tls_key), or pacs_insecure where the network itself is protected."
            )


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach `host`; names other than localhost are not resolved."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_aet(name: str, aet: str) -> None:
    if not _AET.fullmatch(aet):
        raise InvalidRequest(
            f"{name} {aet[:32]!r} is not an AE title: 1 to 16 ASCII characters, no backslash."
        )


def _check_caller(caller: str) -> None:
    aet, _, address = caller.rpartition("@")
    try:
        if not _AET.fullmatch(aet):
            raise ValueError
        ipaddress.ip_address(address)
    except ValueError as err:
        raise InvalidRequest(
            f"pacs_callers {caller[:80]!r}: write AET@address, such as ORTHANC@192.0.2.7 (no host name)."
        ) from err


def check_url(name: str, url: str, *, insecure: bool) -> None:
    """Raises InvalidRequest for an address that is none, holds a login, or is plain off this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        host = ""
        parts = urlsplit("")
    if not host or parts.scheme not in ("http", "https") or parts.query or parts.fragment or parts.username:
        raise InvalidRequest(f"{name} is not a valid URL. Use https://host/path, without user or query.")
    if parts.scheme == "http" and not is_loopback(host) and not insecure:
        raise InvalidRequest(
            f"{name} is not encrypted. Use https, or set pacs_insecure (loopback may be http)."
        )
