"""What clients do with a session that the SDK does not expect: an id in use twice, and events missed."""

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import date

import httpx2
import pytest

from pedaxr_server.http import sessions
from pedaxr_server.mcp.tools import XrayTools
from pedaxr_server.replies.reply import Reply
from pedaxr_server.settings import Settings

from .test_shares import ACCEPT, of, opened

SLOW, QUICK = "the slow child", "the quick child"


class Search:
    """In the place of the registry's: it answers with the question, to the slow one when it is told to."""

    def __init__(self) -> None:
        self.has_begun, self.may_end = threading.Event(), threading.Event()

    def __call__(self, tools: XrayTools, query: str, patient_birth_date: date | None, limit: int) -> Reply:
        if query == SLOW:
            self.has_begun.set()
            assert self.may_end.wait(20)
        nobody = {"query": query, "status": "no_match", "matches": [], "total": 0, "next_step": ""}
        return Reply(query, nobody)


@pytest.fixture
def search(monkeypatch: pytest.MonkeyPatch) -> Iterator[Search]:
    made = Search()
    monkeypatch.setattr(XrayTools, "_find", lambda *asked: made(*asked))
    yield made
    made.may_end.set()


def ask(
    http: httpx2.Client,
    settings: Settings,
    session: str,
    request_id: object,
    query: str,
    patience_s: float = 10,
) -> str | None:
    """The text of the answer, empty where it says nothing; None when patience came to an end."""
    call = {"name": "find_patient", "arguments": {"query": query}}
    asked = {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": call}
    try:
        reply = http.post(settings.url, json=asked, headers=of(session), timeout=patience_s)
    except httpx2.ReadTimeout:
        return None
    sent = [json.loads(line[6:]) for line in reply.text.splitlines() if line.startswith("data: {")]
    return "".join(one["result"]["content"][0]["text"] for one in sent if "result" in one)


def asked_twice(
    search: Search, settings: Settings, second_id: object, *, patience_s: float = 10
) -> list[str | None]:
    """The answers to a slow question under the id 7 and to a quick one; see `ask`."""
    with httpx2.Client(headers=ACCEPT, timeout=20) as http, ThreadPoolExecutor(2) as threads:
        session = opened(http, settings)
        first = threads.submit(ask, http, settings, session, 7, SLOW, patience_s)
        assert search.has_begun.wait(20)
        second = threads.submit(ask, http, settings, session, second_id, QUICK, patience_s)
        wait([second], 0.5)  # enough for an answer that waits for nothing
        at_once = second.done()
        search.may_end.set()
        assert at_once == (str(second_id) != "7") or patience_s < 10
        return [first.result(30), second.result(30)]


@pytest.mark.parametrize("second_id", [7, "7", 8])
def test_two_questions_under_one_id_each_get_their_own_answer(
    open_service: Settings, search: Search, second_id: object
) -> None:
    assert asked_twice(search, open_service, second_id) == [SLOW, QUICK]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # streams that the SDK forgets
def test_without_turns_one_of_them_gets_none(
    open_service: Settings, search: Search, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Control."""
    monkeypatch.setattr(sessions, "_request_id", lambda body: None)
    assert asked_twice(search, open_service, 7, patience_s=2) != [SLOW, QUICK]


def test_who_hangs_up_and_asks_again_under_that_id_gets_the_new_answer(
    open_service: Settings, search: Search
) -> None:
    """A program that was started again, goes on with its session and counts from the beginning."""
    with httpx2.Client(headers=ACCEPT, timeout=20) as http, ThreadPoolExecutor(1) as threads:
        session = opened(http, open_service)
        assert ask(http, open_service, session, 7, SLOW, patience_s=0.3) is None
        again = threads.submit(ask, http, open_service, session, 7, QUICK)
        wait([again], 0.5)
        search.may_end.set()
        assert again.result(20) == QUICK


def test_whoever_asks_for_missed_events_hears_the_new_ones(open_service: Settings) -> None:
    """None are kept; without an answer at all it was a fault of the server."""
    with httpx2.Client(headers=ACCEPT, timeout=20) as http:
        headers = of(opened(http, open_service)) | {"Accept": "text/event-stream", "Last-Event-ID": "7"}
        with http.stream("GET", open_service.url, headers=headers) as stream:
            assert stream.status_code == 200
