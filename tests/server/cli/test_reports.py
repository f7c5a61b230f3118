"""Stored reports at the command line: a person is asked, and a pipe is refused."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import pedaxr_server
from pedaxr.clinic import open_clinic
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS
from pedaxr_server.cli import reports as cli_reports
from pedaxr_server.cli.app import main
from pedaxr_server.replies.documents import report_html, report_text

Run = Callable[..., "click.testing.Result"]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A clinic of one child, one film and one draft, R-1."""
    registry = Registry.create(tmp_path / REGISTRY_FILE)
    registry.add([Patient("P-1", "Demo One")], [NewStudy("S-1", "P-1", Path("1.png"), "1" * 64)])
    absent = {"presence": Presence.ABSENT, "probability": 0.1, "agreed": True}
    report = Report(
        report_id="R-1",
        study_id="S-1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        critical=[],
        label="normal",
        narrative="Normal.",
        sections={"Technique": "Erect.", "Findings": "Normal.", "Impression": "1. Nothing."},
        sentences=[],
        findings=[StructuredFinding.model_validate({"finding": f, **absent}) for f in FINDINGS],
        flags=[],
        image_dependence=0.5,
        image_sha256="0" * 64,
        model="reader 1",
        data_statement="synthetic",
    )
    registry.save_report(report)
    return tmp_path


@pytest.fixture
def run(home: Path) -> Run:
    def invoke(*arguments: str | Path, typed: str = "") -> click.testing.Result:
        whole = ["reports", *map(str, arguments), "--home", str(home)]
        return CliRunner().invoke(main, whole, input=typed, catch_exceptions=False)

    return invoke


def statuses(home: Path) -> list[str]:
    return [report.status for report in open_clinic(home).registry.reports("S-1")]


def test_without_a_terminal_nothing_is_signed_unless_told_so(run: Run, home: Path) -> None:
    refused = run("finalise", "R-1", "--by", "Dr. Han", typed="y\n")
    assert refused.exit_code == 1 and "--yes" in refused.stderr
    assert statuses(home) == ["preliminary"]
    assert run("finalise", "R-1", "--by", "Dr. Han", "--yes").exit_code == 0
    assert statuses(home) == ["preliminary", "final"]


@pytest.mark.parametrize(("answer", "after"), [("n\n", 1), ("\n", 1), ("y\n", 2)], ids=["no", "enter", "yes"])
def test_at_a_terminal_the_report_is_shown_and_the_person_asked(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, after: int
) -> None:
    monkeypatch.setattr(cli_reports, "_is_interactive", lambda: True)
    result = run("finalise", "R-1", "--by", "Dr. Han", typed=answer)
    assert "signed by Dr. Han?" in result.stderr
    assert len(statuses(home)) == after


def test_a_signature_needs_a_name(run: Run, home: Path) -> None:
    assert run("finalise", "R-1", "--yes").exit_code == 2
    assert run("finalise", "R-1", "--by", "agent", "--yes").exit_code == 1
    assert statuses(home) == ["preliminary"]


def test_versions_are_listed_shown_and_amended(run: Run, home: Path, tmp_path: Path) -> None:
    final = json.loads(run("finalise", "R-1", "--by", "Dr. Han", "--yes", "--json", "-").stdout)
    amend = ("amend", final["report_id"], "--by", "Dr. Oh", "--text", "Seen.")
    assert run(*amend).exit_code == 1, "a pipe is refused here too"
    assert run(*amend, "--yes").exit_code == 0
    for asked in ("S-1", "P-1"):
        listed = json.loads(run("list", asked, "--json", "-").stdout)
        assert [(r["version"], r["status"]) for r in listed] == [
            (1, "preliminary"),
            (2, "final"),
            (3, "amended"),
        ]
    assert "Dr. Oh" in run("list", "S-1").stdout
    out = tmp_path / "report.txt"
    assert "Report, final by Dr. Han" in run("show", final["report_id"], "--out", out).stdout
    assert 'signed by "Dr. Han"' in out.read_text()
    assert run("list", "nobody").exit_code == 1


def test_a_stored_report_is_told_in_korean(run: Run) -> None:
    assert "예비 판독" in run("show", "R-1", "--korean").stdout
    assert "예비 판독" not in run("show", "R-1").stdout


def test_a_signature_stands_in_both_documents_and_is_escaped(run: Run, home: Path) -> None:
    assert run("finalise", "R-1", "--by", "Dr. <b>Han", "--yes").exit_code == 0
    draft, final = open_clinic(home).registry.reports("S-1")
    for document in (report_text, report_html):
        assert r"Dr. \u003cb\u003eHan" in document(final) and "<b>" not in document(final)
        assert "Dr. " not in document(draft)


def test_nothing_in_the_server_signs_but_this_command_and_the_form_a_human_fills_in() -> None:
    sources = Path(pedaxr_server.__file__).parent.rglob("*.py")
    signing = {path.name for path in sources if re.search(r"\b(finalise|amend)\(", path.read_text())}
    assert signing == {
        "reports.py",
        "finalise_tool.py",
        "workplace_acts.py",
    }  # mcp/test_finalise_tool.py: only what a human typed goes there; viewer/test_workplace.py: no tool does
