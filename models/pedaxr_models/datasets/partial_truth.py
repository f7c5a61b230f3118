"""Real films with partly known truth: some channels, some findings, coarse outlines.

A folder holds pictures, and what is known of them in any of three forms, alone or together:

- `NAME.json` and `NAME.png`: `id`, `size` (width, height), `findings` (each present, absent or uncertain),
  `polygons` (per name of `OUTLINES` a list of outlines in pixels), and as far as known `suitable`,
  `suitable_reason`, `age_group`, `view`, `child`;
- a row of `index.csv`: `file`, either the five findings or a `kind` ("chest", "bone" and so on: a picture
  that is not an abdominal film, on which every finding is absent), `source_id`, `child`;
- `annotations.json` in COCO's form: each image may carry `findings` as above, and annotations outline the
  categories of `OUTLINES` or `FINDINGS`.

What is not written is unknown. `docs/real_films.md` describes the format for people.
"""

import csv
import json
import logging
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.datasets.shapes import decoded_runs, mask_outlines
from pedaxr_models.labels import FINDINGS, Finding

FloatArray = NDArray[np.float32]

ABDOMEN = "abdomen"
_BABYGRAM = "chest-abdomen"  # begins the reason why a film is unsuitable
# What may be drawn. `body` and `abdominal_cavity` bound what may lie where; `bowel_gas` is any loop's.
OUTLINES = (
    "lungs",
    "spine",
    "pelvis",
    "liver",
    "abdominal_cavity",
    "stomach",
    "bowel_gas",
    "stool",
    "free_air",
    "body",
)
_PICTURES = (".png", ".jpg", ".jpeg")
_CONVERT = "`pedaxr annotations convert` makes such files of what an annotation tool exports."
_log = logging.getLogger(__name__)


class Presence(StrEnum):
    """What is known of a finding on a whole film."""

    PRESENT = "present"
    ABSENT = "absent"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class PartialFilm:
    """A film and what is known of it.

    Attributes:
        kind: `ABDOMEN`, or what else the picture shows.
        child: films with the same one are of one child, and are never split.
        findings: those that are not in it are unknown.
        outlines: per name of `OUTLINES`, each (n, 2) float32 of x, y in pixels; a name that is missing was
            not drawn, which says nothing of whether it is there.
        exact: names whose outlines are true to the pixel, as of what was put in.
        suitable: whether a reader should accept it; None when nobody said.
        reason: why it is suitable or not.
    """

    id: str
    image_path: Path
    kind: str = ABDOMEN
    child: str = ""
    source: str = ""
    findings: Mapping[Finding, Presence] = field(default_factory=dict)
    outlines: Mapping[str, list[FloatArray]] = field(default_factory=dict)
    suitable: bool | None = None
    reason: str = ""
    age_group: str = ""
    view: str = ""
    exact: tuple[str, ...] = ()

    @property
    def is_abdomen(self) -> bool:
        """Whether it shows an abdomen, suitable or not."""
        return self.kind == ABDOMEN

    @property
    def is_babygram(self) -> bool:
        """Whether it shows a whole baby, of whom the abdomen is to be read."""
        return self.reason.startswith(_BABYGRAM)

    def says(self, finding: Finding) -> Presence | None:
        """What is known of a finding; None when nothing is."""
        return self.findings.get(finding)


def read_partial(folder: Path) -> list[PartialFilm]:
    """All films of a folder and its sub-folders, ordered by their paths below it.

    Raises:
        ValueError: there are none, a value is none of the known ones, or a picture is missing.
    """
    folders = [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
    films = {film.image_path: film for each in folders for film in _read_folder(each)}
    if not films:
        raise ValueError(
            f"'{folder.name}' holds no film with partial truth: JSON files with 'findings', an index.csv, or "
            f"COCO's annotations.json. {_CONVERT}"
        )
    return [films[path] for path in sorted(films)]


def _read_folder(folder: Path) -> Iterator[PartialFilm]:
    """Later ones say more of the same picture than earlier ones."""
    if (folder / "index.csv").exists():
        with (folder / "index.csv").open(encoding="utf-8-sig", newline="") as stream:
            for row in csv.DictReader(stream):
                if row.get("file"):
                    yield _from_row(folder, row)
    if (folder / "annotations.json").exists():
        yield from _from_coco(folder, _read_json(folder / "annotations.json"))
    for path in sorted(folder.glob("*.json")):
        if path.name != "annotations.json":
            data = _read_json(path)
            if "findings" in data:
                yield _from_json(path, data)
            elif {"shapes", "images", "_via_img_metadata"} & data.keys():
                _log.warning("%s: not read, as it says no findings. %s", path.name, _CONVERT)


def _from_row(folder: Path, row: Mapping[str, str]) -> PartialFilm:
    picture = _picture(folder / row["file"])
    kind = row.get("kind") or ABDOMEN
    said = {f: row[f.value] for f in FINDINGS if row.get(f.value)}
    if kind != ABDOMEN and not said:
        said = dict.fromkeys(FINDINGS, Presence.ABSENT.value)
    name = row.get("source_id") or picture.stem
    return PartialFilm(
        id=name,
        image_path=picture,
        kind=kind,
        child=row.get("child") or name,
        source=row.get("source") or row.get("source_and_author") or "",
        findings=_findings(said, picture),
        suitable=_yes(row["suitable"]) if row.get("suitable") else (None if kind == ABDOMEN else False),
        age_group=row.get("age_group") or "",
        view=row.get("view") or "",
    )


def _from_json(path: Path, data: Mapping[str, Any]) -> PartialFilm:
    picture = _picture(path.with_suffix(""))
    outlines = {
        str(name): [np.array(polygon, np.float32).reshape(-1, 2) for polygon in polygons]
        for name, polygons in data.get("polygons", {}).items()
    }
    _known_names(outlines, path)
    return PartialFilm(
        id=str(data.get("id", path.stem)),
        image_path=picture,
        kind=str(data.get("kind", ABDOMEN)),
        child=str(data.get("child") or data.get("id", path.stem)),
        source=str(data.get("source", "")),
        findings=_findings(data["findings"], path),
        outlines=outlines,
        exact=("free_air",) if "pasted" in data else (),
        suitable=data.get("suitable"),
        reason=str(data.get("suitable_reason", "")),
        age_group=str(data.get("age_group", "")),
        view=str(data.get("view", "")),
    )


def _from_coco(folder: Path, data: Mapping[str, Any]) -> Iterator[PartialFilm]:
    """COCO with image-level labels; a finding that is outlined is present on its image.

    Raises:
        ValueError: an annotation names no image or category of the file, or its outline is damaged.
    """
    drawn = _drawn(data)
    for image in data.get("images", []):
        picture = _picture(folder / image["file_name"])
        outlines, said = drawn.get(image["id"], {}), dict(image.get("findings", {}))
        for finding in FINDINGS:
            if finding.value in outlines:
                said[finding.value] = Presence.PRESENT.value
        free_air = outlines.pop(Finding.PNEUMOPERITONEUM.value, [])
        if free_air:
            outlines["free_air"] = outlines.get("free_air", []) + free_air
        kept = {name: polygons for name, polygons in outlines.items() if name in OUTLINES and polygons}
        film = _from_row(folder, {"file": image["file_name"], "kind": image.get("kind", "")})
        child = str(image.get("child") or film.child)
        findings = _findings(said, picture) or film.findings
        yield replace(film, child=child, findings=findings, outlines=kept, suitable=image.get("suitable"))


def _drawn(data: Mapping[str, Any]) -> dict[Any, dict[str, list[FloatArray]]]:
    """Outlines by image and category; what is of another category is logged, since it is left out."""
    names = {row["id"]: str(row["name"]) for row in data.get("categories", [])}
    sizes = {row["id"]: (row.get("height"), row.get("width")) for row in data.get("images", [])}
    drawn: dict[Any, dict[str, list[FloatArray]]] = {}
    others: Counter[str] = Counter()
    for number, row in enumerate(data.get("annotations", []), 1):
        image, name = row.get("image_id"), names.get(row.get("category_id"))
        if image not in sizes or name is None:
            raise ValueError(f"Annotation {number} of the COCO file names no image or category of it.")
        if name not in (*OUTLINES, *FINDINGS):
            others[name] += 1
            continue
        try:
            polygons = _polygons(row.get("segmentation"), sizes[image])
        except (TypeError, ValueError, KeyError, IndexError, OverflowError) as err:
            raise ValueError(f"Annotation {number} of the COCO file is damaged. Export it again.") from err
        drawn.setdefault(image, {}).setdefault(name, []).extend(polygons)
    if others:
        shown = ", ".join(f"{name!r} ({count})" for name, count in others.most_common(10))
        _log.warning("annotations.json: left out, as the categories are not known here: %s", shown)
    return drawn


def _polygons(segmentation: Any, size: tuple[Any, Any]) -> list[FloatArray]:
    """Polygons as they are, and of run lengths the borders; nothing of a box."""
    if not segmentation:
        return []
    if isinstance(segmentation, list):
        return [np.array(polygon, np.float32).reshape(-1, 2) for polygon in segmentation]
    stated = tuple(int(side) for side in segmentation.get("size") or size)
    return mask_outlines(decoded_runs(segmentation, (stated[0], stated[1])))


def _read_json(path: Path) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as err:
        raise ValueError(f"{path.name} is not a JSON file. Write it again.") from err
    return data if isinstance(data, dict) else {}


def _picture(path: Path) -> Path:
    """The picture of that name, with or without its suffix.

    Raises:
        ValueError: there is none.
    """
    candidates = [path, *(path.with_name(path.name + suffix) for suffix in _PICTURES)]
    for candidate in candidates:
        if candidate.suffix.lower() in _PICTURES and candidate.is_file():
            return candidate
    raise ValueError(f"The picture '{path.name}' is missing. Put it where the table or JSON file names it.")


def _findings(said: Mapping[Any, Any], path: Path) -> dict[Finding, Presence]:
    """Raises ValueError for a word that is neither a finding nor a presence."""
    try:
        return {Finding(str(name)): Presence(str(value)) for name, value in said.items()}
    except ValueError as err:
        raise ValueError(
            f"What is said of the findings of '{path.name}' is not understood ({err}). Each of "
            f"{', '.join(FINDINGS)} may be present, absent or uncertain."
        ) from err


def _known_names(outlines: Mapping[str, object], path: Path) -> None:
    strange = sorted(set(outlines) - set(OUTLINES))
    if strange:
        raise ValueError(f"'{path.name}' outlines {', '.join(strange)}. Known are {', '.join(OUTLINES)}.")


def _yes(text: str) -> bool:
    return text.strip().lower() in ("true", "1", "yes")
