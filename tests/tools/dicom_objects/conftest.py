"""A clinic of films as hospitals store them, and networks that see what the phantoms truly show."""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.uid import DigitalXRayImageStorageForPresentation

from pedaxr.clinic import Clinic
from pedaxr.demo.synthetic_dicom import add_film, encoded, write_patient, write_study
from pedaxr.reading import networks
from pedaxr.reading.operating_points import OperatingPoints, using
from pedaxr.reading.read_film import forget_films
from pedaxr.registry import REGISTRY_FILE, NewStudy, Patient, Registry
from pedaxr_models.labels import CHANNELS, Finding, View
from pedaxr_models.phantom import make_film
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.phantom.spec import FilmSpec
from pedaxr_models.segmentation.exposed_field import find_exposed_field
from pedaxr_models.segmentation.segmenter import Segmentation
from pedaxr_models.segmentation.transforms import Letterbox

from ..conftest import PerfectSegmenter, are_alike, unit_pixels
from ..reports.witnesses import witness_of

POINTS = OperatingPoints(0.9, 0.87, 0.1, 0.6, 0.2, 0.6)
SHOWN: dict[str, tuple[View, float, tuple[tuple[Finding, float], ...]]] = {
    "plain": (View.ERECT, 40.0, ()),
    "free air": (View.ERECT, 90.0, ((Finding.PNEUMOPERITONEUM, 0.8),)),
    "constipation": (View.SUPINE, 60.0, ((Finding.CONSTIPATION, 0.85),)),
    "distension": (View.ERECT, 40.0, ((Finding.AIR_FLUID_LEVEL, 0.8), (Finding.ABDOMINAL_DISTENSION, 0.8))),
}


@cache
def phantom(name: str) -> PhantomFilm:
    """What one kind of film truly shows."""
    view, age_months, severity = SHOWN[name]
    spec = FilmSpec(
        seed=21, index=list(SHOWN).index(name), view=view, age_months=age_months, severity=severity
    )
    return make_film(spec)


@cache
def _parts(name: str) -> tuple[tuple[np.ndarray, tuple[slice, slice]], ...]:
    """What may be shown of a film, and where it lies: all of it, and its exposed field."""
    film = unit_pixels(phantom(name))
    return tuple((film[part], part) for part in ((slice(None), slice(None)), find_exposed_field(film).box))


@cache
def _letterboxed(name: str, number: int) -> np.ndarray:
    """The probabilities (C, S, S) of one of the parts of a film."""
    masks, (shown, part) = phantom(name).masks, _parts(name)[number]
    letterbox = Letterbox(shown.shape[1], shown.shape[0])
    planes = np.zeros((len(CHANNELS), letterbox.size, letterbox.size), np.float32)
    rows, columns = letterbox.content
    size = (columns.stop - columns.start, rows.stop - rows.start)
    for plane, channel in zip(planes, CHANNELS, strict=True):
        mask = masks[channel][part].astype(np.uint8)
        plane[rows, columns] = 0.95 * cv2.resize(mask, size, interpolation=cv2.INTER_NEAREST)
    return planes


def _seen(pixels: np.ndarray) -> tuple[str, int] | None:
    for name in SHOWN:
        for number, (shown, _) in enumerate(_parts(name)):
            if are_alike(pixels, shown):
                return name, number
    return None


class TrueSegmenter(PerfectSegmenter):
    """Answers with the true masks of the films of `SHOWN`."""

    def predict(self, pixels: np.ndarray, *, is_framed: bool = False) -> Segmentation:
        letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
        if (found := _seen(pixels)) is None:
            return Segmentation(
                np.zeros((len(CHANNELS), letterbox.size, letterbox.size), np.float32), letterbox
            )
        return Segmentation(_letterboxed(*found).copy(), letterbox)


def film_of(name: str, edit: Callable[[Dataset], None] = lambda _: None) -> bytes:
    """A film of `SHOWN` as a DICOM file, its header edited."""
    dataset, film = Dataset(), phantom(name)
    write_patient(dataset, patient_id="P-1", name="이서연", sex="F", birth_date=date(2020, 1, 5))
    write_study(dataset, "S-1", date(2024, 3, 6), None, film.spec.view)
    add_film(dataset, film)
    edit(dataset)
    return encoded(dataset)


def _bare(dataset: Dataset) -> None:
    """Only what a film cannot be without."""
    for keyword in (
        *("StudyID", "AccessionNumber", "StudyTime", "ReferringPhysicianName", "PatientBirthDate"),
        *("PatientSex", "PatientOrientation", "SeriesNumber", "BodyPartExamined", "ContentDate"),
        *("ContentTime", "Manufacturer", "PatientComments", "SyntheticData"),
    ):
        if keyword in dataset:
            delattr(dataset, keyword)


def _without_spacing(dataset: Dataset) -> None:
    for keyword in ("PixelSpacing", "ImagerPixelSpacing", "PixelSpacingCalibrationType"):
        delattr(dataset, keyword)


def _korean(dataset: Dataset) -> None:
    dataset.SpecificCharacterSet = ["", "ISO 2022 IR 149"]
    dataset.PatientName = "Song^Arin=宋^雅璘=송^아린"


def _dx(dataset: Dataset) -> None:
    """A digital detector's film of 12 bits, stored with bone dark."""
    pixels = np.frombuffer(dataset.PixelData, np.uint8).astype(np.uint16) * 16
    dataset.SOPClassUID, dataset.Modality = DigitalXRayImageStorageForPresentation, "DX"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.WindowCenter, dataset.WindowWidth = "2048", "4096"
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PixelData = (4095 - pixels).tobytes()
    dataset["PixelData"].VR = "OW"


VARIANTS: dict[str, tuple[str, Callable[[Dataset], None]]] = {
    "bare header": ("free air", _bare),
    "no spacing": ("free air", _without_spacing),
    "Korean character set": ("distension", _korean),
    "MONOCHROME1 DX": ("free air", _dx),
    "free air": ("free air", lambda _: None),
    "constipation": ("constipation", lambda _: None),
    "distension": ("distension", lambda _: None),
    "plain": ("plain", lambda _: None),
}


def clinic_of(home: Path, film: bytes, *, shown: str, name: str = "film.dcm") -> Clinic:
    """A clinic of one child with one film, S-1."""
    (home / "films").mkdir(parents=True)
    path = home / "films" / name
    path.write_bytes(film)
    registry = Registry.create(home / REGISTRY_FILE)
    header = dcmread(path, stop_before_pixels=True) if name.endswith(".dcm") else Dataset()
    study = NewStudy(
        study_id="S-1",
        patient_id="P-1",
        image_path=path,
        image_sha256=hashlib.sha256(film).hexdigest(),
        study_date=date(2024, 3, 6),
        view_position=phantom(shown).spec.view,
        study_instance_uid=header.get("StudyInstanceUID"),
        series_instance_uid=header.get("SeriesInstanceUID"),
        sop_instance_uid=header.get("SOPInstanceUID"),
    )
    registry.add([Patient("P-1", "이서연", date(2020, 1, 5), "F")], [study])
    return Clinic(home, registry)


@contextmanager
def seeing(shown: str, segmenter: TrueSegmenter | None = None) -> Iterator[None]:
    """Networks that see a film of `SHOWN` as it is."""
    forget_films()
    with pytest.MonkeyPatch.context() as patched, using(POINTS):
        patched.setattr(networks, "segmenter", lambda: segmenter or TrueSegmenter())
        patched.setattr(networks, "reporter", lambda: witness_of(phantom(shown).facts))
        yield


@pytest.fixture
def clinic(tmp_path: Path) -> Iterator[Clinic]:
    """With a film of free air."""
    made = clinic_of(tmp_path / "home", film_of("free air"), shown="free air")
    with seeing("free air"):
        yield made
