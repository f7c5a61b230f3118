"""ONNX Runtime beside OpenVINO on the graphs of the bundled weights, one thread each: which is to run them.

pip install openvino
python benchmarks/runtimes.py [--publish docs/speed.md]
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import onnxruntime
import openvino
from measuring import arguments, publish, timed

from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.runtime.compiled import Graph
from pedaxr_models.runtime.export import EXPORTS

STEPS = 70
Run = Callable[[Sequence[np.ndarray]], Sequence[np.ndarray]]


def runtimes(document: bytes) -> dict[str, Run]:
    """The graph in each runtime, by the runtime's name."""
    graph = Graph(document)
    options = {"INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
    core = openvino.Core()
    found: dict[str, Run] = {f"ONNX Runtime {onnxruntime.__version__}": lambda given: graph(*given)}
    for precision in ("f32", "bf16"):
        asked = {**options, "INFERENCE_PRECISION_HINT": precision}
        compiled = core.compile_model(core.read_model(document, b""), "CPU", asked)

        def run(given: Sequence[np.ndarray], model: Any = compiled) -> Sequence[np.ndarray]:
            return [value.copy() for value in model(list(given)).values()]

        found[f"OpenVINO {openvino.__version__.split('-')[0]}, {precision}"] = run
    return found


def example(document: bytes) -> list[np.ndarray]:
    """Random inputs of the graph's shapes, axes of free length 1."""
    session = onnxruntime.InferenceSession(document, providers=["CPUExecutionProvider"])
    rng = np.random.default_rng(0)
    inputs = []
    for given in session.get_inputs():
        shape = [side if isinstance(side, int) else 1 for side in given.shape]
        is_float = given.type == "tensor(float)"
        inputs.append(rng.random(shape, np.float32) if is_float else np.ones(shape, np.int64))
    return inputs


def decode(run: Run, inputs: list[np.ndarray]) -> None:
    """`STEPS` steps, each with the past that the one before gave."""
    kept, past = inputs[1:-4], inputs[-4:]
    token = inputs[0]
    for _ in range(STEPS):
        token, _, _, *past = run([token, *kept, *past])


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--repeats", type=int, default=10)
    given = parser.parse_args()
    documents = EXPORTS["segmentation"](weights_folder("segmentation"))
    documents |= EXPORTS["captioner"](weights_folder("captioner"))
    rows: dict[str, dict[str, Any]] = {}
    for name, document in documents.items():
        inputs, first = example(document), None
        for runtime, run in runtimes(document).items():
            work = (
                (lambda r=run, i=inputs: decode(r, i))
                if name == "decoder"
                else (lambda r=run, i=inputs: r(i))
            )
            row = rows.setdefault(runtime, {"runtime": runtime})
            what = f"{STEPS} steps of the decoder" if name == "decoder" else name
            row[f"{what}, ms"] = timed(work, repeats=given.repeats)["cpu_p50_ms"]
            if name == "segmentation":
                logits = np.asarray(run(inputs)[0], np.float64)
                likely = 1 / (1 + np.exp(-logits))
                first = likely if first is None else first
                row["largest difference of a probability"] = f"{np.abs(likely - first).max():.0e}"
    publish("runtimes", {}, {"One thread, processor time, p50": list(rows.values())}, given)


if __name__ == "__main__":
    main()
