"""`pedaxr reports`: earlier versions, and the two acts that a named human does at a terminal."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest, StudyNotFound
from pedaxr_server.cli.options import FILE, console, home_option, json_option, show, write_text

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pedaxr.types import Report


@click.group()
def reports() -> None:
    """List, show, finalise and amend stored reports."""


@reports.command("list")
@click.argument("study_or_patient", metavar="STUDY_OR_PATIENT")
@home_option
@json_option
def list_(study_or_patient: str, home: Path | None, json_path: Path | None) -> None:
    """List every stored version of a study's or a patient's reports."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.sign_off import list_reports
    from pedaxr_server.cli.console import show_reports

    clinic = open_clinic(home)
    try:
        listed = list_reports(study_or_patient, clinic=clinic)
    except StudyNotFound:
        listed = list_reports(patient_id=study_or_patient, clinic=clinic)
    show(lambda: show_reports(listed), [report.model_dump(mode="json") for report in listed], json_path)


@reports.command("show")
@click.argument("report_id")
@click.option("--out", type=FILE, help="Write the report as text here.")
@click.option("--korean", is_flag=True, help="Write the report in Korean (plain text).")
@home_option
@json_option
def show_(report_id: str, out: Path | None, korean: bool, home: Path | None, json_path: Path | None) -> None:
    """Show one stored version."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.sign_off import read_report

    report = read_report(report_id, clinic=open_clinic(home))
    print_report(report, out=out, korean=korean, json_path=json_path)


_by_option = click.option(
    "--by", required=True, metavar="NAME", help="The human who read the film and answers for it."
)
_yes_option = click.option("--yes", is_flag=True, help="Do not ask for confirmation.")


@reports.command()
@click.argument("report_id")
@_by_option
@click.option("--impression", metavar="TEXT", help="Impression to use instead of the draft's.")
@click.option("--told", metavar="NAME", help="Who was informed of a critical finding, or why nobody was.")
@_yes_option
@home_option
@json_option
def finalise(
    report_id: str,
    by: str,
    impression: str | None,
    told: str | None,
    yes: bool,
    home: Path | None,
    json_path: Path | None,
) -> None:
    """Sign a draft: make it the study's final report. The draft is kept."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports import sign_off as stored

    clinic = open_clinic(home)
    _confirm(
        stored.read_report(report_id, clinic=clinic), f"Make this the final report, signed by {by}?", yes
    )
    final = stored.finalise(report_id, by=by, impression=impression, told=told, clinic=clinic)
    print_report(final, json_path=json_path)


@reports.command()
@click.argument("report_id")
@_by_option
@click.option("--text", required=True, help="Text to add, or the correction.")
@_yes_option
@home_option
@json_option
def amend(report_id: str, by: str, text: str, yes: bool, home: Path | None, json_path: Path | None) -> None:
    """Add a human's words to a signed report. Earlier versions are kept."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports import sign_off as stored

    clinic = open_clinic(home)
    _confirm(stored.read_report(report_id, clinic=clinic), f"Amend this report, signed by {by}?", yes)
    amended = stored.amend(report_id, by=by, text=text, clinic=clinic)
    print_report(amended, json_path=json_path)


def print_report(
    report: "Report", *, out: Path | None = None, korean: bool = False, json_path: Path | None = None
) -> None:
    """Print a report, write it as text where asked, and as JSON where asked."""
    if out:
        write_text(out, _as_text(report, korean))
    show(lambda: _picture(report, korean), report.model_dump(mode="json"), json_path)


def _picture(report: "Report", korean: bool) -> "RenderableType":
    from rich.text import Text

    from pedaxr_server.cli.console import show_report

    return Text(_as_text(report, korean)) if korean else show_report(report)


def _as_text(report: "Report", korean: bool) -> str:
    from pedaxr.reports.korean import korean_text
    from pedaxr_server.replies.documents import report_text

    return korean_text(report) + "\n" if korean else report_text(report)


def _confirm(report: "Report", question: str, yes: bool) -> None:
    """Show what is signed and ask at the terminal. Raises InvalidRequest where nobody can be asked."""
    if yes:
        return
    if not _is_interactive():
        raise InvalidRequest("Nobody can be asked here. Run this at a terminal, or add --yes.")
    console(stderr=True).print(_picture(report, korean=False))
    click.confirm(question, abort=True, err=True)


def _is_interactive() -> bool:
    return sys.stdin.isatty()
