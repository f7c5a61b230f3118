"""What the operating system refuses is told by its cause and what to do, at every door."""

import errno
import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from pedaxr.clinic.backup import back_up, restore
from pedaxr.clinic.import_films import import_films
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.registry import Registry
from pedaxr.storage.files import disk_errors
from pedaxr.storage.weights import history, write_history
from pedaxr_server.cli import main

from ..clinic.test_import_films import FULL, source
from ..small_clinic import small_clinic

TOO_LONG = "x" * 300


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (errno.ENOSPC, "disk is full"),
        (errno.EDQUOT, "share of the disk"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "not permitted"),
        (errno.EPERM, "not permitted"),
        (errno.EFBIG, "4 GB"),
        (errno.EIO, "failing"),
        (errno.ENOTDIR, "is a file"),
        (errno.EBUSY, "Check its disk"),
    ],
    ids=lambda one: errno.errorcode[one] if isinstance(one, int) else "",
)
def test_a_refusal_names_its_cause(code: int, said: str) -> None:
    with (
        pytest.raises(StorageError, match=rf"cannot be written \({errno.errorcode[code]}\)\. .*{said}"),
        disk_errors("The backup"),
    ):
        raise OSError(code, os.strerror(code))


def test_a_backup_to_or_from_a_name_that_is_too_long_is_an_error_of_ours(tmp_path: Path) -> None:
    clinic = small_clinic(tmp_path / "home")
    with pytest.raises(StorageError, match="too long"):
        back_up(clinic, tmp_path / TOO_LONG)
    back_up(clinic, tmp_path / "b.zip")
    with pytest.raises(StorageError, match="too long"):
        restore(tmp_path / "b.zip", tmp_path / TOO_LONG)
    (tmp_path / "link.zip").symlink_to(tmp_path / "detached" / "b.zip")
    with pytest.raises(InvalidRequest, match="exists already"):
        back_up(clinic, tmp_path / "link.zip")


def test_a_clinic_that_may_not_be_read_is_not_called_damaged(tmp_path: Path) -> None:
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    for home in (loop, tmp_path / TOO_LONG):
        with pytest.raises(StorageError, match="cannot be read") as refused:
            history(home)
        assert "damaged" not in str(refused.value)
    (tmp_path / "file").touch()
    assert history(tmp_path / "file") == []
    write_history(tmp_path, [])
    (tmp_path / "weights" / "in_use.json").write_text("[")
    with pytest.raises(StorageError, match="damaged"):
        history(tmp_path)


@pytest.mark.parametrize("command", ["segment", "report", "backup", "annotations export", "audit export"])
def test_a_path_that_was_typed_and_cannot_be_used_ends_in_one_line(tmp_path: Path, command: str) -> None:
    clinic = small_clinic(tmp_path / "home")
    path = tmp_path / TOO_LONG
    done = CliRunner().invoke(main, [*command.split(), str(path), "--home", str(clinic.home)])
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("error: "), done.stderr
    assert isinstance(done.exception, SystemExit), "no traceback"


def test_a_film_that_another_import_stored_meanwhile_ends_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    data = source(tmp_path / "data", [FULL, FULL | {"StudyDate": "2024-06-01"}])
    add_new, others = Registry.add_new, []

    def late(registry: Registry, films: list[object]) -> object:
        if not others:  # the other program is quicker
            others.append(1)
            assert import_films(data, clinic_home=home).imported == 2
        return add_new(registry, films)  # type: ignore[arg-type]

    monkeypatch.setattr(Registry, "add_new", late)
    summary = import_films(data, clinic_home=home)
    assert (summary.imported, summary.already_there, summary.patients) == (0, 2, 0)
    assert Registry(home / "registry.sqlite3").counts()["studies"] == 2
