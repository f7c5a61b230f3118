"""`pedaxr pacs check`, `pedaxr fetch` and `pedaxr listen`: the hospital's PACS from the command line."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest
from pedaxr.text import counted
from pedaxr_server.cli.options import (
    FILE,
    home_option,
    json_option,
    read_date,
    show,
    use_weights,
    weights_option,
)

if TYPE_CHECKING:
    from datetime import date

    from pedaxr.pacs.listen import Listener
    from pedaxr.pacs.node import PacsNode

config_option = click.option("--config", type=FILE, help="Settings file, TOML (default: $PEDAXR_CONFIG).")


@click.group()
def pacs() -> None:
    """Check the connection to the PACS; its address and rights are settings (docs/pacs.md)."""


@pacs.command()
@config_option
@json_option
def check(config: Path | None, json_path: Path | None) -> None:
    """Try everything pedaxr needs of the PACS; exits with status 1 if something is refused."""
    from dataclasses import asdict

    from pedaxr.pacs.check import check_pacs
    from pedaxr_server.cli.console import show_rows

    tried = list(check_pacs(pacs_node(config)))
    rows = [(one.what, "ok" if one.is_ok else "no", one.said) for one in tried]
    show(lambda: show_rows(rows, title="PACS"), [asdict(one) for one in tried], json_path)
    if not all(one.is_ok or one.what == "encryption" for one in tried):
        raise SystemExit(1)


@click.command()
@click.argument("what", metavar="ACCESSION_OR_NAME")
@click.option("--born", callback=read_date, metavar="YYYY-MM-DD", help="Birth date; required with a name.")
@config_option
@home_option
@json_option
def fetch(
    what: str, born: "date | None", config: Path | None, home: Path | None, json_path: Path | None
) -> None:
    """Fetch films from the PACS into the clinic, by accession number or by name and birth date."""
    from pedaxr.clinic.import_film import clinic_to_fill
    from pedaxr.pacs.fetch import fetch as fetch_films
    from pedaxr.radiograph.isolation import decode_in_worker
    from pedaxr_server.cli.console import show_rows

    node = pacs_node(config)
    decode_in_worker()
    fetched = fetch_films(what, born=born, clinic=clinic_to_fill(home), node=node)
    rows = [(study_id, "", "") for study_id in fetched.study_ids]
    data = {"study_ids": fetched.study_ids, "already_there": fetched.known, "of_other_parts": fetched.left}
    title = f"{counted(len(rows), 'film')}, {fetched.known} here before"
    show(lambda: show_rows(rows, title=title), data | {"failed": fetched.failed}, json_path)
    if fetched.left:
        click.echo(f"Left out, of another part of the body: {counted(fetched.left, 'film')}", err=True)
    for reason in fetched.failed:
        click.echo(f"not fetched: {reason}", err=True)
    if fetched.failed:
        raise SystemExit(1)


@click.command()
@config_option
@click.option(
    "--department", metavar="NAME", help="Department whose staff may see newly registered patients."
)
@click.option(
    "--poll",
    "poll_s",
    type=click.FloatRange(5, 86400),
    metavar="SECONDS",
    help="Ask the PACS for films of yesterday and today this often, for a PACS that sends none by itself.",
)
@click.option("--once", is_flag=True, help="Do what is waiting, then exit; take no films.")
@home_option
@weights_option
def listen(
    config: Path | None,
    department: str | None,
    poll_s: float | None,
    once: bool,
    home: Path | None,
    weights: Path | None,
) -> None:
    """Take new films from the PACS, draft their reports, and send reports as pacs_send says.

    Runs until it is stopped; a film that was acknowledged is read, if need be after a restart.
    """
    from pedaxr.clinic.import_film import clinic_to_fill
    from pedaxr.pacs.listen import Listener
    from pedaxr.pacs.spool import Spool
    from pedaxr.radiograph.isolation import decode_in_worker
    from pedaxr_server.logs import log_to_stderr

    node = pacs_node(config)
    use_weights(weights)
    log_to_stderr()
    decode_in_worker()
    clinic = clinic_to_fill(home)
    listener = Listener(clinic, node, Spool(clinic.home), department=department, poll_s=poll_s)
    with listener.spool.alone():
        if once:
            listener.work_once()
        else:
            _run(listener)
    click.echo(", ".join(f"{count} {state}" for state, count in listener.spool.counts().items()), err=True)


def _run(listener: "Listener") -> None:
    """Until the process is told to end; the film in hand is read to its end."""
    import signal
    from contextlib import nullcontext

    from pedaxr.pacs.receive import receiving

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: listener.end())
    node = listener.node
    taking = receiving(node, listener.spool, listener.wake) if node.callers else nullcontext()
    with taking as port:
        where = (
            f"listens on {node.listen_host}:{port} as {node.aet}"
            if port
            else "takes no films: no pacs_callers"
        )
        click.echo(f"pedaxr {where}; sending: {node.send}", err=True)
        listener.run()


def pacs_node_if_set(config: Path | None = None) -> "PacsNode | None":
    """The PACS of the settings; None where there is none."""
    from pedaxr_server.settings_sources import gather

    return gather({}, os.environ, config=config).settings.pacs


def pacs_node(config: Path | None) -> "PacsNode":
    """The PACS of the settings. Raises InvalidRequest where there is none."""
    node = pacs_node_if_set(config)
    if node is None:
        raise InvalidRequest("No PACS is set. Set pacs_host and what docs/pacs.md says.")
    return node
