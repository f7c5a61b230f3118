"""What was learned as a folder of weights: network, points, report writer in use, card, provenance."""

import json
import logging
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from pedaxr.clinic.weights import LEARNED
from pedaxr.learning.compare import Comparison
from pedaxr.storage.files import disk_errors
from pedaxr_models.checkpoint import (
    BUNDLED_WEIGHTS,
    CheckpointError,
    GraphError,
    Json,
    load_checkpoint,
    save_checkpoint,
    weights_folder,
)

if TYPE_CHECKING:
    from pedaxr_models.datasets.film import Film
    from pedaxr_models.segmentation.segmenter import Segmenter

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Provenance:
    """Where weights come from.

    Attributes:
        base: SHA-256 of the segmentation weights that they were learned from.
        films: by split, the annotations (or file names) that were used; no child is named.
        recipe: of the training.
        share: how far from the old weights to the new ones they lie, 0 to 1.
    """

    base: str
    films: Mapping[str, Sequence[str]]
    recipe: Json
    share: float

    def counts(self) -> dict[str, int]:
        """Films by split."""
        return {name: len(ids) for name, ids in self.films.items()}


def film_names(films: "Sequence[Film]") -> list[str]:
    """What a film is called in a provenance: its annotation, or its file."""
    return sorted(film.extra.get("annotation") or film.image_path.name for film in films)


def write_weights(folder: Path, segmenter: "Segmenter", made: Provenance, base: Path) -> None:
    """The segmentation, and a copy of the report writer in use where that is not the bundled one.

    Args:
        folder: new.
        segmenter: with its thresholds.
        made: where it comes from.
        base: checkpoint that it was learned from.

    Raises:
        StorageError: the disk.
    """
    stored = load_checkpoint(base, with_tensors=False)
    data = {**stored.data, "films": made.counts(), "learned_from": {"weights": made.base}}
    with disk_errors():
        folder.mkdir(parents=True, exist_ok=True)
        save_checkpoint(
            folder / "segmentation",
            tensors=segmenter.network.state_dict(),
            config=segmenter.to_config(),
            metrics={},
            recipe={**made.recipe, "share": made.share, "start": made.base},
            data=data,
            card=f"# pedaxr segmentation\n\nLearned from corrected films: see README.md above.\n{_WARNING}",
        )
        writer = weights_folder("captioner")
        if writer.parent != BUNDLED_WEIGHTS and not (folder / "captioner").exists():
            shutil.copytree(writer, folder / "captioner")


def write_compiled(folder: Path) -> bool:
    """Compile the networks beside these weights, so that they are served where PyTorch is not installed.

    The segmentation's graph is loaded and held against what PyTorch computed. Where a graph cannot be made,
    or computes something else, none is left and False returned: such weights need PyTorch.

    Raises:
        StorageError: the disk.
    """
    from pedaxr_models.runtime.compiled import GRAPHS_FOLDER, write_graphs
    from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter

    with disk_errors():
        try:
            write_graphs(folder)
            CompiledSegmenter.load(folder / "segmentation")
        except (GraphError, CheckpointError) as err:
            _log.warning("no compiled graphs: %s", err)
            shutil.rmtree(folder / GRAPHS_FOLDER, ignore_errors=True)
            return False
    return True


_WARNING = "\n**Not for clinical use.** Research and teaching only; not a medical device.\n"


def write_verdict(folder: Path, made: Provenance, found: Comparison) -> None:
    """`learned.json` and README.md: what was used, what was measured, and whether it may be put in use."""
    document = {
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "verdict": found.verdict,
        "base": made.base,
        "recipe": made.recipe,
        "share": made.share,
        "films": {name: list(ids) for name, ids in made.films.items()},
        "measured": found.to_json(),
    }
    text = json.dumps(document, ensure_ascii=False, indent=1, default=str) + "\n"
    with disk_errors():
        (folder / LEARNED).write_text(text, encoding="utf-8")
        (folder / "README.md").write_text(_card(made, found), encoding="utf-8")


def _card(made: Provenance, found: Comparison) -> str:
    counts = ", ".join(f"{count} {name}" for name, count in made.counts().items())
    figures = "\n".join(f"- {line}" for line in found.lines())
    return (
        f"# Weights learned from corrected films\n{_WARNING}\n"
        f"Fine-tuned from the weights {made.base[:12]} on films that humans corrected ({counts}), children "
        f"apart. Channels that nobody corrected were taught by those weights. It lies {made.share:.0%} "
        "of the way from them to the fine-tuned one; thresholds and operating points were chosen on the "
        "validation films and drawn back towards those before, the more so the fewer films there were.\n\n"
        f"## On held-out films, before and after\n\n{figures}\n\n"
        "Intervals are of 95 % (paired bootstrap over films). `learned.json` names the annotations used.\n"
    )
