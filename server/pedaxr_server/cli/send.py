"""`pedaxr send`: a study's reading and report in standard form: DICOM objects, and a FHIR transaction."""

import json
from pathlib import Path

import click

from pedaxr.errors import InvalidRequest
from pedaxr_server.cli.options import FILE, FOLDER, home_option, use_weights, weights_option, write_text

# As pedaxr.dicom_objects.kinds.KINDS and DEFAULT_KINDS; a test compares them.
KINDS = ("seg", "sr", "text_sr", "capture", "gsps", "pdf")
DEFAULT_KINDS = ("seg", "sr", "gsps", "capture")


@click.command()
@click.argument("study_id", metavar="STUDY")
@click.option("--to", "folder", type=FOLDER, help="Write the DICOM objects into this folder.")
@click.option(
    "--kinds",
    metavar="LIST",
    default=",".join(DEFAULT_KINDS),
    show_default=True,
    help=f"DICOM objects to make, separated by commas: {', '.join(KINDS)}.",
)
@click.option("--fhir", "fhir_path", type=FILE, help="Write a FHIR R4 transaction to this file (JSON).")
@click.option("--organisation", metavar="NAME", default="", help="Organisation of whoever signed the report.")
@home_option
@weights_option
def send(
    study_id: str,
    folder: Path | None,
    kinds: str,
    fhir_path: Path | None,
    organisation: str,
    home: Path | None,
    weights: Path | None,
) -> None:
    """Hand out a study's outlines, measurements and report as DICOM objects or FHIR."""
    from pedaxr.clinic import open_clinic

    if folder is None and fhir_path is None:
        raise InvalidRequest("Say where to: --to FOLDER for DICOM objects, --fhir FILE for FHIR.")
    use_weights(weights)
    clinic = open_clinic(home)
    if folder is not None:
        from pedaxr.dicom_objects.files import write_objects
        from pedaxr.dicom_objects.objects import objects_of

        wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
        objects = objects_of(clinic, study_id, wanted, organisation=organisation)
        for path in write_objects(objects, folder, study_id=study_id):
            click.echo(str(path))
    if fhir_path is not None:
        from pedaxr.fhir.transaction import transaction_of

        bundle = transaction_of(clinic, study_id)
        write_text(fhir_path, json.dumps(bundle, ensure_ascii=False, indent=1) + "\n")
        click.echo(str(fhir_path))
