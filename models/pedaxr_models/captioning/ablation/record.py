"""The published ablation, kept next to the checkpoint whose card shows it: new weights do not erase it.

An ablation takes hours and measures readers of its own, not the weights in the folder. `ladder.json` (its
name in weights that are already distributed) therefore lies one level up, where copying a new training over
the old checkpoint leaves it alone.
"""

import json
from pathlib import Path

from pedaxr_models.captioning.ablation.scores import AblationScores
from pedaxr_models.checkpoint import CheckpointError, Json
from pedaxr_models.json_records import from_json, to_json

ABLATION_FILE = "ladder.json"
_VARIANTS_KEY = "rungs"  # as checkpoints store it


def stored(result: AblationScores) -> Json:
    """The ablation as JSON; a contrast's scores stand beside the names of its two variants."""
    written: Json = to_json(result)
    for measured in written["sets"].values():
        measured[_VARIANTS_KEY] = measured.pop("variants")
        for name, contrast in measured["contrasts"].items():
            ends = {"from": contrast["without"], "to": contrast["given"]}
            measured["contrasts"][name] = ends | contrast["scores"]
    return written


def read_stored(written: Json) -> AblationScores:
    """What `stored` wrote.

    Raises:
        KeyError, TypeError, AttributeError: it is something else.
    """
    sets = {}
    for films, measured in written["sets"].items():
        contrasts = {}
        for name, found in measured["contrasts"].items():
            scores = {score: value for score, value in found.items() if score not in ("from", "to")}
            contrasts[name] = {"without": found["from"], "given": found["to"], "scores": scores}
        sets[films] = {"variants": measured[_VARIANTS_KEY], "contrasts": contrasts}
    return from_json(AblationScores, {**written, "sets": sets})


def keep_ablation(checkpoint: Path, result: AblationScores) -> None:
    """Write it next to the checkpoint folder, in one rename."""
    path = checkpoint.parent / ABLATION_FILE
    part = path.with_suffix(".json.part")
    part.write_text(json.dumps(stored(result), indent=1) + "\n", encoding="utf-8")
    part.replace(path)


def kept_ablation(checkpoint: Path, metrics: Json) -> AblationScores | None:
    """The ablation kept next to the checkpoint folder, else the one in its metrics; None: none was published.

    Raises:
        CheckpointError: the file is there and damaged.
    """
    path = checkpoint.parent / ABLATION_FILE
    if not path.exists():
        return read_stored(metrics["ladder"]) if metrics.get("ladder") else None
    try:
        return read_stored(json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise CheckpointError(
            f"'{path.name}' next to '{checkpoint.name}' is not an ablation. Delete it or rewrite it with "
            "`pedaxr ablation --publish`."
        ) from err
