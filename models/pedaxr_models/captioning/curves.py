"""The learning curves of the report writer."""

from collections.abc import Sequence
from pathlib import Path

from pedaxr_models.checkpoint import Json


def draw_curves(history: Sequence[Json], path: Path) -> None:
    """Loss and free-running scores over time, as PNG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.5), layout="constrained")
    left, right = figure.subplots(1, 2)
    minutes = [row["minutes"] for row in history]
    left.plot(minutes, [row["loss"] for row in history])
    left.set(title="training loss", xlabel="minutes", yscale="log")
    for name in ("fact_f1", "hallucination_rate", "presence_accuracy"):
        right.plot(minutes, [row[name] for row in history], label=name.replace("_", " "))
    right.set(title="validation films, free running", xlabel="minutes", ylim=(0, 1))
    right.legend(fontsize=8)
    figure.savefig(path, dpi=110)
