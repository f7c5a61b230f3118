"""Two processes train as one: as `torchrun` starts them, on the CPU."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from pedaxr_models.training.sampling import BalancedBatches

# What `torchrun --standalone --nproc-per-node=2` does, but for the two processes being copies of one that has
# imported what takes each of them longer than all that is tested.
SCRIPT = """
import json, os, sys
from pathlib import Path
import torch, torch._dynamo
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from pedaxr_models.segmentation import train as training
from pedaxr_models.segmentation.network import NetworkConfig
from pedaxr_models.training.distributed import join

def train(out, how):
    torch.set_num_threads(1)
    torch.manual_seed(int(os.environ["RANK"]))  # each begins elsewhere: the first one's weights must win
    config = training.TrainConfig(
        data=out, out=out, device="cpu", learning_rate=1e-3,
        network=NetworkConfig(backbone="efficientnet_lite0", width=16, skips=((8, 8),)),  # no torchvision
    )
    with join(torch.device("cpu")) as processes:
        run = training.start(config, processes)
        films = torch.randn(2, 1, 64, 64, generator=torch.Generator().manual_seed(processes.rank))
        if how == "alone":
            run.parallel = run.network
        for _ in range(3):
            run.optimiser.zero_grad()
            run.parallel(films).square().mean().backward()
            run.optimiser.step()
        run.elapsed_s = float(10 * processes.rank + 1)
        run.agree(torch.device("cpu"))
        with processes.first_goes_first():
            if processes.is_first:
                (out / "made").write_text("by the first")
            found = (out / "made").read_text()
        weights = [p.detach().double().sum().item() for p in run.network.parameters()]
        answer = {"weights": weights, "elapsed_s": run.elapsed_s, "found": found, "count": processes.count}
        (out / f"{processes.rank}.json").write_text(json.dumps(answer))

if __name__ == "__main__":
    here = {"rdzv_backend": "c10d", "rdzv_endpoint": "localhost:0", "run_id": "test", "start_method": "fork"}
    two = LaunchConfig(min_nodes=1, max_nodes=1, nproc_per_node=2, **here)
    elastic_launch(two, train)(Path(sys.argv[1]), sys.argv[2])
"""


def run_two(folder: Path, how: str) -> list[dict[str, object]]:
    script = folder / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    command = [sys.executable, str(script), str(folder), how]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in (0, 1)]


@pytest.mark.timeout(300)
def test_two_processes_keep_one_network_and_one_clock(tmp_path: Path) -> None:
    first, second = run_two(tmp_path, "together")
    assert first["count"] == second["count"] == 2
    assert first["weights"] == pytest.approx(second["weights"], rel=1e-5)
    assert first["elapsed_s"] == second["elapsed_s"] == 1.0
    assert first["found"] == second["found"] == "by the first"


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_two_processes_that_do_not_share_gradients_part(tmp_path: Path) -> None:
    """The negative control."""
    first, second = run_two(tmp_path, "alone")
    assert first["weights"] != pytest.approx(second["weights"], rel=1e-5)


def test_processes_draw_different_batches_that_together_are_those_of_one() -> None:
    groups = {"normal": torch.arange(40).numpy()}
    alone = iter(BalancedBatches(groups, 4, seed=0))
    pair = [iter(BalancedBatches(groups, 4, seed=0, first=rank, stride=2)) for rank in (0, 1)]
    assert [next(alone) for _ in range(4)] == [next(pair[n % 2]) for n in range(4)]
