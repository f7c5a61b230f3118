"""`pedaxr weights`: which networks read a clinic's films, and the way back."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr_server.cli.options import home_option, json_option, show

if TYPE_CHECKING:
    from rich.console import RenderableType

    from pedaxr.clinic.weights import ClinicWeights

_RESTART = "A server that is running takes them when it is restarted."


@click.group()
def weights() -> None:
    """List the weights of a clinic, put others in use, or go back."""


@weights.command("list")
@home_option
@json_option
def list_(home: Path | None, json_path: Path | None) -> None:
    """List the weights: bundled, learned here, and others that were in use."""
    from dataclasses import asdict

    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.weights import list_weights

    found = list_weights(open_clinic(home))
    show(lambda: _table(found), [asdict(one) for one in found], json_path)


@weights.command()
@click.argument("name")
@click.option("--although-worse", is_flag=True, help="Even though `pedaxr learn` found them to be worse.")
@home_option
def use(name: str, although_worse: bool, home: Path | None) -> None:
    """Read films with NAME from now on: bundled, one of the list, or a folder that `pedaxr train` wrote."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.weights import use_weights

    used = use_weights(name, clinic=open_clinic(home), although_worse=although_worse)
    _tell(used)


@weights.command()
@home_option
def rollback(home: Path | None) -> None:
    """Go back to the weights that were in use before."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.weights import roll_back

    _tell(roll_back(clinic=open_clinic(home)))


def _tell(used: "ClinicWeights") -> None:
    bundled = {"segmentation", "captioner"} - set(used.networks)
    rest = f"; {', '.join(sorted(bundled))}: bundled" if bundled else ""
    click.echo(f"in use: {used.name} ({', '.join(used.networks)}{rest}). {_RESTART}")


def _table(found: "list[ClinicWeights]") -> "RenderableType":
    from rich.table import Table
    from rich.text import Text

    table = Table("", "weights", "networks of its own", "verdict", "in use since", title_justify="left")
    for one in found:
        cells = ("in use" if one.in_use else "", one.name, ", ".join(one.networks), one.verdict, one.since)
        table.add_row(*map(Text, cells))
    return table
