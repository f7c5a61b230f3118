"""The same reading of an archive on Ray Data: several machines that share the folders of films and parts.

Ray gives a part to another worker when its worker or machine is lost. A part is put in place whole and under
a name that says which films it holds, so that doing it twice leaves one, and a run that is started again
reads what is missing, whichever program read the rest.
"""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pedaxr.archive.read_archive import Tally, count_rows, make_plan, prepare_worker, write_shard
from pedaxr.archive.rows import Shard
from pedaxr.errors import InvalidRequest, WorkerFailed

_RETRIES = 3  # of a part whose worker was lost


def read_archive_on_ray(
    source: Path,
    out: Path,
    *,
    shard_size: int = 200,
    batch: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Tally:
    """As `archive.read_archive`, on the Ray cluster that `ray.init` finds or has started.

    Raises:
        InvalidRequest: Ray is not installed; and as `read_archive`.
        ModelUnavailable, WorkerFailed, StorageError: as `read_archive`.
    """
    ray = _ray()
    plan = make_plan(source, out.absolute(), shard_size=shard_size)
    missing = plan.missing
    tally = Tally(skipped=plan.films - sum(len(shard.files) for shard in missing))
    if not missing:
        return tally
    items = [_item(shard, plan.out, batch) for shard in missing]
    parts = ray.data.from_items(items, override_num_blocks=len(items)).map(
        write_item, num_cpus=1, max_retries=_RETRIES
    )
    try:
        for row in parts.iter_rows():
            # Counted from the file: a part that was done twice is one part.
            tally.counts += count_rows(plan.out / row["part"])
            if progress:
                progress(tally.done, plan.films)
    except ray.exceptions.RayError as err:
        raise WorkerFailed("Ray lost its workers too often. Start again: what is read is kept.") from err
    return tally


def write_item(item: dict[str, Any]) -> dict[str, Any]:
    """One part, in a worker of Ray, unless a lost worker had put it in place already."""
    prepare_worker(decode_apart=False)
    shard = Shard(int(item["number"]), Path(item["root"]), tuple(item["files"]))
    out = Path(item["out"])
    counts: Counter[str] = Counter()
    if not (out / shard.name).exists():
        counts = write_shard(shard, out, int(item["batch"]))
    return {"part": shard.name, "films": counts.total()}


def _item(shard: Shard, out: Path, batch: int) -> dict[str, Any]:
    files = list(shard.files)
    return {
        "number": shard.number,
        "root": str(shard.root),
        "files": files,
        "out": str(out),
        "batch": batch,
    }


def _ray() -> Any:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing of an archive is told to anybody
    try:
        import ray
        import ray.data
    except ImportError as err:
        raise InvalidRequest("Ray is not installed. Run `pip install 'pedaxr[ray]'`.") from err
    return ray
