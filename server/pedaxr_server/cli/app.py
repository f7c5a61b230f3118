"""The `pedaxr` command: each tool as a command, the server, the demo, data and training.

Imports of anything heavy are inside the commands, so that `pedaxr --help` and starting the server are quick.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest
from pedaxr.radiograph.isolation import decode_in_worker
from pedaxr_server.cli.ablation import ablation
from pedaxr_server.cli.annotations import annotations
from pedaxr_server.cli.archive import read
from pedaxr_server.cli.audit import audit
from pedaxr_server.cli.backup import backup, restore, verify
from pedaxr_server.cli.data import export, films, import_films, move_film, ood_images, sheet
from pedaxr_server.cli.data_checks import areas, leaks
from pedaxr_server.cli.evaluate.group import evaluate
from pedaxr_server.cli.learning.learn import learn
from pedaxr_server.cli.learning.weights import weights
from pedaxr_server.cli.options import (
    FILE,
    FOLDER,
    PedaxrGroup,
    add_former_name,
    home_option,
    json_option,
    read_date,
    show,
    use_weights,
    weights_option,
    write_bytes,
)
from pedaxr_server.cli.pacs import fetch, listen, pacs, pacs_node_if_set
from pedaxr_server.cli.pictures import pictures
from pedaxr_server.cli.reports import reports
from pedaxr_server.cli.send import send
from pedaxr_server.cli.serve import readers, serve, settings, token
from pedaxr_server.cli.train import train
from pedaxr_server.cli.walkthrough import walkthrough

if TYPE_CHECKING:
    from datetime import date

    from pedaxr.clinic import Clinic

VIEWS = ("supine", "erect", "left_lateral_decubitus")
DIAGNOSES = (
    "pyloric_stenosis",
    "air_fluid_level",
    "abdominal_distension",
    "constipation",
    "pneumoperitoneum",
    "normal",
)


@click.group(
    cls=PedaxrGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="pedaxr")
def main() -> None:
    """Read paediatric abdominal X-rays: find the child, outline the film, draft the report.

    Research and teaching use only; not a medical device.
    """


@click.command()
@home_option
@weights_option
@click.option(
    "--out", type=FOLDER, help="Folder for the overlay and the report (default: out/ in the home folder)."
)
@click.option("--http", is_flag=True, help="Use HTTP with a login instead of stdio.")
def demo(home: Path | None, weights: Path | None, out: Path | None, http: bool) -> None:
    """Play a complete agent conversation over MCP, on a synthetic clinic."""
    from pedaxr_server.cli.demo import run_demo

    use_weights(weights)
    run_demo(home, out, http=http)


@click.command()
@click.argument("query")
@click.option(
    "--birth-date",
    callback=read_date,
    metavar="YYYY-MM-DD",
    help="Tells apart patients with the same name.",
)
@click.option(
    "--limit", type=click.IntRange(1, 20), default=10, show_default=True, help="Maximum number of matches."
)
@home_option
@json_option
def find(
    query: str, birth_date: "date | None", limit: int, home: Path | None, json_path: Path | None
) -> None:
    """Find children by name (Hangul or romanised), id or birth date; in the PACS too, where one is set."""
    from pedaxr.clinic import open_clinic
    from pedaxr.pacs.search import find_patient_and_ask
    from pedaxr_server.cli.console import show_search

    search = find_patient_and_ask(
        query,
        patient_birth_date=birth_date,
        limit=limit,
        clinic=open_clinic(home),
        node=pacs_node_if_set(),
    )
    show(lambda: show_search(search), search.model_dump(mode="json"), json_path)


@click.command()
@home_option
@json_option
def worklist(home: Path | None, json_path: Path | None) -> None:
    """List what waits: critical films, unsigned drafts and unread films."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.worklist import worklist as look_up
    from pedaxr_server.cli.console import show_worklist

    waiting = look_up(clinic=open_clinic(home))
    show(lambda: show_worklist(waiting), waiting.model_dump(mode="json"), json_path)


@click.command()
@click.argument("study_or_file", metavar="STUDY_OR_FILE")
@click.option("--out", type=FILE, help="Copy the overlay picture here (PNG).")
@home_option
@weights_option
@json_option
def segment(
    study_or_file: str, out: Path | None, home: Path | None, weights: Path | None, json_path: Path | None
) -> None:
    """Outline findings and structures on a study's film or a film file (DICOM, PNG, JPEG)."""
    from pedaxr.reading.segment_xray import segment_xray
    from pedaxr_server.cli.console import show_segmentation

    use_weights(weights)
    study_id, file = _study_or_file(study_or_file, home)
    if out and file and out.exists() and file.exists() and out.samefile(file):
        raise InvalidRequest(
            "--out is the film itself, which the overlay would replace. Choose another file."
        )
    result = segment_xray(study_id, file=file, overlay=True, clinic=_clinic(home, study_id))
    if out and result.overlay_path:
        write_bytes(out, Path(result.overlay_path).read_bytes())
    show(lambda: show_segmentation(result), result.model_dump(mode="json"), json_path)
    if result.overlay_path:
        click.echo(f"overlay: {out or result.overlay_path}", err=True)


@click.command()
@click.argument("study_or_file", metavar="STUDY_OR_FILE")
@click.option("--out", type=FILE, help="Write the report as text here.")
@click.option("--view", type=click.Choice(VIEWS), help="View, for a file that does not state it.")
@click.option(
    "--age-months",
    type=click.FloatRange(0, 240),
    help="Age when the film was taken, for a file that does not state it.",
)
@click.option("--indication", help="Reason for the film.")
@click.option(
    "--working-diagnosis", type=click.Choice(DIAGNOSES), help="Suspected diagnosis; context, never evidence."
)
@click.option("--korean", is_flag=True, help="Write the report in Korean (plain text).")
@home_option
@weights_option
@json_option
def report(
    study_or_file: str,
    out: Path | None,
    view: str | None,
    age_months: float | None,
    indication: str | None,
    working_diagnosis: str | None,
    korean: bool,
    home: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Draft a preliminary report of a study's film or a film file."""
    from pedaxr.reports.generate_report import generate_report
    from pedaxr_models.labels import View
    from pedaxr_server.cli.reports import print_report

    use_weights(weights)
    study_id, file = _study_or_file(study_or_file, home)
    draft = generate_report(
        study_id,
        file=file,
        view=View(view) if view else None,
        age_months=age_months,
        indication=indication,
        working_diagnosis=working_diagnosis,
        clinic=_clinic(home, study_id),
    )
    print_report(draft, out=out, korean=korean, json_path=json_path)


main.add_subject("Patients and films", (find, worklist, segment, report, reports, annotations, read, send))
main.add_subject("Server", (serve, readers, settings, token, demo))
main.add_subject("Hospital", (pacs, fetch, listen))
main.add_subject("Clinic", (import_films, move_film, backup, restore, verify, audit))
main.add_subject("Train and evaluate", (train, evaluate, learn, weights, ablation, pictures))
main.add_subject("Data for research", (films, sheet, ood_images, leaks, areas, export, walkthrough))
add_former_name(main, ood_images, "strangers")
add_former_name(main, ablation, "ladder")


def _study_or_file(text: str, home: Path | None) -> tuple[str | None, Path | None]:
    """A study id, or a file when one of that name exists or it is written like one; what lies in the PACS
    alone is fetched.
    """
    path = Path(text)
    is_file = path.exists() or path.suffix.lower() in {".png", ".jpg", ".jpeg", ".dcm"} or os.sep in text
    return (None, path) if is_file else (_here(text, home), None)


def _here(study_id: str, home: Path | None) -> str:
    """The id of a film that is here: one that was listed from the PACS is fetched first."""
    from pedaxr.pacs.handle_ids import is_handle

    if not is_handle(study_id):
        return study_id
    from pedaxr.clinic import open_clinic
    from pedaxr.pacs.fetch import film_here

    decode_in_worker()
    return film_here(study_id, clinic=open_clinic(home), node=pacs_node_if_set())


def _clinic(home: Path | None, study_id: str | None) -> "Clinic | None":
    """A film file needs no clinic; a study does."""
    from pedaxr.clinic import open_clinic

    return open_clinic(home) if study_id else None
