"""The ablation as sentences, as a Markdown table and as a picture."""

from collections.abc import Mapping
from pathlib import Path

from pedaxr_models.captioning.ablation.scores import (
    SCORES,
    AblationScores,
    Contrast,
    Difference,
    FloatTable,
    Interval,
    SetScores,
    VariantScore,
    interval,
)

CLAIM = 8.0  # per cent claimed for metadata in the reference design
IMAGE_ONLY = "image only"
CONTRASTS = {
    "metadata, to the image": (IMAGE_ONLY, "image + metadata"),
    "the image, to the metadata": ("metadata only", "image + metadata"),
    "masks, to both": ("image + metadata", "image + metadata + masks"),
}
_TITLES = {
    "fact_f1": "fact F1",
    "fact_precision": "precision",
    "fact_recall": "recall",
    "hallucination_rate": "hallucinated",
    "omission_rate": "omitted",
    "laterality_error_rate": "wrong side",
    "opposite_side_rate": "left for right",
    "weighted_error": "weighted error",
    "bleu_4": "BLEU-4",
    "rouge_l": "ROUGE-L",
    "cider": "CIDEr",
}
_BETTER_LOW = {
    *("hallucination_rate", "omission_rate", "laterality_error_rate", "opposite_side_rate", "weighted_error")
}
SIDES_NOTE = (
    "Wrong side: of the findings rightly said to be there, those said to lie on any other side than they do, "
    "`left` for `both` included. Left for right: of those that lie on one side only, the ones said to lie on "
    "the opposite side."
)
_COLOURS = {
    "metadata only": "#CC79A7",
    "image only": "#56B4E9",
    "image + metadata": "#0072B2",
    "image + metadata + masks": "#009E73",
}
_GREY = "#9A9A9A"


def contrasts(pooled: Mapping[str, FloatTable], samples: Mapping[str, FloatTable]) -> dict[str, Contrast]:
    """What is added from one variant to the next: difference with its paired interval, and per cent.

    Args:
        pooled: (len(SCORES),) of each variant.
        samples: (bootstrap samples, len(SCORES)) of each variant, over the same films.
    """
    found = {}
    for name, (without, given) in CONTRASTS.items():
        if without in pooled and given in pooled:
            scores = {s: _difference(pooled, samples, without, given, s) for s in SCORES}
            found[name] = Contrast(without, given, scores)
    return found


def _difference(
    pooled: Mapping[str, FloatTable], samples: Mapping[str, FloatTable], without: str, given: str, score: str
) -> Difference:
    at = SCORES.index(score)
    before, after = samples[without][:, at], samples[given][:, at]
    difference = interval(pooled[given][at] - pooled[without][at], after - before)
    own = [interval(pooled[variant][at], samples[variant][:, at]) for variant in (without, given)]
    per_cent = None
    if pooled[without][at] > 0 and before.min() > 0:
        ratio = interval(100 * (pooled[given][at] / pooled[without][at] - 1), 100 * (after / before - 1))
        per_cent = Interval(*_rounded(ratio, 1))
    return Difference(*_rounded(difference, 4), overlap=own[0].overlaps(own[1]), per_cent=per_cent)


def _rounded(found: Interval, digits: int) -> tuple[float, float, float]:
    return round(found.value, digits), round(found.low, digits), round(found.high, digits)


def conclusion(measured: SetScores) -> list[str]:
    """What the ablation shows, in sentences that follow from its figures."""
    found = measured.contrasts
    lines = []
    if "metadata, to the image" in found:
        lines += [_added("Metadata", found["metadata, to the image"]), _claim(found)]
        both = [found[name].scores["fact_f1"] for name in list(CONTRASTS)[:2]]
        wins = all(c.low > 0 and not c.overlap for c in both)
        lines.append(
            f"Image + metadata {'beats' if wins else 'does not beat'} both image only and metadata only "
            "with intervals that do not overlap."
        )
    if "masks, to both" in found:
        masks = found["masks, to both"]
        lines += [_added("Predicted masks", masks), _validity(masks)]
    return lines + _image_alone(measured.variants)


def _image_alone(variants: Mapping[str, Mapping[str, VariantScore]]) -> list[str]:
    """Whether the best reader of the film alone is better than those that do not look."""
    f1 = {variant: scores["fact_f1"] for variant, scores in variants.items()}
    alone = [variant for variant in f1 if variant.startswith(IMAGE_ONLY)]
    blind = [variant for variant in ("constant", "metadata only") if variant in f1]
    if not alone or not blind:
        return []
    best = max(alone, key=lambda variant: f1[variant].value)
    wins = all(f1[best].value > f1[v].value and not f1[best].overlaps(f1[v]) for v in blind)
    return [
        f"{best.capitalize()} {'beats' if wins else 'does not beat'} {' and '.join(blind)} with intervals "
        "that do not overlap."
    ]


def _added(what: str, contrast: Contrast) -> str:
    f1 = contrast.scores["fact_f1"]
    relative = f", {f1.per_cent.value:+.1f} %" if f1.per_cent else ""
    return (
        f"{what} {_verb(f1)} the fact F1 of {contrast.without} by {f1.value:+.3f}{relative} "
        f"(95 % interval of the difference {_range(f1)}); the two readers' own intervals "
        f"{'overlap' if f1.overlap else 'do not overlap'}."
    )


def _verb(difference: Difference) -> str:
    if difference.low > 0:
        return "raise"
    return "lower" if difference.high < 0 else "do not measurably change"


def _range(difference: Difference) -> str:
    return f"{difference.low:+.3f} to {difference.high:+.3f}"


def _claim(found: Mapping[str, Contrast]) -> str:
    gain = found["metadata, to the image"].scores["fact_f1"].per_cent
    claim = f"The +{CLAIM:g} % claimed for metadata in the reference design"
    if gain is None:
        return f"{claim} cannot be compared with a score of 0."
    place = "below" if gain.low > CLAIM else "above" if gain.high < CLAIM else "inside"
    verdict = {"below": "more than claimed", "above": "not reproduced", "inside": "not refuted"}[place]
    interval = f"{gain.low:+.1f} % to {gain.high:+.1f} %"
    return f"{claim} lies {place} the interval found here ({interval}): {verdict}."


def _validity(masks: Contrast) -> str:
    parts = []
    for score in ("hallucination_rate", "omission_rate", "weighted_error"):
        change = masks.scores[score]
        sure = "" if change.low > 0 or change.high < 0 else ", not more than chance"
        parts.append(f"{_TITLES[score]} {change.value:+.3f} ({_range(change)}{sure})")
    return f"With predicted masks: {'; '.join(parts)}."


def _seeds(result: AblationScores) -> str:
    return f"{result.seeds} seed{'s' * (result.seeds > 1)}"


def _budget(result: AblationScores) -> str:
    return f"{result.steps:,} steps" if result.steps else f"{result.minutes:g} minutes"


def ablation_table(result: AblationScores) -> str:
    """All variants as a Markdown table per set of films, with what follows from it."""
    synthetic = "synthetic " * result.synthetic
    head = (
        f"{_seeds(result)} of {_budget(result)} per trained variant, seeds pooled; brackets: "
        "95 % intervals by resampling films; ±: standard deviation over seeds. Weighted error: points per "
        f"film, a missed free air 10, a wrong grade 1; lower is better, as for the shares before it. "
        f"{SIDES_NOTE} {_source(result)}\n"
    )
    parts = [head]
    for name, measured in result.sets.items():
        films = f"**{result.films[name]} {synthetic}{name} films.**"
        parts.append(f"{films} {' '.join(result.conclusion[name])}\n\n{_table(measured.variants)}")
    return "\n".join(parts)


def _source(result: AblationScores) -> str:
    """Which outlines the variants read; results stored before this was recorded say so."""
    outlines = result.measured_with.get("segmentation")
    if outlines is None:
        return "Which segmentation the masks came from was not recorded."
    return f"The masks came from the segmentation {short(outlines)}."


def short(digest: str) -> str:
    """The first digits of the SHA-256 of weights, enough to tell them apart."""
    return f"`{digest[:12]}`"


def _table(variants: Mapping[str, Mapping[str, VariantScore]]) -> str:
    titles = {n: t for n, t in _TITLES.items() if all(n in scores for scores in variants.values())}
    lines = [f"| variant | {' | '.join(titles.values())} |", "|---" * (len(titles) + 1) + "|"]
    for variant, scores in variants.items():
        lines.append(f"| {variant} | " + " | ".join(_cell(name, scores[name]) for name in titles) + " |")
    return "\n".join(lines) + "\n"


def _cell(name: str, score: VariantScore) -> str:
    cell = f"{score.value:.3f}"
    if name in ("fact_f1", "hallucination_rate", "weighted_error"):
        cell += f" ({score.low:.3f}–{score.high:.3f})"
    if name == "fact_f1" and len(score.seeds) > 1:
        cell += f" ±{score.spread:.3f}"
    return cell


def draw_ablation(result: AblationScores, path: Path) -> None:
    """Bars with intervals, a dot per seed, as PNG; one row of panels per set of films."""
    from matplotlib.figure import Figure

    shown = ("fact_f1", "hallucination_rate", "omission_rate", "weighted_error", "bleu_4", "cider")
    sets = result.sets
    figure = Figure(figsize=(17, 0.7 + 3.0 * len(sets)), layout="constrained")
    axes = figure.subplots(len(sets), len(shown), squeeze=False, sharey=True)
    for row, (name, measured) in zip(axes, sets.items(), strict=True):
        for panel, score in zip(row, shown, strict=True):
            _draw_bars(panel, measured.variants, score)
            better = "lower" if score in _BETTER_LOW else "higher"
            panel.set_title(f"{_TITLES[score]}  ({better} is better)", fontsize=10)
        row[0].set_ylabel(f"{result.films[name]} {name} films", fontsize=11)
    kind = "Synthetic films. " if result.synthetic else ""
    figure.suptitle(
        f"What each source is worth. {kind}Bars: {_seeds(result)} pooled; whiskers: 95 % intervals "
        "over films; dots: seeds",
        fontsize=12,
    )
    figure.savefig(path, dpi=110)


def _draw_bars(panel: "object", variants: Mapping[str, Mapping[str, VariantScore]], score: str) -> None:
    from matplotlib.axes import Axes

    assert isinstance(panel, Axes)
    names = list(variants)[::-1]
    for at, variant in enumerate(names):
        bar = variants[variant][score]
        panel.barh(at, bar.value, color=_COLOURS.get(variant, _GREY), height=0.68, alpha=0.85)
        panel.plot([bar.low, bar.high], [at, at], color="black", lw=1.4, solid_capstyle="butt")
        if len(bar.seeds) > 1:
            panel.plot(bar.seeds, [at] * len(bar.seeds), "o", ms=3.5, mfc="white", mec="black", mew=0.7)
        panel.annotate(
            f"{bar.value:.2f}", (max(bar.high, *bar.seeds), at), xytext=(5, 0),
            textcoords="offset points", va="center", fontsize=8.5,
        )  # fmt: skip
    panel.set_yticks(range(len(names)), names, fontsize=9.5)
    panel.set_xlim(0, 1.18 * max(0.05, panel.get_xlim()[1]))
    panel.grid(axis="x", alpha=0.25)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
