"""A network is loaded once, whoever asks, and one that is loaded is had while the other still loads."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pedaxr.reading.networks import _Cache


@pytest.mark.parametrize("asked", [1, 4])
def test_a_network_is_loaded_once_and_had_while_another_loads(asked: int) -> None:
    cache, loads, is_loading, may_end = _Cache(), [], threading.Event(), threading.Event()

    def slowly(folder: Path) -> str:
        loads.append(folder.name)
        is_loading.set()
        assert may_end.wait(10)
        return folder.name

    assert cache.get(Path("segmentation"), lambda folder: folder.name) == "segmentation"
    with ThreadPoolExecutor(asked) as threads:
        loading = [threads.submit(cache.get, Path("captioner"), slowly) for _ in range(asked)]
        assert is_loading.wait(10)
        assert cache.get(Path("segmentation"), slowly) == "segmentation"
        may_end.set()
        assert {one.result(10) for one in loading} == {"captioner"}
    assert loads == ["captioner"]
