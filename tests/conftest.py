"""For every test: one thread a process, no film made twice in a run, no write that waits, no property timed.

Two threads of one network wait for each other by spinning: beside other work on two cores a test of seconds
then takes twenty minutes. pytest-xdist runs a process a core instead.
"""

import gc
import hashlib
import os
import pickle
import shutil
import sqlite3
import sys
import time
import zlib
from collections.abc import Callable, Generator, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar
from uuid import uuid4
from zlib import crc32

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy, OpenCV and torch are loaded, so before that
# Commands and servers give torch two threads all the same: these sleep while they wait, which halves the
# processor's time where others work beside them.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # tests import it before our packages do

import numpy as np
from hypothesis import HealthCheck, settings

from pedaxr.registry import Registry, schema
from pedaxr_models import phantom
from pedaxr_models.phantom.dataset import contact_sheet, write
from pedaxr_models.phantom.film import PhantomFilm, make_film
from pedaxr_models.phantom.out_of_distribution import pictures
from pedaxr_models.phantom.spec import FilmSpec

# By default an example that takes .2 s fails: beside a training, drawing a list of polygons does.
settings.register_profile("steps", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("steps")

Found = TypeVar("Found")
_LONGEST_WAIT_S = 20  # a film takes half a second; who was making it may have been stopped


class MadeFilms:
    """What one test made, any other of the run has: equal specifications give equal films.

    That they do is tested in tests/models/phantom, where films that are compared are made anew.

    Attributes:
        folder: shared by the workers of a run and empty when it begins; None makes every film anew.
    """

    folder: Path | None = None

    def film(self, spec: FilmSpec) -> PhantomFilm:
        if self.folder is None:
            return make_film(spec)
        path = self.folder / hashlib.sha256(repr(spec).encode()).hexdigest()
        if path.exists() or _another_makes(path):
            return _unpacked(pickle.loads(zlib.decompress(path.read_bytes())))
        film = make_film(spec)
        own = path.with_suffix(f".{uuid4().hex}")
        own.write_bytes(zlib.compress(pickle.dumps(_packed(film)), 1))
        own.replace(path)
        return film

    @contextmanager
    def forgotten(self) -> Iterator[None]:
        folder, self.folder = self.folder, None
        try:
            yield
        finally:
            self.folder = folder


def _another_makes(path: Path) -> bool:
    """Whether another worker was making this film, and has.

    Workers begin with the same clinic: side by side they would make each of its films twice.
    """
    try:
        path.with_suffix(".begun").touch(exist_ok=False)
    except FileExistsError:
        given_up = time.monotonic() + _LONGEST_WAIT_S
        while not path.exists() and time.monotonic() < given_up:
            time.sleep(0.02)
    return path.exists()


def _packed(film: PhantomFilm) -> PhantomFilm:
    """Eight pixels of a mask in a byte."""
    masks = {name: np.packbits(mask) for name, mask in film.masks.items()}
    return replace(film, masks=masks, exposed=np.packbits(film.exposed))


def _unpacked(film: PhantomFilm) -> PhantomFilm:
    height, width = film.pixels.shape

    def mask(bits: np.ndarray) -> np.ndarray:
        return np.unpackbits(bits, count=height * width).view(bool).reshape(height, width)

    return replace(film, masks={n: mask(bits) for n, bits in film.masks.items()}, exposed=mask(film.exposed))


MADE = MadeFilms()
for module in (phantom, phantom.film, write, contact_sheet, pictures):  # each holds it by name
    module.make_film = MADE.film


@pytest.fixture(scope="session", autouse=True)
def made_films(tmp_path_factory: pytest.TempPathFactory) -> MadeFilms:
    own = tmp_path_factory.getbasetemp()
    _keep_films_in(own.parent if "PYTEST_XDIST_WORKER" in os.environ else own)
    return MADE


def _keep_films_in(folder: Path) -> None:
    MADE.folder = folder / "films"
    MADE.folder.mkdir(exist_ok=True, parents=True)


class Unsynced(sqlite3.Connection):
    """What it commits reaches the disk some time: no test cuts the power."""

    def execute(self, sql: str, *given: object) -> sqlite3.Cursor:
        return super().execute(sql.replace("synchronous=FULL", "synchronous=OFF"), *given)


@pytest.fixture(scope="session", autouse=True)
def _no_write_waits_for_the_disk() -> Iterator[None]:
    """Thousands of small clinics are made: each waited longer for the disk than it was worked on."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sqlite3, "connect", partial(sqlite3.connect, factory=Unsynced))
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def _what_a_picture_shows_is_found_once() -> Iterator[None]:
    """Before any network looks: hundreds of tests read the same few films, each as if nobody had read it."""
    from pedaxr.reading import framing, markers, read_film

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(framing, "find_exposed_field", _once_a_picture(framing.find_exposed_field))
        patch.setattr(markers, "side_letters", _once_a_picture(markers.side_letters))
        patch.setattr(read_film, "text_notes", _once_a_picture(read_film.text_notes))
        yield


def _once_a_picture(look: Callable[[np.ndarray], Found]) -> Callable[[np.ndarray], Found]:
    """What is said of the same pixels is the same; tests of `look` itself have it from its own module."""
    known: dict[Hashable, Found] = {}

    def found(pixels: np.ndarray) -> Found:
        picture = pixels.shape, hashlib.sha256(np.ascontiguousarray(pixels)).digest()
        if picture not in known:
            known[picture] = look(pixels)
        return known[picture]

    return found


@pytest.fixture(scope="session", autouse=True)
def _new_registries_are_copies(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Of one that was made step by step: more than a thousand tests begin with a clinic."""
    with pytest.MonkeyPatch.context() as patch:
        known = NewRegistries(tmp_path_factory.mktemp("registry") / "empty.sqlite3")
        patch.setattr(sys.modules[Registry.__module__], "migrate", known.migrate)
        yield


class NewRegistries:
    """`migrate`, for which an empty file becomes a copy of an empty registry; its log begins with itself.

    Where a test has put other steps in place of some, they are taken.
    """

    def __init__(self, empty: Path) -> None:
        self._empty, self._steps, self._lock = empty, schema.MIGRATIONS, Lock()

    def migrate(self, path: Path) -> None:
        with self._lock:
            if schema.MIGRATIONS is self._steps and path.stat().st_size == 0:
                self._copy_to(path)
        schema.migrate(path)

    def _copy_to(self, path: Path) -> None:
        if not self._empty.exists():
            self._empty.touch()
            with pytest.MonkeyPatch.context() as patch:
                silent = [
                    tuple(step for step in steps if step != schema._begin_audit) for steps in self._steps
                ]
                patch.setattr(schema, "MIGRATIONS", tuple(silent))
                schema.migrate(self._empty)
        shutil.copyfile(self._empty, path)
        with schema.connected(path) as connection:
            schema._begin_audit(connection)


SYNCED = {"connect": sqlite3.connect, "fsync": os.fsync}


@pytest.fixture
def every_write_is_on_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is outside tests."""
    monkeypatch.setattr(sqlite3, "connect", SYNCED["connect"])
    monkeypatch.setattr(os, "fsync", SYNCED["fsync"])


@pytest.fixture
def a_small_backbone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four layers under a real backbone's name: a training is tested by its steps, not by what they hold."""
    from torch import nn

    from pedaxr_models.segmentation import network

    def layers(backbone: str) -> dict[str, nn.Module]:
        sides = zip((1, 8, 12, 16), (8, 12, 16, 24), strict=True)
        return {
            str(number): nn.Sequential(
                nn.Conv2d(*side, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(side[1]), nn.Hardswish()
            )
            for number, side in enumerate(sides)
        }

    monkeypatch.setattr(network, "_torchvision_layers", layers)
    monkeypatch.setitem(network._TAPS, "mobilenet_v3_large", {"0": 2, "1": 4, "2": 8, "3": 16})
    monkeypatch.setitem(network._WIDTHS, "mobilenet_v3_large", {2: 8, 4: 12, 8: 16, 16: 24})


def pytest_configure(config: pytest.Config) -> None:
    """Films that modules of tests make when they are imported are made once in a run, too."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        _keep_films_in(Path(config.option.basetemp).parent)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Modules and thousands of items stay to the end: they are not looked at again by each collection."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(10_000, 10, 10)  # looking for cycles was 4 % of a run
        gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, pytest.CollectReport]:
    """Each worker imports the tests in an order of its own: what one has rewritten is ready for the others.

    Side by side in one order, each of them would rewrite every module of a fresh clone.
    """
    report: pytest.CollectReport = yield
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker and report.result and isinstance(collector, pytest.Directory):
        report.result.sort(key=lambda node: crc32(f"{worker} {node.nodeid}".encode()))
    return report


# By processor time, of a run with --durations: half a minute to five seconds each.
LONGEST = (
    *("test_learning_trial.py", "test_ablation.py", "test_train.py", "test_weights.py", "test_learning.py"),
    *("test_end_to_end.py", "test_realism.py", "test_distributed.py", "test_captioning.py", "test_mixed.py"),
    *("test_segmentation.py", "test_evaluate.py", "test_taught.py", "test_stored_films.py"),
    *("test_second_look.py", "test_version_4.py", "test_transaction.py", "test_conversations.py"),
    *("test_in_browser.py", "test_workplace_page.py", "test_read_archive.py", "test_severity.py"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Each worker begins with a share of the longest modules: none is left with one at the end."""
    items.sort(key=lambda item: item.path)  # the same for all workers
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    modules = [list(some) for _, some in groupby(items, lambda item: item.path)]
    long = [some for some in modules if some[0].path.name in LONGEST]
    rest = [item for some in modules if some[0].path.name not in LONGEST for item in some]
    ordered = list[pytest.Item]()
    for worker in range(workers):
        first = [item for some in long[worker::workers] for item in some]
        until = (worker + 1) * len(items) // workers - len(ordered) - len(first)
        ordered += [*first, *rest[: max(0, until)]]
        del rest[: max(0, until)]
    items[:] = [*ordered, *rest]


def pytest_unconfigure() -> None:
    gc.unfreeze()  # or libraries complain at the end of objects that nobody took back


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup() -> None:
    """A test that loads a network for serving leaves torch with its two threads."""
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(1)
