"""Connections by address: none holds all of them, and who waits leaves before who is answered."""

import socket
import time
from contextlib import ExitStack, suppress

import pytest

from pedaxr_server.http import places as rules
from pedaxr_server.http.places import Places, network_of
from pedaxr_server.settings import Settings

from ..http_service import bearer


class One:
    """A connection without a network."""

    def __init__(self, places: Places, address: str, *, is_answering: bool = False, has_asked: bool = False):
        self.address, self.is_answering, self.has_asked = address, is_answering, has_asked
        self.is_there, self._places = True, places
        self.is_late = places.enter(self)

    def hang_up(self) -> None:
        self.is_there = False
        self._places.leave(self)


@pytest.fixture
def places() -> Places:
    return Places()


def test_an_address_loses_its_own_and_nobody_else_s(places: Places) -> None:
    other = [One(places, "b") for _ in range(200)]
    crowd = [One(places, "a") for _ in range(2000)]
    assert sum(one.is_there for one in crowd) <= rules.MOST_OF_ADDRESS
    assert all(one.is_there for one in other) and crowd[-1].is_there, "the newest has its chance"
    assert places.count == sum(one.is_there for one in (*other, *crowd))


def test_who_never_asked_leaves_before_who_did_and_the_older_before_the_younger(places: Places) -> None:
    asked = [One(places, "a", has_asked=True) for _ in range(rules.MOST_OF_ADDRESS - 2)]
    silent = [One(places, "a") for _ in range(2)]
    places.used(asked[0])
    for expected in (silent[0], silent[1], asked[1]):
        newcomer = One(places, "a", has_asked=True)
        assert not expected.is_there and newcomer.is_there
    assert asked[0].is_there, "it was used since"


def test_what_is_answered_is_never_cut_off_and_newcomers_get_the_reserve(places: Places) -> None:
    busy = [One(places, str(n % 4), is_answering=True) for n in range(rules.MOST_CONNECTIONS)]
    assert not any(one.is_late for one in busy), "control"
    late = [One(places, "9", is_answering=True) for _ in range(2 * rules.RESERVED)]
    assert all(one.is_there for one in busy) and all(one.is_late for one in late)
    assert sum(one.is_there for one in late) == rules.RESERVED
    busy[0].hang_up()
    assert One(places, "8").is_late, "the reserve has to empty first"


def test_an_address_whose_places_are_all_busy_gets_a_part_of_the_reserve(places: Places) -> None:
    busy = [One(places, "a", is_answering=True) for _ in range(rules.MOST_OF_ADDRESS)]
    late = [One(places, "a", is_answering=True) for _ in range(100)]
    assert all(one.is_there for one in busy) and sum(one.is_there for one in late) == rules.RESERVED // 2
    assert not One(places, "b").is_late


@pytest.mark.parametrize(
    ("client", "holder"),
    [
        (("10.1.2.3", 5), "10.1.2.3"),
        (("::ffff:10.1.2.3", 5), "10.1.2.3"),
        (("2001:db8:1:2:3:4:5:6", 5), "2001:db8:1:2::"),
        (("fe80::1%eth0", 5), "fe80::"),
        (("not an address", 0), "not an address"),
        (None, "unknown"),
    ],
)
def test_one_household_is_one_holder(client: tuple[str, int] | None, holder: str) -> None:
    assert network_of(client) == holder


def connect(settings: Settings, sent: bytes = b"", source: str = "127.0.0.1") -> socket.socket:
    made = socket.create_connection((settings.host, settings.port), timeout=20, source_address=(source, 0))
    made.sendall(sent.replace(b"HOST", f"{settings.host}:{settings.port}".encode()))
    return made


def is_open(client: socket.socket) -> bool:
    client.settimeout(0.01)
    with suppress(TimeoutError):
        try:
            return client.recv(1) != b""
        except ConnectionResetError:
            return False
    return True


def asked(settings: Settings, path: str, source: str, *more: str) -> tuple[int, float]:
    """Status and seconds of a request on a connection of its own."""
    start = time.monotonic()
    head = "".join(
        f"{line}\r\n" for line in (f"GET {path} HTTP/1.1", "Host: HOST", "Connection: close", *more)
    )
    with connect(settings, f"{head}\r\n".encode(), source) as client:
        answer = client.recv(100)
    return (int(answer[9:12]) if answer else 0), time.monotonic() - start


@pytest.mark.parametrize(
    "sent",
    [b"", b"POST /mcp HTTP/1.1\r\nHost: HOST\r\nX-a: ", b"GET /healthz HTTP/1.1\r\nHost: HOST\r\n\r\n"],
    ids=["silent", "half a request", "kept alive"],
)
def test_a_thousand_connections_of_one_client_leave_room_for_others(up: Settings, sent: bytes) -> None:
    """As at once as this machine can: of one address no more than 256 stay."""
    with ExitStack() as crowd:
        clients = [crowd.enter_context(connect(up, sent)) for _ in range(1000)]
        times = []
        for source in ("127.0.0.2", "127.0.0.1") * 5:
            status, seconds = asked(up, "/healthz", source)
            assert status == 200
            times.append(seconds)
        time.sleep(0.3)
        if sent.startswith(b"GET"):
            for client in clients:  # the answers that came
                client.settimeout(0.05)
                with suppress(OSError):
                    client.recv(4096)
        staying = sum(is_open(client) for client in clients)
    print(f"{staying} of 1000 stay, others' worst {max(times):.3f} s")  # noqa: T201
    assert 0 < staying <= rules.MOST_OF_ADDRESS


def test_when_all_are_in_use_health_and_tokens_are_answered_and_others_wait(
    up: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is being answered holds its place, and what is left is for those who may."""
    token = bearer(up, "patients:read")["Authorization"]
    assert asked(up, "/viewer/viewer.css", "127.0.0.1")[0] == 200, "control"
    monkeypatch.setattr(rules, "MOST_CONNECTIONS", 0)
    assert asked(up, "/healthz", "127.0.0.1")[0] == 200
    assert asked(up, "/viewer/viewer.css", "127.0.0.1", f"Authorization: {token}")[0] == 200
    assert asked(up, "/viewer/viewer.css", "127.0.0.1")[0] == 503
