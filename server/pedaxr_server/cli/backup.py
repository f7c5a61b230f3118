"""`pedaxr backup`, `restore` and `verify`."""

from pathlib import Path

import click

from pedaxr.text import counted
from pedaxr_server.cli.options import (
    FILE,
    FILE_IN,
    FOLDER,
    home_option,
    json_option,
    use_weights,
    weights_option,
)


@click.command()
@click.argument("file", type=FILE)
@home_option
def backup(file: Path, home: Path | None) -> None:
    """Copy the clinic to a new FILE (ZIP), even while it is in use."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.backup import back_up
    from pedaxr_server.cli.data import progress_bar

    with progress_bar("Copying films") as progress:
        copied = back_up(open_clinic(home), file, progress=progress)
    click.echo(f"{counted(copied.films, 'film')}, {copied.size / 2**20:.1f} MiB in {file}")
    if copied.waiting:
        click.echo(
            f"Also in it, from the PACS and not imported yet: {counted(copied.waiting, 'film')}", err=True
        )
    if copied.missing:
        click.echo(f"Left out, as not in the clinic's folder: {counted(copied.missing, 'film')}", err=True)
    if copied.unrecorded:
        click.echo(f"the backup is whole, but the audit trail does not say so: {copied.unrecorded}", err=True)
    for name in copied.weights_left_out:
        click.echo(f"weights outside the clinic's folder were left out; copy them too: {name}", err=True)


@click.command()
@click.argument("file", type=FILE_IN)
@click.option("--into", type=FOLDER, required=True, help="Folder to create.")
def restore(file: Path, into: Path) -> None:
    """Restore a backup FILE into a new folder."""
    from pedaxr.clinic.backup import restore as unpack

    clinic = unpack(file, into)
    counts = clinic.registry.counts()
    click.echo(
        f"{counted(counts['patients'], 'patient')}, {counted(counts['studies'], 'film')}, "
        f"{counted(counts['reports'], 'report')} in {into}"
    )
    _tell_weights(clinic.home)


def _tell_weights(home: Path) -> None:
    """Which weights read the films of a restored clinic, and whether they are there."""
    from pedaxr.storage.weights import BUNDLED, weights_in_use

    weights = weights_in_use(home)
    click.echo(f"films are read with the weights {weights.name if weights else BUNDLED}")
    if weights and not weights.is_dir():
        click.echo(
            f"which are not there: copy them to {weights}, or choose others with `pedaxr weights use`",
            err=True,
        )


@click.command()
@click.option("--head", metavar="TEXT", help="Line printed earlier by `pedaxr audit head`.")
@click.option("--networks/--no-networks", default=True, help="Also let the networks read the reference film.")
@click.option(
    "--remove-orphans", is_flag=True, help="Remove leftovers of interrupted writes that are over an hour old."
)
@home_option
@weights_option
@json_option
def verify(
    head: str | None,
    networks: bool,
    remove_orphans: bool,
    home: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Check tables, films, reports, audit trail and networks; exits with status 1 if something is wrong."""
    from pedaxr.clinic import integrity as clinic_check
    from pedaxr.clinic import open_clinic
    from pedaxr_server.cli.audit import show_checks

    use_weights(weights)
    clinic = open_clinic(home)
    found = clinic_check.remove_orphans(clinic) if remove_orphans else clinic_check.orphans(clinic)
    if found:
        done = "removed" if remove_orphans else "left by interrupted writes: use --remove-orphans"
        click.echo(f"{counted(len(found), 'file')} {done}", err=True)
    checks = clinic_check.check_clinic(clinic, head=head)
    if networks:
        from pedaxr.reading.self_test import check_networks

        checks += check_networks()
    show_checks(checks, json_path)
