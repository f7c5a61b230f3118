"""`pedaxr audit`: check the trail, note its head, and hand it on as FHIR."""

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from pedaxr.errors import InvalidRequest, StorageError
from pedaxr_server.cli.options import FILE, home_option, json_option, may_replace, show

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import RenderableType

    from pedaxr.audit.fhir import Version
    from pedaxr.clinic import Clinic
    from pedaxr.clinic.integrity import Check


@click.group()
def audit() -> None:
    """Check, anchor and export the audit trail of changes, reads, searches and refusals."""


@audit.command()
@click.option("--head", metavar="TEXT", help="Line printed earlier by `pedaxr audit head`.")
@home_option
@json_option
def verify(head: str | None, home: Path | None, json_path: Path | None) -> None:
    """Find every edited, deleted, swapped, inserted or missing entry; exits with status 1 if there is one."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.integrity import check_audit

    show_checks(check_audit(open_clinic(home), head=head), json_path)


@audit.command()
@home_option
def head(home: Path | None) -> None:
    """Print the head of the trail; keep it where nobody with access to the clinic can write."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.integrity import heads

    click.echo(heads(open_clinic(home)))


@audit.command()
@click.argument("out", type=FILE)
@click.option("--fhir", "version", type=click.Choice(["R4", "R5"]), default="R4", show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, help="Only entries after this number.")
@home_option
def export(out: Path, version: str, after: int, home: Path | None) -> None:
    """Export the trail to OUT as FHIR AuditEvent resources, one per line (IHE BALP)."""
    from pedaxr.clinic import open_clinic
    from pedaxr.storage.files import disk_errors, make_private

    if not may_replace(out, b"{"):
        raise InvalidRequest(f"{out.name} is there already and holds something else. Choose another file.")
    count = 0
    with disk_errors(out.name):
        make_private(out)  # it names patients and what was searched for
    with disk_errors(out.name), out.open("w", encoding="utf-8") as file:
        for line in _events(open_clinic(home), cast("Version", version), after):
            file.write(line + "\n")
            count += 1
    click.echo(f"{count} events in {out}")


def _events(clinic: "Clinic", version: "Version", after: int) -> "Iterator[str]":
    from pedaxr.audit.access_log import AccessLog
    from pedaxr.audit.chain import links
    from pedaxr.audit.fhir import audit_events
    from pedaxr.registry.schema import connected

    log = AccessLog(clinic.home)
    log.fold()
    with connected(clinic.registry.path) as changes, log.connected() as accesses:
        yield from chain(
            audit_events(links(changes, after=after), chain="changes", version=version),
            audit_events(links(accesses, after=after), chain="accesses", version=version),
        )


def show_checks(checks: "Sequence[Check]", json_path: Path | None) -> None:
    """Print them all, and the verdict last. Raises StorageError, which is the verdict, for a fault."""
    from pedaxr_server.cli.console import show_rows

    rows = [
        (check.name, f"{check.looked_at} looked at", "; ".join(check.faults) or "all well")
        for check in checks
    ]
    data = [
        {"name": check.name, "looked_at": check.looked_at, "faults": list(check.faults)} for check in checks
    ]
    faulty = sum(not check.is_good for check in checks)
    verdict = "" if faulty else f"Verified: all {len(checks)} checks found everything as it should be."
    show(lambda: _with_verdict(show_rows(rows, title="checked"), verdict), data, json_path)
    if faulty:
        raise StorageError(
            f"Not verified: {faulty} of {len(checks)} checks found faults. Mend what the lines name, or "
            "restore a backup."
        )


def _with_verdict(table: "RenderableType", verdict: str) -> "RenderableType":
    from rich.console import Group

    return Group(table, verdict) if verdict else table
