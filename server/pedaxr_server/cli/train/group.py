"""The `pedaxr train` group: every network, from films to graphs."""

import click

from pedaxr_server.cli.train.captioner import train_captioner
from pedaxr_server.cli.train.finders import train_free_air, train_second_look, train_tubes
from pedaxr_server.cli.train.graphs import train_graphs
from pedaxr_server.cli.train.segmentation import (
    train_mean,
    train_mixed,
    train_segmentation,
    train_thresholds,
)


@click.group()
def train() -> None:
    """Train a network. Interrupt at any time; continue with --resume."""


for training in (
    train_segmentation,
    train_mixed,
    train_tubes,
    train_free_air,
    train_second_look,
    train_mean,
    train_captioner,
    train_graphs,
    train_thresholds,
):
    train.add_command(training)
