"""What is kept is bounded, made once though two ask at the same time, and never an error."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from pedaxr.radiograph.recent_cache import Recent


def test_at_most_so_many_are_kept_and_the_longest_unused_goes_first() -> None:
    made: list[str] = []
    kept = Recent[str](2)

    def get(key: str) -> str:
        return kept.get(key, lambda: made.append(key) or key.upper())

    assert [get(key) for key in "abacab"] == ["A", "B", "A", "C", "A", "B"]
    assert made == ["a", "b", "c", "b"]


def test_who_asks_while_it_is_being_made_gets_the_same_one() -> None:
    kept, is_begun, may_end, made = Recent[object](2), threading.Event(), threading.Event(), []

    def make() -> object:
        made.append(object())
        is_begun.set()
        assert may_end.wait(10)
        return made[-1]

    with ThreadPoolExecutor(2) as two:
        first = two.submit(kept.get, "film", make)
        assert is_begun.wait(10)
        second = two.submit(kept.get, "film", make)
        assert not second.done()
        may_end.set()
        assert first.result(10) is second.result(10) is made[0]
    assert len(made) == 1


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, TimeoutError])
def test_an_error_is_the_first_ones_own_and_who_waited_makes_it_for_themselves(
    error: type[BaseException],
) -> None:
    kept, is_begun, may_end = Recent[str](2), threading.Event(), threading.Event()

    def fail() -> str:
        is_begun.set()
        assert may_end.wait(10)
        raise error

    with ThreadPoolExecutor(2) as two:
        first = two.submit(kept.get, "film", fail)
        assert is_begun.wait(10)
        second = two.submit(kept.get, "film", lambda: "made")
        may_end.set()
        assert isinstance(first.exception(10), error)
        assert second.result(10) == "made"


def test_what_was_forgotten_is_made_again() -> None:
    kept = Recent[int](2)
    assert kept.get("film", lambda: 1) == 1
    kept.clear()
    assert kept.get("film", lambda: 2) == 2
