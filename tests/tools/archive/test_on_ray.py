"""The archive on Ray: a local cluster of several workers, one of them killed mid-run."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from PIL import Image

from pedaxr.archive.read_archive import list_films
from pedaxr_models.phantom import make_film, sample_spec

ray = pytest.importorskip("ray")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1800),
    # Ray leaves sockets and files of its own to the garbage collector
    pytest.mark.filterwarnings("ignore"),
]
FILMS = 24


def _kill_one_worker(out: Path, killed: list[int]) -> None:
    """The first process that is reading a part once another part is done."""
    while not list(out.glob("part-*.parquet")):
        time.sleep(0.02)
    while not killed:
        for name in Path("/proc").iterdir():
            if not name.name.isdigit():
                continue
            try:
                title = (name / "cmdline").read_bytes()
                mine = f"PEDAXR_TEST_RUN={out}".encode() in (name / "environ").read_bytes()
            except OSError:
                continue
            if mine and title.startswith(b"ray::") and b"IDLE" not in title and b"write_item" in title:
                os.kill(int(name.name), signal.SIGKILL)
                killed.append(int(name.name))
                return
        time.sleep(0.01)


def test_a_killed_worker_loses_and_doubles_nothing(tmp_path: Path, monkeypatch: Any) -> None:
    from pedaxr.archive.on_ray import read_archive_on_ray

    films, out = tmp_path / "films", tmp_path / "out"
    films.mkdir()
    for index in range(FILMS):
        Image.fromarray(make_film(sample_spec(0, index)).pixels).save(films / f"{index:03}.png")
    (films / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    monkeypatch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
    ray.init(
        num_cpus=3,
        include_dashboard=False,
        log_to_driver=False,
        object_store_memory=100 * 2**20,
        runtime_env={"env_vars": {"PEDAXR_TEST_RUN": str(out)}},
    )
    killed: list[int] = []
    threading.Thread(target=_kill_one_worker, args=(out, killed), daemon=True).start()
    try:
        tally = read_archive_on_ray(films, out, shard_size=2)
    finally:
        ray.shutdown()
    assert killed
    rows = [row for part in sorted(out.glob("part-*.parquet")) for row in pq.read_table(part).to_pylist()]
    assert [row["file"] for row in rows] == list_films(films)[1]
    assert tally.counts == {"read": FILMS, "failed": 1}
