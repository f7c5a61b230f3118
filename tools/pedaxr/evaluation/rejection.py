"""How many out-of-distribution images, and how many abdominal films, are refused or doubted.

Every picture goes through `reading.read_film`, as in service, where both tools start.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pedaxr.errors import NotAnAbdominalFilm, UnreadableImage
from pedaxr.reading.read_film import Source, read_film

Verdict = Literal["refused", "flagged", "let through"]
Progress = Callable[[int, int], None]

VERDICTS: tuple[Verdict, ...] = ("refused", "flagged", "let through")
LEAST_OOD_CAUGHT = 0.95
MOST_FILMS_CAUGHT = 0.02


@dataclass(frozen=True)
class Judged:
    """What became of one picture.

    Attributes:
        kind: of the image; "film" for an abdominal film.
        verdict: "flagged" where the picture itself is doubted; not for a note that something is cut off.
        reason: what was said of it.
    """

    path: Path
    kind: str
    verdict: Verdict
    reason: str = ""


@dataclass(frozen=True)
class Tally:
    """Verdicts on pictures of one kind."""

    refused: int
    flagged: int
    let_through: int

    @classmethod
    def of(cls, judged: Iterable[Judged]) -> "Tally":
        """Count them."""
        counts = Counter(picture.verdict for picture in judged)
        return cls(*(counts[verdict] for verdict in VERDICTS))

    @property
    def pictures(self) -> int:
        """In all."""
        return self.refused + self.flagged + self.let_through

    @property
    def caught(self) -> float:
        """Share that was refused or flagged; 0 of none."""
        return (self.refused + self.flagged) / self.pictures if self.pictures else 0.0


@dataclass(frozen=True)
class RejectionFigures:
    """What `pedaxr evaluate rejection` measures.

    Attributes:
        ood_images: by kind, in the order of the kinds.
        films: by set of abdominal films ("test", "shifted").
        passed: images that were let through, and films that were not.
    """

    ood_images: Mapping[str, Tally]
    films: Mapping[str, Tally]
    passed: tuple[Judged, ...] = ()

    @property
    def all_ood_images(self) -> Tally:
        """Of all kinds together."""
        tallies = self.ood_images.values()
        return Tally(
            *(sum(getattr(t, name) for t in tallies) for name in ("refused", "flagged", "let_through"))
        )

    def to_json(self) -> dict[str, object]:
        """Counts and shares, and the pictures that were judged wrongly."""
        return {
            "ood_images": {kind: _counts(tally) for kind, tally in self.ood_images.items()},
            "all_ood_images": _counts(self.all_ood_images),
            "films": {name: _counts(tally) for name, tally in self.films.items()},
            "goals": {"ood_images_caught": LEAST_OOD_CAUGHT, "films_caught": MOST_FILMS_CAUGHT},
            "judged_wrongly": [
                {"picture": p.path.name, "kind": p.kind, "verdict": p.verdict, "reason": p.reason}
                for p in self.passed
            ],
        }


def judge_picture(path: Path, kind: str = "film") -> Judged:
    """What becomes of one picture in service.

    Raises:
        ModelUnavailable: there are no usable segmentation weights.
    """
    try:
        reading = read_film(Source(path))
    except (NotAnAbdominalFilm, UnreadableImage) as err:
        return Judged(path, kind, "refused", str(err))
    doubted = reading.doubts
    return Judged(path, kind, "flagged" if doubted else "let through", " ".join(doubted))


def judge_all(
    ood_images: Sequence[tuple[Path, str]],
    films: Mapping[str, Sequence[Path]],
    progress: Progress | None = None,
) -> RejectionFigures:
    """Judge every picture.

    Args:
        ood_images: path and kind of each.
        films: by name of the set, abdominal films.
        progress: called with (pictures done, pictures in all).

    Raises:
        ModelUnavailable: there are no usable segmentation weights.
    """
    asked = [(path, kind, "") for path, kind in ood_images]
    asked += [(path, "film", name) for name, paths in films.items() for path in paths]
    judged: list[tuple[Judged, str]] = []
    for path, kind, name in asked:
        judged.append((judge_picture(path, kind), name))
        if progress is not None:
            progress(len(judged), len(asked))
    kinds = dict.fromkeys(kind for _, kind in ood_images)
    return RejectionFigures(
        {kind: Tally.of(j for j, name in judged if not name and j.kind == kind) for kind in kinds},
        {set_: Tally.of(j for j, name in judged if name == set_) for set_ in films},
        tuple(j for j, name in judged if (j.verdict == "let through") is not bool(name)),
    )


def rejection_table(figures: RejectionFigures) -> str:
    """Markdown: a row per kind of image, their total, and a row per set of films, with the goals."""
    head = [
        "| picture | pictures | refused | flagged | let through | refused or flagged |",
        "|---|---|---|---|---|---|",
    ]
    rows = [_row(kind.replace("_", " "), tally) for kind, tally in figures.ood_images.items()]
    rows.append(
        _row(
            "**all out-of-distribution images**",
            figures.all_ood_images,
            f" (goal at least {LEAST_OOD_CAUGHT:.2f})",
        )
    )
    goal = f" (goal at most {MOST_FILMS_CAUGHT:.2f})"
    rows += [_row(f"**abdominal films, {name}**", tally, goal) for name, tally in figures.films.items()]
    return "\n".join(head + rows)


def _row(name: str, tally: Tally, goal: str = "") -> str:
    cells = (
        name,
        tally.pictures,
        tally.refused,
        tally.flagged,
        tally.let_through,
        f"{tally.caught:.3f}{goal}",
    )
    return f"| {' | '.join(map(str, cells))} |"


def _counts(tally: Tally) -> dict[str, float]:
    return {
        "pictures": tally.pictures,
        "refused": tally.refused,
        "flagged": tally.flagged,
        "let_through": tally.let_through,
        "caught": round(tally.caught, 4),
    }
