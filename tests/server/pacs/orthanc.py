"""A real PACS for the tests: Orthanc on loopback, on free ports, with its state in a folder of its own."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

from pedaxr.pacs.node import PacsNode

from ..ports import free_ports

PASSWORD = "for-tests-alone"
_WEB = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")
needs_orthanc = pytest.mark.skipif(
    shutil.which("Orthanc") is None or not _WEB.exists(),
    reason="needs Orthanc: apt-get install orthanc orthanc-dicomweb",
)


@dataclass(frozen=True)
class Orthanc:
    """A running one.

    Attributes:
        listener: where it believes pedaxr to listen.
        mover: the same of MOVER, whom it allows no C-GET.
    """

    port: int
    web_port: int
    listener: int
    mover: int

    @property
    def node(self) -> PacsNode:
        """How pedaxr reaches it, by DICOM alone."""
        return PacsNode("127.0.0.1", self.port, "ORTHANC", listen_port=self.listener)

    @property
    def move_node(self) -> PacsNode:
        """As a PACS is reached that offers neither DICOMweb nor C-GET."""
        return PacsNode("127.0.0.1", self.port, "ORTHANC", "MOVER", listen_port=self.mover)

    @property
    def web_node(self) -> PacsNode:
        """The same with DICOMweb."""
        return PacsNode(
            "127.0.0.1",
            self.port,
            "ORTHANC",
            web_url=f"http://127.0.0.1:{self.web_port}/dicom-web",
            user="pedaxr",
            password=PASSWORD,
            listen_port=self.listener,
        )

    @property
    def environment(self) -> dict[str, str]:
        """The same as settings of a server."""
        return {
            "PEDAXR_PACS_HOST": "127.0.0.1",
            "PEDAXR_PACS_PORT": str(self.port),
            "PEDAXR_PACS_CALLED_AET": "ORTHANC",
            "PEDAXR_PACS_WEB_URL": f"http://127.0.0.1:{self.web_port}/dicom-web",
            "PEDAXR_PACS_USER": "pedaxr",
            "PEDAXR_PACS_PASSWORD": PASSWORD,
        }

    def ask(self, path: str, **options: Any) -> Any:
        """Orthanc's own interface, which pedaxr never uses."""
        method = options.pop("method", "GET")
        url = f"http://127.0.0.1:{self.web_port}{path}"
        answer = httpx2.request(
            method, url, auth=("pedaxr", PASSWORD), trust_env=False, timeout=30, **options
        )
        answer.raise_for_status()
        return answer.json()

    def load(self, films: Sequence[bytes]) -> None:
        """Put films into it."""
        for film in films:
            self.ask("/instances", method="POST", content=film)

    def instances(self) -> list[Any]:
        """The header of every object that it holds."""
        return [self.ask(f"/instances/{one}/simplified-tags") for one in self.ask("/instances")]


@contextmanager
def orthanc(folder: Path, **settings: Any) -> Iterator[Orthanc]:
    """One for the block; ended by its own process id.

    Args:
        folder: for its state.
        settings: of its configuration, in place of ours.
    """
    port, web_port, listener, mover = free_ports(4)
    own = {"AET": "PEDAXR", "Host": "127.0.0.1", "Port": listener}
    own_mover = {"AET": "MOVER", "Host": "127.0.0.1", "Port": mover}
    allowed = dict.fromkeys(("AllowEcho", "AllowFind", "AllowGet", "AllowMove", "AllowStore"), True)
    configuration: Mapping[str, Any] = {
        "StorageDirectory": str(folder / "db"),
        "IndexDirectory": str(folder / "db"),
        "HttpPort": web_port,
        "HttpBindAddresses": ["127.0.0.1"],
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": True,
        "RegisteredUsers": {"pedaxr": PASSWORD},
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "DicomPort": port,
        "DicomAlwaysAllowStore": False,
        "DicomCheckModalityHost": True,
        "DefaultEncoding": "Utf8",
        "DicomModalities": {
            "pedaxr": {**own, **allowed},
            "mover": {**own_mover, **allowed, "AllowGet": False},
        },
        "Plugins": [str(_WEB)],
        "DicomWeb": {
            "Enable": True,
            "Root": "/dicom-web/",
            "StudiesMetadata": "Full",
            "SeriesMetadata": "Full",
        },
        **settings,
    }
    (folder / "db").mkdir(parents=True)
    (folder / "orthanc.json").write_text(json.dumps(configuration))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["Orthanc", str(folder / "orthanc.json")], stdout=log, stderr=log, env={**os.environ}
        )
    found = Orthanc(port, web_port, listener, mover)
    try:
        _wait(found, process, folder / "log")
        yield found
    finally:
        process.terminate()
        process.wait(60)


def _wait(found: Orthanc, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until and process.poll() is None:
        try:
            found.ask("/system")
            return
        except httpx2.HTTPError:
            time.sleep(0.05)
    raise RuntimeError(log.read_text(errors="replace")[-1000:])
