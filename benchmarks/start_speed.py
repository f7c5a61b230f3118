"""Cold starts: the server until it lists its tools, a process until it has read its first film.

Each is a process of its own, started from nothing but the disk cache of the operating system.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from measuring import arguments, publish
from PIL import Image

from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.runtime.compiled import CACHE_VARIABLE, RUNTIME_VARIABLE

_FIRST_FILM = """
import json, resource, sys, time
begin = time.perf_counter()
from pathlib import Path
from pedaxr.generate_report import generate_report
from pedaxr.segment_xray import segment_xray
film = Path(sys.argv[1])
segment_xray(file=film, overlay=False)
generate_report(file=film)
print(json.dumps({"own_s": time.perf_counter() - begin, "cpu_s": time.process_time(),
    "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024}))
"""


async def until_tools() -> float:
    """Seconds from starting the server to its list of tools, over stdio."""
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "pedaxr_server", "serve"], env=dict(os.environ)
    )
    begin = time.perf_counter()
    async with Client(command) as client:
        await client.list_tools()
        return time.perf_counter() - begin


def first_film(film: Path, **environment: str) -> dict[str, Any]:
    """A fresh process that outlines and reports on one film."""
    begin = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", _FIRST_FILM, str(film)],
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
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.png"
        Image.fromarray(make_film(sample_spec(0, 3)).pixels).save(film)
        cache = {CACHE_VARIABLE: str(Path(folder) / "graphs")}
        rows: list[dict[str, Any]] = []
        rows.append({"what": "first film ever: graphs are exported", **first_film(film, **cache)})
        for name, extra in (("compiled", cache), ("torch", {})):
            found = [first_film(film, **{RUNTIME_VARIABLE: name}, **extra) for _ in range(given.repeats)]
            medians = {key: round(float(np.median([row[key] for row in found])), 2) for key in found[0]}
            rows.append({"what": f"first film of a process, {name}", **medians})
        listed = [asyncio.run(until_tools()) for _ in range(given.repeats)]
        rows.append({"what": "server: start to tools/list", "s": round(float(np.median(listed)), 2)})
    publish({"repeats": given.repeats}, {"Cold starts, median": rows}, given.json)


if __name__ == "__main__":
    main()
