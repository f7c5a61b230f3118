"""TLS both ways: who shows the right certificate comes in, and nobody else."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.errors import InvalidRequest, PacsDown, PacsError
from pedaxr.pacs import dimse, web
from pedaxr.pacs.dimse import echo
from pedaxr.pacs.node import PacsNode
from pedaxr.pacs.receive import receiving
from pedaxr.pacs.retrieve import Place, film_at
from pedaxr.pacs.spool import Spool
from pedaxr_server.settings import Settings
from pedaxr_server.settings_sources import gather

from ..ports import free_ports
from .certificates import Authority, Identity, authority
from .films import SEOYEON, film
from .orthanc import Orthanc, needs_orthanc, orthanc


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def pacs(ca: Authority) -> Identity:
    return ca.identity("pacs")


@pytest.fixture(scope="module")
def ours(ca: Authority) -> Identity:
    return ca.identity("pedaxr")


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("strange"))


@pytest.fixture(scope="module")
def encrypted(ca: Authority, pacs: Identity, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """An Orthanc that speaks DICOM over TLS alone, to those who show a certificate."""
    settings = {
        "DicomTlsEnabled": True,
        "DicomTlsCertificate": str(pacs.cert),
        "DicomTlsPrivateKey": str(pacs.key),
        "DicomTlsTrustedCertificates": str(ca.ca),
        "DicomTlsRemoteCertificateRequired": True,
    }
    with orthanc(tmp_path_factory.mktemp("tls"), **settings) as found:
        found.load([film(SEOYEON, "A1")])
        yield found


def with_tls(node: PacsNode, ca: Authority, ours: Identity | None) -> PacsNode:
    shown = {"tls_cert": ours.cert, "tls_key": ours.key} if ours else {}
    return replace(node, tls_ca=ca.ca, **shown)


@needs_orthanc
def test_a_pacs_over_tls_answers_those_with_its_certificate(
    encrypted: Orthanc, ca: Authority, ours: Identity, strange: Authority
) -> None:
    echo(with_tls(encrypted.node, ca, ours))
    for node in (
        encrypted.node,
        with_tls(encrypted.node, ca, None),
        with_tls(encrypted.node, ca, strange.identity("pedaxr")),
        with_tls(encrypted.node, strange, ours),
    ):
        with pytest.raises(PacsDown):
            echo(node)


@pytest.mark.parametrize("who", ["ours", "nobody", "strange", "strange ca", "plain"])
def test_our_listener_takes_films_from_those_with_a_certificate(
    clinic: Clinic, ca: Authority, pacs: Identity, ours: Identity, strange: Authority, who: str
) -> None:
    port = free_ports(1)[0]
    plain = PacsNode("127.0.0.1", port, "PEDAXR", "PEDAXR", listen_port=port, callers=("PEDAXR@127.0.0.1",))
    node = {
        "ours": with_tls(plain, ca, pacs),
        "nobody": with_tls(plain, ca, None),
        "strange": with_tls(plain, ca, strange.identity("pacs")),
        "strange ca": with_tls(plain, strange, pacs),
        "plain": plain,
    }[who]
    with receiving(with_tls(plain, ca, ours), Spool(clinic.home), lambda: None):
        if who == "ours":
            echo(node)
        else:
            with pytest.raises(PacsDown):
                echo(node)
            echo(with_tls(plain, ca, pacs))


def test_to_be_sent_a_film_over_tls_pedaxr_needs_a_certificate_and_says_so(
    clinic: Clinic, ca: Authority, ours: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a PACS offers C-MOVE alone, it calls us."""

    def offers_none(*_: object, **__: object) -> None:
        raise dimse.NoSuchService("The PACS offers no C-GET.")

    monkeypatch.setattr(dimse, "get_instance_if_there", offers_none)
    port, place = free_ports(1)[0], Place("1.2", "1.2.3", "1.2.3.4")
    plain = PacsNode("127.0.0.1", port, "ORTHANC", listen_port=free_ports(1)[0])
    with pytest.raises(InvalidRequest, match="pacs_tls_cert"):
        film_at(place, node=with_tls(plain, ca, None), home=clinic.home)
    with pytest.raises(PacsDown, match="pacs_host"):
        film_at(place, node=with_tls(plain, ca, ours), home=clinic.home)
    assert not list(clinic.home.glob(".fetch-*"))


def test_a_silent_peer_does_not_keep_out_the_others(clinic: Clinic, ca: Authority, ours: Identity) -> None:
    port = free_ports(1)[0]
    plain = PacsNode("127.0.0.1", port, "PEDAXR", "PEDAXR", listen_port=port, callers=("PEDAXR@127.0.0.1",))
    node = with_tls(plain, ca, ours)
    with receiving(node, Spool(clinic.home), lambda: None):
        silent = [socket.create_connection(("127.0.0.1", port)) for _ in range(3)]
        start = time.monotonic()
        echo(node)
        assert time.monotonic() - start < 5
        for one in silent:
            one.close()


@needs_orthanc
def test_dicomweb_wants_the_right_certificate_and_the_password(
    hospital: Orthanc, ca: Authority, pacs: Identity, strange: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with https_before(hospital, pacs) as port:
        node = replace(hospital.web_node, web_url=f"https://127.0.0.1:{port}/dicom-web")
        web.is_there(replace(node, tls_ca=ca.ca))
        with pytest.raises(PacsDown, match="certificate"):
            web.is_there(replace(node, tls_ca=strange.ca))
        with pytest.raises(PacsDown, match="certificate"):
            web.is_there(node)
        with pytest.raises(PacsError, match="login"):
            web.is_there(replace(node, tls_ca=ca.ca, password="wrong"))
        with pytest.raises(PacsError, match="login"):
            web.is_there(replace(node, tls_ca=ca.ca, user=None))
        monkeypatch.setenv("SSL_CERT_FILE", str(ca.ca))
        monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        with pytest.raises(PacsDown, match="certificate"):
            web.is_there(replace(node, tls_ca=strange.ca))
        web.is_there(replace(node, tls_ca=ca.ca))


@contextmanager
def https_before(hospital: Orthanc, identity: Identity) -> Iterator[int]:
    """A TLS front, as Orthanc's own HTTPS cannot be relied on."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity.cert, identity.key)
    front = socket.create_server(("127.0.0.1", 0))
    threads: list[threading.Thread] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass
        finally:
            source.close()
            sink.close()

    def accept() -> None:
        while True:
            try:
                raw, _ = front.accept()
            except OSError:
                return
            try:
                wrapped = context.wrap_socket(raw, server_side=True)
            except OSError:
                raw.close()
                continue
            behind = socket.create_connection(("127.0.0.1", hospital.web_port))
            for pair in ((wrapped, behind), (behind, wrapped)):
                threads.append(threading.Thread(target=pump, args=pair, daemon=True))
                threads[-1].start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield int(front.getsockname()[1])
    finally:
        front.shutdown(socket.SHUT_RDWR)
        front.close()
        for thread in threads:
            thread.join(5)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"PACS_HOST": "192.0.2.7"}, "plain"),
        ({"PACS_HOST": "pacs.example.org"}, "plain"),
        ({"PACS_HOST": "127.0.0.1", "PACS_WEB_URL": "http://192.0.2.7/dicom-web"}, "encrypted"),
        ({"PACS_HOST": "127.0.0.1", "FHIR_URL": "http://192.0.2.7/fhir"}, "encrypted"),
        ({"PACS_HOST": "127.0.0.1", "FHIR_URL": "https://user:pw@192.0.2.7/fhir"}, "valid URL"),
        ({"PACS_HOST": "127.0.0.1", "FHIR_URL": "file:///etc/passwd"}, "valid URL"),
        ({"PACS_HOST": "127.0.0.1", "PACS_LISTEN_HOST": "0.0.0.0", "PACS_CALLERS": "A@192.0.2.7"}, "plain"),
        ({"PACS_HOST": "127.0.0.1", "PACS_CALLERS": "ORTHANC"}, "AET@address"),
        ({"PACS_HOST": "127.0.0.1", "PACS_CALLERS": "ORTHANC@pacs.example.org"}, "AET@address"),
        ({"PACS_HOST": "127.0.0.1", "PACS_AET": "SEVENTEEN LETTERS"}, "AE title"),
        ({"PACS_HOST": "127.0.0.1", "PACS_SEND": "always"}, "signed or drafts"),
        ({"PACS_HOST": "127.0.0.1", "PACS_TLS_CERT": "a.pem", "PACS_TLS_CA": "b.pem"}, "key"),
        ({"PACS_HOST": "127.0.0.1", "PACS_PASSWORD_FILE": "/none/such"}, "pacs_password_file"),
    ],
)
def test_what_would_be_unsafe_is_refused_at_the_start(values: dict[str, str], said: str) -> None:
    environment = {f"PEDAXR_{name}": value for name, value in values.items()}
    with pytest.raises(InvalidRequest, match=said):
        gather({}, environment)


def test_plain_connections_are_allowed_where_somebody_asks_for_them() -> None:
    settings = gather({}, {"PEDAXR_PACS_HOST": "192.0.2.7", "PEDAXR_PACS_INSECURE": "yes"}).settings
    assert settings.pacs is not None
    assert Settings().pacs is None


def test_secrets_come_from_a_file_or_the_environment_and_are_shown_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("of-the-pacs\n")
    environment = {"PEDAXR_PACS_HOST": "127.0.0.1", "PEDAXR_PACS_TOKEN": "of-the-web"}
    gathered = gather({"pacs_password_file": secret}, environment)
    node = gathered.settings.pacs
    assert node is not None and (node.password, node.token) == ("of-the-pacs", "of-the-web")
    shown = f"{gathered.rows()} {gathered!r} {node!r} {node}"
    assert "of-the-pacs" not in shown and "of-the-web" not in shown
    (tmp_path / "pedaxr.toml").write_text('pacs_password = "of-the-pacs"')
    with pytest.raises(InvalidRequest, match="pacs_password_file"):
        gather({}, {}, config=tmp_path / "pedaxr.toml")
