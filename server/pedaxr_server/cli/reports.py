"""`pedaxr reports`: earlier versions, and the two acts that a named human does at a terminal."""

import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import FilmMoved, InvalidRequest, PatientNotFound, StudyNotFound
from pedaxr_server.auth.confirming import signing
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
    from pedaxr.records import quoted
    from pedaxr.reports.sign_off import list_reports
    from pedaxr_server.cli.console import show_reports

    clinic = open_clinic(home)
    try:
        listed = list_reports(study_or_patient, clinic=clinic)
    except FilmMoved:
        raise
    except StudyNotFound:
        try:
            listed = list_reports(patient_id=study_or_patient, clinic=clinic)
        except PatientNotFound as err:
            raise PatientNotFound(
                f"No study and no patient has the id {quoted(study_or_patient)}. "
                "Find the child: pedaxr find NAME"
            ) from err
    show(lambda: show_reports(listed), [report.model_dump(mode="json") for report in listed], json_path)


@reports.command()
@click.argument("study_id", metavar="STUDY")
@home_option
@json_option
def withdrawn(study_id: str, home: Path | None, json_path: Path | None) -> None:
    """List what was made of a film while it stood under another child; --json writes it whole."""
    from pedaxr.clinic import open_clinic
    from pedaxr_server.cli.console import show_rows

    found = open_clinic(home).registry.withdrawn(study_id)
    rows = [
        (
            f"{one.kind} {one.stored.get('report_id') or one.stored.get('annotation_id')}",
            f"under {one.patient_id}, film {one.study_id}",
            f"{one.stored.get('status', '')}, withdrawn {one.withdrawn_at[:10]}".lstrip(", "),
        )
        for one in found
    ]
    show(lambda: show_rows(rows, title="withdrawn"), [asdict(one) for one in found], json_path)


@reports.command("show")
@click.argument("report_id")
@click.option("--out", type=FILE, help="Write the report as text here.")
@click.option("--korean", is_flag=True, help="Write the report in Korean (plain text).")
@home_option
@json_option
def show_(report_id: str, out: Path | None, korean: bool, home: Path | None, json_path: Path | None) -> None:
    """Show one stored version."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.current import in_context
    from pedaxr.reports.sign_off import read_report

    clinic = open_clinic(home)
    report = in_context(read_report(report_id, clinic=clinic), clinic=clinic)
    print_report(report, out=out, korean=korean, json_path=json_path)


_by_option = click.option(
    "--by", required=True, metavar="NAME", help="The human who read the film and answers for it."
)
_yes_option = click.option(
    "--yes", is_flag=True, help="Do not ask; needs --code, or a token with reports:sign in PEDAXR_TOKEN."
)
_code_option = click.option("--code", metavar="CODE", help="One-time code of `pedaxr reports code`.")
_denied_option = click.option(
    "--not-critical",
    "is_critical_denied",
    is_flag=True,
    help="The finding named critical is not there: withdraw the warning.",
)


@reports.command("code")
@_by_option
@home_option
def code_(by: str, home: Path | None) -> None:
    """Make a code for one signature, where whoever signs cannot be asked; good for 15 minutes."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.sign_off import human_name
    from pedaxr.reports.signers import make_code

    clinic, name = open_clinic(home), human_name(by)
    if not is_interactive():
        raise InvalidRequest("A code is made by a person at a terminal. Run this at one.")
    typed = click.prompt(f"Type your name to sign as {name}", err=True)
    if typed.strip() != name:
        raise InvalidRequest("That is another name. Nothing was made.")
    click.echo(make_code(clinic.home, by=name))


@reports.command()
@click.argument("report_id")
@_by_option
@click.option("--impression", metavar="TEXT", help="Impression to use instead of the draft's.")
@click.option("--told", metavar="NAME", help="Who was informed of a critical finding, or why nobody was.")
@_denied_option
@click.option("--although-newer", is_flag=True, help="Sign this draft even though a newer one exists.")
@_yes_option
@_code_option
@home_option
@json_option
def finalise(
    report_id: str,
    by: str,
    impression: str | None,
    told: str | None,
    is_critical_denied: bool,
    although_newer: bool,
    yes: bool,
    code: str | None,
    home: Path | None,
    json_path: Path | None,
) -> None:
    """Sign a draft: make it the study's final report. The draft is kept."""
    from pedaxr.reports import sign_off

    sign = partial(
        sign_off.finalise,
        impression=impression,
        told=told,
        is_critical_denied=is_critical_denied,
        although_newer=although_newer,
    )
    _sign(report_id, sign, "Make this the final report", by, yes, code, home, json_path)


@reports.command()
@click.argument("report_id")
@_by_option
@click.option("--text", required=True, help="Text to add, or the correction.")
@_denied_option
@_yes_option
@_code_option
@home_option
@json_option
def amend(
    report_id: str,
    by: str,
    text: str,
    is_critical_denied: bool,
    yes: bool,
    code: str | None,
    home: Path | None,
    json_path: Path | None,
) -> None:
    """Put a human's words on top of a signed report. Earlier versions are kept."""
    from pedaxr.reports import sign_off

    sign = partial(sign_off.amend, text=text, is_critical_denied=is_critical_denied)
    _sign(report_id, sign, "Amend this report", by, yes, code, home, json_path)


def _sign(
    report_id: str,
    sign: "Callable[..., Report]",
    question: str,
    by: str,
    yes: bool,
    code: str | None,
    home: Path | None,
    json_path: Path | None,
) -> None:
    """Show what is to be signed, ask, and show what `sign` has made of it."""
    from pedaxr.clinic import open_clinic
    from pedaxr.reports.current import in_context
    from pedaxr.reports.sign_off import read_report

    clinic = open_clinic(home)
    before = in_context(read_report(report_id, clinic=clinic), clinic=clinic)
    if not yes:
        _ask(before, f"{question}, signed by {by}?")
    with signing(yes, code, by, clinic.home) as confirmed:
        signed = sign(report_id, by=by, confirmed=confirmed, clinic=clinic)
    print_report(in_context(signed, clinic=clinic), json_path=json_path)


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


def _ask(report: "Report", question: str) -> None:
    """Show what is signed and ask at the terminal. Raises InvalidRequest where nobody can be asked."""
    if not is_interactive():
        raise InvalidRequest(
            "Nobody can be asked here. Run this at a terminal, or add --yes with a code that was made at one."
        )
    console(stderr=True).print(_picture(report, korean=False))
    click.confirm(question, abort=True, err=True)


def is_interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty()
