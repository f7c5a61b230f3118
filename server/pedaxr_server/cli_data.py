"""Commands that make, import and describe data, and the ones behind them."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import click

from pedaxr.errors import InvalidRequest, ModelUnavailable, StorageError
from pedaxr_server.options import FOLDER, console, home_option, json_option, show


@click.command()
@click.argument("out", type=FOLDER)
@click.option("--count", type=click.IntRange(1), default=3000, show_default=True, help="Films in all.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Same seed, same films.")
@click.option(
    "--processes",
    type=click.IntRange(1),
    default=os.cpu_count() or 1,
    help="Films made at a time (default: cores).",
)
def films(out: Path, count: int, seed: int, processes: int) -> None:
    """Write a data set of synthetic films with masks, facts and metadata to OUT; resumes where it stopped."""
    from pedaxr_models.phantom.dataset import write_dataset

    with library_errors(), progress_bar("Making films", count) as progress:
        write_dataset(out, count=count, seed=seed, processes=processes, progress=progress)
    click.echo(f"{count} films in {out}")


@click.command()
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--outlines", is_flag=True, help="Outline the findings.")
@click.option("--width", type=click.IntRange(256), default=3072, show_default=True, help="Pixels.")
def sheet(out: Path, seed: int, outlines: bool, width: int) -> None:
    """Draw a contact sheet of synthetic films to OUT (PNG): a column per label, a row per age."""
    from pedaxr_models.phantom.sheet import write_sheet

    with library_errors():
        write_sheet(out, seed=seed, outlines=outlines, width=width)
    click.echo(f"sheet: {out}")


@click.command("import")
@click.argument("source", type=click.Path(path_type=Path))
@click.option(
    "--treat-as-distension",
    is_flag=True,
    help="Read 기복증 as abdominal distension instead of pneumoperitoneum.",
)
@home_option
@json_option
def import_films(source: Path, treat_as_distension: bool, home: Path | None, json_path: Path | None) -> None:
    """Copy the films of a CSV file, data set folder or AI-Hub folder into the clinic; each film once."""
    from pedaxr.import_films import import_films as run_import
    from pedaxr_server.console import show_import

    with progress_bar("Importing films") as progress:
        summary = run_import(
            source, clinic_home=home, treat_as_distension=treat_as_distension, progress=progress
        )
    show(lambda: show_import(summary), summary.model_dump(mode="json"), json_path)


def settings_table(
    environment: Mapping[str, str], *, home: Path | None, weights: Path | None
) -> list[tuple[str, str]]:
    """Name and value of everything the commands take from flags, environment and defaults."""
    from pedaxr.clinic import default_home
    from pedaxr.registry import REGISTRY_FILE
    from pedaxr_server.settings import Settings

    settings = Settings.from_environment(environment, home=home, weights=weights)
    folder = settings.home or default_home()
    return [
        ("version", version("pedaxr")),
        ("home", str(folder)),
        (
            "clinic",
            "present" if (folder / REGISTRY_FILE).exists() else "absent; run `pedaxr demo` or import",
        ),
        ("weights", str(settings.weights or "shipped")),
        ("transport", settings.transport),
        ("url", settings.url if settings.transport == "http" else "none (stdio)"),
    ]


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
    from pedaxr_models.runtime.checkpoint import CheckpointError

    try:
        yield
    except CheckpointError as err:
        raise ModelUnavailable(str(err)) from err
    except ValueError as err:
        raise InvalidRequest(str(err)) from err
    except OSError as err:
        raise StorageError(f"{err.filename or 'A file'} cannot be used: {err.strerror or err}.") from err
