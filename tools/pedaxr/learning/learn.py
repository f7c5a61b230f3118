"""`pedaxr learn`: from corrected films to weights that are measured before anybody uses them.

    films -> split by child -> fine-tuning -> thresholds, points -> held-out films before and after -> verdict

Every step keeps what it has done below `learning/` in the clinic's folder, so that the same call goes on
where it was interrupted. Nothing is put in use here: `pedaxr.clinic.weights.use_weights` does that.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, record
from pedaxr.errors import InvalidRequest
from pedaxr.evaluation.choose_operating_points import look
from pedaxr.evaluation.ground_truth import known_findings
from pedaxr.evaluation.local.judge import Judged, append_judged, judge, read_judged, reading_with
from pedaxr.learning.compare import Comparison, compare
from pedaxr.learning.corrected import corrected_films
from pedaxr.learning.divide import check_apart, divide, not_yet_there
from pedaxr.learning.points import shrunk_points
from pedaxr.learning.weights_folder import (
    Provenance,
    film_names,
    write_compiled,
    write_verdict,
    write_weights,
)
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import POINTS_FILE, operating_points, write_points
from pedaxr.registry.schema import writing
from pedaxr.storage.files import disk_errors
from pedaxr.storage.weights import CHILDREN_FILE, LEARNING_FOLDER, WEIGHTS_FOLDER
from pedaxr.text import counted
from pedaxr_models.checkpoint import Json, load_checkpoint, weights_folder
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.own_names import AS_OURS, OwnNames

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr_models.segmentation.network import SegmentationNetwork
    from pedaxr_models.segmentation.segmenter import Segmenter

Progress = Callable[[str, int, int, str], None]
FEWEST_FILMS = 8
SHARES = (1.0, 0.5)  # of the way to the fine-tuned network, tried on the validation films


@dataclass(frozen=True)
class Options:
    """What may be chosen.

    Attributes:
        data: further films with outlines, as `read_films` takes them, beside the clinic's.
        held_out: films to measure on instead of holding out some of the corrected ones.
        names: what a table of either calls columns and classes otherwise.
        steps: optimiser steps; None: by how many films there are.
        size: side of the network's square; None: as served.
        seed: of the split and the batches.
    """

    data: Path | None = None
    held_out: Path | None = None
    names: OwnNames = AS_OURS
    steps: int | None = None
    size: int | None = None
    batch_size: int = 4
    learning_rate: float = 3e-4
    seed: int = 0
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True)
class Learned:
    """New weights in the clinic's folder, and what they are worth.

    Attributes:
        films: by split.
        classes: of these, films with a class alone, which taught no outline.
    """

    name: str
    folder: Path
    films: dict[str, int]
    classes: int
    share: float
    comparison: Comparison


def learn(clinic: "Clinic", options: Options, progress: Progress) -> Learned:
    """Learn from what was corrected; the weights in use are those of `weights_root()`.

    Args:
        clinic: whose annotations and whose weights.
        options: of the run.
        progress: called with (step, done, of, what to tell).

    Raises:
        InvalidRequest: too few films.
        ModelUnavailable, StorageError.
        ValueError, CheckpointError: the data set or the weights cannot be used.
    """
    with accessing(clinic.home, "learn"):
        work = clinic.home / LEARNING_FOLDER
        films = _films(clinic, options, work)
        held_out = _held_out(options)
        splits = divide(films, work / CHILDREN_FILE, all_learn=bool(held_out), seed=options.seed)
        check_apart(held_out, [*splits["train"], *splits["validation"]])
        splits["test"] = held_out or splits["test"]
        if not splits["test"]:
            raise InvalidRequest("No corrected film is held out to measure on. Correct more.")
        run = _Run(work, splits, options, progress)
        share = run.choose_share(run.fine_tuned())
        return _finish(clinic, run, share)


def _films(clinic: "Clinic", options: Options, work: Path) -> list[Film]:
    films = corrected_films(clinic, work)
    if options.data is not None:
        from pedaxr_models.datasets import read_films

        more = [film for film in read_films(options.data, names=options.names) if known_findings(film)]
        films += not_yet_there(more, films)
    if (taught := _taught(films)) < FEWEST_FILMS:
        raise InvalidRequest(_too_few(taught, len(films) - taught))
    return [replace(film, split=None) for film in films]


def _taught(films: Sequence[Film]) -> int:
    return sum(bool(film.labelled_channels) for film in films)


def _too_few(taught: int, classes: int) -> str:
    alone = (
        f" Of {classes} more the class alone is known: that a finding is there, not where. They set "
        "operating points and measure, but teach no outline; `pedaxr evaluate local --data` needs no more."
    )
    return (
        f"{counted(taught, 'film')} corrected; learning needs at least {FEWEST_FILMS}."
        f"{alone if classes else ''} Correct outlines in the viewer, import them with "
        "`pedaxr annotations import`, or name in the column `Known` of a table what is known to be absent."
    )


def _held_out(options: Options) -> list[Film]:
    if options.held_out is None:
        return []
    from pedaxr_models.datasets import read_films

    return read_films(options.held_out, names=options.names)


class _Run:
    """One run's films, folder and steps."""

    def __init__(
        self, work: Path, splits: dict[str, list[Film]], options: Options, progress: Progress
    ) -> None:
        self.splits, self.options, self.progress = splits, options, progress
        self.base = weights_folder("segmentation")
        self.base_sha256 = load_checkpoint(self.base, with_tensors=False).weights_sha256
        self.steps = options.steps or min(600, max(80, 4 * len(splits["train"])))
        names = {name: film_names(films) for name, films in splits.items()}
        shaping = [self.base_sha256, names, self.steps, options.size, options.batch_size]
        shaping += [options.learning_rate, options.seed, asdict(operating_points())]
        digest = hashlib.sha256(json.dumps(shaping).encode()).hexdigest()[:12]
        self.folder = work / f"run-{digest}"
        self.names = names

    def recipe(self) -> Json:
        """For the provenance: no path of this machine."""
        chosen = {
            n: v for n, v in asdict(self.options).items() if n not in ("data", "held_out", "names", "threads")
        }
        return {"learned": {**chosen, "steps": self.steps}}

    def fine_tuned(self) -> "SegmentationNetwork":
        """The network after fine-tuning, from where an interruption left it."""
        from pedaxr_models.segmentation.learning.train import LearnConfig, fine_tune

        config = LearnConfig(
            start_from=self.base,
            out=self.folder,
            steps=self.steps,
            size=self.options.size,
            batch_size=self.options.batch_size,
            learning_rate=self.options.learning_rate,
            seed=self.options.seed,
            device=self.options.device,
            threads=self.options.threads,
        )
        return fine_tune(
            config, self.splits["train"], lambda step, told: self.progress("learning", step, self.steps, told)
        )

    def choose_share(self, tuned: "SegmentationNetwork") -> float:
        """How far to go from the old network to the new one: where validation films' reports stay right.

        Of shares after which no report got worse the one with the best outlines; else the one after which
        most reports are right. Chosen on validation films, which say less than the held-out ones.
        """
        before = self.judged("validation", None)
        found = {share: compare(before, self._candidate(tuned, share)) for share in SHARES}

        def rank(share: float) -> tuple[bool, float, float]:
            one = found[share]
            return one.verdict != "worse", one.right.difference, one.dice.difference

        return max(SHARES, key=rank)

    def _candidate(self, tuned: "SegmentationNetwork", share: float) -> list[Judged]:
        """Write the weights this share of the way, once, and judge the validation films with them."""
        folder = self.weights(share)
        if not (folder / POINTS_FILE).is_file():
            self._write(folder, tuned, share)
        return self.judged("validation", folder)

    def weights(self, share: float) -> Path:
        """Where the weights that lie this share of the way are kept."""
        return self.folder / f"weights-{round(100 * share)}"

    def provenance(self, share: float) -> Provenance:
        """Of the weights that lie this share of the way."""
        return Provenance(self.base_sha256, self.names, self.recipe(), share)

    @cached_property
    def _old(self) -> "Segmenter":
        """The weights to start from."""
        from pedaxr_models.segmentation.segmenter import Segmenter

        return Segmenter.load(self.base)

    def _write(self, folder: Path, tuned: "SegmentationNetwork", share: float) -> None:
        from pedaxr_models.segmentation.learning.thresholds import recalibrate
        from pedaxr_models.segmentation.learning.train import interpolate
        from pedaxr_models.segmentation.segmenter import Segmenter

        films, count, old = self.splits["validation"], len(self.splits["validation"]), self._old
        segmenter = Segmenter(interpolate(old.network, tuned.cpu(), share), size=old.size)
        done = iter(range(1, count + 1))
        told = f"{share:.0%} of the way"
        recalibrate(segmenter, old, films, lambda _: self.progress("thresholds", next(done), count, told))
        points = operating_points()
        shutil.rmtree(folder, ignore_errors=True)
        write_weights(folder, segmenter, self.provenance(share), self.base)
        write_compiled(folder)
        with reading_with(folder):
            seen = look(films, lambda n, of: self.progress("operating points", n, of, told))
            digests = {
                "segmentation": models.segmenter().weights_sha256,
                "captioner": models.reporter().weights_sha256,
            }
        write_points(shrunk_points(seen, points, digests), folder / POINTS_FILE)

    def judged(self, split: str, weights: Path | None) -> list[Judged]:
        """The films of a split as these weights report on them; None: the weights in use.

        Each film is kept as soon as it is judged, so that an interrupted run does not read it again.
        """
        films, name = self.splits[split], weights.name if weights else "before"
        kept = self.folder / f"{split}-{name}.jsonl"
        told = read_judged(kept)[: len(films)]
        with reading_with(weights):
            for number, film in enumerate(films[len(told) :], len(told) + 1):
                told.append(judge(film))
                append_judged(kept, told[-1])
                self.progress(f"{split} films, {name}", number, len(films), "")
        return told


def _finish(clinic: "Clinic", run: _Run, share: float) -> Learned:
    """Measure on the held-out films, write the verdict, and put the weights into the clinic's folder."""
    found = compare(run.judged("test", None), run.judged("test", run.weights(share)))
    write_verdict(run.weights(share), run.provenance(share), found)
    name = _free_name(clinic.home / WEIGHTS_FOLDER)
    folder = clinic.home / WEIGHTS_FOLDER / name
    with disk_errors():
        folder.parent.mkdir(parents=True, exist_ok=True)
        half = folder.with_name(f".{name}")  # an interruption leaves no half weights under a name
        shutil.rmtree(half, ignore_errors=True)
        shutil.copytree(run.weights(share), half)
        half.rename(folder)
        shutil.rmtree(run.folder)
    with writing(clinic.registry.path) as database:
        record(database.conn, "learn", detail=f"{name}: {found.verdict}")
    classes = sum(len(films) - _taught(films) for films in run.splits.values())
    return Learned(name, folder, run.provenance(share).counts(), classes, share, found)


def _free_name(folder: Path) -> str:
    day = f"learned-{date.today():%Y-%m-%d}"
    names: Sequence[str] = [day, *(f"{day}-{number}" for number in range(2, 1000))]
    return next(name for name in names if not (folder / name).exists())
