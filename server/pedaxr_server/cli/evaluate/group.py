"""The `pedaxr evaluate` group: what measures, each on films whose truth is known."""

from copy import copy

import click

from pedaxr_server.cli.evaluate.consistency import evaluate_consistency
from pedaxr_server.cli.evaluate.grades import evaluate_grades
from pedaxr_server.cli.evaluate.hanging import evaluate_hanging
from pedaxr_server.cli.evaluate.left_out import evaluate_left_out
from pedaxr_server.cli.evaluate.local import evaluate_local
from pedaxr_server.cli.evaluate.networks import evaluate_captioner, evaluate_segmentation
from pedaxr_server.cli.evaluate.real import evaluate_real
from pedaxr_server.cli.evaluate.realism import evaluate_realism
from pedaxr_server.cli.evaluate.rejection import evaluate_rejection
from pedaxr_server.cli.evaluate.reports import evaluate_reports
from pedaxr_server.cli.evaluate.thresholds import evaluate_thresholds
from pedaxr_server.cli.evaluate.tubes import evaluate_tubes


@click.group()
def evaluate() -> None:
    """Measure networks and reports on films they have not seen."""


for measurement in (
    evaluate_segmentation,
    evaluate_captioner,
    evaluate_reports,
    evaluate_consistency,
    evaluate_local,
    evaluate_real,
    evaluate_left_out,
    evaluate_rejection,
    evaluate_hanging,
    evaluate_realism,
    evaluate_thresholds,
    evaluate_grades,
    evaluate_tubes,
):
    evaluate.add_command(measurement)
_former = copy(evaluate_rejection)
_former.name, _former.hidden = "strangers", True  # `--help` no longer lists it
evaluate.add_command(_former)
