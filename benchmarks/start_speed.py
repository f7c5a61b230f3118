"""Cold starts: the server until it lists its tools, a process until it has read its first film.

Each is a process of its own, started from nothing but the disk cache of the operating system and the bytecode
that an installation has. The reference networks start the same way: their modules are imported and built, and
their (random) weights read from a file.
"""

import asyncio
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from load import family, memory
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from measuring import arguments, publish
from PIL import Image
from reference_networks import reference_networks

from pedaxr.clinic.find_patient import find_patient
from pedaxr.demo.clinic import create_demo_clinic
from pedaxr.demo.patients import DEMO_UNAMBIGUOUS_NAME, FEWEST_PATIENTS
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.runtime.compiled import CACHE_VARIABLE, RUNTIME_VARIABLE

_THINKS_S = 2.0  # a quick language model, or a human
_FIRST_FILM = """
import json, resource, sys, time
begin = time.perf_counter()
from pathlib import Path
from pedaxr.reports.generate_report import generate_report
from pedaxr.reading.segment_xray import segment_xray
film = Path(sys.argv[1])
segment_xray(file=film, overlay=False)
generate_report(file=film)
print(json.dumps({"own_s": time.perf_counter() - begin, "cpu_s": time.process_time(),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""


_FIRST_FILM_OF_THE_SEED = """
import json, resource, sys, time
begin = time.perf_counter()
sys.path.insert(0, sys.argv[2])
import torch
from reference_networks import reference_film, reference_networks
torch.set_num_threads(1)
networks = reference_networks()
for network, state in zip(networks, torch.load(sys.argv[1], weights_only=True), strict=True):
    network.load_state_dict(state)
reference_film(*networks, words=80)
print(json.dumps({"own_s": time.perf_counter() - begin, "cpu_s": time.process_time(),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""


def compile_as_installed() -> None:
    """As pip does; a checkout that may not write its bytecode is compiled again at every start."""
    for package in ("pedaxr_server", "pedaxr", "pedaxr_models"):
        found = find_spec(package)
        assert found is not None and found.origin is not None
        compileall.compile_dir(Path(found.origin).parent, quiet=1)


def _command(home: Path, python: Path) -> StdioServerParameters:
    return StdioServerParameters(
        command=str(python),
        args=["-m", "pedaxr_server", "serve"],
        env={**os.environ, "PEDAXR_HOME": str(home)},
    )


async def asked_after_search(home: Path, study_id: str, python: Path) -> float:
    """Seconds that a fresh server takes for its first film, asked for a moment after the child was found."""
    async with Client(_command(home, python)) as client:
        await client.call_tool("find_patient", {"query": DEMO_UNAMBIGUOUS_NAME})
        await asyncio.sleep(_THINKS_S)
        begin = time.perf_counter()
        answer = await client.call_tool("segment_xray", {"study_id": study_id})
        assert not answer.is_error, answer.content
        return time.perf_counter() - begin


async def serve_once(home: Path, study_id: str, python: Path) -> dict[str, float]:
    """Seconds from starting the server, over stdio, to its list of tools and to its first report; memory.

    The memory is that of the server, its reading worker and its decoder together, after two calls; what they
    share counts once.
    """
    before = set(family(os.getpid()))
    begin = time.perf_counter()
    async with Client(_command(home, python)) as client:
        await client.list_tools()
        listed = time.perf_counter() - begin
        for tool in ("segment_xray", "generate_report"):
            answer = await client.call_tool(tool, {"study_id": study_id})
            assert not answer.is_error, answer.content
        told = time.perf_counter() - begin
        own = [process for process in family(os.getpid()) if process not in before]
        return {"listed": listed, "told": told, "mb": sum(memory(one, "Pss:") for one in own) / 2**20}


def service_rows(folder: Path, repeats: int, python: Path) -> list[dict[str, Any]]:
    """Medians of a server on a small clinic."""
    clinic = create_demo_clinic(folder / "clinic", patients=FEWEST_PATIENTS, processes=1)
    patient = find_patient(DEMO_UNAMBIGUOUS_NAME, clinic=clinic).matches[0]
    study_id = patient.studies[0].study_id
    found = [asyncio.run(serve_once(clinic.home, study_id, python)) for _ in range(repeats)]
    asked = [asyncio.run(asked_after_search(clinic.home, study_id, python)) for _ in range(repeats)]
    listed, told, mb = (float(np.median([one[key] for one in found])) for key in ("listed", "told", "mb"))
    return [
        {"what": "server: start to tools/list", "s": round(listed, 2)},
        {"what": "server: start to the first film outlined and reported", "s": round(told, 2)},
        {
            "what": f"server: first film outlined, asked for {_THINKS_S:.0f} s after the child was found",
            "s": round(float(np.median(asked)), 2),
        },
        {"what": "server, reading worker and decoder after both tools", "peak_mb": round(mb)},
    ]


def reference_row(folder: Path) -> dict[str, Any]:
    """The first film of a process that runs the reference networks."""
    states = folder / "reference.pt"
    torch.save([network.state_dict() for network in reference_networks()], states)
    return first_film(_FIRST_FILM_OF_THE_SEED, states, str(Path(__file__).parent))


def first_film(program: str, *given: str | Path, **environment: str) -> dict[str, Any]:
    """A fresh process that outlines and reports on one film."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, given)],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
    )
    told = json.loads(done.stdout.splitlines()[-1])
    return {
        "s": round(time.perf_counter() - begin, 2),
        "cpu_s": round(told["cpu_s"], 2),
        "peak_mb": told["peak_mb"],
    }


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--server",
        type=Path,
        default=Path(sys.executable),
        metavar="PYTHON",
        help="of the environment whose server is started: one that only serves has no pandas, which "
        "sqlite-utils loads where it is",
    )
    given = parser.parse_args()
    compile_as_installed()
    with tempfile.TemporaryDirectory() as folder:
        film, ours = Path(folder) / "film.png", _FIRST_FILM
        Image.fromarray(make_film(sample_spec(0, 3)).pixels).save(film)
        cache = {CACHE_VARIABLE: str(Path(folder) / "graphs")}
        rows: list[dict[str, Any]] = []
        rows.append(
            {
                "what": "first film on a fresh machine: the graphs come with the weights",
                **first_film(ours, film, **cache),
            }
        )
        for name, extra in (("compiled", cache), ("torch", {})):
            found = [
                first_film(ours, film, **{RUNTIME_VARIABLE: name}, **extra) for _ in range(given.repeats)
            ]
            medians = {key: round(float(np.median([row[key] for row in found])), 2) for key in found[0]}
            rows.append({"what": f"first film of a process, {name}", **medians})
        rows.append(
            {"what": "first film of a process, the reference networks", **reference_row(Path(folder))}
        )
        reference, compiled = rows[-1], rows[1]
        ratios = {key: round(reference[key] / compiled[key], 1) for key in ("s", "cpu_s", "peak_mb")}
        rows.append({"what": "reference / compiled", **ratios})
        rows += service_rows(Path(folder), given.repeats, given.server)
    publish("starts", {"repeats": given.repeats}, {"Cold starts and memory, medians": rows}, given)


if __name__ == "__main__":
    main()
