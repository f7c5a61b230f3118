"""The model card of the report writer, and its tables of results."""

from collections.abc import Mapping

from pedaxr_models.captioning.ablation.report import SIDES_NOTE, ablation_table, short
from pedaxr_models.captioning.evaluate import CaptionerScores
from pedaxr_models.captioning.faithfulness import WordsBefore
from pedaxr_models.captioning.finding_metrics import FindingCall, Proportion
from pedaxr_models.captioning.network import ReportNetwork
from pedaxr_models.checkpoint import Json
from pedaxr_models.labels import Finding
from pedaxr_models.segmentation.card import real_films_named

_GOALS = {
    "free air named when present": "at least 0.97",
    "findings unchanged by a wrong working diagnosis": "at least 0.95",
    "no finding on an empty input, nothing segmented": "1",
    "no finding on a noise input, nothing segmented": "1",
    "no word depends on a later one (causal mask)": "1",
}
_REAL_TAUGHT = (
    "Of those it was taught versions, posed, exposed and processed otherwise, some with free air put in; "
    "what nobody knows of them was taken from the drafts of the weights before. "
)
_READING_GOALS = (
    "Goals for film and metadata: fact F1 at least 0.90 on test and 0.82 on shifted films, hallucinated at "
    f"most 0.03, sides wrong at most 0.01. {SIDES_NOTE}"
)
_PROVED_ELSEWHERE = (
    "\nMeasured elsewhere: outlines and calibration per finding (segmentation card), near-duplicates across "
    "splits (`pedaxr leaks`), disagreement with a wrong working diagnosis said (`pedaxr evaluate reports`).\n"
)


def model_card(network: ReportNetwork, metrics: CaptionerScores, data: Json) -> str:
    """The model card in Markdown."""
    millions = sum(p.numel() for p in network.parameters()) / 1e6
    films = ", ".join(f"{count} {name}" for name, count in data["films"].items())
    real = real_films_named(data.get("also", []))
    search = metrics.measured_with.get("search", "greedy search")
    return (
        "# pedaxr captioner\n\n"
        f"ViT over patches of the film and of the predicted segmentation, BERT over the metadata, "
        f"cross-attention with all patches as keys, causal decoder; {millions:.1f} million parameters.\n\n"
        "**Not for clinical use.** Research and teaching only; not a medical device.\n\n"
        f"Trained from random weights unless recipe.json names a start, on {films} films{real}. "
        + (_REAL_TAUGHT if real else "")
        + "Films written by `pedaxr films` are synthetic: every figure below then says how well synthetic "
        f"films are read, and nothing about real ones. Reports are written by {search}, running free, "
        f"without a working diagnosis unless a row says otherwise. {_measured_with(metrics)}\n\n"
        + metrics_table(metrics)
        + _PROVED_ELSEWHERE
        + shifted_section(metrics)
        + _ablation(metrics)
    )


def _measured_with(metrics: CaptionerScores) -> str:
    """Whose figures these are: they belong to one set of weights and to the outlines it read."""
    digests = metrics.measured_with
    if "captioner" not in digests:
        return "Measured with the weights in this folder."
    return (
        f"Measured by `pedaxr evaluate captioner` with the weights {short(digests['captioner'])} on the "
        f"outlines of the segmentation {short(digests['segmentation'])}."
    )


def shifted_section(metrics: CaptionerScores) -> str:
    """The tables of shifted films under a title; empty where none were measured."""
    if metrics.shifted is None:
        return ""
    head = (
        "\n## Shifted films\n\nMade with exposure, scatter, noise, pose, collimation, processing and anatomy "
        "outside the ranges of the films above; never trained on.\n\n"
    )
    return head + metrics_table(metrics.shifted)


def _ablation(metrics: CaptionerScores) -> str:
    if metrics.ablation is None:
        return ""
    ours = metrics.measured_with.get("segmentation")
    theirs = metrics.ablation.measured_with.get("segmentation")
    same = ", with the same segmentation as the figures above" if ours and ours == theirs else ""
    head = (
        "\n## What each source is worth\n\nMeasured by `pedaxr ablation`, which trains a report "
        f"writer of its own for every variant: these are not figures of the weights in this folder{same}.\n\n"
    )
    return head + ablation_table(metrics.ablation)


_TITLES = {
    "fact_f1": "fact F1",
    "presence_accuracy": "presence right",
    "hallucination_rate": "hallucinated",
    "omission_rate": "omitted",
    "laterality_error_rate": "wrong side",
    "opposite_side_rate": "left for right",
}


def reading_table(metrics: CaptionerScores) -> str:
    """How well each reader states the facts; shifted films below where they were measured: for a README."""
    sets = {"test": metrics} | ({"shifted": metrics.shifted} if metrics.shifted else {})
    rows = [
        (f"{name} | {films}", scores)
        for films, measured in sets.items()
        for name, scores in measured.readers.items()
    ]
    return "\n".join(
        filter(None, [_table("reader | films", rows), f"{SIDES_NOTE}\n", constrained_table(sets)])
    )


_PRICE = {
    "fact_f1": "fact F1",
    "hallucination_rate": "hallucinated",
    "omission_rate": "omitted",
    "laterality_error_rate": "wrong side",
    "excluded": "reports with a statement that both witnesses exclude",
    "sentences_exact": "sentences read exactly",
    "log_likelihood": "log-likelihood per token",
}


def constrained_table(sets: Mapping[str, CaptionerScores]) -> str:
    """Greedy search among all words and among the allowed sentences; empty where it was not measured."""
    rows = [
        f"| {f'{search}, {name}' if name else search} | {' | '.join(f'{row[key]:.3f}' for key in _PRICE)} |"
        for name, metrics in sets.items()
        for search, row in metrics.constrained.items()
    ]
    if not rows:
        return ""
    head = [f"| search | {' | '.join(_PRICE.values())} |", "|---" * (len(_PRICE) + 1) + "|"]
    return "\n".join([*head, *rows]) + "\n"


def metrics_table(metrics: CaptionerScores) -> str:
    """The results on one set of films as Markdown tables."""
    parts = [
        f"{metrics.films} {'synthetic ' * metrics.synthetic}films.\n",
        _table("reader", list(metrics.readers.items())),
        f"{_READING_GOALS}\n",
        _calls_table(metrics.findings),
        _coverage_line(metrics.coverage),
        _proofs_table(metrics.proofs),
        _words_table(metrics.words_before),
        constrained_table({"": metrics}),
    ]
    return "\n".join(part for part in parts if part)


def _table(first: str, rows: list[tuple[str, Mapping[str, float]]]) -> str:
    titles = {name: title for name, title in _TITLES.items() if all(name in row for _, row in rows)}
    columns = f"{first} | {' | '.join(titles.values())}"
    lines = [f"| {columns} |", "|---" * (columns.count("|") + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(f"{row[s]:.3f}" for s in titles) + " |" for name, row in rows]
    return "\n".join(lines) + "\n"


def _calls_table(findings: Mapping[Finding, FindingCall]) -> str:
    if not findings:
        return ""
    lines = [
        "| finding, as the reports call it | films with / without | sensitivity | specificity | AUROC of the "
        "finding head | its calibration error |",
        "|---|---|---|---|---|---|",
    ]
    for name, row in findings.items():
        cells = [_proportion(share) for share in (row.sensitivity, row.specificity)]
        cells += [_number(value) for value in (row.auroc, row.calibration_error)]
        lines.append(f"| {name} | {row.films_with} / {row.films_without} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _coverage_line(coverage: Mapping[str, float | None]) -> str:
    if not coverage:
        return ""
    kept = ", ".join(f"{_number(share)} of the surest {float(part):.0%}" for part, share in coverage.items())
    return f"Reports with exactly the true findings, by how sure the finding head is: {kept}.\n"


def _proofs_table(proofs: Mapping[str, float]) -> str:
    lines = ["| proof that the film is read | share of films | goal |", "|---|---|---|"]
    lines += [f"| {name} | {value:.3f} | {_GOALS.get(name, '')} |" for name, value in proofs.items()]
    return "\n".join(lines) + "\n"


def _words_table(scores: WordsBefore | None) -> str:
    """Teacher-forced against free-running."""
    if scores is None:
        return ""
    rows = ["fact_f1", "presence_accuracy", "hallucination_rate", "omission_rate"]
    lines = [
        "| each next word is chosen after | " + " | ".join(_TITLES[name] for name in rows) + " |",
        "|---" * (len(rows) + 1) + "|",
    ]
    named = {
        "the true words (teacher forcing)": scores.forced,
        "its own words (running free)": scores.free,
    }
    for name, row in named.items():
        lines.append(f"| {name} | " + " | ".join(f"{row[s]:.3f}" for s in rows) + " |")
    gap = " | ".join(f"{scores.free[s] - scores.forced[s]:+.3f}" for s in rows)
    lines.append(f"| gap | {gap} |")
    return "\n".join(lines) + f"\n\nPerplexity of the true reports: {scores.perplexity:.3f} per token.\n"


def _proportion(value: Proportion) -> str:
    return f"{_number(value[0])} ({_number(value[1])}–{_number(value[2])})" if value[0] is not None else "–"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
