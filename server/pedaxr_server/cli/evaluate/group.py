"""The `pedaxr evaluate` group: what measures, each on films whose truth is known."""

import click

from pedaxr_server.cli.evaluate.networks import evaluate_captioner, evaluate_segmentation
from pedaxr_server.cli.evaluate.rejection import evaluate_strangers
from pedaxr_server.cli.evaluate.reports import evaluate_reports
from pedaxr_server.cli.evaluate.thresholds import evaluate_thresholds


@click.group()
def evaluate() -> None:
    """Measure a network on films it has not seen."""


for measurement in (
    evaluate_segmentation,
    evaluate_captioner,
    evaluate_reports,
    evaluate_strangers,
    evaluate_thresholds,
):
    evaluate.add_command(measurement)
