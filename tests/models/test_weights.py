"""The bundled weights: small, whole, described, and better than saying nothing."""

from pathlib import Path

import numpy as np
import pytest

from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import load_checkpoint, weights_folder
from pedaxr_models.free_air.train import BASE
from pedaxr_models.labels import CHANNELS, Finding, View
from pedaxr_models.phantom import FilmSpec, make_film
from pedaxr_models.runtime import compiled
from pedaxr_models.segmentation.segmenter import Segmenter

# A seed that no training film has.
_SEED = 77_000


def folders() -> list[Path]:
    return [weights_folder("segmentation"), weights_folder("captioner"), BASE]


@pytest.mark.parametrize("folder", folders(), ids=lambda f: f.name)
def test_a_bundled_checkpoint_is_whole_and_says_how_it_was_made(folder: Path) -> None:
    checkpoint = load_checkpoint(folder)
    assert checkpoint.metrics and checkpoint.recipe and checkpoint.data["made"]["version"]
    assert all(file.stat().st_size < 16 * 2**20 for file in folder.iterdir())


def test_all_bundled_weights_together_are_under_forty_mebibytes() -> None:
    assert sum(file.stat().st_size for folder in folders() for file in folder.iterdir()) < 40 * 2**20


def dice(a: np.ndarray, b: np.ndarray) -> float:
    return float(2 * (a & b).sum() / max(1, a.sum() + b.sum()))


@pytest.fixture(scope="module")
def networks() -> tuple[Segmenter, Reporter]:
    segmentation, captioner, _ = folders()
    return Segmenter.load(segmentation), Reporter.load(captioner)


@pytest.mark.parametrize(
    ("finding", "view", "age_months"),
    [
        (Finding.PNEUMOPERITONEUM, View.ERECT, 80.0),
        (Finding.PYLORIC_STENOSIS, View.SUPINE, 1.5),
        (Finding.ABDOMINAL_DISTENSION, View.SUPINE, 30.0),
    ],
)
def test_an_unseen_film_with_a_marked_finding_is_outlined_and_named(
    networks: tuple[Segmenter, Reporter], finding: Finding, view: View, age_months: float
) -> None:
    segmenter, reporter = networks
    film = make_film(FilmSpec(_SEED, 1, view, age_months, ((finding, 0.9),)))
    pixels = film.pixels.astype(np.float32) / 255
    seen = segmenter.predict(pixels)
    found = seen.probabilities[CHANNELS.index(finding)] >= segmenter.thresholds[finding]
    assert dice(found, film.masks[finding]) > 0.6
    told = reporter.describe(pixels, seen, film.metadata)
    assert told.probabilities[finding] > 0.5
    assert told.image_dependence > 0.5
    assert finding in {fact.finding for fact in told.facts.findings if fact.presence == "present"}


def test_the_bundled_weights_have_their_graphs_beside_them() -> None:
    folder = weights_folder("segmentation").parent / compiled.GRAPHS_FOLDER
    for kind, names in compiled.GRAPHS.items():
        key = compiled._key(load_checkpoint(weights_folder(kind), with_tensors=False))
        for name in names:
            document = compiled._read(folder / f"{name}-{key}.graph")
            assert document is not None, "write them with `pedaxr train graphs`"
    assert len(list(folder.iterdir())) == 4, "none of earlier weights"
