"""What users wait for: both tools over MCP (stdio, HTTP), in Python on registered studies, and on files.

Every film is read once by each way, so nothing is found in a cache but what an agent would find there: the
report finds the outlines of the same film. In the same run the reference networks with one thread and with
all, writing 30 words and as many as our reports have, and two usual networks for segmentation. With random
weights they take as long as trained.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from load import served
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from measuring import arguments, publish, timed
from reference_networks import reference_film, reference_networks
from torch import nn
from torchvision.models.segmentation import deeplabv3_mobilenet_v3_large

from pedaxr import generate_report, segment_xray
from pedaxr.clinic import Clinic, open_clinic
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import FEWEST_PATIENTS
from pedaxr.errors import PedaxrError
from pedaxr_models.runtime.threads import threads_per_call

Row = dict[str, Any]
TOOLS = ("segment_xray", "generate_report")
_SIDE = 512


def readable(clinic: Clinic, most: int) -> list[str]:
    """Studies whose films are read, not refused: a refusal is quick."""
    found = []
    for study in clinic.registry.newest_studies(1000):
        try:
            segment_xray(study.study_id, clinic=clinic, overlay=False)
        except PedaxrError:
            continue
        found.append(study.study_id)
        if len(found) == most:
            break
    return found


async def agent_times(server: Any, studies: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds of each tool over MCP, study by study, after two that warm it up."""
    times: dict[str, list[float]] = {tool: [] for tool in TOOLS}
    async with Client(server) as client:
        for place, study_id in enumerate([*studies[-2:], *studies]):
            for tool in TOOLS:
                begin = time.perf_counter()
                answer = await client.call_tool(tool, {"study_id": study_id})
                took = (time.perf_counter() - begin) * 1e3
                assert not answer.is_error, answer.content
                if place >= 2:
                    times[tool].append(took)
    return times


def python_times(films: Sequence[Sequence[Callable[[], object]]]) -> list[list[float]]:
    """Milliseconds of each tool, film by film, after two that warm it up."""
    times: list[list[float]] = [[] for _ in TOOLS]
    for calls in [*films[-2:], *films]:
        for place, call in enumerate(calls):
            begin = time.perf_counter()
            call()
            times[place].append((time.perf_counter() - begin) * 1e3)
    return [one[2:] for one in times]


def film_calls(**film: Any) -> list[Callable[[], object]]:
    """Both tools on one film, without a picture where it is a file: nobody asks for one there."""
    has_picture = "study_id" in film
    return [
        lambda: segment_xray(**film, overlay=has_picture),
        lambda: generate_report(**film),
    ]


def rows_of(who: str, times: Sequence[Sequence[float]]) -> list[Row]:
    """Outlining, reporting, and both of each film together."""
    both = [sum(pair) for pair in zip(*times, strict=True)]
    return [
        {"who": who, "what": what, "films": len(one)}
        | {f"p{share}_ms": round(float(np.percentile(one, share)), 1) for share in (50, 95)}
        for what, one in zip((*TOOLS, "both"), [*times, both], strict=True)
    ]


def our_rows(home: Path, studies: list[str]) -> list[Row]:
    """Over MCP, then in this process."""
    clinic = open_clinic(home)
    stdio = StdioServerParameters(
        command=sys.executable,
        args=["-m", "pedaxr_server", "serve", "--warm"],
        env={**os.environ, "PEDAXR_HOME": str(home)},
    )
    over_stdio = asyncio.run(agent_times(stdio, studies))
    rows = rows_of("MCP, stdio", [over_stdio[tool] for tool in TOOLS])
    with served(home, 8) as (url, _):
        over_http = asyncio.run(agent_times(url, studies))
    rows += rows_of("MCP, HTTP", [over_http[tool] for tool in TOOLS])
    registered = [film_calls(study_id=study, clinic=clinic) for study in studies]
    rows += rows_of("Python, registered study", python_times(registered))
    files = [film_calls(file=clinic.registry.study(study).image_path) for study in studies]
    return rows + rows_of("Python, file, no picture", python_times(files))


@contextmanager
def torch_threads(count: int) -> Iterator[None]:
    """That many for a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def reference_rows(words: int, repeats: int) -> list[Row]:
    """The reference networks, by threads and words."""
    networks = reference_networks()
    cores = os.cpu_count() or 1
    rows = []
    for threads, length in ((cores, 30), (cores, words), (1, words)):
        with torch_threads(threads):
            took = timed(partial(reference_film, *networks, words=length), repeats=repeats, warm=1)
        what = f"both, {length} words, {threads} thread{'s' if threads > 1 else ''}"
        rows.append({"who": "reference networks", "what": what, "films": repeats} | _percentiles(took))
    return rows


def other_rows(repeats: int) -> list[Row]:
    """Two usual networks for segmentation alone, with all threads, on a film of 512 pixels."""
    networks: dict[str, nn.Module] = {
        "DeepLabv3-MobileNetV3 of torchvision": _MobileNet(),
        "U-Net, 31 million parameters": UNet(),
    }
    film, rows = torch.rand(1, 3, _SIDE, _SIDE), []
    for who, network in networks.items():
        run = torch.inference_mode()(network.eval())
        with torch_threads(os.cpu_count() or 1):
            took = timed(partial(run, film), repeats=repeats, warm=1)
        rows.append({"who": who, "what": "network alone", "films": repeats} | _percentiles(took))
    return rows


def _percentiles(took: dict[str, float]) -> Row:
    return {name: round(took[name], 1) for name in ("p50_ms", "p95_ms")}


class _MobileNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = deeplabv3_mobilenet_v3_large(weights=None, weights_backbone=None, num_classes=17)

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.network(film)["out"]
        return logits


class UNet(nn.Module):
    """Ronneberger et al., 2015: 64 channels at full size, doubled four times; padded, batch-normalised."""

    def __init__(self, width: int = 64, depth: int = 4, classes: int = 17) -> None:
        super().__init__()
        sizes = [width * 2**level for level in range(depth + 1)]
        pairs = list(zip([3, *sizes], sizes, strict=False))
        self.down = nn.ModuleList(_two(*pair) for pair in pairs)
        back = list(zip(sizes[:0:-1], sizes[-2::-1], strict=True))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(wide, narrow, 2, 2) for wide, narrow in back)
        self.up = nn.ModuleList(_two(wide, narrow) for wide, narrow in back)
        self.head = nn.Conv2d(width, classes, 1)

    def forward(self, film: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) to logits (B, classes, H, W)."""
        kept: list[torch.Tensor] = []
        x = film
        for level, block in enumerate(self.down):
            x = block(nn.functional.max_pool2d(x, 2) if level else x)
            kept.append(x)
        for grow, block, beside in zip(self.grow, self.up, kept[-2::-1], strict=True):
            x = block(torch.cat([grow(x), beside], 1))
        logits: torch.Tensor = self.head(x)
        return logits


def _two(before: int, after: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for wide in (before, after):
        layers += [nn.Conv2d(wide, after, 3, padding=1, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)]
    return nn.Sequential(*layers)


def ratio_rows(ours: Sequence[Row], theirs: Sequence[Row]) -> list[Row]:
    """How many times as long as both of our tools each of the others takes."""
    rows = []
    for other in theirs:
        ratios = {
            one["who"]: round(other["p50_ms"] / one["p50_ms"], 1) for one in ours if one["what"] == "both"
        }
        rows.append({"other": f"{other['who']}, {other['what']}"} | ratios)
    return rows


def words_of(clinic: Clinic, studies: Sequence[str]) -> int:
    """The median number of tokens that our report writer writes of these films."""
    from pedaxr.reading.networks import reporter

    texts = [generate_report(study, clinic=clinic).narrative for study in studies]
    rows = reporter().pieces.rows(texts, longest=512)
    return int(np.median([len(row) - 1 for row in rows]))


def commit() -> str:
    """The code that was measured; empty outside a repository."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return found.stdout.strip()


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--films", type=int, default=20, help="studies that are read, each once by each way")
    parser.add_argument("--reference-repeats", type=int, default=5)
    parser.add_argument("--home", type=Path, help="a demo clinic; by default one is made")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = given.home or Path(folder) / "clinic"
        if not given.home:
            create_demo_clinic(home, patients=FEWEST_PATIENTS, processes=os.cpu_count() or 1)
        clinic = open_clinic(home)
        studies = readable(clinic, given.films)
        ours = our_rows(home, studies)
        words = words_of(clinic, studies[:5])
    theirs = [*reference_rows(words, given.reference_repeats), *other_rows(given.reference_repeats)]
    publish(
        "user",
        {"commit": commit(), "words": words, "threads": threads_per_call()},
        {
            f"What users wait for, warm (commit {commit()}, {threads_per_call()} threads a call)": ours,
            "In the same run": theirs,
            "How many times as long as both of our tools (p50)": ratio_rows(ours, theirs),
        },
        given,
    )


if __name__ == "__main__":
    main()
