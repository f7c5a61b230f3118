"""Training in several processes, one a GPU, as `torchrun` starts them.

    torchrun --nproc-per-node 4 $(which pedaxr) train segmentation --data data/films --out runs/segmentation

Each process draws batches of its own and PyTorch's DistributedDataParallel averages the gradients. The first
process keeps the clock, validates, and writes everything; the others wait for it.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import distributed, nn

_PATIENCE = timedelta(hours=6)  # while the first process makes a cache or validates


@dataclass(frozen=True)
class Processes:
    """This process among those of one training.

    Attributes:
        rank: 0 is the first; count: of all.
    """

    rank: int = 0
    count: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this one validates and writes."""
        return self.rank == 0

    def agree(self, value: float, device: torch.device) -> float:
        """The first process's value, in all of them: they must stop at the same step."""
        if self.count == 1:
            return value
        told = torch.tensor([value], dtype=torch.float64, device=device)
        distributed.broadcast(told, src=0)
        return float(told)

    @contextmanager
    def first_goes_first(self) -> Iterator[None]:
        """The others enter when the first has left: what it has made on disk they find."""
        if self.count > 1 and not self.is_first:
            distributed.barrier()
        yield
        if self.count > 1 and self.is_first:
            distributed.barrier()

    def share_gradients(self, network: nn.Module, device: torch.device) -> nn.Module:
        """The network, or a wrapper that averages its gradients over all processes in `backward`."""
        if self.count == 1:
            return network
        on_gpu = [device] if device.type == "cuda" else None
        return nn.parallel.DistributedDataParallel(network, device_ids=on_gpu)


ALONE = Processes()


@contextmanager
def join(device: torch.device) -> Iterator[Processes]:
    """Take part in the training that `torchrun` started, or train alone."""
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield Processes(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()
