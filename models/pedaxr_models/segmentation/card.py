"""What a checkpoint says of itself: model card, recipe and data."""

from collections.abc import Sequence
from pathlib import Path

from pedaxr_models.checkpoint import Json
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.read import made_by
from pedaxr_models.segmentation.metrics_tables import metrics_table
from pedaxr_models.segmentation.network import NetworkConfig
from pedaxr_models.segmentation.scores import SegmentationScores

_REAL_FREE_AIR = (
    "Free air is as good as untested on real films: one true case was at hand, and what is known of its "
    "sensitivity comes from films that it was put into (docs/results.md). "
)
_SECOND = " Of free air a second, small network has a say: what the surer of both outlines counts."
_SHIFTED = (
    "\n## Shifted films\n\nMade with exposure, scatter, noise, pose, collimation, processing and anatomy "
    "outside the ranges of the films above; never trained on.\n\n"
)


def describe_recipe(recipe: Json) -> Json:
    """A recipe that tells nothing of the folders of the machine it ran on; data.json tells of real films."""
    hidden = ("out", "resume", "real", "names")
    return {k: v.name if isinstance(v, Path) else v for k, v in recipe.items() if k not in hidden}


def describe_data(data: Path, splits: dict[str, list[Film]]) -> Json:
    """How the data set was made, where it says so, and how many films each split has."""
    return {"made": made_by(data), "films": {name: len(films) for name, films in splits.items()}}


def model_card(network: NetworkConfig, metrics: SegmentationScores, data: Json) -> str:
    """The model card; `metrics` may hold those of the shifted films under `shifted`."""
    shifted = metrics.shifted
    films = ", ".join(f"{count} {name}" for name, count in data["films"].items())
    real = real_films_named(data.get("also", []))
    return (
        "# pedaxr segmentation\n\n"
        f"{network.head} on {network.backbone}: {len(network.channels)} findings and structures on "
        "paediatric abdominal radiographs, each pixel and channel on its own."
        + (_SECOND if network.second else "")
        + "\n\n"
        "**Not for clinical use.** Research and teaching only; not a medical device.\n\n"
        f"Trained from random weights unless recipe.json names a start, on {films} films{real}. "
        + (_REAL_FREE_AIR if real else "")
        + "Films written by `pedaxr films` are synthetic: every figure below then says how well synthetic "
        "films are read, and nothing about real ones. Thresholds were chosen on the validation films, the "
        "figures come from the test films.\n\n"
        + metrics_table(metrics)
        + (_SHIFTED + metrics_table(shifted) if shifted else "")
    )


def real_films_named(sets: Sequence[Json]) -> str:
    """What else it was trained on, with the licence that each set asks to be named with."""
    named = [
        f"{one['films']} pictures of {one['name']}" + (f" ({one['licence']})" if one.get("licence") else "")
        for one in sets
    ]
    return f", and on real pictures whose truth is known in part: {'; '.join(named)}" if named else ""
