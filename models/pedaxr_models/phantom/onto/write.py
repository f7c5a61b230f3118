"""A folder of films with findings put in, each next to the untouched film it was made from."""

import csv
import io
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.labels import HORIZONTAL_BEAM_VIEWS, Finding, View
from pedaxr_models.pasting.free_air import Pasted, put_free_air
from pedaxr_models.pasting.grey_curve import Mask
from pedaxr_models.phantom.onto.backgrounds import Background, Outline, find_films, read_background
from pedaxr_models.phantom.onto.bowel import put_bowel_finding

Progress = Callable[[int, int], None]
Row = dict[str, Any]

_COLUMNS = (
    "film",
    "untouched",
    "finding",
    "sign",
    "mask",
    "seed",
    "change",
    "contrast",
    "contrast_to_noise",
    "area_px",
    "width_px",
)
_FREE_AIR_SHARE = 0.6


@dataclass(frozen=True)
class Summary:
    """What became of a folder: pairs written, and films that had no room for a finding."""

    pairs: int
    without_room: int
    table: Path


def write_pairs(
    source: Path,
    out: Path,
    *,
    per_film: int = 4,
    findings: Sequence[Finding] = (),
    seed: int = 0,
    outline: Outline | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Write pairs of an untouched film and one with a finding to `out`.

    Every film is written as PNG with a JSON file in the form of its source: what it shows, its outlines, and
    what was put in. `masks/` holds the findings at full resolution, `pairs.csv` a row per pair. A film is of
    the child it was made from: split by `child`.

    Args:
        source: folder of films, each with a JSON file (`findings`, `polygons`) or bare; bare films are taken
            to show no finding.
        out: made when missing; pairs already there are kept.
        per_film: findings tried on each film.
        findings: only these; all when empty, free air in three of five.
        seed: equal seeds give equal films.
        outline: outlines the structures of bare films.
        progress: called with (films done, films in all).

    Raises:
        ValueError: no films, one that cannot be read, or a bare one and no `outline`.
    """
    (out / "masks").mkdir(parents=True, exist_ok=True)
    paths, rows, misses = find_films(source), [], 0
    for done, path in enumerate(paths, 1):
        film = read_background(path, outline)
        allowed = [f for f in film.absent if not findings or f in findings]
        for number in range(per_film if "abdominal_cavity" in film.structures and allowed else 0):
            row = _pair(film, allowed, number, seed, out)
            rows += [row] if row else []
            misses += row is None
        if progress is not None:
            progress(done, len(paths))
    _write_table(out / "pairs.csv", rows)
    return Summary(len(rows), misses, out / "pairs.csv")


def _pair(film: Background, allowed: list[Finding], number: int, seed: int, out: Path) -> Row | None:
    """One pair; its random stream is of its own, so that other films and numbers shift nothing."""
    name = f"{film.name}_{number}"
    stored = out / f"{name}.json"
    if stored.exists():
        row: Row = json.loads(stored.read_text(encoding="utf-8"))["pasted"]
        if row["seed"] != seed:
            raise ValueError(f"{out.name} holds films of another seed; choose an empty folder.")
        return row
    rng = np.random.default_rng((seed, zlib.crc32(film.name.encode()), number))
    finding = _drawn_finding(allowed, film.view, rng)
    made = _put(film, finding, rng)
    if made is None:
        return None
    untouched = f"{film.name}_untouched"
    if not (out / f"{untouched}.json").exists():
        _write_film(out / untouched, film.pixels, _said(film, untouched))
    row = {
        "film": f"{name}.png",
        "untouched": f"{untouched}.png",
        "finding": finding.value,
        "sign": made.kind,
        "mask": f"masks/{name}.png",
        "seed": seed,
        **{key: round(value, 2) for key, value in made.measures.items()},
    }
    cv2.imwrite(str(out / "masks" / f"{name}.png"), made.mask.astype(np.uint8) * 255)
    _write_film(out / name, made.film, _said(film, name) | _shown(film, finding, made.mask) | {"pasted": row})
    return row


def _drawn_finding(allowed: list[Finding], view: View, rng: np.random.Generator) -> Finding:
    if Finding.PNEUMOPERITONEUM in allowed and rng.random() < _FREE_AIR_SHARE:
        return Finding.PNEUMOPERITONEUM
    return allowed[int(rng.integers(len(allowed)))]


def _put(film: Background, finding: Finding, rng: np.random.Generator) -> Pasted | None:
    if finding is Finding.PNEUMOPERITONEUM:
        return put_free_air(film.pixels, film.structures, rng)
    view = film.view
    if finding is Finding.AIR_FLUID_LEVEL and view not in HORIZONTAL_BEAM_VIEWS:
        view = View.ERECT  # nothing else on the film says how the child lay
    return put_bowel_finding(
        film.pixels, film.structures, finding, rng, age_months=film.age_months, view=view
    )


def _said(film: Background, name: str) -> dict[str, Any]:
    """The JSON file of an untouched copy."""
    said = film.said or {
        "size": list(film.pixels.shape[::-1]),
        "view": "unknown",
        "findings": {f.value: "absent" for f in film.absent},
        "polygons": {k: outlines(m) for k, m in film.structures.items() if m.any()},
    }
    return {**said, "id": name, "child": said.get("child") or said.get("id") or film.name}


def _shown(film: Background, finding: Finding, mask: Mask) -> dict[str, Any]:
    """What the finding changes in it: free air is outlined with the rest, other findings by themselves."""
    said = _said(film, "")
    findings = said["findings"] | {finding.value: "present"}
    for other in _MAY_COME_WITH.get(finding, ()):
        findings[other.value] = "uncertain"
    out: dict[str, Any] = {"findings": findings, "finding_polygons": {finding.value: outlines(mask)}}
    if finding is Finding.PNEUMOPERITONEUM:
        out["polygons"] = said["polygons"] | {"free_air": outlines(mask)}
    return out


# Loops with levels are often wide, wide loops may hold levels, and a full stomach is a distended belly.
_MAY_COME_WITH = {
    Finding.AIR_FLUID_LEVEL: (Finding.ABDOMINAL_DISTENSION,),
    Finding.PYLORIC_STENOSIS: (Finding.ABDOMINAL_DISTENSION,),
}


def outlines(mask: Mask) -> list[list[list[int]]]:
    """Outer contours of a mask (H, W) as lists of x, y, specks left out."""
    found = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_L1)[0]
    return [c[:, 0].tolist() for c in found if len(c) > 2 and cv2.contourArea(c) > 6]


def _write_film(path: Path, pixels: NDArray[np.uint8], said: dict[str, Any]) -> None:
    """Picture first, JSON last: where there is a JSON file the film is whole."""
    cv2.imwrite(str(path) + ".png", pixels)
    Path(str(path) + ".json").write_text(json.dumps(said, ensure_ascii=False, indent=1), encoding="utf-8")


def _write_table(path: Path, rows: list[Row]) -> None:
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, fieldnames=_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    path.write_text(text.getvalue(), encoding="utf-8")
