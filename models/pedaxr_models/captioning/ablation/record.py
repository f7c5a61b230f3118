"""The published ladder, kept beside the checkpoint whose card shows it: new weights do not erase it.

A ladder takes hours and is of readers of its own, not of the weights in the folder. `ladder.json` therefore
lies one level up, where a new training, copied over the old checkpoint, leaves it.
"""

import json
from pathlib import Path

from pedaxr_models.checkpoint import CheckpointError, Json

LADDER_FILE = "ladder.json"


def keep_ladder(checkpoint: Path, result: Json) -> None:
    """Write it beside the checkpoint folder, in one rename."""
    path = checkpoint.parent / LADDER_FILE
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def kept_ladder(checkpoint: Path, metrics: Json) -> Json | None:
    """The ladder kept beside the checkpoint folder, else the one in its metrics; None: none was published.

    Raises:
        CheckpointError: the file is there and damaged.
    """
    path = checkpoint.parent / LADDER_FILE
    if not path.exists():
        return metrics.get("ladder")
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {**found, "sets": found["sets"], "conclusion": found["conclusion"]}
    except (ValueError, KeyError, TypeError) as err:
        raise CheckpointError(
            f"'{path.name}' beside '{checkpoint.name}' is no ladder. Delete it, or write it anew with "
            "`pedaxr ablation --publish`."
        ) from err
