"""A small clinic of phantom films, and a segmentation network that has seen the generator's own masks."""

import hashlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import OperatingPoints, using
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr_models.labels import CHANNELS, Finding, View
from pedaxr_models.phantom import make_film
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.phantom.spec import FilmSpec
from pedaxr_models.segmentation.exposed_field import find_exposed_field
from pedaxr_models.segmentation.segmenter import Segmentation
from pedaxr_models.segmentation.transforms import Letterbox

FloatArray = np.ndarray[tuple[int, ...], np.dtype[np.float32]]

FILMS: dict[str, tuple[View, float, tuple[tuple[Finding, float], ...]]] = {
    "normal": (View.ERECT, 40.0, ()),
    "normal supine": (View.SUPINE, 40.0, ()),
    "levels": (View.ERECT, 40.0, ((Finding.AIR_FLUID_LEVEL, 0.8), (Finding.ABDOMINAL_DISTENSION, 0.8))),
    "free air": (View.ERECT, 90.0, ((Finding.PNEUMOPERITONEUM, 0.8),)),
    "pyloric": (View.SUPINE, 1.3, ((Finding.PYLORIC_STENOSIS, 0.8),)),
}


@cache
def phantom(name: str) -> PhantomFilm:
    """One film of `FILMS`, made once per test run."""
    view, age_months, severity = FILMS[name]
    return make_film(
        FilmSpec(seed=11, index=list(FILMS).index(name), view=view, age_months=age_months, severity=severity)
    )


def unit_pixels(film: PhantomFilm) -> FloatArray:
    return film.pixels.astype(np.float32) / np.float32(255)


@dataclass
class PerfectSegmenter:
    """Answers with the true masks of the phantom it is shown, and with nothing on any other picture.

    Attributes:
        doubt: factor on the probability of a channel; 0.35 leaves a faint region, 0 none.
        calls: films looked at.
    """

    name: str = "perfect-witness"
    weights_sha256: str = "ab" * 32
    data: dict[str, object] = field(
        default_factory=lambda: {"made": {"name": "phantoms", "is_synthetic": True}}
    )
    thresholds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(CHANNELS, 0.5))
    min_area_px: dict[str, int] = field(default_factory=dict)
    core_thresholds: dict[str, float] = field(default_factory=dict)
    call_thresholds: dict[str, float] = field(default_factory=dict)
    doubt: dict[str, float] = field(default_factory=dict)
    calls: int = 0

    def glance(self, pixels: FloatArray, channels: object) -> Segmentation:
        return self.predict(pixels)

    def predict(self, pixels: FloatArray, *, is_framed: bool = False) -> Segmentation:
        self.calls += 1
        letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
        if (found := recognised(pixels)) is None:
            return Segmentation(
                np.zeros((len(CHANNELS), letterbox.size, letterbox.size), np.float32), letterbox
            )
        sure = np.array([0.95 * self.doubt.get(c, 1.0) for c in CHANNELS], np.float32)
        return Segmentation(letterboxed(*found) * sure[:, None, None], letterbox)


@cache
def parts(name: str) -> tuple[tuple[FloatArray, tuple[slice, slice]], ...]:
    """What may be shown of one phantom of `FILMS`, and where it lies: all of it, and its exposed field."""
    film = unit_pixels(phantom(name))
    return tuple((film[part], part) for part in ((slice(None), slice(None)), find_exposed_field(film).box))


def recognised(pixels: FloatArray) -> tuple[str, int] | None:
    """Which phantom of `FILMS` a picture (H, W) in [0, 1] is, and which of its parts: all, or its field."""
    for name in FILMS:
        for number, (shown, _) in enumerate(parts(name)):
            if are_alike(pixels, shown):
                return name, number
    return None


def are_alike(one: FloatArray, other: FloatArray) -> bool:
    """Whether two pictures differ nowhere by 0.02; a pixel in a thousand tells most apart."""
    few = (slice(None, None, 31), slice(None, None, 31))
    return one.shape == other.shape and all(
        bool(np.abs(one[where] - other[where]).max() < 0.02) for where in (few, ...)
    )


@cache
def letterboxed(name: str, number: int) -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
    """The masks (C, S, S) of one of the parts of a phantom, in the frame of a network."""
    masks, (shown, part) = phantom(name).masks, parts(name)[number]
    letterbox = Letterbox(shown.shape[1], shown.shape[0])
    rows, columns = letterbox.content
    size = (columns.stop - columns.start, rows.stop - rows.start)
    planes = np.zeros((len(CHANNELS), letterbox.size, letterbox.size), bool)
    for plane, c in zip(planes, CHANNELS, strict=True):
        # Nearest, as lines of one pixel fade between two
        plane[rows, columns] = cv2.resize(
            masks[c][part].astype(np.uint8), size, interpolation=cv2.INTER_NEAREST
        )
    return planes


@pytest.fixture(autouse=True)
def _no_film_is_known() -> None:
    """Tests give one film to differently made networks."""
    from pedaxr.reading.read_film import forget_films

    forget_films()


@pytest.fixture(autouse=True)
def _points_that_no_choice_moves() -> Iterator[None]:
    """What is tested here does not change when the bundled operating points change."""
    with using(OperatingPoints(0.9, 0.87, 0.1, 0.6, 0.2, 0.6)):
        yield


@pytest.fixture
def segmenter(monkeypatch: pytest.MonkeyPatch) -> PerfectSegmenter:
    perfect = PerfectSegmenter()
    monkeypatch.setattr(models, "segmenter", lambda: perfect)
    return perfect


@pytest.fixture
def phantom_film() -> Callable[[str], PhantomFilm]:
    return phantom


@pytest.fixture(scope="session")
def made_film_clinic(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One child per film of `FILMS`; the study id is the film's name. The normal one has an earlier film."""
    home = tmp_path_factory.mktemp("made") / "clinic"
    (home / "films").mkdir(parents=True)
    registry = Registry.create(home / REGISTRY_FILE)
    for number, (name, (view, age_months, _)) in enumerate(FILMS.items()):
        path = home / "films" / f"{number}.png"
        Image.fromarray(phantom(name).pixels).save(path)
        study = NewStudy(
            study_id=name,
            patient_id="P0" if name == "levels" else f"P{number}",
            image_path=path,
            image_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            study_date=date(2025, 3, 1 + number),
            stated_age_months=age_months,
            view_position=view,
            pixel_spacing_mm=phantom(name).pixel_spacing_mm,
            indication="belly pain",
        )
        registry.add([Patient(study.patient_id, f"Demo {study.patient_id}")], [study])
    return home


@pytest.fixture
def film_clinic(made_film_clinic: Path, tmp_path: Path) -> Clinic:
    """A copy of `made_film_clinic` for one test."""
    home = shutil.copytree(made_film_clinic, tmp_path / "clinic")
    return Clinic(home, Registry(home / REGISTRY_FILE))
