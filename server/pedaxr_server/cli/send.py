"""`pedaxr send`: a study's reading and report in standard form, to the PACS, a FHIR server or files."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.options import FOLDER, home_option, use_weights, weights_option, write_text

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr.pacs.node import PacsNode

# As pedaxr.dicom_objects.kinds.KINDS and DEFAULT_KINDS; a test compares them.
KINDS = ("seg", "sr", "text_sr", "capture", "gsps", "pdf", "text_sr_ko", "pdf_ko")
DEFAULT_KINDS = ("seg", "sr", "gsps", "capture")


@click.command()
@click.argument("study_id", metavar="STUDY")
@click.option("--to", "folder", type=FOLDER, help="Write the DICOM objects into this folder instead.")
@click.option(
    "--kinds",
    metavar="LIST",
    help=f"DICOM objects to make, separated by commas: {', '.join(KINDS)}.  "
    f"[default: the setting pacs_kinds, else {','.join(DEFAULT_KINDS)}]",
)
@click.option(
    "--fhir",
    "fhir",
    metavar="URL_OR_FILE",
    help="Post a FHIR R4 transaction to this server, or write it to this file (JSON); - posts to fhir_url.",
)
@click.option("--organisation", metavar="NAME", help="Organisation of whoever signed [the setting].")
@home_option
@weights_option
def send(
    study_id: str,
    folder: Path | None,
    kinds: str | None,
    fhir: str | None,
    organisation: str | None,
    home: Path | None,
    weights: Path | None,
) -> None:
    """Send a study's outlines, measurements and report to the PACS that the film came from.

    With --to or --fhir they go there, and not to the PACS. What was sent is read back from the PACS; sending
    again changes nothing.
    """
    from pedaxr.clinic import open_clinic
    from pedaxr.radiograph.isolation import decode_in_worker
    from pedaxr_server.cli.pacs import pacs_node, pacs_node_if_set

    use_weights(weights)
    decode_in_worker()
    clinic = open_clinic(home)
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()] if kinds is not None else None
    if folder is None and fhir is None:
        _send_to_pacs(clinic, study_id, pacs_node(None), wanted, organisation)
        return
    node = pacs_node_if_set()
    if folder is not None:
        from pedaxr.dicom_objects.files import write_objects
        from pedaxr.dicom_objects.objects import objects_of

        signer = organisation if organisation is not None else (node and node.organisation) or ""
        made = objects_of(clinic, study_id, _kinds(wanted, node), organisation=signer)
        for path in write_objects(made, folder, study_id=study_id):
            click.echo(str(path))
    if fhir is not None:
        _send_fhir(clinic, study_id, fhir, node)


def _send_to_pacs(
    clinic: "Clinic", study_id: str, node: "PacsNode", wanted: list[str] | None, organisation: str | None
) -> None:
    from dataclasses import replace

    from pedaxr.pacs.send import send_report

    node = node if organisation is None else replace(node, organisation=organisation)
    sent = send_report(study_id, clinic=clinic, node=node, kinds=wanted)
    click.echo(f"{sent.study_id}: {len(sent.stored)} stored, {len(sent.already_there)} there before")


def _send_fhir(clinic: "Clinic", study_id: str, target: str, node: "PacsNode | None") -> None:
    from pedaxr.fhir.transaction import transaction_of

    url = node.fhir_url if target == "-" and node else target
    if not url or url == "-":
        raise InvalidRequest("No FHIR server is set. Set fhir_url, or give an address or a file.")
    if "://" in url:
        from pedaxr.pacs.send import post_transaction

        post_transaction(study_id, url, clinic=clinic, node=node)
        click.echo(f"{study_id}: posted")
        return
    bundle = transaction_of(clinic, study_id)
    write_text(Path(url), json.dumps(bundle, ensure_ascii=False, indent=1) + "\n")
    click.echo(url)


def _kinds(wanted: list[str] | None, node: "PacsNode | None") -> list[str]:
    if wanted is not None:
        return wanted
    return list(node.kinds if node else DEFAULT_KINDS)
