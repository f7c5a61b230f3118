"""What films go through on their way, and whether the product says the same of them afterwards.

A film is saved again, photographed off a screen, cut, turned or framed otherwise; what it shows stays. What a
network learned by heart from a film does not survive that, so that films which were learned from test
something after all: how near what is said of them lies to saying something else.
"""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr.evaluation.real_films import Progress, Verdict, as_in_service
from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.captioning.film_reporter import FilmReporter
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence
from pedaxr_models.labels import Finding
from pedaxr_models.segmentation.mixed.known_planes import KnownPlanes, known_planes
from pedaxr_models.segmentation.mixed.real_cache import paste_free_air

Grey = NDArray[np.uint8]
Change = Callable[[Grey], Grey]
UNCHANGED, PUT_IN = "as it is", "with free air put in"
_AIR = Finding.PNEUMOPERITONEUM


def _saved_again(film: Grey) -> Grey:
    stored = cv2.imencode(".jpg", film, [cv2.IMWRITE_JPEG_QUALITY, 25])[1]
    return np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8)


def _with_gamma(gamma: float) -> Change:
    return lambda film: np.asarray(255 * (film / 255) ** gamma, np.uint8)


def _noisy(film: Grey) -> Grey:
    grain = np.random.default_rng(0).normal(0, 12, film.shape)
    return np.asarray((film + grain).clip(0, 255), np.uint8)


def _framed(share: float, grey: int) -> Change:
    def change(film: Grey) -> Grey:
        wide = round(share * max(film.shape))
        return np.asarray(
            cv2.copyMakeBorder(film, wide, wide, wide, wide, cv2.BORDER_CONSTANT, value=(grey,))
        )

    return change


def _turned(degrees: float, grey: int) -> Change:
    """The whole film turned, on a larger ground."""

    def change(film: Grey) -> Grey:
        height, width = film.shape
        turn = cv2.getRotationMatrix2D((width / 2, height / 2), degrees, 1.0)
        wide, high = np.abs(turn[:, :2]) @ (width, height)
        turn[:, 2] += (wide - width) / 2, (high - height) / 2
        size = (int(wide), int(high))
        return np.asarray(cv2.warpAffine(film, turn, size, flags=cv2.INTER_AREA, borderValue=(grey,)))

    return change


def _cut(top: float, others: float) -> Change:
    def change(film: Grey) -> Grey:
        height, width = film.shape
        side = round(others * width)
        return film[round(top * height) : height - round(others * height), side : width - side]

    return change


def _scaled(x: float, y: float) -> Change:
    return lambda film: np.asarray(cv2.resize(film, None, fx=x, fy=y, interpolation=cv2.INTER_AREA))


def _photographed(film: Grey) -> Grey:
    """Off a screen: a dark surround, askew, brighter on one side, stripes of the screen's pixels."""
    framed = _framed(0.12, 20)(film)
    height, width = framed.shape
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    seen = corners + np.array([[0.05, 0.025], [-0.015, 0], [0, -0.05], [0, 0]], np.float32) * (width, height)
    pose = cv2.getPerspectiveTransform(corners, seen.astype(np.float32))
    askew = cv2.warpPerspective(framed, pose, (width, height), borderValue=(12,))
    y, x = np.mgrid[:height, :width]
    light = 1 - 0.35 * ((x / width - 0.7) ** 2 + (y / height - 0.3) ** 2)
    stripes = 8 + 3 * np.sin(0.9 * x) + 3 * np.sin(1.1 * y)
    return np.asarray(cv2.GaussianBlur((askew * light + stripes).clip(0, 255).astype(np.uint8), (0, 0), 1.0))


def _screenshot(film: Grey) -> Grey:
    """Of a viewer with a tool bar and a list of series."""
    height, width = film.shape
    screen = np.full((round(1.12 * height), round(1.25 * width)), 45, np.uint8)
    screen[-height:, -width:] = film
    for row in range(12):
        at = (8, round(0.15 * height) + 40 * row)
        cv2.putText(screen, f"Series {row} 1/1", at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (200,), 1)
    cv2.putText(screen, "Zoom Pan Window Layout", (20, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (220,), 2)
    return screen


def _pale_screenshot(film: Grey) -> Grey:
    """Of a viewer with pale panels all round, whose words reach to the film."""
    height, width = film.shape
    wide, high = round(0.2 * width), round(0.08 * height)
    screen = np.full((height + 2 * high, width + 2 * wide), 225, np.uint8)
    screen[high : high + height, wide : wide + width] = film
    for left in (4, wide + width + 4):
        for top in range(60, height, 38):
            cv2.putText(screen, "Series 12 AP", (left, top), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (30,), 1)
    cv2.putText(screen, "File View Tools", (20, high // 2), cv2.FONT_HERSHEY_SIMPLEX, 0.8, (30,), 2)
    return screen


CHANGES: Mapping[str, Change] = {
    UNCHANGED: lambda film: film,
    "saved as JPEG of quality 25": _saved_again,
    "brighter (gamma 0.6)": _with_gamma(0.6),
    "darker (gamma 1.6)": _with_gamma(1.6),
    "washed out": lambda film: np.asarray(70 + 0.45 * film, np.uint8),
    "blurred": lambda film: np.asarray(cv2.GaussianBlur(film, (0, 0), 2.0)),
    "noisy": _noisy,
    "contrast equalised locally": lambda film: np.asarray(cv2.createCLAHE(3.0, (8, 8)).apply(film)),
    "white margin": _framed(0.15, 255),
    "black margin": _framed(0.25, 0),
    "grey margin": _framed(0.15, 128),
    "turned by 6 degrees": _turned(6, 0),
    "turned by 10 degrees on white": _turned(-10, 255),
    "7 % cut off all round": _cut(0.07, 0.07),
    "12 % cut off above": _cut(0.12, 0.0),
    "shrunk to a third": _scaled(1 / 3, 1 / 3),
    "a tenth wider": _scaled(1.1, 1.0),
    "photographed off a screen": _photographed,
    "screenshot of a viewer": _screenshot,
    "screenshot of a viewer, pale": _pale_screenshot,
}


@dataclass(frozen=True)
class ChangedRecord:
    """What the product says of one film, changed in one way.

    Attributes:
        change: one of `CHANGES`, or `PUT_IN`.
        told: the findings that the reading names.
        is_critical: whether the report has something that a human must hear of now.
    """

    film: PartialFilm
    change: str
    verdict: Verdict
    told: tuple[Finding, ...]
    is_critical: bool

    def to_json(self) -> dict[str, object]:
        """Without the picture."""
        return {
            "id": self.film.id,
            "change": self.change,
            "verdict": self.verdict,
            "told": [finding.value for finding in self.told],
            "critical": self.is_critical,
        }


def measure_changed(
    films: Sequence[PartialFilm],
    progress: Progress | None = None,
    *,
    put_in: int = 0,
    writers: Mapping[str, FilmReporter] | None = None,
) -> list[ChangedRecord]:
    """Every film in every way, film by film.

    Args:
        films: the abdomens.
        progress: called with the films done and their number.
        put_in: so many versions more, with free air, of each film that surely shows none and has room for it.
        writers: by child, who drafts in place of the writer in use.

    Raises:
        UnreadableImage: a picture cannot be read.
        ModelUnavailable: there are no usable weights.
    """
    records = list[ChangedRecord]()
    with tempfile.TemporaryDirectory(prefix="pedaxr-changed-") as folder:
        for number, film in enumerate(films, 1):
            for name, known, picture in _shown(film, put_in):
                cv2.imwrite(str(path := Path(folder) / "film.png"), picture)
                served = as_in_service(path, (writers or {}).get(film.child))
                record = ChangedRecord(known, name, served.verdict, served.told, served.is_critical)
                records.append(record)
            if progress is not None:
                progress(number, len(films))
    return records


def _shown(film: PartialFilm, put_in: int) -> Iterator[tuple[str, PartialFilm, Grey]]:
    """What is done to a film, what is known of it then, and how it looks."""
    grey = (read_radiograph(film.image_path).pixels * 255).round().astype(np.uint8)
    for name, change in CHANGES.items():
        yield name, film, change(grey)
    if not put_in or film.says(_AIR) is not Presence.ABSENT:
        return
    known, shows_air = known_planes(film), replace(film, findings={**film.findings, _AIR: Presence.PRESENT})
    if "abdominal_cavity" not in known.drawn:
        return
    for number in range(put_in):
        rng = np.random.default_rng((crc32(film.id.encode()), number))
        if pasted := paste_free_air(known, rng):
            yield PUT_IN, shows_air, _picture_of(pasted)


def _picture_of(known: KnownPlanes) -> Grey:
    grey = (known.frame * 255).round().clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(grey[known.letterbox.content])


def changed_table(records: Sequence[ChangedRecord]) -> str:
    """Markdown: one row a change, then all of them together, of suitable films, and of those of children.

    Below it stands what became of films with free air put in, if there are any.
    """
    head = (
        "| film | refused or doubted | critical without free air | findings, of films read, other than as "
        "they are |\n|---|---|---|---|\n"
    )
    of_change = {name: [r for r in records if r.change == name] for name in CHANGES}
    usual = {r.film.id: r for r in of_change[UNCHANGED]}
    changed = [r for r in records if r.change not in (UNCHANGED, PUT_IN)]
    suitable = [r for r in changed if r.film.suitable]
    of_children = [r for r in suitable if r.film.age_group not in ("", "adult")]
    rows = [
        *of_change.items(),
        ("**all changes**", changed),
        ("of suitable films", suitable),
        ("of suitable films of children", of_children),
    ]
    table = head + "\n".join(_row(name, some, usual) for name, some in rows)
    with_air = [r for r in records if r.change == PUT_IN]
    return f"{table}\n\n{_told_of_air(with_air, usual)}" if with_air else table


def _told_of_air(with_air: Sequence[ChangedRecord], usual: Mapping[str, ChangedRecord]) -> str:
    read = [r for r in with_air if r.verdict == "read"]
    without = [usual[r.film.id].is_critical for r in read]
    counted = f"critical {sum(r.is_critical for r in read)} of {len(read)}"
    return (
        f"With free air put in: {len(with_air)} versions, {len(read)} of them read, {counted}; "
        f"the same films without it {sum(without)} of {len(without)}."
    )


def _row(name: str, records: Sequence[ChangedRecord], usual: Mapping[str, ChangedRecord]) -> str:
    stopped = sum(r.verdict != "read" for r in records)
    without = [r for r in records if r.film.says(_AIR) is Presence.ABSENT]
    both = [r for r in records if r.verdict == usual[r.film.id].verdict == "read"]
    others = sum(set(r.told) != set(usual[r.film.id].told) for r in both)
    critical = f"{sum(r.is_critical for r in without)} of {len(without)}"
    return f"| {name} | {stopped} of {len(records)} | {critical} | {others} of {len(both)} |"
