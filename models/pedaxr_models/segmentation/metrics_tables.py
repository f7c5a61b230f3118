"""What was measured, as JSON and as Markdown tables."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pedaxr_models.json_records import to_json
from pedaxr_models.segmentation.scores import CallScores, MeasureErrors, SegmentationScores

_CALLS = ("sensitivity", "specificity", "auroc")
# What we asked of the bundled weights on synthetic films: mean Dice of the findings, pixel accuracy.
_GOALS = {"test": (0.93, 0.985), "shifted": (0.88, None)}
_OVERLAPS = ("iou", "precision", "recall", "distance_95_mm", "calibration_error")


def write_metrics(metrics: SegmentationScores, folder: Path, name: str = "metrics") -> None:
    """`metrics` as JSON and as a Markdown table."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(to_json(metrics), indent=2) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(metrics_table(metrics), encoding="utf-8")


def metrics_table(metrics: SegmentationScores) -> str:
    """Markdown tables of `evaluate_segmentation`."""
    lines = [
        f"{metrics.films} {'synthetic ' * metrics.synthetic}films; 95 % bootstrap intervals in "
        "brackets. "
        f"Pixel accuracy over the findings {_cell(metrics.pixel_accuracy)}; an empty answer would score "
        f"{_cell(metrics.pixel_accuracy_all_background)}.",
        "",
        "| finding | films with / without | sensitivity | specificity | AUROC | sens. at spec. .97 |",
        "|---|---|---|---|---|---|",
    ]
    lines += [f"| {name} | {_call_cells(row)} |" for name, row in metrics.findings.items()]
    lines += [
        "",
        "| channel | films | Dice | IoU | precision | recall | 95 % distance, mm | calibration error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, channel in metrics.channels.items():
        dice = f"{_cell(channel.dice)} {_bracket(channel.dice_interval)}"
        rest = " | ".join(_cell(getattr(channel, key)) for key in _OVERLAPS)
        lines.append(f"| {name} | {channel.films} | {dice} | {rest} |")
    return "\n".join([*lines, *_measures_table(metrics.measures, metrics.level_count_within_one)]) + "\n"


def _call_cells(row: CallScores) -> str:
    cells = [f"{_cell(getattr(row, key))} {_bracket(getattr(row, f'{key}_interval'))}" for key in _CALLS]
    cells.append(_cell(row.sensitivity_at_specificity_97))
    return f"{row.films_with} / {row.films_without} | {' | '.join(cells)}"


def summary_table(metrics: SegmentationScores) -> str:
    """The findings alone, test films next to shifted ones where they were measured: for a README."""
    sets = {"test": metrics} | ({"shifted": metrics.shifted} if metrics.shifted else {})
    lines = [
        "| finding | films | Dice | sensitivity | specificity | AUROC | 95 % distance, mm |",
        "|---|---|---|---|---|---|---|",
    ]
    for name, measured in sets.items():
        for finding, call in measured.findings.items():
            channel = measured.channels[finding]
            cells = [f"{_cell(channel.dice)} {_bracket(channel.dice_interval)}"]
            cells += [_cell(getattr(call, key)) for key in _CALLS] + [_cell(channel.distance_95_mm)]
            lines.append(f"| {finding} | {name} | {' | '.join(cells)} |")
        dices = [measured.channels[finding].dice for finding in measured.findings]
        mean = _cell(sum(d or 0.0 for d in dices) / len(dices))
        right, empty = _cell(measured.pixel_accuracy), _cell(measured.pixel_accuracy_all_background)
        of_dice, of_pixels = (_goal(goal) if measured.synthetic else "" for goal in _GOALS[name])
        accuracy = f"pixel accuracy {right}{of_pixels}, all background {empty}"
        lines.append(f"| **mean** | {name} | **{mean}**{of_dice} | {accuracy} | | | |")
    return "\n".join(lines) + "\n"


def _measures_table(measures: Mapping[str, MeasureErrors], counted: float | None) -> list[str]:
    rows = {name: row for name, row in measures.items() if row.films}
    if not rows:
        return []
    lines = ["", "| measure | films | not measured | median relative error |", "|---|---|---|---|"]
    for name, row in rows.items():
        lines.append(f"| {name} | {row.films} | {row.unmeasured} | {_cell(row.median_relative_error)} |")
    return [
        *lines,
        "",
        f"Number of air-fluid levels right to within one: {_cell(counted)} of the films that have any.",
    ]


def _goal(least: float | None) -> str:
    return "" if least is None else f" (goal at least {least})"


def _cell(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _bracket(interval: Sequence[float | None]) -> str:
    return f"({_cell(interval[0])}–{_cell(interval[1])})"
