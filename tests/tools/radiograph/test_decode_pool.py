"""Films decoded in a process of their own: the same pictures, and a process that may die of them."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from pedaxr.errors import UnreadableImage
from pedaxr.radiograph import decode_pool
from pedaxr.radiograph.decode_pool import DecodePool, _checked_raster, _environment
from pedaxr.radiograph.decoding import decode
from pedaxr.radiograph.isolation import decode_in_worker
from pedaxr.radiograph.raster import MAX_PIXELS
from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.labels import View

from ..film_files import blank_png, dicom_bytes, picture_bytes, ramp, samples


@pytest.fixture(scope="module")
def shared() -> Iterator[DecodePool]:
    made = DecodePool()
    yield made
    made.close()


@pytest.fixture
def pool(shared: DecodePool) -> DecodePool:
    shared.warm()
    return shared


SAMPLES = samples()
FILMS = {
    "grey": SAMPLES["png"],
    "colour": SAMPLES["png alpha"],
    "JPEG": SAMPLES["jpeg progressive"],
    "DICOM": dicom_bytes(),
}


@pytest.mark.parametrize("data", FILMS.values(), ids=FILMS.keys())
def test_a_film_comes_out_the_same_as_in_this_process(pool: DecodePool, data: bytes) -> None:
    apart, here = pool.decode(data), decode(data)
    assert np.array_equal(apart.pixels, here.pixels)
    assert (apart.metadata, apart.notes) == (here.metadata, here.notes)
    assert (apart.spacing, apart.stored, apart.colourfulness) == (
        here.spacing,
        here.stored,
        here.colourfulness,
    )


def test_one_process_decodes_film_after_film(pool: DecodePool) -> None:
    before = pool.process_ids
    sizes = [(30, 20), (300, 200), (3, 2)]
    assert [pool.decode(picture_bytes(ramp(*size))).pixels.shape for size in sizes] == sizes
    assert pool.process_ids == before


def test_a_refusal_reads_the_same_as_in_this_process(pool: DecodePool) -> None:
    before = pool.process_ids
    with pytest.raises(UnreadableImage, match="damaged"):
        pool.decode(FILMS["grey"][:-30])
    assert pool.process_ids == before, "an ordinary refusal costs no process"


def test_a_film_that_needs_too_much_memory_is_refused_and_the_next_is_read() -> None:
    pool = DecodePool(memory=400 * 2**20)
    try:
        with pytest.raises(UnreadableImage, match="memory"):
            pool.decode(blank_png(9000, 7000, colour=6))
        assert pool.decode(FILMS["grey"]).pixels.shape == (40, 60), "control"
    finally:
        pool.close()


@pytest.mark.slow
def test_the_largest_film_is_read_within_the_memory_that_decoders_have() -> None:
    pool = DecodePool(deadline_s=250)  # in colour it takes ten seconds on a machine that is not busy
    try:
        for colour in (0, 6):
            assert pool.decode(blank_png(8000, MAX_PIXELS // 8000, colour=colour)).pixels.size == MAX_PIXELS
        assert pool.process_ids == [], "a decoder that has grown is retired"
    finally:
        pool.close()


def test_a_film_that_takes_too_long_is_refused_and_the_next_is_read() -> None:
    pool = DecodePool(deadline_s=20)
    try:
        pool.warm()
        stopped = pool.process_ids[0]
        os.kill(stopped, signal.SIGSTOP)
        pool._idle[0]._deadline_s = 0.2
        start = time.monotonic()
        with pytest.raises(UnreadableImage, match="longer"):
            pool.decode(FILMS["grey"])
        assert time.monotonic() - start < 10
        assert pool.decode(FILMS["grey"]).pixels.shape == (40, 60)
        assert stopped not in pool.process_ids
    finally:
        pool.close()


@pytest.mark.parametrize("kills", [3, pytest.param(20, marks=pytest.mark.slow)])
def test_killed_decoders_are_replaced(pool: DecodePool, kills: int) -> None:
    for number in range(kills):
        process = pool.process_ids[0]
        if number % 2:
            os.kill(process, signal.SIGKILL)
            os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT)
        else:  # in the middle of a film
            os.kill(process, signal.SIGSTOP)
            threading.Timer(0.05, os.kill, (process, signal.SIGKILL)).start()
            with pytest.raises(UnreadableImage, match="ended"):
                pool.decode(FILMS["grey"])
        assert pool.decode(FILMS["grey"]).pixels.shape == (40, 60)


def test_threads_share_at_most_two_processes(pool: DecodePool) -> None:
    shapes: list[tuple[int, ...]] = []
    threads = [
        threading.Thread(target=lambda: shapes.append(pool.decode(FILMS["grey"]).pixels.shape))
        for _ in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shapes == [(40, 60)] * 12
    assert len(pool.process_ids) <= 2


STORED = {
    "orientation": {"is_mirrored": True, "quarter_turns": 1},
    "is_certain": True,
    "pixel_aspect": 1,
    "is_from_the_side": False,
}
GOOD = {
    "shape": [2, 3],
    "spacing": [0.1, 0.2, "calibrated"],
    "stored": STORED,
    "metadata": {"age_months": 3.0, "view": "erect", "patient_id": "P"},
    "notes": ["n"],
    "colourfulness": 0.0,
}


@pytest.mark.parametrize(
    "change",
    [
        {"shape": [2, 4]},
        {"shape": [-2, -3]},
        {"shape": [10**6, 10**6]},
        {"shape": 6},
        {"colourfulness": 2},
        {"metadata": {"age_months": "old", "view": None}},
        {"metadata": {"age_months": None, "view": "sideways"}},
        {"metadata": {"age_months": None, "view": None, "unknown": 1}},
        {"spacing": ["a", "b", "calibrated"]},
        {"spacing": [0.1, 0.2, "guessed"]},
        {"spacing": [100, 0.2, "calibrated"]},
        {"stored": {**STORED, "orientation": {"is_mirrored": True, "quarter_turns": 5}}},
        {"stored": {**STORED, "pixel_aspect": float("nan")}},
        {"stored": {}},
        {"notes": 3},
    ],
    ids=str,
)
def test_an_answer_that_is_not_what_it_must_be_is_no_picture(change: dict[str, object]) -> None:
    """A decoder that was taken over can say anything."""
    with (Path("/proc/self/fd") / str(decode_pool._anonymous_file())).open("r+b", buffering=0) as file:
        file.write(np.zeros((2, 3), np.float32).tobytes())
        good = {**GOOD, "metadata": dict(GOOD["metadata"])}  # type: ignore[call-overload]
        assert _checked_raster(good, file.fileno()).metadata.view is View.ERECT, "control"
        with pytest.raises((KeyError, TypeError, ValueError)):
            _checked_raster({**GOOD, "metadata": dict(GOOD["metadata"]), **change}, file.fileno())  # type: ignore[call-overload]


def test_a_decoder_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PEDAXR_AUTH_SECRET", "canary")
    assert "PATH" in _environment(), "control"
    assert "canary" not in _environment().values()


def test_reading_a_file_goes_through_the_decoder_when_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "film.dcm"
    path.write_bytes(FILMS["DICOM"])
    here = read_radiograph(path)
    decode_in_worker()
    try:
        apart = read_radiograph(path)
        assert decode_pool.the_pool().process_ids
    finally:
        decode_in_worker(False)
        decode_pool.the_pool().close()
    assert (apart.sha256, apart.metadata) == (here.sha256, here.metadata)
    assert np.array_equal(apart.pixels, here.pixels)
