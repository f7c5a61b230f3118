"""Commands that make, import and describe data, and the ones behind them."""

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from pedaxr.errors import InvalidRequest, ModelUnavailable, StorageError
from pedaxr.text import counted
from pedaxr_models.labels import Finding
from pedaxr_server.cli.group import resumable
from pedaxr_server.cli.options import (
    DATA,
    FILE,
    FOLDER,
    console,
    home_option,
    json_option,
    labels_option,
    map_option,
    may_replace,
    show,
)
from pedaxr_server.cli.reports import is_interactive

_VIEWS = ("supine", "erect", "left_lateral_decubitus")


@click.command()
@click.argument("out", type=FOLDER)
@click.option("--count", type=click.IntRange(1), help="Total number of films.  [default: 3000]")
@click.option("--index", "indices", type=click.IntRange(0), multiple=True, help="Only this film; repeatable.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same films.")
@click.option("--shifted", is_flag=True, help="Draw test films from outside the training ranges.")
@click.option(
    "--generator",
    type=click.Choice(["3", "4"]),
    default="3",
    show_default=True,
    help="Version of the generator; the bundled weights were trained on 3.",
)
@click.option("--dicom", is_flag=True, help="Write DICOM CR images instead of PNG.")
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    help="Films generated at a time (default: number of cores).",
)
@click.option(
    "--onto",
    type=FOLDER,
    help="Put findings into the films of this folder instead, each next to its untouched film.",
)
@click.option("--from-ct", type=FOLDER, help="Project films from the CTs and masks of this folder instead.")
@click.option(
    "--per-film", type=click.IntRange(1), default=4, show_default=True, help="Films made of each film or CT."
)
@click.option(
    "--finding",
    "findings",
    type=click.Choice([f.value for f in Finding]),
    multiple=True,
    help="With --onto: only this finding; repeatable.",
)
@resumable()
def films(
    out: Path,
    count: int | None,
    indices: tuple[int, ...],
    seed: int,
    shifted: bool,
    generator: str,
    dicom: bool,
    processes: int,
    onto: Path | None,
    from_ct: Path | None,
    per_film: int,
    findings: tuple[str, ...],
) -> None:
    """Write a data set of synthetic films with masks, facts and metadata to OUT; resumes where it left off.

    A film depends only on the seed and its number: --index writes the same bytes as a whole data set does.
    """
    if onto is not None:
        _films_onto(out, onto, seed=seed, per_film=per_film, findings=findings)
        return
    if from_ct is not None:
        _films_from_ct(out, from_ct, seed=seed, per_film=per_film)
        return
    from pedaxr.demo.synthetic_dicom import encode_dicom
    from pedaxr_models.phantom.dataset.write import PNG, PictureFormat, write_dataset
    from pedaxr_models.phantom.spec import Domain

    if count and indices:
        raise click.UsageError("Give --count or --index, not both.")
    wanted = len(set(indices)) or count or 3000
    with library_errors(), progress_bar("Making films", wanted) as progress:
        write_dataset(
            out,
            count=wanted,
            indices=indices or None,
            seed=seed,
            domain=Domain.SHIFTED if shifted else Domain.STANDARD,
            picture=PictureFormat(".dcm", encode_dicom) if dicom else PNG,
            version=int(generator),
            processes=processes,
            progress=progress,
        )
    click.echo(f"{counted(wanted, 'film')} in {out}")


def _films_from_ct(out: Path, source: Path, *, seed: int, per_film: int) -> None:
    """Films projected from CTs, with outlines from their masks."""
    from pedaxr.radiograph.ct_series import read_ct_series
    from pedaxr_models.phantom.from_ct.write import write_films

    with library_errors(), progress_bar("Projecting films") as progress:
        made = write_films(
            source, out, per_case=per_film, seed=seed, read_series=read_ct_series, progress=progress
        )
    click.echo(f"{counted(made, 'film')} in {out}")


def _films_onto(out: Path, source: Path, *, seed: int, per_film: int, findings: tuple[str, ...]) -> None:
    """Findings put into the films of a folder; bare films are outlined by the bundled network."""
    from pedaxr.reading import networks
    from pedaxr_models.phantom.onto.backgrounds import Segmented
    from pedaxr_models.phantom.onto.write import write_pairs

    with library_errors(), progress_bar("Making films") as progress:
        made = write_pairs(
            source,
            out,
            per_film=per_film,
            findings=tuple(Finding(name) for name in findings),
            seed=seed,
            outline=Segmented(networks.segmenter),
            progress=progress,
        )
    click.echo(f"{made.pairs} pairs in {made.table}, {made.without_room} left out for want of room")


@click.command("ood-images")
@click.argument("out", type=FOLDER)
@click.option(
    "--count", type=click.IntRange(1), default=130, show_default=True, help="Total number of images."
)
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same pictures."
)
def ood_images(out: Path, count: int, seed: int) -> None:
    """Write out-of-distribution images to OUT (chests, photographs, noise), which must be rejected."""
    from pedaxr_models.phantom.out_of_distribution.dataset import write_ood_images

    with library_errors(), progress_bar("Making images", count) as progress:
        write_ood_images(out, count=count, seed=seed, progress=progress)
    click.echo(f"{counted(count, 'image')} in {out}; all kinds on {out / 'sheet.png'}")


@click.command()
@click.argument("out", type=FILE)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--outlines", is_flag=True, help="Outline the findings.")
@click.option("--structures", is_flag=True, help="Outline the structures too.")
@click.option("--view", type=click.Choice(_VIEWS), help="Draw all films in this view (default: mixed).")
@click.option("--width", type=click.IntRange(256), default=3072, show_default=True, help="Pixels.")
def sheet(out: Path, seed: int, outlines: bool, structures: bool, view: str | None, width: int) -> None:
    """Draw a contact sheet of synthetic films to OUT (PNG): a column per label, a row per age."""
    from pedaxr_models.labels import View
    from pedaxr_models.phantom.dataset.contact_sheet import write_sheet

    if not may_replace(out, b"\x89PNG"):
        raise InvalidRequest(f"{out.name} is there already and is no PNG. Choose another file.")
    with library_errors():
        write_sheet(
            out,
            seed=seed,
            outlines=outlines,
            structures=structures,
            view=View(view) if view else None,
            width=width,
        )
    click.echo(f"sheet: {out}")


@click.command()
@click.argument("data", type=DATA)
@click.argument("out", type=FOLDER)
@click.option("--korean", is_flag=True, help="Use the Korean folder names instead of the English ones.")
def export(data: Path, out: Path, korean: bool) -> None:
    """Copy the films of DATA to OUT in the layout of AI-Hub's paediatric abdominal set."""
    from pedaxr_models.datasets import read_films
    from pedaxr_models.datasets.aihub_writer import write_aihub

    with library_errors():
        found = read_films(data)
        left_out = write_aihub(out, found, korean=korean)
    for rejection in left_out:
        click.echo(f"left out: {rejection.path}: {rejection.reason}", err=True)
    click.echo(f"{counted(len(found) - len(left_out), 'film')} in {out}, {len(left_out)} left out")


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--treat-as-distension",
    is_flag=True,
    help="Read 기복증 as abdominal distension instead of pneumoperitoneum.",
)
@click.option("--department", metavar="NAME", help="Department whose staff may see newly imported patients.")
@map_option
@labels_option
@home_option
@json_option
def import_films(
    source: Path,
    treat_as_distension: bool,
    columns: dict[str, str],
    labels: dict[str, str],
    department: str | None,
    home: Path | None,
    json_path: Path | None,
) -> None:
    """Copy the films of a CSV file, data set folder or AI-Hub folder into the clinic; each film once.

    DICOM files need no table: their headers say whose they are. Exits with status 1 if every row is rejected.
    """
    from pedaxr.clinic.import_films import import_films as run_import
    from pedaxr_server.cli.console import show_import

    with progress_bar("Importing films") as progress:
        summary = run_import(
            source,
            clinic_home=home,
            treat_as_distension=treat_as_distension,
            department=department,
            columns=columns,
            labels=labels,
            progress=progress,
        )
    show(lambda: show_import(summary), summary.model_dump(mode="json"), json_path)
    if summary.rejected and not (summary.imported or summary.already_there):
        click.get_current_context().exit(1)


@click.command("move-film")
@click.argument("study_id", metavar="STUDY")
@click.option(
    "--to", "patient_id", metavar="PATIENT", required=True, help="Id of the child whose film it is."
)
@click.option("--dry-run", is_flag=True, help="Only show what would be done.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@home_option
@json_option
def move_film(
    study_id: str, patient_id: str, dry_run: bool, yes: bool, home: Path | None, json_path: Path | None
) -> None:
    """Give a film that stands under the wrong child to the right one, and withdraw what was made of it.

    The film gets a new study id; reports and outlines made before are kept, but shown under nobody:
    `pedaxr reports withdrawn STUDY` lists them.
    """
    from pedaxr.clinic import open_clinic
    from pedaxr_server.cli.console import show_move

    registry = open_clinic(home).registry
    move = registry.move_film(study_id, to=patient_id, dry_run=True)
    console(stderr=True).print(show_move(move))
    if not dry_run:
        if not yes:
            if not is_interactive():
                raise InvalidRequest("Nobody can be asked here. Run this at a terminal, or add --yes.")
            click.confirm("Move this film?", abort=True, err=True)
        move = registry.move_film(study_id, to=patient_id)
    done = "Nothing was moved." if dry_run else f"Moved: the film is {move.new_study_id} now."
    show(lambda: done, json.loads(json.dumps({**asdict(move), "moved": not dry_run}, default=str)), json_path)


@contextmanager
def progress_bar(doing: str, total: int | None = None) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr; yields a function that takes (done, total)."""
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (*Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(stderr=True)) as bar:
        task = bar.add_task(doing, total=total)

        def update(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield update


@contextmanager
def library_errors() -> Iterator[None]:
    """The errors of `pedaxr_models`, which knows no PedaxrError: bad data, bad weights, full disks."""
    from pedaxr_models.checkpoint import CheckpointError

    try:
        yield
    except CheckpointError as err:
        raise ModelUnavailable(str(err)) from err
    except ValueError as err:
        raise InvalidRequest(str(err)) from err
    except OSError as err:
        raise StorageError(f"{err.filename or 'A file'} cannot be used: {err.strerror or err}.") from err
