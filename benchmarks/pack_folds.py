"""Make runs of the weights that train_on_gpu.py wrote, as `pedaxr train mixed --fold` leaves them.

    python benchmarks/pack_folds.py OUT runs      # OUT/fold0.pt becomes runs/fold0/checkpoint, and so on
    pedaxr evaluate left-out runs/fold? --real REAL/abdomen --real REAL/other
    pedaxr train mean runs/fold? --out runs/mean/segmentation

One file of weights for each fold is easily copied from another machine; a checkpoint is a folder of seven.
"""

import argparse
from pathlib import Path

import torch

from pedaxr_models.checkpoint import save_checkpoint
from pedaxr_models.segmentation.mixed.folds import FOLDS
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter


def pack(weights: Path, fold: int, folder: Path, size: int = 384) -> None:
    """One file of weights as a checkpoint folder that names its fold."""
    network = SegmentationNetwork(NetworkConfig(backbone="efficientnet_lite0"))
    network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
    save_checkpoint(
        folder,
        tensors=network.state_dict(),
        config=Segmenter(network, size=size).to_config(),
        metrics={},
        recipe={"script": "benchmarks/train_on_gpu.py", "fold": fold},
        data={},
        card="# pedaxr segmentation\n\nOne fold, to be measured on the children that it left out.\n",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="where train_on_gpu.py wrote fold0.pt and the others")
    parser.add_argument("runs", type=Path, help="receives fold0/checkpoint and the others")
    args = parser.parse_args()
    for number in range(FOLDS):
        pack(args.out / f"fold{number}.pt", number, args.runs / f"fold{number}" / "checkpoint")
