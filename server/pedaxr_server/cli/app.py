"""The `pedaxr` command: each tool as a command, the server, the demo, data and training.

Imports of anything heavy are inside the commands, so that `pedaxr --help` is quick, and commands of other
modules are imported when they are asked for: starting the server needs its own alone.
"""

import os
from collections import UserDict
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from pedaxr.errors import InvalidRequest
from pedaxr.radiograph.isolation import decode_in_worker
from pedaxr_server.cli.group import PedaxrGroup
from pedaxr_server.cli.options import (
    FILE,
    FOLDER,
    home_option,
    json_option,
    read_date,
    show,
    use_weights,
    weights_option,
    write_bytes,
)

if TYPE_CHECKING:
    from collections.abc import MutableMapping
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
    from pedaxr_server.cli.pacs import pacs_node_if_set

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
@click.option("--no-overlay", is_flag=True, help="Draw no overlay picture and write no file.")
@home_option
@weights_option
@json_option
def segment(
    study_or_file: str,
    out: Path | None,
    no_overlay: bool,
    home: Path | None,
    weights: Path | None,
    json_path: Path | None,
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
    if out and no_overlay:
        raise InvalidRequest("--out is for the overlay, and --no-overlay draws none. Leave one of them out.")
    result = segment_xray(study_id, file=file, overlay=not no_overlay, clinic=_clinic(home, study_id))
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


class _Commands(UserDict[str, click.Command | str]):
    """Commands by name; one that is given as `module:variable` is imported when it is first asked for."""

    def __getitem__(self, name: str) -> click.Command:
        found = self.data[name]
        if isinstance(found, str):
            module, variable = found.split(":")
            found = self.data[name] = cast(
                click.Command, getattr(import_module(f"{__package__}.{module}"), variable)
            )
        return found


_BY_SUBJECT: dict[str, dict[str, click.Command | str]] = {
    "Patients and films": {
        **{"find": find, "worklist": worklist, "segment": segment, "report": report},
        "reports": "reports:reports",
        "annotations": "annotations:annotations",
        "read": "archive:read",
        "send": "send:send",
    },
    "Server": {
        **{name: f"serve:{name}" for name in ("serve", "readers", "settings", "token")},
        "demo": demo,
    },
    "Hospital": {name: f"pacs:{name}" for name in ("pacs", "fetch", "listen")},
    "Clinic": {
        "import": "data:import_films",
        "move-film": "data:move_film",
        **{name: f"backup:{name}" for name in ("backup", "restore", "verify")},
        "audit": "audit:audit",
    },
    "Train and evaluate": {
        "train": "train.group:train",
        "evaluate": "evaluate.group:evaluate",
        "learn": "learning.learn:learn",
        "weights": "learning.weights:weights",
        "ablation": "ablation:ablation",
        "pictures": "pictures:pictures",
    },
    "Data for research": {
        "films": "data:films",
        "sheet": "data:sheet",
        "ood-images": "data:ood_images",
        "leaks": "data_checks:leaks",
        "areas": "data_checks:areas",
        "export": "data:export",
        "walkthrough": "walkthrough:walkthrough",
    },
}
_all = _Commands({name: one for commands in _BY_SUBJECT.values() for name, one in commands.items()})
main.commands = cast("MutableMapping[str, click.Command]", _all)
main.subjects = {subject: list(commands) for subject, commands in _BY_SUBJECT.items()}
main.former = {"strangers": "ood-images", "ladder": "ablation"}


def _study_or_file(text: str, home: Path | None) -> tuple[str | None, Path | None]:
    """A study id, or a file when one of that name exists or it is written like one; what lies in the PACS
    alone is fetched.
    """
    path = Path(text)
    is_file = path.suffix.lower() in {".png", ".jpg", ".jpeg", ".dcm"} or os.sep in text
    with suppress(OSError):  # longer than any name may be
        is_file = is_file or path.exists()
    return (None, path) if is_file else (_here(text, home), None)


def _here(study_id: str, home: Path | None) -> str:
    """The id of a film that is here: one that was listed from the PACS is fetched first."""
    from pedaxr.pacs.handle_ids import is_handle

    if not is_handle(study_id):
        return study_id
    from pedaxr.clinic import open_clinic
    from pedaxr.pacs.fetch import film_here
    from pedaxr_server.cli.pacs import pacs_node_if_set

    decode_in_worker()
    return film_here(study_id, clinic=open_clinic(home), node=pacs_node_if_set())


def _clinic(home: Path | None, study_id: str | None) -> "Clinic | None":
    """A film file needs no clinic; a study does."""
    from pedaxr.clinic import open_clinic

    return open_clinic(home) if study_id else None
