"""`pedaxr evaluate local`: a page for a hospital's quality meeting, from its own films."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from pedaxr.errors import InvalidRequest
from pedaxr.text import counted
from pedaxr_server.cli.data import library_errors, progress_bar
from pedaxr_server.cli.evaluate.films import limit_option
from pedaxr_server.cli.options import (
    DATA,
    FILE,
    home_option,
    json_option,
    names_options,
    show,
    use_weights,
    weights_option,
    write_text,
)

if TYPE_CHECKING:
    from pedaxr.evaluation.local.figures import LocalFigures
    from pedaxr.evaluation.local.judge import Judged
    from pedaxr_models.datasets.film import Film
    from pedaxr_models.datasets.own_names import OwnNames


@click.command("local")
@click.option(
    "--data", type=DATA, help="Films with outlines or a class (default: what was corrected in the clinic)."
)
@click.option("--split", type=click.Choice(("train", "validation", "test")), help="Only films of this split.")
@limit_option
@click.option("--out", type=FILE, default=Path("quality.html"), show_default=True, help="Receives the page.")
@click.option(
    "--cases", type=click.IntRange(0), default=12, show_default=True, help="Pictures of worst cases on it."
)
@names_options
@home_option
@weights_option
@json_option
def evaluate_local(
    data: Path | None,
    split: str | None,
    limit: int | None,
    out: Path,
    cases: int,
    names: "OwnNames",
    home: Path | None,
    weights: Path | None,
    json_path: Path | None,
) -> None:
    """Measure on a hospital's own films: one HTML page, and JSON. A class for each film is enough."""
    from pedaxr.evaluation.local.figures import local_figures
    from pedaxr.evaluation.local.judge import judge_films

    use_weights(weights)
    with library_errors():
        films = _films(data, split, names, home)[:limit]
        with progress_bar("Reading", len(films)) as progress:
            judged = judge_films(films, progress)
        if not judged:
            raise InvalidRequest(
                "Of none of these films it is known what they show. Add outlines or a class."
            )
        figures = local_figures(judged)
        write_text(out, _page(figures, judged, films, cases, data))
    click.echo(f"page: {out}", err=True)
    show(
        lambda: _told(figures), {**figures.to_json(), "by_film": [one.to_json() for one in judged]}, json_path
    )


def _films(data: Path | None, split: str | None, names: "OwnNames", home: Path | None) -> "list[Film]":
    from pedaxr.clinic import open_clinic
    from pedaxr.learning.corrected import corrected_films

    if data is None:
        clinic = open_clinic(home)
        return corrected_films(clinic, clinic.home / "learning")
    from pedaxr_models.datasets import read_films

    return [film for film in read_films(data, names=names) if split is None or film.split == split]


def _page(
    figures: "LocalFigures", judged: "list[Judged]", films: "list[Film]", cases: int, data: Path | None
) -> str:
    from pedaxr.clinic.provenance import provenance
    from pedaxr.evaluation.local.figures import worst
    from pedaxr.evaluation.local.page import Page, quality_page
    from pedaxr.evaluation.local.pictures import data_url
    from pedaxr.reading import networks
    from pedaxr_models.datasets.read import is_synthetic

    by_name = {film.extra.get("study") or film.image_path.name: film for film in films}
    drawn = [(one, data_url(by_name[one.film])) for one in worst(judged, cases)]
    page = Page(
        title=data.name if data else "corrected films of this clinic",
        weights={
            "segmentation": networks.segmenter().weights_sha256,
            "captioner": networks.reporter().weights_sha256,
        },
        data=provenance(networks.segmenter(), networks.reporter()).statement,
        cases=drawn,
        synthetic=data is not None and is_synthetic(data),
    )
    return quality_page(figures, page)


def _told(figures: "LocalFigures") -> str:
    lines = [f"{counted(figures.films, 'film')} of {counted(figures.children, 'child')}"]
    for share in (figures.right, figures.missed_critical, figures.false_critical, figures.read):
        low, high = share.interval
        value = "no film says" if share.value is None else f"{share.value:.3f} ({low:.3f} to {high:.3f})"
        lines.append(f"{share.name}: {value}, {share.count} of {share.of}")
    for one in figures.findings:
        told = ", ".join(
            f"{name} {'-' if value is None else f'{value:.2f}'}"
            for name, value in (
                ("sensitivity", one.sensitivity.value),
                ("specificity", one.specificity.value),
                ("Dice", one.dice.value),
            )
        )
        lines.append(f"{one.name}: {told}")
    return "\n".join(lines)
