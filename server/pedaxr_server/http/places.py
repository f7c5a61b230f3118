"""Who holds the connections: no address all of them, and a few are kept for health and for logged-in callers.

A newcomer takes the place of a connection that waits, of its own address first: of one that never asked
anything before one that did, and of the older before the younger. What is being answered is never cut off.
When every place is in use like that, a newcomer gets one of the reserved ones, on which only health and
requests with a token are answered.
"""

from collections.abc import Iterator
from ipaddress import IPv6Address, ip_address
from typing import Protocol
from weakref import WeakKeyDictionary

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from pedaxr_server.http.health import OPEN_PATHS

MOST_CONNECTIONS = 512
MOST_OF_ADDRESS = 256
RESERVED = 64
_RETRY_S = 2
_FULL = {
    "error": "busy",
    "error_description": f"All connections are in use. Call again in {_RETRY_S} seconds.",
}


class Held(Protocol):
    """A connection as far as its place matters."""

    @property
    def address(self) -> str:
        """Whose it is; see `network_of`."""

    @property
    def is_answering(self) -> bool:
        """Whether a whole request is being answered, an event stream too."""

    @property
    def has_asked(self) -> bool:
        """Whether it was answered before."""

    def hang_up(self) -> None:
        """End it now."""


class Places:
    """The connections of one server, by address; in each the one that was used last is the last."""

    def __init__(self) -> None:
        self._held: dict[str, dict[Held, None]] = {}
        self.count = 0

    def enter(self, newcomer: Held) -> bool:
        """Give it a place; whether it is a reserved one only. Without any it is hung up on."""
        own = self._held.get(newcomer.address, {})
        if len(own) >= MOST_OF_ADDRESS:
            _hang_up_on_one(iter([own]))
        elif self.count >= MOST_CONNECTIONS:
            _hang_up_on_one(iter(sorted(self._held.values(), key=len, reverse=True)))
        is_late = self.count >= MOST_CONNECTIONS or len(own) >= MOST_OF_ADDRESS
        self._held.setdefault(newcomer.address, {})[newcomer] = None
        self.count += 1
        if self.count > MOST_CONNECTIONS + RESERVED or len(own) > MOST_OF_ADDRESS + RESERVED // 2:
            newcomer.hang_up()
        return is_late

    def used(self, one: Held) -> None:
        """It was answered: others have to leave before it does."""
        own = self._held.get(one.address, {})
        if one in own:
            del own[one]
            own[one] = None

    def leave(self, one: Held) -> None:
        """Its place is free. Once more does nothing."""
        own = self._held.get(one.address, {})
        if one in own:
            del own[one]
            self.count -= 1
            if not own:
                del self._held[one.address]


def _hang_up_on_one(groups: Iterator[dict[Held, None]]) -> None:
    for group in groups:
        waiting = [one for one in group if not one.is_answering]
        if waiting:
            next((one for one in waiting if not one.has_asked), waiting[0]).hang_up()
            return


_places: "WeakKeyDictionary[ServerState, Places]" = WeakKeyDictionary()


def places_of(server: ServerState) -> Places:
    """The places of that server."""
    return _places.setdefault(server, Places())


def network_of(client: tuple[str, int] | None) -> str:
    """An address as one holder of connections: of IPv6 the network of 64 bits, which one household has."""
    if client is None:
        return "unknown"
    try:
        address = ip_address(client[0].partition("%")[0])
    except ValueError:
        return client[0]
    if not isinstance(address, IPv6Address):
        return str(address)
    return str(address.ipv4_mapped or IPv6Address(int(address) >> 64 << 64))


def reserved_lane(app: ASGIApp) -> ASGIApp:
    """The app as seen from a reserved place: health and whoever has a token; all others are told to wait."""

    async def lane(scope: Scope, receive: Receive, send: Send) -> None:
        is_for_all = scope["path"] in OPEN_PATHS or any(
            name == b"authorization" for name, _ in scope["headers"]
        )
        if is_for_all:
            await app(scope, receive, send)
            return
        headers = {"Connection": "close", "Retry-After": str(_RETRY_S)}
        await JSONResponse(_FULL, 503, headers)(scope, receive, send)

    return lane
