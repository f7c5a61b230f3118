"""Connections of a PACS to the listening service, held open while it ends or cut short by absurd messages."""

import socket
import struct
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress

import pytest

from pedaxr.clinic import Clinic
from pedaxr.pacs.dimse import echo
from pedaxr.pacs.node import PacsNode

from ..ports import free_ports
from .test_listen import WAIT_S, listener_of, listening_node, taking


@pytest.fixture
def node() -> PacsNode:
    return listening_node(free_ports(1)[0])


def greeting(calling: str, called: str) -> bytes:
    """An A-ASSOCIATE-RQ that proposes C-ECHO, PS3.8 section 9.3.2."""

    def item(kind: int, content: bytes) -> bytes:
        return struct.pack(">BBH", kind, 0, len(content)) + content

    echo_context = b"\1\0\0\0" + item(0x30, b"1.2.840.10008.1.1") + item(0x40, b"1.2.840.10008.1.2")
    user = item(0x51, struct.pack(">L", 16384)) + item(0x52, b"1.2.3.4")
    items = item(0x10, b"1.2.840.10008.3.1.1.1") + item(0x20, echo_context) + item(0x50, user)
    titles = called.ljust(16).encode() + calling.ljust(16).encode()
    message = struct.pack(">HH", 1, 0) + titles + bytes(32) + items
    return struct.pack(">BBL", 1, 0, len(message)) + message


@pytest.mark.parametrize("calling", ["", "STRANGER", "ORTHANC"], ids=["silent", "refused", "taken"])
def test_the_service_ends_while_a_peer_holds_its_connection(
    clinic: Clinic, node: PacsNode, calling: str
) -> None:
    """What is open is aborted then, which pynetdicom 3.0.4 cannot do where it greets or has just refused."""
    with ExitStack() as held:
        with taking(listener_of(clinic, node)):
            peer = held.enter_context(socket.create_connection(("127.0.0.1", node.port), timeout=WAIT_S))
            if calling:
                peer.sendall(greeting(calling, "PEDAXR"))
                assert peer.recv(1)[0] == (2 if calling == "ORTHANC" else 3), "A-ASSOCIATE-AC or -RJ"
            else:
                wait_until(lambda: bool(reactors()))
        with suppress(ConnectionError):
            while peer.recv(4096):
                pass
    wait_until(lambda: not reactors())


def reactors() -> list[threading.Thread]:
    """Threads of pynetdicom, two a connection."""
    return [one for one in threading.enumerate() if "run_reactor" in one.name]


def wait_until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parametrize("length", [2**31, 2**20 + 1, 0])
def test_absurd_messages_cost_a_connection_and_no_memory(clinic: Clinic, node: PacsNode, length: int) -> None:
    listener = listener_of(clinic, node)
    with taking(listener):
        with socket.create_connection(("127.0.0.1", node.port), timeout=WAIT_S) as wire:
            wire.sendall(struct.pack(">BBL", 4, 0, length) + b"\xff" * 200)
            wire.settimeout(2)
            with suppress(TimeoutError, ConnectionError):
                while wire.recv(4096):
                    pass
        echo(node)
