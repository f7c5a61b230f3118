"""Backups made to harm: refused with a declared error, in bounded memory and disk, and nothing is left."""

import json
import random
import shutil
import sqlite3
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pedaxr.clinic import Clinic
from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.backup_file import MANIFEST
from pedaxr.clinic.integrity import check_clinic
from pedaxr.errors import DamagedEntry, InvalidRequest, PedaxrError, StorageError
from pedaxr.registry import REGISTRY_FILE
from pedaxr.storage.home import ACCESS_FILE

from ..small_clinic import film_study, small_clinic

ZEROS = bytes(1024 * 1024)
_BOMB_BYTES = 240 * 2**20  # unpacked; eight times the memory that they may take


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sound backup; each test spoils a copy."""
    folder = tmp_path_factory.mktemp("whole")
    back_up(small_clinic(folder / "home"), folder / "b.zip")
    return folder / "b.zip"


Entries = dict[str, tuple[zipfile.ZipInfo, bytes]]


def respell(source: Path, target: Path, change: Callable[[Entries], object]) -> None:
    """The same backup with other entries; the manifest follows unless it is changed itself."""
    with zipfile.ZipFile(source) as old:
        entries = {info.filename: (info, old.read(info)) for info in old.infolist()}
    change(entries)
    with zipfile.ZipFile(target, "w") as new:
        for info, content in entries.values():
            new.writestr(info, content, compresslevel=1)  # bombs pack as small, and twice as fast


def entry(name: str, compression: int = zipfile.ZIP_STORED, attributes: int = 0o600) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.compress_type, info.external_attr = compression, attributes << 16
    return info


def listing(more: dict[str, bytes] | None = None) -> Callable[[Entries], None]:
    """Put entries in, and into the manifest, with their true digests."""
    import hashlib

    def change(entries: Entries) -> None:
        manifest = json.loads(entries[MANIFEST][1])
        for name, content in (more or {}).items():
            entries[name] = (entries[name][0] if name in entries else entry(name), content)
            manifest["files"][name] = hashlib.sha256(content).hexdigest()
        entries[MANIFEST] = (entry(MANIFEST), json.dumps(manifest).encode())

    return change


def manifest_of(content: bytes, compression: int = zipfile.ZIP_STORED) -> Callable[[Entries], object]:
    return lambda entries: entries.update({MANIFEST: (entry(MANIFEST, compression), content)})


def recompressed(name: str, compression: int) -> Callable[[Entries], object]:
    return lambda entries: entries.update({name: (entry(name, compression), entries[name][1])})


def of_kind(attributes: int) -> Callable[[Entries], object]:
    def change(entries: Entries) -> None:
        listing({"films/9.png": b"/etc/passwd"})(entries)
        entries["films/9.png"] = (entry("films/9.png", attributes=attributes), b"/etc/passwd")

    return change


def sql(*statements: str, file: str = REGISTRY_FILE) -> Callable[[Entries], None]:
    """Change a database inside the backup as its maker could, digests and all."""

    def change(entries: Entries) -> None:
        with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
            database.deserialize(entries[file][1])
            for statement in statements:
                database.execute(statement)
            content = database.serialize()
        listing({file: content})(entries)

    return change


def _overlapping(source: Path, target: Path) -> None:
    """Sixteen names for the bytes of one film: what is unpacked is larger than the file."""

    def many(entries: Entries) -> None:
        listing({f"films/n{number:02}.png": ZEROS for number in range(16)})(entries)
        for number in range(1, 16):
            entries[f"films/n{number:02}.png"] = (entry(f"films/n{number:02}.png"), b"")

    respell(source, target, many)
    content = bytearray(target.read_bytes())
    with zipfile.ZipFile(target) as archive:
        first = archive.getinfo("films/n00.png")
    at = content.index(b"PK\x01\x02")
    while content[at : at + 4] == b"PK\x01\x02":
        lengths = struct.unpack_from("<HHH", content, at + 28)
        name = bytes(content[at + 46 : at + 46 + lengths[0]])
        if name.startswith(b"films/n"):
            struct.pack_into("<III", content, at + 16, first.CRC, len(ZEROS), len(ZEROS))
            struct.pack_into("<I", content, at + 42, first.header_offset)
        at += 46 + sum(lengths)
    target.write_bytes(content)


def _encrypted(source: Path, target: Path) -> None:
    content = bytearray(source.read_bytes())
    for signature, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + at] |= 1
    target.write_bytes(content)


def spoilt(change: Callable[[Entries], object]) -> Callable[[Path, Path], None]:
    return lambda source, target: respell(source, target, change)


ENDLESS = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x FROM n) SELECT * FROM n"
HOSTILE: dict[str, Callable[[Path, Path], None]] = {
    "encrypted": _encrypted,
    "lzma": spoilt(recompressed("films/1.png", zipfile.ZIP_LZMA)),
    "bzip2": spoilt(recompressed(REGISTRY_FILE, zipfile.ZIP_BZIP2)),
    "a packed film": spoilt(recompressed("films/1.png", zipfile.ZIP_DEFLATED)),
    "a packed manifest": spoilt(manifest_of(b"[" + b" " * 10**8, zipfile.ZIP_DEFLATED)),
    "a deep manifest": spoilt(manifest_of(b"[" * 10**5)),
    "a long manifest": spoilt(manifest_of(b" " * 10**7 + b"{}")),
    "a manifest that is no object": spoilt(manifest_of(b'["format"]')),
    "a manifest of lone surrogates": spoilt(manifest_of(b'{"format": 1, "files": {"films/\\ud800": "0"}}')),
    "no manifest": spoilt(lambda entries: entries.pop(MANIFEST)),
    "a database of zeros": spoilt(listing({ACCESS_FILE: ZEROS * 64})),
    "names over each other": _overlapping,
    "a link": spoilt(of_kind(0o120777)),
    "a device": spoilt(of_kind(0o020666)),
    "a pipe": spoilt(of_kind(0o010666)),
    "a folder for a film": spoilt(listing({"films/1.png/": b""})),
    "a film as a folder": spoilt(listing({"films/1.png/2.png": b"x"})),
    "a film above the films": spoilt(listing({"other.sqlite3": b"x"})),
    "a journal beside the registry": spoilt(listing({f"{REGISTRY_FILE}-journal": b"x"})),
    "a log beside the registry": spoilt(listing({f"{REGISTRY_FILE}-wal": b"x"})),
    "two dots": spoilt(listing({"films/../../out": b"x"})),
    "one dot": spoilt(listing({"films/./1.png": b"x"})),
    "an empty part": spoilt(listing({"films//1.png": b"x"})),
    "a backslash": spoilt(listing({"films/..\\..\\out": b"x"})),
    "a stream of Windows": spoilt(listing({"films/1.png:x": b"x"})),
    "a name too long": spoilt(listing({"films/" + "x" * 300: b"x"})),
    "a registry that is none": spoilt(listing({REGISTRY_FILE: b"x" * 5000})),
    "a registry of nothing": spoilt(listing({REGISTRY_FILE: b""})),
    "a registry that names a file outside": spoilt(
        sql("UPDATE studies SET image_path = '../../etc/passwd' WHERE study_id = 'S-1'")
    ),
    "a registry with a path that is no text": spoilt(
        sql("UPDATE studies SET image_path = x'ff00' WHERE study_id = 'S-1'")
    ),
    "a registry with a version that is none": spoilt(
        sql("DROP TABLE schema_versions", "CREATE TABLE schema_versions AS SELECT 'x' version")
    ),
    "a registry with bytes that are no text": spoilt(
        sql(
            "DROP TABLE schema_versions", "CREATE TABLE schema_versions AS SELECT CAST(x'ff' AS TEXT) version"
        )
    ),
    "a registry that never ends": spoilt(
        sql("ALTER TABLE studies RENAME TO s", f"CREATE VIEW studies AS SELECT x image_path FROM ({ENDLESS})")
    ),
    "a planted trigger": spoilt(
        sql("CREATE TRIGGER t AFTER INSERT ON audit BEGIN UPDATE patients SET patient_name = 'x'; END")
    ),
    "a planted trigger in the access log": spoilt(
        sql("CREATE TRIGGER t AFTER INSERT ON audit BEGIN SELECT 1; END", file=ACCESS_FILE)
    ),
    "a trigger of ours that does something else": spoilt(
        sql(
            "DROP TRIGGER reports_stay_as_they_are",
            "CREATE TRIGGER reports_stay_as_they_are AFTER INSERT ON audit BEGIN SELECT 1; END",
        )
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_backup_made_to_harm_is_refused_and_leaves_nothing(whole: Path, tmp_path: Path, kind: str) -> None:
    hostile = tmp_path / "b.zip"
    HOSTILE[kind](whole, hostile)
    with pytest.raises(StorageError):
        restore(hostile, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b.zip"]
    assert restore(whole, tmp_path / "new").registry.counts()["studies"] == 3, "the next one is not refused"


def test_what_is_respelled_without_harm_is_restored(whole: Path, tmp_path: Path) -> None:
    """Control: the same tools, and nothing hostile."""
    respell(whole, tmp_path / "b.zip", listing({"films/9.png": b"x"}))
    clinic = restore(tmp_path / "b.zip", tmp_path / "new")
    assert (clinic.films / "9.png").read_bytes() == b"x"
    assert [fault for check in check_clinic(clinic) for fault in check.faults] == []


def test_flipped_bits_are_refused_or_restored_and_never_more(whole: Path, tmp_path: Path) -> None:
    content, outcomes = whole.read_bytes(), {"refused": 0, "restored": 0}
    rng = random.Random(0)
    directory = content.index(b"PK\x01\x02")
    for number in range(400):  # every second one in the directory and the manifest, where most can go wrong
        at = rng.randrange(directory, len(content)) if number % 2 else rng.randrange(len(content))
        spoilt = bytearray(content)
        spoilt[at] ^= 1 << rng.randrange(8)
        (tmp_path / "b.zip").write_bytes(spoilt)
        try:
            restore(tmp_path / "b.zip", tmp_path / "new")
            outcomes["restored"] += 1
        except PedaxrError:
            outcomes["refused"] += 1
            assert not (tmp_path / "new").exists()
        shutil.rmtree(tmp_path / "new", ignore_errors=True)
    print(outcomes)  # noqa: T201
    assert min(outcomes.values()) > 20
    assert [path.name for path in tmp_path.iterdir()] == ["b.zip"]


MEASURED = """
import resource, sys
from pathlib import Path
from pedaxr.clinic.backup import restore
from pedaxr.errors import PedaxrError
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
restore(Path(sys.argv[1]), Path(sys.argv[2]) / "control")
before = peak()
for number, file in enumerate(sys.argv[3:]):
    try:
        restore(Path(file), Path(sys.argv[2]) / str(number))
    except PedaxrError:
        continue
    raise SystemExit("restored")
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resource is of POSIX")
def test_bombs_take_little_memory(whole: Path, tmp_path: Path) -> None:
    bombs = {
        "manifest": manifest_of(b"[" + b" " * _BOMB_BYTES, zipfile.ZIP_DEFLATED),
        "lists": manifest_of(b"[" + b"[]," * 10**7 + b"0]", zipfile.ZIP_DEFLATED),
        "database": lambda entries: (
            listing({ACCESS_FILE: bytes(_BOMB_BYTES)})(entries),
            entries.update(
                {ACCESS_FILE: (entry(ACCESS_FILE, zipfile.ZIP_DEFLATED), entries[ACCESS_FILE][1])}
            ),
        ),
    }
    files = []
    for name, change in bombs.items():
        files.append(tmp_path / f"{name}.zip")
        respell(whole, files[-1], change)
        assert files[-1].stat().st_size < 3 * 2**20
    command = [sys.executable, "-c", MEASURED, whole, tmp_path, *files]
    grown = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert grown.returncode == 0, grown.stderr
    print(f"peak memory +{grown.stdout.strip()} MiB for bombs of {_BOMB_BYTES // 2**20} MiB")  # noqa: T201
    assert int(grown.stdout) < 32


def test_a_full_disk_is_said_before_anything_is_unpacked(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10**9, 10**9, 1000))  # type: ignore[attr-defined]
    with pytest.raises(StorageError, match="room"):
        restore(whole, tmp_path / "new")
    assert list(tmp_path.iterdir()) == []


def _out(clinic: Clinic, path: str, statement: str) -> set[str]:
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as database:
        database.execute(statement, [path])
    back_up(clinic, clinic.home.parent / "b.zip")
    with zipfile.ZipFile(clinic.home.parent / "b.zip") as archive:
        return set(archive.namelist())


@pytest.mark.parametrize(
    "path",
    [
        "../../secret",
        "films/../../secret",
        "films/../registry.sqlite3",
        "registry.sqlite3",
        "films/link.png",
        "films/linked/secret",
        "films\\..\\secret",
        "./films/1.png",
        "films/pipe",
    ],
)
def test_a_backup_packs_nothing_but_films(tmp_path: Path, path: str) -> None:
    """A registry that somebody spoilt names other files; the operator's backup must not carry them out."""
    import os

    clinic = small_clinic(tmp_path / "a" / "home")
    for secret in (tmp_path / "secret", tmp_path / "a" / "secret"):
        secret.write_text("CANARY")
    (clinic.films / "link.png").symlink_to(tmp_path / "secret")
    (clinic.films / "linked").symlink_to(tmp_path)
    os.mkfifo(clinic.films / "pipe")
    packed = _out(clinic, path, "UPDATE studies SET image_path = ? WHERE study_id = 'S-1'")
    assert packed == {REGISTRY_FILE, ACCESS_FILE, "films/2.png", "films/3.png", MANIFEST}
    assert b"CANARY" not in (tmp_path / "a" / "b.zip").read_bytes()


def test_the_list_of_signers_comes_along(tmp_path: Path) -> None:
    """Without it anybody could sign in the restored clinic."""
    clinic = small_clinic(tmp_path / "home")
    (clinic.home / "signers.txt").write_text("Dr. Han\n")
    back_up(clinic, tmp_path / "b.zip")
    assert (restore(tmp_path / "b.zip", tmp_path / "new").home / "signers.txt").read_text() == "Dr. Han\n"


def test_films_on_another_disk_are_packed(tmp_path: Path) -> None:
    """Control: the folder of films may itself be a link, which the operator made."""
    clinic = small_clinic(tmp_path / "home")
    clinic.films.rename(tmp_path / "elsewhere")
    clinic.films.symlink_to(tmp_path / "elsewhere")
    assert back_up(clinic, tmp_path / "b.zip").films == 3


def test_a_registry_of_free_pages_is_restored(tmp_path: Path) -> None:
    """Zeros pack to almost nothing, and a registry that shrank is full of them."""
    clinic = small_clinic(tmp_path / "home")
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as database:
        database.execute("PRAGMA secure_delete=ON")
        database.execute("CREATE TABLE filler (content BLOB)")
        database.execute("INSERT INTO filler SELECT randomblob(40000000)")
        database.execute("DROP TABLE filler")
    back_up(clinic, tmp_path / "b.zip")
    assert restore(tmp_path / "b.zip", tmp_path / "new").registry.counts()["studies"] == 3


def test_a_film_path_that_leads_out_is_refused_and_never_read(tmp_path: Path) -> None:
    clinic = small_clinic(tmp_path / "home")
    study = film_study(clinic.home, 9, "P-1")
    for bad in ("films/../../secret", "..\\secret", "films/9\0.png"):
        with pytest.raises(InvalidRequest):
            clinic.registry.add([], [study.__class__(**{**study.__dict__, "image_path": Path(bad)})])
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as database:
        database.execute("UPDATE studies SET image_path = '../secret' WHERE study_id = 'S-1'")
    with pytest.raises(DamagedEntry):
        clinic.registry.study("S-1")


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER t AFTER INSERT ON reports BEGIN UPDATE patients SET patient_name = 'x'; END",
        "CREATE VIEW v AS SELECT * FROM patients",
        "DROP TRIGGER reports_stay_as_they_are",
        "DROP TRIGGER annotations_stay_as_they_are",
    ],
)
def test_verify_names_a_planted_trigger_and_a_missing_one(tmp_path: Path, statement: str) -> None:
    clinic = small_clinic(tmp_path / "home")
    assert [fault for check in check_clinic(clinic) for fault in check.faults] == [], "control"
    with closing(sqlite3.connect(clinic.registry.path, isolation_level=None)) as database:
        database.execute(statement)
    assert any("trigger" in fault for check in check_clinic(clinic) for fault in check.faults)
