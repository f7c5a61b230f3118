"""`pedaxr annotations`: what humans have corrected in the viewer, listed and handed out."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest
from pedaxr.text import counted
from pedaxr_models.labels import Finding
from pedaxr_server.cli.options import (
    DATA,
    FILE,
    FOLDER,
    FOLDER_IN,
    home_option,
    json_option,
    labels_option,
    show,
    write_bytes,
)

if TYPE_CHECKING:
    from rich.table import Table

    from pedaxr.clinic.annotate import Annotation
    from pedaxr.clinic.exchange.into_clinic import ImportedAnnotations, Unused
    from pedaxr.clinic.teaching import TeachingList
    from pedaxr.learning.convert import Converted

# As pedaxr.clinic.export_annotations.Format, without loading OpenCV for --help; a test compares them.
FORMATS = ("coco", "labelme", "cvat", "masks", "csv")
_MOST_LISTED = 30  # films that were not used
DICOM_SEG = "dicom-seg"  # made by another part of the library: it needs the extra `pacs`


@click.group()
def annotations() -> None:
    """List, export and import outlines and decisions of humans."""


@annotations.command("list")
@click.argument("study_id")
@home_option
@json_option
def list_(study_id: str, home: Path | None, json_path: Path | None) -> None:
    """List every version of a film's annotations, oldest first."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.annotate import annotations_of

    found = annotations_of(study_id, clinic=open_clinic(home))
    show(lambda: _table(found), [one.model_dump(mode="json") for one in found], json_path)


@annotations.command()
@click.argument("out", type=FILE)
@click.option("--format", "kind", type=click.Choice((*FORMATS, DICOM_SEG)), default="coco", show_default=True)
@click.option("--study", "study_id", metavar="STUDY", help="Export one film (default: all annotated films).")
@home_option
def export(out: Path, kind: str, study_id: str | None, home: Path | None) -> None:
    """Write the annotations as a ZIP archive to OUT. No patient is named in it."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.export_annotations import export_annotations, to_export

    clinic = open_clinic(home)
    found, left_out = to_export(study_id, clinic=clinic), list[str]()
    if kind == DICOM_SEG:
        if find_spec("highdicom") is None:
            raise InvalidRequest("DICOM segmentations need: pip install 'pedaxr[pacs]'")
        from pedaxr.dicom_objects.annotation_seg import annotation_archive

        archive, left_out = annotation_archive(found, clinic=clinic)
    else:
        archive = export_annotations(found, kind, clinic=clinic)
    write_bytes(out, archive)
    click.echo(f"{counted(len(found) - len(left_out), 'film')} as {kind}: {out}", err=True)
    if left_out:
        click.echo(f"no DICOM film, or nothing outlined: {', '.join(left_out)}", err=True)


@annotations.command("next")
@click.option("--limit", type=click.IntRange(1, 50), default=20, show_default=True)
@home_option
@json_option
def next_(limit: int, home: Path | None, json_path: Path | None) -> None:
    """List the films that would teach most if they were corrected next."""
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.teaching import teaching_films

    found = teaching_films(clinic=open_clinic(home), limit=limit)
    show(lambda: _next(found), found.model_dump(mode="json"), json_path)


def _next(found: "TeachingList") -> "Table":
    from rich.table import Table

    from pedaxr_models.labels import sign

    title = (
        f"{counted(found.corrected, 'film')} corrected, {found.looked_at} with a draft that nobody corrected"
    )
    table = Table(
        "study", "on", "draft and outlines disagree on", "unsure", "in doubt", "few examples of", title=title
    )
    for film in found.films:
        unsure = "" if film.unsure is None else f"{film.unsure:.2f}"
        doubt = "yes" if film.is_in_doubt else ""
        names = [", ".join(map(sign, findings)) for findings in (film.disagreements, film.rare)]
        table.add_row(film.study_id, str(film.study_date or ""), names[0], unsure, doubt, names[1])
    return table


@annotations.command()
@click.argument("source", type=DATA)
@click.argument("out", type=FOLDER)
@click.option("--films", type=FOLDER_IN, help="Folder of the films.")
@click.option(
    "--absent-unless-drawn",
    is_flag=True,
    help="A finding not outlined on a film of SOURCE is known to be absent (default: unknown).",
)
@labels_option
@json_option
def convert(
    source: Path,
    out: Path,
    films: Path | None,
    absent_unless_drawn: bool,
    labels: dict[str, str],
    json_path: Path | None,
) -> None:
    """Write outlines of other programs with their films as a data set to OUT, to look at and to train on.

    SOURCE is what `annotations import` reads; its films lie in it, beside it or in --films. OUT gets
    films.csv, the films (TIFF as PNG) and sheet.png, on which outlines can be checked. No clinic is needed.
    """
    from pedaxr.learning.convert import convert_annotations
    from pedaxr_server.cli.data import progress_bar

    with progress_bar("Converting annotations") as progress:
        done = convert_annotations(
            source,
            out,
            films=films,
            absent_unless_drawn=absent_unless_drawn,
            labels=labels,
            progress=progress,
        )
    show(lambda: _converted(done, out), done.model_dump(mode="json"), json_path)


def _converted(done: "Converted", out: Path) -> str:
    lines = [f"{done.kind}: {counted(done.films, 'film')} in {out / 'films.csv'}"]
    lines += [
        f"  {name}: {done.outlined.get(name, 0)} outlined, {done.absent.get(name, 0)} absent"
        for name in (finding.value for finding in Finding)
    ]
    lines += [*_unused(done.unused, "not used"), *done.notes]
    lines.append(f"Look at {out / 'sheet.png'} ({counted(done.on_sheet, 'film')}) before learning. Then:")
    lines.append(f"  pedaxr learn --data {out}    (in a clinic; without one: pedaxr import {out} first)")
    lines.append(f"  pedaxr train segmentation --preset finetune --data {out} --out runs/mine")
    return "\n".join(lines)


def _unused(unused: "list[Unused]", how: str) -> list[str]:
    """A line for each of the first films, and how many more there are."""
    lines = [f"{how}: {one.film}: {one.reason}" for one in unused[:_MOST_LISTED]]
    more = len(unused) - _MOST_LISTED
    return [*lines, f"{how}: {more} more; --json FILE lists them all"] if more > 0 else lines


@annotations.command("import")
@click.argument("source", type=DATA)
@click.option("--by", required=True, metavar="NAME", help="The human who answers for the outlines.")
@click.option(
    "--absent-unless-drawn",
    is_flag=True,
    help="A finding not outlined on a film of SOURCE is known to be absent (default: unknown).",
)
@labels_option
@home_option
@json_option
def import_(
    source: Path,
    by: str,
    absent_unless_drawn: bool,
    labels: dict[str, str],
    home: Path | None,
    json_path: Path | None,
) -> None:
    """Store outlines of other programs as each film's next version.

    SOURCE is a file, a folder or a ZIP archive: COCO, LabelMe, VIA, Label Studio, CVAT, YOLO segmentation,
    masks, DICOM SEG or CSV. docs/data.md says what to export from which program.
    """
    from pedaxr.clinic import open_clinic
    from pedaxr.clinic.exchange.into_clinic import import_annotations
    from pedaxr_server.cli.data import progress_bar

    clinic = open_clinic(home)
    with progress_bar("Importing annotations") as progress:
        done = import_annotations(
            source,
            by=by,
            clinic=clinic,
            absent_unless_drawn=absent_unless_drawn,
            labels=labels,
            progress=progress,
        )
    show(lambda: _imported(done), done.model_dump(mode="json"), json_path)


def _imported(done: "ImportedAnnotations") -> str:
    decisions = ", ".join(f"{count} {name}" for name, count in done.decisions.items())
    lines = [f"{done.kind}: {counted(done.films, 'film')} with new annotations ({decisions or 'nothing'})"]
    lines += (
        [f"{counted(done.already_there, 'film')} of which nothing new was said"] if done.already_there else []
    )
    lines += _unused(done.unused, "not imported")
    return "\n".join([*lines, *done.notes])


def _table(found: "list[Annotation]") -> "Table":
    from rich.table import Table
    from rich.text import Text

    from pedaxr_models.labels import sign

    table = Table("version", "from", "by", "on", "decisions", title=counted(len(found), "annotation"))
    for one in found:
        decided = ", ".join(f"{sign(name)}: {given.decision}" for name, given in one.findings.items())
        unsuitable = "film unsuitable" if one.is_unsuitable else ""
        on = f"{one.created_at:%Y-%m-%d %H:%M}"
        told = "; ".join(filter(None, (unsuitable, decided)))
        cells = (str(one.version), str(one.based_on or "network"), one.author, on, told)
        table.add_row(*map(Text, cells))  # a name is not markup
    return table
