"""Connections that must say what they want soon, and take their answer: slow clients are disconnected.

uvicorn waits for ever for the rest of a request, and for whoever reads an answer. Here a request has ten
seconds to arrive, headers and body, and when too many are on their way at once the oldest of them has to
leave; an answer that has filled the buffers is given up when too little of it was taken for half a minute.
How many connections one address may hold is the matter of `places`.
"""

import asyncio
from weakref import WeakKeyDictionary

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from pedaxr_server.http.places import Places, network_of, places_of, reserved_lane

ARRIVAL_S = 10.0
TAKING_S = 30.0
MOST_ARRIVING = 256
_HERE = (h11.DONE, h11.MUST_CLOSE, h11.CLOSED)
_arriving: "WeakKeyDictionary[ServerState, dict[PromptProtocol, None]]" = WeakKeyDictionary()


class PromptProtocol(H11Protocol):
    """One connection, with a clock for each request and one for a client that does not read."""

    _clock: asyncio.TimerHandle | None = None
    _taking_clock: asyncio.TimerHandle | None = None
    _places: Places
    address: str

    @property
    def is_answering(self) -> bool:
        """Whether a whole request is being answered."""
        return self.cycle is not None and not self.cycle.response_complete and not self.cycle.more_body

    @property
    def has_asked(self) -> bool:
        """Whether a request was answered, and no other has begun that could be slow."""
        return self.cycle is not None and self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """The first request is expected."""
        super().connection_made(transport)
        self.address = network_of(self.client)
        self._places = places_of(self.server_state)
        self._expect()
        if self._places.enter(self):
            self.app = reserved_lane(self.app)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._forget()
        self._stop_taking_clock()
        super().connection_lost(exc)

    def hang_up(self) -> None:
        """End it at once; its place is free before the event loop has told anybody."""
        self._forget()
        self.transport.abort()

    def on_response_complete(self) -> None:
        """It waits again, but has shown that it asks."""
        self._places.used(self)
        super().on_response_complete()

    def data_received(self, data: bytes) -> None:
        """A request that is whole stops its clock; one that has only begun starts it."""
        super().data_received(data)
        if self.conn.their_state in _HERE:
            self._stop_expecting()
        elif self._clock is None and not self.transport.is_closing():
            self._expect()

    def pause_writing(self) -> None:
        """The buffers are full: the client has as long as this to take some of it."""
        super().pause_writing()
        self._stop_taking_clock()
        self._taking_clock = self.loop.call_later(TAKING_S, self.transport.abort)

    def resume_writing(self) -> None:
        """It took some."""
        super().resume_writing()
        self._stop_taking_clock()

    def _stop_taking_clock(self) -> None:
        if self._taking_clock is not None:
            self._taking_clock.cancel()
            self._taking_clock = None

    def _expect(self) -> None:
        self._clock = self.loop.call_later(ARRIVAL_S, self.transport.close)
        others = _arriving.setdefault(self.server_state, {})
        others[self] = None
        if len(others) > MOST_ARRIVING:
            next(iter(others)).hang_up()

    def _forget(self) -> None:
        self._stop_expecting()
        self._places.leave(self)

    def _stop_expecting(self) -> None:
        if self._clock is not None:
            self._clock.cancel()
            self._clock = None
        _arriving.get(self.server_state, {}).pop(self, None)
