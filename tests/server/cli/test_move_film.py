"""`pedaxr move-film`: shown first, asked, and done under the right child."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from pedaxr.clinic import Clinic
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr.types import Report
from pedaxr_server.cli.app import main


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    """Two children with a film each, and a draft, R-1, of the first one's."""
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    born = date(2020, 3, 1)
    children = [Patient("P-1", "김민준", born, "M"), Patient("P-2", "김민지", born, "F")]
    films = [NewStudy(f"S-{n}", f"P-{n}", Path(f"{n}.png"), str(n) * 64, date(2024, 3, n)) for n in (1, 2)]
    registry.add(children, films)
    registry.save_report(
        Report(
            report_id="R-1",
            study_id="S-1",
            created_at=datetime(2026, 1, 1, tzinfo=UTC),
            critical=[],
            label="normal",
            narrative="Normal.",
            sections={"Findings": "Normal."},
            sentences=[],
            findings=[],
            flags=[],
            image_dependence=0.5,
            image_sha256="0" * 64,
            model="reader 1",
            data_statement="synthetic",
        )
    )
    return Clinic(tmp_path, registry)


def run(clinic: Clinic, *arguments: str) -> click.testing.Result:
    return CliRunner().invoke(main, [*arguments, "--home", str(clinic.home)])


def test_a_dry_run_shows_both_children_and_moves_nothing(clinic: Clinic) -> None:
    shown = run(clinic, "move-film", "S-1", "--to", "P-2", "--dry-run")
    assert shown.exit_code == 0 and "Nothing was moved" in shown.output
    for said in ("김민준", "김민지", "born 2020-03-01", "1 report version, 0 of them signed"):
        assert said in shown.output
    assert clinic.registry.study("S-1").patient_id == "P-1"


def test_where_nobody_can_be_asked_nothing_is_moved(clinic: Clinic) -> None:
    refused = run(clinic, "move-film", "S-1", "--to", "P-2")
    assert refused.exit_code == 1 and "--yes" in refused.output
    assert clinic.registry.study("S-1").patient_id == "P-1"


@pytest.mark.parametrize(("answer", "whose"), [("n\n", "P-1"), ("y\n", "P-2")])
def test_at_a_terminal_the_answer_decides(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch, answer: str, whose: str
) -> None:
    monkeypatch.setattr("pedaxr_server.cli.data.is_interactive", lambda: True)
    CliRunner().invoke(main, ["move-film", "S-1", "--to", "P-2", "--home", str(clinic.home)], input=answer)
    assert [len(clinic.registry.studies(one)) for one in ("P-1", "P-2")] == (
        [1, 1] if whose == "P-1" else [0, 2]
    )


def test_what_was_withdrawn_is_listed_and_the_old_ids_say_so(clinic: Clinic, tmp_path: Path) -> None:
    moved = run(clinic, "move-film", "S-1", "--to", "P-2", "--yes", "--json", str(tmp_path / "moved.json"))
    told = json.loads((tmp_path / "moved.json").read_text(encoding="utf-8"))
    assert told["moved"] and told["new_study_id"] in moved.output
    listed = run(clinic, "reports", "withdrawn", told["new_study_id"])
    assert "R-1" in listed.output and "under P-1, film S-1" in listed.output
    for command in (("reports", "list", "S-1"), ("reports", "show", "R-1")):
        assert "moved" in (refused := run(clinic, *command)).output and refused.exit_code == 1
    assert "R-1" not in run(clinic, "reports", "list", "P-2").output
