"""The model card of the report writer, and its table of results."""

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
        "diagnosis unless a row says otherwise.\n\n" + metrics_table(metrics)
    )


def metrics_table(metrics: Json) -> str:
    """The results as Markdown tables."""
    reading = [
        "| reader | fact F1 | presence right | hallucinated | omitted | wrong side |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in metrics["readers"].items():
        cells = (
            "fact_f1",
            "presence_accuracy",
            "hallucination_rate",
            "omission_rate",
            "laterality_error_rate",
        )
        reading.append(f"| {name} | " + " | ".join(f"{row[cell]:.3f}" for cell in cells) + " |")
    proofs = ["| proof that the film is read | share of films |", "|---|---|"]
    proofs += [f"| {name} | {value:.3f} |" for name, value in metrics["proofs"].items()]
    head = f"{metrics['films']} test films.\n\n"
    return head + "\n".join(reading) + "\n\n" + "\n".join(proofs) + "\n"
