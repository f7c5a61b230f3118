"""What a person meets at a terminal: whole ids, folders in use, where a stopped run goes on."""

import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from pedaxr import open_clinic
from pedaxr.clinic.find_patient import find_patient
from pedaxr.clinic.import_films import ImportSummary
from pedaxr.clinic.intake.film import RejectedRow
from pedaxr.clinic.worklist import worklist
from pedaxr.registry import NewStudy, Patient
from pedaxr_models.segmentation import train as segmentation_training
from pedaxr_server.cli import options
from pedaxr_server.cli.app import main
from pedaxr_server.cli.console import (
    show_import,
    show_report,
    show_reports,
    show_search,
    show_segmentation,
    show_worklist,
)

from ..conftest import canned_region, canned_report, canned_segmentation
from ..ports import free_ports

LONG = "1.2.410.200034.0.4.20260101-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789"[:64]


@pytest.fixture
def narrow(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is printed on a terminal of 40 columns."""
    shown = io.StringIO()
    monkeypatch.setattr(options, "console", lambda: Console(file=shown, width=40))
    return shown


@pytest.fixture
def long_ids(clinic_home: Path, tmp_path: Path) -> Path:
    """A clinic with a child and a film whose ids are as long as ids may be, and a report of it."""
    home = tmp_path / "clinic"
    shutil.copytree(clinic_home, home)
    clinic = open_clinic(home)
    film = NewStudy(LONG, f"P-{LONG[:62]}", Path("films/x.png"), "0" * 64, date(2026, 1, 2))
    clinic.registry.add([Patient(film.patient_id, "아주긴 이름을가진아이", date(2020, 2, 3), "F")], [film])
    clinic.registry.save_report(canned_report(LONG, "belly pain"))
    return home


def test_ids_and_dates_are_whole_on_a_narrow_terminal(long_ids: Path, narrow: io.StringIO) -> None:
    clinic = open_clinic(long_ids)
    reports = clinic.registry.reports(LONG)
    search = find_patient(LONG, clinic=clinic)
    for picture, ids in (
        (show_search(search), (LONG, search.matches[0].patient_id, "2026-01-02", "2020-02-03")),
        (show_reports(reports), (LONG, reports[0].report_id)),
        (show_worklist(worklist(clinic=clinic)), (LONG, reports[0].report_id, "2026-01-02")),
        (show_report(canned_report("S-820954", "pain")), ("R-S-820954,",)),
    ):
        narrow.truncate(narrow.seek(0))
        options.print_whole(picture)
        for one in ids:
            assert one in narrow.getvalue(), one


def test_tables_name_what_is_seen_and_no_diagnosis(long_ids: Path) -> None:
    """Beside "gastric distension" in the sentence above it a table said Pyloric Stenosis."""
    clinic = open_clinic(long_ids)
    outlined = canned_segmentation(LONG)
    outlined.findings.append(canned_region("pyloric_stenosis", "finding"))
    for picture in (show_segmentation(outlined), show_worklist(worklist(clinic=clinic))):
        assert "Free intraperitoneal air" in _printed(picture)
        assert "Pneumoperitoneum" not in _printed(picture) and "Pyloric" not in _printed(picture)
    assert "Gastric distension" in _printed(show_segmentation(outlined))


def _printed(picture: RenderableType) -> str:
    shown = io.StringIO()
    Console(file=shown, width=320).print(picture)
    return shown.getvalue()


def test_no_word_of_a_table_is_cut(narrow: io.StringIO) -> None:
    """What is critical was "Pneumoperiton…" on a screen that had no room for it."""
    table = Table("name", "critical", "remark")
    table.add_row("Baby of Choi Yuna", "Pneumoperitoneum (outlined)", Text("a film to look at soon " * 4))
    options.print_whole(table)
    lines = narrow.getvalue().splitlines()
    assert "Pneumoperitoneum" in narrow.getvalue() and "…" not in narrow.getvalue()
    assert len({len(line) for line in lines}) == 1, "the border is whole"
    assert len(lines[0]) < 60, "control: the rest wraps"


def test_text_still_fits_a_terminal_that_is_wide_enough(clinic_home: Path, narrow: io.StringIO) -> None:
    report = canned_report("S-1", "belly pain")
    options.print_whole(show_report(report))
    assert {len(line) for line in narrow.getvalue().splitlines()} == {40}
    search = find_patient("김민준", clinic=open_clinic(clinic_home))
    narrow.truncate(narrow.seek(0))
    options.print_whole(show_search(search))
    assert max(map(len, narrow.getvalue().splitlines())) < 120


def test_new_ids_are_printed_and_few_of_many(narrow: io.StringIO) -> None:
    def summary(ids: list[str]) -> ImportSummary:
        counted: dict[str, int] = {}
        return ImportSummary(
            layout="csv", imported=len(ids), already_there=0, patients=1, new_studies=ids,
            labels=counted, views=counted, age_bands=counted, rejected=[], notes=[],
        )  # fmt: skip

    options.print_whole(show_import(summary(["S-1", "S-2"])))
    assert "S-1, S-2" in narrow.getvalue() and "more" not in narrow.getvalue()
    narrow.truncate(narrow.seek(0))
    options.print_whole(show_import(summary([f"S-{n}" for n in range(400)])))
    assert "S-9 and 390 more" in " ".join(narrow.getvalue().replace("│", " ").split())
    assert "S-12" not in narrow.getvalue()
    options.print_whole(show_import(summary([])))


def test_of_very_many_rejected_rows_the_first_are_listed_and_the_rest_counted(narrow: io.StringIO) -> None:
    counted: dict[str, int] = {}
    rows = [RejectedRow(line=n, path=f"{n}.png", reason="the file is missing") for n in range(2, 10_002)]
    summary = ImportSummary(
        layout="csv", imported=0, already_there=0, patients=0, new_studies=[],
        labels=counted, views=counted, age_bands=counted, rejected=rows, notes=[],
    )  # fmt: skip
    options.print_whole(show_import(summary))
    said = " ".join(narrow.getvalue().split())
    assert "line 101: 101.png" in said and "line 102:" not in said
    assert "And 9900 more (--json lists all), most often: 9900 rows: the file is missing" in said


def test_an_import_of_which_nothing_came_in_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "films.csv").write_text("ImagePath,Class\nno.png,Normal\n")
    asked = ["import", str(tmp_path / "films.csv"), "--home", str(tmp_path / "home")]
    assert CliRunner().invoke(main, asked).exit_code == 1
    Image.new("L", (64, 64), 90).save(tmp_path / "yes.png")
    with (tmp_path / "films.csv").open("a") as file:
        file.write("yes.png,Normal\n")
    for _ in range(2):  # the second time it is there already
        assert CliRunner().invoke(main, asked).exit_code == 0


def test_the_worklist_is_a_command(clinic_home: Path, tmp_path: Path) -> None:
    file = tmp_path / "waiting.json"
    shown = CliRunner().invoke(main, ["worklist", "--home", str(clinic_home), "--json", str(file)])
    assert shown.exit_code == 0, shown.output
    waiting = json.loads(file.read_text())
    assert (
        f"{waiting['unread_total']} unread" in shown.output
        and waiting["unread"][0]["study_id"] in shown.output
    )


def test_no_clinic_here_names_the_folder_it_looked_in(tmp_path: Path) -> None:
    for arguments in (["find", "김민준"], ["worklist"], ["report", "S-1"], ["reports", "list", "S-1"]):
        shown = CliRunner().invoke(main, [*arguments, "--home", str(tmp_path)])
        assert shown.exit_code == 1 and f"Looked in {tmp_path};" in shown.output
        assert len(shown.output.splitlines()) == 1
    shown = CliRunner().invoke(main, ["find", "x1"], env={"PEDAXR_HOME": str(tmp_path / "other")})
    assert str(tmp_path / "other") in shown.output


def settings_of(*arguments: str, **environment: str) -> str:
    shown = CliRunner().invoke(main, ["settings", *arguments], env=environment)
    assert shown.exit_code == 0, shown.output
    return shown.output


def row(shown: str, name: str) -> list[str]:
    (line,) = [line for line in shown.splitlines() if line.strip().startswith(f"{name}  ")]
    return re.split(r" {2,}", line.strip())


def test_settings_show_the_folders_in_use_and_where_each_comes_from(tmp_path: Path) -> None:
    by_flag = settings_of("--home", str(tmp_path))
    assert row(by_flag, "clinic folder") == ["clinic folder", str(tmp_path), "command line"]
    by_variable = settings_of(PEDAXR_HOME=str(tmp_path), PEDAXR_WEIGHTS=str(tmp_path / "mine"))
    assert row(by_variable, "clinic folder")[1:] == [str(tmp_path), "$PEDAXR_HOME"]
    assert row(by_variable, "weights folder")[1:] == [str(tmp_path / "mine"), "$PEDAXR_WEIGHTS"]
    file = tmp_path / "pedaxr.toml"
    file.write_text('home = "/of/the/file"\n')
    by_file = settings_of("--config", str(file), PEDAXR_HOME="", PEDAXR_WEIGHTS="", PEDAXR_GRAPHS="/g")
    assert row(by_file, "clinic folder")[1:] == ["/of/the/file", str(file)]
    assert row(by_file, "settings file")[1] == str(file)
    assert row(by_file, "weights folder")[2] == "bundled" and Path(row(by_file, "weights folder")[1]).is_dir()
    assert row(by_file, "graphs made here")[1:] == ["/g", "$PEDAXR_GRAPHS"]
    bare = settings_of(PEDAXR_HOME="", PEDAXR_CONFIG="")
    assert (
        row(bare, "clinic folder")[2] == "default" and "pedaxr.toml is read" in row(bare, "settings file")[1]
    )


def test_an_interrupted_training_says_how_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(config: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(segmentation_training, "train_segmentation", interrupted)
    data = tmp_path / "my films"
    data.mkdir()
    given = ["train", "segmentation", "--data", str(data), "--out", str(tmp_path / "run")]
    shown = CliRunner().invoke(main, given)
    assert shown.exit_code == 130 and "Aborted" not in shown.output
    assert f"'{data}' --out {tmp_path / 'run'} --resume" in shown.output
    again = CliRunner().invoke(main, [*given, "--resume"])
    assert again.output.count("--resume") == 1


@pytest.mark.parametrize("name", ["films", "read"])
def test_a_command_that_resumes_by_itself_says_so_when_stopped(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pedaxr_models.phantom.dataset.write.write_dataset", interrupted)
    monkeypatch.setattr("pedaxr.archive.read_archive.read_archive", interrupted)
    given = {"films": ["films", str(tmp_path)], "read": ["read", str(tmp_path), "--out", str(tmp_path / "o")]}
    shown = CliRunner().invoke(main, given[name])
    assert shown.exit_code == 130
    assert shown.output.splitlines()[-1].endswith(" ".join(given[name]))


def test_a_server_that_is_stopped_by_hand_has_ended_well(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pedaxr_server.serve.serve", interrupted)
    monkeypatch.setattr("pedaxr_server.logs.log_to_stderr", lambda *_: None)  # it is for a whole process
    shown = CliRunner().invoke(main, ["serve", "--http"])
    assert (shown.exit_code, shown.output) == (0, "")


def serving(home: Path, port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "pedaxr_server", "serve", "--http", "--port", str(port)]
    environment = os.environ | {"PEDAXR_HOME": str(home)}
    return subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)


def test_the_address_is_told_when_it_can_be_reached_and_not_before(clinic_home: Path) -> None:
    port = free_ports(1)[0]
    process = serving(clinic_home, port)
    assert process.stderr
    lines = []
    while not lines or "web viewer" not in lines[-1]:
        lines.append(process.stderr.readline())
        assert lines[-1], lines
    with socket.create_connection(("127.0.0.1", port), 1):
        pass
    assert f"listens on http://127.0.0.1:{port}/mcp" in "".join(lines)
    assert lines[-1].strip().endswith(f"http://127.0.0.1:{port}/")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)


def test_whoever_starts_a_server_without_a_clinic_is_told(tmp_path: Path, clinic_home: Path) -> None:
    for home, is_told in ((tmp_path / "none", True), (clinic_home, False)):
        process = serving(home, free_ports(1)[0])
        assert process.stderr
        told = ""
        while "web viewer" not in told:
            told += process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
        assert ("There is no clinic yet" in told) == is_told, told
        assert (str(home) in told) == is_told, "where it looked"


def test_a_port_that_is_taken_is_an_error_and_no_address(clinic_home: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        begin = time.monotonic()
        process = serving(clinic_home, taken.getsockname()[1])
        _, told = process.communicate(timeout=120)
    assert process.returncode == 1, told
    assert "listens on" not in told and "Traceback" not in told
    assert "cannot be listened on" in told and "--port" in told
    assert time.monotonic() - begin < 100
