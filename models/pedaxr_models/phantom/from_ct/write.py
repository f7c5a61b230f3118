"""A folder of CTs with their masks to a folder of films with what is known of them."""

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from pedaxr_models.datasets.film import write_masks
from pedaxr_models.labels import Structure
from pedaxr_models.phantom.from_ct.anatomy import read_labels
from pedaxr_models.phantom.from_ct.film import CtFilm, film_from_ct
from pedaxr_models.phantom.from_ct.volume import Volume, read_nifti
from pedaxr_models.phantom.onto.write import outlines

Progress = Callable[[int, int], None]
ReadSeries = Callable[[Path], Volume]  # a folder of DICOM files to a volume in Hounsfield units

_CT_NAMES = ("ct.nii.gz", "*_ct.nii.gz", "imaging.nii.gz", "ct.nii", "*_ct.nii")
_LABEL_NAMES = ("segmentations", "*seg*.nii.gz", "*labels*.nii.gz", "*seg*.nii")
_CHILD_SHARE = 0.75
_GROUPS = ((1.0, "neonate"), (24.0, "infant"), (144.0, "child"), (1e9, "adolescent"))


@dataclass(frozen=True)
class Case:
    """A CT and its masks; `ct` is a NIfTI file or a folder of DICOM files."""

    name: str
    ct: Path
    labels: Path


def find_cases(folder: Path) -> list[Case]:
    """CTs of a folder and of the folders in it.

    Raises:
        ValueError: there is no CT with masks.
    """
    found = []
    for place in (folder, *sorted(p for p in folder.iterdir() if p.is_dir())):
        labels = _first(place, _LABEL_NAMES)
        ct = _first(place, _CT_NAMES) or _series(place)
        if labels is not None and ct is not None:
            found.append(Case(place.name, ct, labels))
    if not found:
        raise ValueError(
            f"'{folder.name}' holds no CT with masks: ct.nii.gz or a folder 'dicom', beside a folder "
            "'segmentations' or a file with 'seg' in its name."
        )
    return found


def _first(place: Path, patterns: tuple[str, ...]) -> Path | None:
    return next((path for pattern in patterns for path in sorted(place.glob(pattern))), None)


def _series(place: Path) -> Path | None:
    inner = place / "dicom"
    return inner if inner.is_dir() and any(inner.iterdir()) else None


def write_films(
    source: Path,
    out: Path,
    *,
    per_case: int = 4,
    seed: int = 0,
    child_sized: bool | None = None,
    read_series: ReadSeries | None = None,
    progress: Progress | None = None,
) -> int:
    """Films of every CT in `source`, as PNG with a JSON file each, and masks; returns how many are in `out`.

    The JSON files have the form that `onto.write.write_pairs` reads. Films already there are kept.

    Args:
        source: folder of cases, see `find_cases`.
        out: made when missing.
        per_case: films of each CT, each with a pose, exposure and shutters of its own.
        seed: equal seeds give equal films.
        child_sized: give all or no trunks the size of a child; three in four when None.
        read_series: reads DICOM series; cases of that kind need it.
        progress: called with (films done, films in all).

    Raises:
        ValueError: no cases, or one that cannot be read.
    """
    (out / "masks").mkdir(parents=True, exist_ok=True)
    cases = find_cases(source)
    for number, case in enumerate(cases):
        names = [f"{case.name}_{i}" for i in range(per_case)]
        names = [name for name in names if not (out / f"{name}.json").exists()]
        if names:
            ct, labels = _read(case, read_series), read_labels(case.labels)
            for name in names:
                rng = np.random.default_rng((seed, zlib.crc32(name.encode())))
                small = rng.random() < _CHILD_SHARE if child_sized is None else child_sized
                age = float(190 * rng.random() ** 1.5) if small else None
                _write(out, name, case, film_from_ct(ct, labels, rng, age_months=age))
        if progress is not None:
            progress((number + 1) * per_case, len(cases) * per_case)
    return len(cases) * per_case


def _read(case: Case, read_series: ReadSeries | None) -> Volume:
    if case.ct.is_file():
        return read_nifti(case.ct)
    if read_series is None:
        raise ValueError(
            f"'{case.name}' is a DICOM series. Convert it to NIfTI, or use `pedaxr films --from-ct`."
        )
    return read_series(case.ct)


def _write(out: Path, name: str, case: Case, film: CtFilm) -> None:
    """Picture and masks first, JSON last: where there is a JSON file the film is whole."""
    cv2.imwrite(str(out / f"{name}.png"), film.pixels)
    write_masks(out / "masks" / f"{name}.npz", {str(c): mask for c, mask in film.masks.items()})
    (out / f"{name}.json").write_text(json.dumps(_said(name, case, film), indent=1), encoding="utf-8")


def _said(name: str, case: Case, film: CtFilm) -> dict[str, Any]:
    """What is known of the film, in the form of films with partial truth."""
    drawn = {
        str(channel): film.masks[channel]
        for channel in (
            Structure.LUNGS,
            Structure.SPINE,
            Structure.PELVIS,
            Structure.LIVER,
            Structure.STOMACH,
        )
    }
    drawn |= film.regions
    group = (
        next(g for limit, g in _GROUPS if film.age_months is not None and film.age_months < limit)
        if (film.age_months is not None)
        else "adult"
    )
    return {
        "id": name,
        "child": case.name,
        "source": "projected from CT",
        "size": list(film.pixels.shape[::-1]),
        "pixel_spacing_mm": list(film.pixel_spacing_mm),
        "age_group": group,
        "age_months": film.age_months,
        "view": film.view.value,
        "findings": {finding.value: said for finding, said in film.findings.items()},
        "polygons": {k: outlines(mask) for k, mask in drawn.items() if mask.any()},
        "known_channels": sorted(str(channel) for channel in film.masks),
    }
