"""The product's own door with the bundled weights: what is not a film gets no report."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr import generate_report
from pedaxr.errors import NotAnAbdominalFilm
from pedaxr_models.labels import Finding, View
from pedaxr_models.phantom import FilmSpec, make_film


def _save(path: Path, pixels: np.ndarray) -> Path:
    Image.fromarray(pixels.astype(np.uint8)).save(path)
    return path


@pytest.mark.parametrize("kind", ["blank", "noise", "gradient", "photograph-like"])
def test_what_is_no_film_is_refused(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    ramp = np.add.outer(np.arange(512), np.arange(512)) / 4
    pictures = {
        "blank": np.full((512, 512), 128),
        "noise": rng.integers(0, 256, (512, 512)),
        "gradient": ramp,
        "photograph-like": np.stack([ramp, 255 - ramp, np.full((512, 512), 60)], 2),
    }
    with pytest.raises(NotAnAbdominalFilm):
        generate_report(file=_save(tmp_path / "picture.png", pictures[kind]))


def test_a_film_file_outside_any_clinic_is_read(tmp_path: Path) -> None:
    film = make_film(FilmSpec(77_000, 3, View.ERECT, 90.0, ((Finding.PNEUMOPERITONEUM, 0.9),)))
    report = generate_report(file=_save(tmp_path / "film.png", film.pixels), view=View.ERECT, age_months=90)
    assert report.critical == ["pneumoperitoneum"]
    assert report.study_id is None and report.status == "preliminary"
