"""The model card of the report writer, and its table of results."""

from pedaxr_models.captioning.ladder_report import ladder_table
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.runtime.checkpoint import Json


def model_card(network: ReportNetwork, metrics: Json, data: Json) -> str:
    """The model card in Markdown."""
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    films = ", ".join(f"{count} {name}" for name, count in data["films"].items())
    return (
        "# pedaxr captioner\n\n"
        f"ViT over patches of the film and of the predicted segmentation, BERT over the metadata, "
        f"cross-attention with all patches as keys, causal decoder; {millions:.1f} million parameters.\n\n"
        "**Not for clinical use.** Research and teaching only; not a medical device.\n\n"
        f"Trained from random weights unless recipe.json names a start, on {films} films. Films written by "
        "`pedaxr films` are synthetic: every figure below then says how well synthetic films are read, and "
        "nothing about real ones. Reports are written by greedy search, running free, without a working "
        "diagnosis unless a row says otherwise.\n\n"
        + metrics_table(metrics)
        + _shifted(metrics)
        + _ladder(metrics)
    )


def _shifted(metrics: Json) -> str:
    if "shifted" not in metrics:
        return ""
    head = (
        "\n## Shifted films\n\nMade with exposure, scatter, noise, pose, collimation, processing and anatomy "
        "outside the ranges of the films above; never trained on.\n\n"
    )
    return head + metrics_table(metrics["shifted"])


def _ladder(metrics: Json) -> str:
    if "ladder" not in metrics:
        return ""
    head = "\n## What each source is worth\n\nMeasured by `pedaxr ladder`.\n\n"
    return head + ladder_table(metrics["ladder"])


_SCORES = ("fact_f1", "presence_accuracy", "hallucination_rate", "omission_rate", "laterality_error_rate")
_TITLES = ("fact F1", "presence right", "hallucinated", "omitted", "wrong side")


def reading_table(metrics: Json) -> str:
    """How well each reader states the facts; shifted films below where they were measured: for a README."""
    sets = {"test": metrics} | ({"shifted": metrics["shifted"]} if "shifted" in metrics else {})
    rows = [
        (f"{name} | {films}", scores)
        for films, measured in sets.items()
        for name, scores in measured["readers"].items()
    ]
    return _table("reader | films", rows)


def metrics_table(metrics: Json) -> str:
    """The results on one set of films as Markdown tables."""
    proofs = ["| proof that the film is read | share of films |", "|---|---|"]
    proofs += [f"| {name} | {value:.3f} |" for name, value in metrics["proofs"].items()]
    reading = _table("reader", list(metrics["readers"].items()))
    return (
        f"{metrics['films']} {'synthetic ' * metrics['synthetic']}films.\n\n{reading}\n"
        + "\n".join(proofs)
        + "\n"
    )


def _table(first: str, rows: list[tuple[str, Json]]) -> str:
    columns = f"{first} | {' | '.join(_TITLES)}"
    lines = [f"| {columns} |", "|---" * (columns.count("|") + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(f"{row[s]:.3f}" for s in _SCORES) + " |" for name, row in rows]
    return "\n".join(lines) + "\n"
