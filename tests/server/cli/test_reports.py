"""Stored reports at the command line: a person is asked, and a pipe is refused."""

import importlib
import json
import re
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import pedaxr_server
from pedaxr.clinic import open_clinic
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr.reports import signers
from pedaxr.reports.current import in_context
from pedaxr.reports.signers import make_code
from pedaxr.storage.home import SIGNERS_FILE
from pedaxr.types import Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS
from pedaxr_server.auth.tokens import mint_token
from pedaxr_server.cli import reports as cli_reports
from pedaxr_server.cli.app import main
from pedaxr_server.replies.documents import report_html, report_text
from pedaxr_server.settings import Settings

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


def yes(home: Path, by: str = "Dr. Han") -> tuple[str, ...]:
    """As a program signs that a person gave a code to."""
    return "--by", by, "--yes", "--code", make_code(home, by=by)


def test_without_a_terminal_nothing_is_signed_without_a_code(run: Run, home: Path) -> None:
    refused = run("finalise", "R-1", "--by", "Dr. Han", typed="y\n")
    assert refused.exit_code == 1 and "--yes" in refused.stderr
    refused = run("finalise", "R-1", "--by", "Dr. Han", "--yes")
    assert refused.exit_code == 1 and "--code" in refused.stderr
    assert statuses(home) == ["preliminary"]
    assert run("finalise", "R-1", *yes(home)).exit_code == 0
    assert statuses(home) == ["preliminary", "final"]


def test_a_code_is_good_once_for_one_name_and_not_for_long(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def signs(code: str, by: str = "Dr. Han") -> bool:
        return run("finalise", "R-1", "--by", by, "--yes", "--code", code).exit_code == 0

    for bad in ("", "x", "aaaa-aaaa-aaaa-aaaa", "../../registry.sqlite3", "\ud800", "é" * 5000):
        assert not signs(bad)
    assert not signs(make_code(home, by="Dr. Oh")), "made for another"
    spent = make_code(home, by="Dr. Han")
    assert not signs(spent, by="Dr. Oh")
    assert not signs(spent), "it was used, if for nothing"
    for step in (signers.LIFE_S + 1, -3600):  # too old; and a clock that was set back
        late = make_code(home, by="Dr. Han")
        monkeypatch.setattr(signers.time, "time", partial(float, time.time() + step))
        assert not signs(late)
        monkeypatch.undo()
    assert statuses(home) == ["preliminary"]
    good = make_code(home, by="Dr. Han")
    assert signs(good.replace("-", " ").upper(), by="ＤＲ.  Han"), "control: as people type it"
    assert not signs(good)
    assert statuses(home) == ["preliminary", "final"]


def test_a_code_is_made_at_a_terminal_only_and_is_not_stored(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("code", "--by", "Dr. Han", typed="Dr. Han\n").exit_code == 1
    monkeypatch.setattr(cli_reports, "is_interactive", lambda: True)
    assert run("code", "--by", "Dr. Han", typed="Dr. Oh\n").exit_code == 1
    assert run("code", "--by", "Claude", typed="Claude\n").exit_code == 1
    made = run("code", "--by", "Dr. Han", typed="Dr. Han\n")
    code = made.stdout.strip()
    assert made.exit_code == 0 and re.fullmatch(r"([a-z2-7]{4}-){3}[a-z2-7]{4}", code)
    stored = [path for path in home.rglob("*") if path.is_file()]
    assert not [path for path in stored if code.replace("-", "").encode() in path.read_bytes()]
    assert run("finalise", "R-1", "--by", "Dr. Han", "--yes", "--code", code).exit_code == 0


def test_a_login_signs_as_its_owner(run: Run, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(auth_issuer="https://issuer.example", auth_secret="s" * 64)
    monkeypatch.setenv("PEDAXR_AUTH_ISSUER", str(settings.auth_issuer))
    monkeypatch.setenv("PEDAXR_AUTH_SECRET", str(settings.auth_secret))
    for scopes in (["films:read"], []):
        token = mint_token(settings, subject="dr-han", scopes=scopes, minutes=5)
        monkeypatch.setenv("PEDAXR_TOKEN", token)
        assert run("finalise", "R-1", "--by", "Dr. Han", "--yes").exit_code == 1
    token = mint_token(settings, subject="dr-han", scopes=["reports:sign"], minutes=5)
    monkeypatch.setenv("PEDAXR_TOKEN", token + "x")
    assert run("finalise", "R-1", "--by", "Dr. Han", "--yes").exit_code == 1
    monkeypatch.setenv("PEDAXR_TOKEN", token)
    done = run("finalise", "R-1", "--by", "Dr. Han", "--yes", "--json", "-")
    assert json.loads(done.stdout)["confirmed"] == "by login dr-han (pedaxr-token)"
    with closing(sqlite3.connect(home / REGISTRY_FILE)) as database:
        (user,) = database.execute("SELECT user FROM audit WHERE action = 'finalise'").fetchone()
    assert user == "dr-han"


def test_what_is_recorded_says_how_it_was_confirmed(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("finalise", "R-1", *yes(home)).exit_code == 0
    final = open_clinic(home).registry.reports("S-1")[-1]
    assert final.confirmed == "by a one-time code, made at a terminal"
    monkeypatch.setattr(cli_reports, "is_interactive", lambda: True)
    assert run("amend", final.report_id, "--by", "Dr. Oh", "--text", "Seen.", typed="y\n").exit_code == 0
    assert open_clinic(home).registry.reports("S-1")[-1].confirmed == "at a terminal"
    assert "one-time code" in " ".join(run("show", final.report_id).stdout.split())


@pytest.mark.parametrize(
    ("listed", "may"),
    [
        ("Dr. Han\n", True),
        ("# the ward\n\ufeffdr.  HAN \n", False),
        ("\ufeffdr.  HAN \n", True),
        ("Dr. Oh\n", False),
        ("# Dr. Han\n", False),
        ("", False),
    ],
)
def test_only_listed_people_sign(run: Run, home: Path, listed: str, may: bool) -> None:
    code = yes(home)
    (home / SIGNERS_FILE).write_text(listed, encoding="utf-8")
    assert (run("finalise", "R-1", *code).exit_code == 0) is may
    assert len(statuses(home)) == 1 + may


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * 2_000_000], ids=["no text", "too large"])
def test_a_list_of_signers_that_cannot_be_read_lets_nobody_sign(run: Run, home: Path, content: bytes) -> None:
    code = yes(home)
    (home / SIGNERS_FILE).write_bytes(content)
    refused = run("finalise", "R-1", *code)
    assert refused.exit_code == 1 and SIGNERS_FILE in refused.stderr
    assert statuses(home) == ["preliminary"]


@pytest.mark.parametrize(("answer", "after"), [("n\n", 1), ("\n", 1), ("y\n", 2)], ids=["no", "enter", "yes"])
def test_at_a_terminal_the_report_is_shown_and_the_person_asked(
    run: Run, home: Path, monkeypatch: pytest.MonkeyPatch, answer: str, after: int
) -> None:
    monkeypatch.setattr(cli_reports, "is_interactive", lambda: True)
    result = run("finalise", "R-1", "--by", "Dr. Han", typed=answer)
    assert "signed by Dr. Han?" in result.stderr
    assert len(statuses(home)) == after


def test_a_signature_needs_a_name(run: Run, home: Path) -> None:
    assert run("finalise", "R-1", "--yes").exit_code == 2
    programs = ("agent", "Claude", "claude-code", "Claude Opus 4.1", "Dr. GPT-4o", "OpenAI ChatGPT", "The AI")
    for program in programs:
        assert run("finalise", "R-1", *yes(home, program)).exit_code == 1, program
    assert run("finalise", "R-1", *yes(home, "Claude Bernard")).exit_code == 0, "control: a person's name"
    assert statuses(home) == ["preliminary", "final"]


def test_versions_are_listed_shown_and_amended(run: Run, home: Path, tmp_path: Path) -> None:
    final = json.loads(run("finalise", "R-1", *yes(home), "--json", "-").stdout)
    amend = ("amend", final["report_id"], "--text", "Seen.")
    assert run(*amend, "--by", "Dr. Oh").exit_code == 1, "a pipe is refused here too"
    assert run(*amend, "--by", "Dr. Oh", "--yes").exit_code == 1
    assert run(*amend, *yes(home, "Dr. Oh")).exit_code == 0
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
    unknown = run("list", "nobody")
    assert unknown.exit_code == 1 and 'No study and no patient has the id "nobody"' in unknown.output


def test_a_draft_of_a_signed_study_says_so_first(
    run: Run, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("finalise", "R-1", *yes(home), "--impression", "Seen by me.").exit_code == 0

    def again(study_id: str, **_: object) -> Report:
        clinic = open_clinic(home)
        later = clinic.registry.reports(study_id)[0].model_copy(update={"report_id": "R-2"})
        return in_context(clinic.registry.save_report(later), clinic=clinic)

    monkeypatch.setattr(importlib.import_module("pedaxr.reports.generate_report"), "generate_report", again)
    out = tmp_path / "report.txt"
    done = CliRunner().invoke(main, ["report", "S-1", "--home", str(home), "--out", str(out)])
    for told in (done.output, out.read_text()):
        assert told.index("Dr. Han") < told.index("Normal."), told
        assert told.index("Seen by me.") < told.index("Nothing."), told


def test_a_stored_report_is_told_in_korean(run: Run) -> None:
    assert "예비 판독" in run("show", "R-1", "--korean").stdout
    assert "예비 판독" not in run("show", "R-1").stdout


def test_a_signature_stands_in_both_documents_and_is_escaped(run: Run, home: Path) -> None:
    assert run("finalise", "R-1", *yes(home, "Dr. <b>Han")).exit_code == 0
    draft, final = open_clinic(home).registry.reports("S-1")
    for document in (report_text, report_html):
        assert r"Dr. \u003cb\u003eHan" in document(final) and "<b>" not in document(final)
        assert "Dr. " not in document(draft)


def test_nothing_in_the_server_signs_but_this_command_and_the_form_a_human_fills_in() -> None:
    root = Path(pedaxr_server.__file__).parent
    signing = {
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if re.search(r"\b(finalise|amend)\(|import .*\b(finalise|amend)\b", path.read_text())
    }
    # mcp/test_finalise_tool.py: only what a human typed goes there; viewer/test_workplace.py: no tool does
    assert signing == {"cli/reports.py", "mcp/finalise_tool.py", "viewer/workplace_acts.py"}
