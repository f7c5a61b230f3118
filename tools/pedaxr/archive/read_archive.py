"""Read a whole archive of films into Parquet files: resumable, several processes, never stopped by a film.

    out/_archive.json          what is read, with which weights, in how large parts
    out/part-000000.parquet    films 0 to 199 in the order of the archive, whole or not there

Films are cut into parts beforehand, so a part's name says which films it holds. A run that is started again
reads the parts that are missing; two runs cannot make a film appear twice.
"""

import hashlib
import io
import json
import multiprocessing
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pedaxr.archive.rows import Shard, rows_of, schema
from pedaxr.errors import InvalidRequest, WorkerFailed
from pedaxr.reading import networks as models
from pedaxr.storage.files import disk_errors, sync_folder, write_durably
from pedaxr_models.datasets.read_report import DatasetError
from pedaxr_models.datasets.tables import column_key, read_table

PLAN = "_archive.json"  # readers of Parquet folders pass over what begins with _, such as pandas.read_parquet
_FORMER_PLAN = "archive.json"
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".dcm"})
# Files of a PACS or its discs are called IM000001, or by their UID, whose last number looks like a suffix.
_UNSAID_SUFFIX = re.compile(r"(?:\.(?:\d+|dicom|dic|ima))?", re.IGNORECASE)
PATH_COLUMNS = ("ImagePath", "file", "path")
_AHEAD = 2  # parts given to each process beforehand
_MOST_BREAKS = 3


@dataclass(frozen=True)
class Plan:
    """What is to be read, cut into parts.

    Attributes:
        out: folder of the parts.
        shards: all of them.
    """

    out: Path
    shards: tuple[Shard, ...]

    @property
    def missing(self) -> list[Shard]:
        """Parts not yet read."""
        return [shard for shard in self.shards if not (self.out / shard.name).exists()]

    @property
    def films(self) -> int:
        """In all."""
        return sum(len(shard.files) for shard in self.shards)


@dataclass
class Tally:
    """Films of this run.

    Attributes:
        counts: films by status.
        skipped: films that an earlier run had read.
    """

    counts: Counter[str] = field(default_factory=Counter)
    skipped: int = 0

    @property
    def done(self) -> int:
        """Films in finished parts."""
        return self.skipped + self.counts.total()


def read_archive(
    source: Path,
    out: Path,
    *,
    processes: int = 2,
    shard_size: int = 200,
    batch: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Tally:
    """Read every film of a folder or of a CSV file's list into `out`, or resume a run that was stopped.

    Args:
        source: a folder, searched with its subfolders, or a CSV file with a column ImagePath, file or path.
        out: for the parts.
        processes: each reads with one thread.
        shard_size: films of one part.
        batch: films that the segmentation looks at together; what is read is the same.
        progress: called with (films done, films in all) after each part.

    Raises:
        InvalidRequest: there are no films, or `out` belongs to another archive, other weights or parts.
        ModelUnavailable: no film can be read.
        WorkerFailed: processes end again and again, for example for want of memory.
        StorageError: `out` cannot be written.
    """
    plan = make_plan(source, out, shard_size=shard_size)
    missing = plan.missing
    tally = Tally(skipped=plan.films - sum(len(shard.files) for shard in missing))
    for counts in _run(missing, out, processes, batch):
        tally.counts += counts
        if progress:
            progress(tally.done, plan.films)
    return tally


def make_plan(source: Path, out: Path, *, shard_size: int) -> Plan:
    """Cut the archive into parts and note it in `out`; the networks load here first: then all find graphs.

    Raises:
        InvalidRequest, ModelUnavailable, StorageError: see `read_archive`.
    """
    root, files = list_films(source)
    weights = [models.segmenter().weights_sha256, models.reporter().weights_sha256]
    digest = hashlib.sha256("\n".join(files).encode()).hexdigest()
    plan = {"films": len(files), "list_sha256": digest, "weights": weights, "shard_size": shard_size}
    with disk_errors(out.name):
        out.mkdir(parents=True, exist_ok=True)
        _note(out / PLAN, plan)
    parts = range(0, len(files), shard_size)
    return Plan(
        out,
        tuple(Shard(i, root, tuple(files[begin : begin + shard_size])) for i, begin in enumerate(parts)),
    )


def list_films(source: Path) -> tuple[Path, list[str]]:
    """Folder that the films are in, and their paths relative to it, always in the same order.

    Raises:
        InvalidRequest: there are none.
    """
    if source.is_dir():
        root, files = source, sorted(_in_folder(source))
    elif source.is_file():
        root, files = source.parent, list(_in_table(source))
    else:
        raise InvalidRequest("There is no such folder or CSV file. Name one that holds films.")
    if not files:
        raise InvalidRequest("No films were found: PNG, JPEG or DICOM (.dcm) files are read.")
    return root.absolute(), files


def write_shard(shard: Shard, out: Path, batch: int = 1) -> Counter[str]:
    """Read one part and put its file in place when it is whole; films by status."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows = list(rows_of(shard, batch=batch))
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=schema()), buffer, compression="zstd")
    part = out / f".{shard.name}.{os.getpid()}"
    try:
        write_durably(part, buffer.getvalue())
        part.replace(out / shard.name)
    finally:
        part.unlink(missing_ok=True)
    sync_folder(out)
    return Counter(row["status"] for row in rows)


def count_rows(part: Path) -> Counter[str]:
    """Films by status of a finished part."""
    import pyarrow.parquet as pq

    return Counter(pq.read_table(part, columns=["status"])["status"].to_pylist())


def _in_folder(folder: Path) -> Iterator[str]:
    """Films below a folder, and folders there that may not be opened: each is a row that says so."""
    closed: list[OSError] = []
    for base, _, names in os.walk(folder, onerror=closed.append):
        for name in names:
            path = Path(base) / name
            if path.suffix.lower() in SUFFIXES or _is_dicom_unsaid(path):
                yield os.path.relpath(path, folder)
    yield from (os.path.relpath(err.filename, folder) for err in closed)


def _is_dicom_unsaid(path: Path) -> bool:
    """Whether this is a DICOM file, though its name does not say so; the directory of a disc is no film."""
    if not _UNSAID_SUFFIX.fullmatch(path.suffix) or not path.is_file():
        return False
    from pedaxr_models.datasets.label_files import begins_as_dicom, is_disc_list

    return begins_as_dicom(path) and not is_disc_list(path)


def _in_table(table: Path) -> Iterator[str]:
    try:
        read = read_table(table)
    except DatasetError as err:
        raise InvalidRequest(str(err)) from err
    except OSError as err:
        raise InvalidRequest("The CSV file cannot be opened. Check its path and permissions.") from err
    header = [column_key(column) for column in read.header]
    column = next((key for key in map(column_key, PATH_COLUMNS) if key in header), None)
    if column is None:
        raise InvalidRequest(f"The CSV file needs a column {', '.join(PATH_COLUMNS[:-1])} or path.")
    place = header.index(column)
    cells = (cells[place].strip().replace("\\", "/") for _, cells in read.rows if len(cells) > place)
    yield from dict.fromkeys(filter(None, cells))


def _note(path: Path, plan: dict[str, object]) -> None:
    """Keep the plan; parts of another one must not be taken for those of this."""
    former = path.with_name(_FORMER_PLAN)
    if former.exists() and not path.exists():
        former.replace(path)
    if not path.exists():
        if any(path.parent.glob("part-*.parquet")):
            raise InvalidRequest("The folder holds parts of unknown origin. Choose an empty one.")
        write_durably(path, json.dumps(plan, indent=2).encode())
        return
    known: object = None
    with suppress(ValueError):
        known = json.loads(path.read_bytes())
    if known != plan:
        raise InvalidRequest(
            "The folder holds the reading of another list of films, or one with other weights or another "
            "size of parts. Choose an empty folder, or give what was given before."
        )


def _run(shards: Iterable[Shard], out: Path, processes: int, batch: int) -> Iterator[Counter[str]]:
    """Counts of each part as it is finished. When a process dies the parts it had are given out again."""
    waiting = list(shards)[::-1]
    for attempt in range(_MOST_BREAKS):
        # A decoder that takes its process with it is the likeliest cause: from the second time on it is kept
        # in a process of its own, and costs one film.
        with _pool(processes, decode_apart=attempt > 0) as pool:
            running: dict[Future[Counter[str]], Shard] = {}
            try:
                while waiting or running:
                    while waiting and len(running) < processes * _AHEAD:
                        running[pool.submit(write_shard, waiting[-1], out, batch)] = waiting[-1]
                        waiting.pop()
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        counts = future.result()
                        del running[future]
                        yield counts
                return
            except BrokenProcessPool:
                for shard in running.values():
                    if (out / shard.name).exists():
                        yield count_rows(out / shard.name)
                    else:
                        waiting.append(shard)
    raise WorkerFailed("Reading processes ended three times. Give fewer processes; what is read is kept.")


def _pool(processes: int, *, decode_apart: bool) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(
        processes,
        mp_context=multiprocessing.get_context("spawn"),  # forked threads of a runtime would hang
        initializer=prepare_worker,
        initargs=(decode_apart,),
    )


def prepare_worker(decode_apart: bool) -> None:
    """One thread for this process: the others have the other cores."""
    os.environ["OMP_NUM_THREADS"] = os.environ["PEDAXR_THREADS"] = "1"
    from pedaxr_models.runtime.threads import share_cores

    share_cores()
    if decode_apart:
        from pedaxr.radiograph.isolation import decode_in_worker

        decode_in_worker()
