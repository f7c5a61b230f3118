"""YOLO segmentation: one text file for each picture, a line for each outline, in shares of the picture."""

import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from pedaxr.clinic.exchange.drawn import Drawn, filled_from_shares, film_of
from pedaxr.clinic.exchange.files import Files, stem
from pedaxr.clinic.exchange.outlined import OutlinedFilm, finding_named, read_or_told
from pedaxr.clinic.exchange.pictures import Picture, Pictures
from pedaxr.errors import InvalidRequest
from pedaxr_models.written.scripts import decoded_table

_YAML = (".yaml", ".yml")
_LISTS = ("classes.txt", "obj.names", "predefined_classes.txt")
_NO_LABELS = frozenset({"train", "val", "valid", "test", "labelmap", "readme", "license"})
_FOLDERS = ("labels", "obj_train_data")
_BOX = (5, 6)  # numbers of a box, and of one with how sure a program was of it
_NOTES = "notes.json"  # Label Studio's list of classes


def yolo_files(files: Files, pictures: Pictures) -> list[str]:
    """The label files of a source: texts beside a picture of their name, or in a folder `labels`."""
    return [name for name in files.ending(".txt") if _is_label_file(name, files, pictures)]


def _is_label_file(name: str, files: Files, pictures: Pictures) -> bool:
    path = PurePosixPath(name)
    if path.name.casefold() in _LISTS or path.stem.casefold() in _NO_LABELS:
        return False
    in_folder = any(part.casefold() in _FOLDERS for part in path.parts[:-1])
    if not in_folder and not pictures.has(path.stem):
        return False
    first = next(iter(_lines(files[name])), (0, ""))[1].split()
    return in_folder or not first or (_number(first[0]) is not None and len(first) >= min(_BOX))


def _number(written: str) -> int | None:
    """Of a class, also as `0.0` or `2.000e+00`: NumPy writes it as it writes the shares."""
    try:
        number = float(written)
    except ValueError:
        return None
    return int(number) if number >= 0 and number.is_integer() else None


def read_yolo(files: Files, labels: list[str], pictures: Pictures) -> Iterator[OutlinedFilm]:
    """One film for each picture, with or without a label file, and for each label file without a picture.

    Raises:
        InvalidRequest: nothing says what the numbers of the classes mean.
    """
    names = _class_names(files)
    seen: set[str] = set()
    for label in labels:
        film = stem(PurePosixPath(label).stem)
        yield read_or_told(film, partial(_film, film, label, files, names, pictures, seen))
    for name in pictures.names():
        if name not in seen:
            yield read_or_told(stem(name), partial(_bare, name, pictures))


def _film(
    film: str, label: str, files: Files, names: Mapping[int, str], pictures: Pictures, seen: set[str]
) -> OutlinedFilm:
    seen.add(pictures.name_of(film, label))
    picture = pictures.find(film, label)
    drawn = [
        _drawn(line, f"line {number} of {label[-80:]}", names, picture)
        for number, line in _lines(files[label])
    ]
    return film_of(film, drawn, sha256=picture.sha256)


def _bare(name: str, pictures: Pictures) -> OutlinedFilm:
    return OutlinedFilm(name=stem(name), sha256=pictures.find(name).sha256)


def _lines(data: bytes) -> Iterator[tuple[int, str]]:
    text = data.decode("utf-8-sig", errors="replace")
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip())


def _drawn(line: str, place: str, names: Mapping[int, str], picture: Picture) -> Drawn:
    first, *rest = line.split()
    try:
        number, shares = _number(first), [float(one) for one in rest]
    except ValueError as err:
        raise InvalidRequest(f"{place} is not a class and numbers. Export it again.") from err
    if number is None:
        raise InvalidRequest(f"{place} is not a class and numbers. Export it again.")
    if number not in names:
        raise InvalidRequest(
            f"{place} names class {number}, which the list of classes does not have ({len(names)} classes)"
        )
    if len(shares) + 1 in _BOX:  # somebody marked it: a box outlines nothing
        return Drawn(names[number], None, place)
    if len(shares) % 2:  # how sure a program was of it
        shares = shares[:-1]
    pairs = [shares[at : at + 2] for at in range(0, len(shares), 2)]
    if len(pairs) < 3:
        raise InvalidRequest(f"{place} has fewer than three points")
    fill = partial(filled_from_shares, pairs, picture.size) if finding_named(names[number]) else None
    return Drawn(names[number], fill, place)


def _class_names(files: Files) -> dict[int, str]:
    """What the numbers mean, by data.yaml, classes.txt, obj.names or Label Studio's notes.json."""
    found = [
        *(_of_yaml(files[name], name) for name in files.ending(*_YAML)),
        *(_of_list(files[name]) for name in files if PurePosixPath(name).name.casefold() in _LISTS),
        *(_of_notes(files[name]) for name in files if PurePosixPath(name).name.casefold() == _NOTES),
    ]
    different = {tuple(sorted(names.items())): names for names in found if names}
    if len(different) > 1:
        raise InvalidRequest("The lists of classes (data.yaml, classes.txt) differ. Keep the right one.")
    if not different:
        raise InvalidRequest(
            "The YOLO label files have numbers for classes, and no data.yaml or classes.txt says what they "
            "mean. Put it beside them: one name a line, from class 0."
        )
    return next(iter(different.values()))


def _of_yaml(data: bytes, name: str) -> dict[int, str]:
    import yaml  # here: nothing else needs it

    read = decoded_table(data)
    try:
        document = yaml.safe_load(read[0].removeprefix("\ufeff") if read else "")
    except (yaml.YAMLError, RecursionError, ValueError) as err:
        raise InvalidRequest(f"{name[:80]} is not YAML. Write its classes as names: [a, b].") from err
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, list):
        return {number: str(one) for number, one in enumerate(names)}
    if not isinstance(names, dict):
        return {}
    try:
        return {int(number): str(one) for number, one in names.items()}
    except (ValueError, TypeError) as err:
        raise InvalidRequest(f"{name[:80]} gives names by something else than numbers from 0.") from err


def _of_list(data: bytes) -> dict[int, str]:
    read = decoded_table(data)
    lines = (read[0] if read else "").removeprefix("\ufeff").splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return {number: line.strip() for number, line in enumerate(lines)}


def _of_notes(data: bytes) -> dict[int, str]:
    try:
        categories: Any = json.loads(data)["categories"]
        return {int(one["id"]): str(one["name"]) for one in categories}
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
