"""From trained networks to ONNX documents; torch is needed here, and only here, for a compiled graph.

python -m pedaxr_models.runtime.export captioner <checkpoint folder> <folder to write NAME.onnx into>
"""

import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.network import ReportNetworkConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import GraphError, load_checkpoint
from pedaxr_models.labels import CHANNELS
from pedaxr_models.pyramid.network import load_network
from pedaxr_models.runtime.graphs import DecoderGraph, EncoderGraph, SegmentationGraph
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.transforms import FRAME

_OPSET = 17
_LEAST_HALVED = 1024  # numbers; below, a node more costs what it saves


def export_segmentation(folder: Path) -> dict[str, bytes]:
    """The graph `segmentation` of a checkpoint folder, for any number of films.

    Raises:
        CheckpointError: the folder is missing, damaged or not of a segmentation network of this version.
        GraphError: torch cannot export it.
    """
    segmenter = Segmenter.load(folder)
    film = torch.zeros(1, 1, segmenter.size, segmenter.size)
    graph = SegmentationGraph(segmenter.network)
    return {
        "segmentation": _export(graph, [film], ["film"], ["logits", "features"], {"film": {0: "films"}}),
    }


def export_captioner(folder: Path) -> dict[str, bytes]:
    """The graphs `encoder` and `decoder` of a checkpoint folder, for one film.

    Raises:
        CheckpointError: the folder is missing, damaged or not of a report writer of this version.
        GraphError: torch cannot export it.
    """
    network = Reporter.load(folder).network.eval()
    config = network.config
    seen = _seen_by_encoder(config)
    encoder = EncoderGraph(network)
    with torch.no_grad():
        bias, _, *crossed = encoder(*seen.values())
    layers = range(config.decoder_layers)
    films, pasts, growns = (
        [f"{kind}_{what}_{layer}" for layer in layers for what in ("keys", "values")]
        for kind in ("film", "past", "grown")
    )
    past = [torch.zeros(2, config.heads, 3, config.hidden // config.heads) for _ in pasts]
    return {
        "encoder": _export(
            encoder,
            list(seen.values()),
            list(seen),
            ["bias", "findings", *films],
            {"features": {2: "rows", 3: "columns"}} if config.features else {},
        ),
        "decoder": _export(
            DecoderGraph(network),
            [torch.ones(1, dtype=torch.long), bias, *crossed, *past],
            ["token", "bias", *films, *pasts],
            ["chosen", "chance", "dependence", *growns],
            {name: {2: "words"} for name in pasts} | {name: {2: "words_and_one"} for name in growns},
        ),
    }


def _seen_by_encoder(config: ReportNetworkConfig) -> dict[str, Tensor]:
    """An empty input for each name, in the encoder's order."""
    side, longest = config.image_size, config.longest_text
    seen = {
        "film": torch.zeros(1, FILM_PLANES, side, side),
        "probabilities": torch.zeros(1, len(CHANNELS), side // 2, side // 2),
        "regions": torch.zeros(1, REGION_TOKENS, config.region_features or REGION_FEATURES),
        "text_ids": torch.ones(1, longest, dtype=torch.long),
        "text_mask": torch.ones(1, longest, dtype=torch.long),
    }
    return seen | ({"features": torch.zeros(1, config.features, 24, 24)} if config.features else {})


def export_tubes(folder: Path) -> dict[str, bytes]:
    """The graph `tubes` of a checkpoint folder, for one film.

    Raises:
        CheckpointError: the folder is missing or damaged.
        GraphError: torch cannot export it.
    """
    network = load_network(load_checkpoint(folder))
    return {"tubes": _export(network, [torch.zeros(1, 1, FRAME, FRAME)], ["film"], ["logits"], {})}


EXPORTS = {"segmentation": export_segmentation, "captioner": export_captioner, "tubes": export_tubes}


def _export(
    graph: nn.Module,
    example: Sequence[Tensor],
    inputs: list[str],
    outputs: list[str],
    free: dict[str, dict[int, str]],
) -> bytes:
    """ONNX document of a graph; `free` names the axes whose length is not that of the example."""
    try:
        with (
            tempfile.TemporaryDirectory(prefix="pedaxr-") as folder,
            warnings.catch_warnings(),
            torch.no_grad(),
        ):
            # The exporter by tracing warns that it is old; the new one needs another package and more time.
            warnings.simplefilter("ignore")
            path = Path(folder) / "graph.onnx"
            torch.onnx.export(
                graph.eval(),
                tuple(example),
                path,
                input_names=inputs,
                output_names=outputs,
                dynamic_axes=free,
                opset_version=_OPSET,
                dynamo=False,
                # Batch norms stay apart, so that weights are what was stored; ONNX Runtime folds them.
                training=torch.onnx.TrainingMode.PRESERVE,
            )
            return in_half(with_padding_in_convolutions(path.read_bytes()))
    except Exception as err:
        raise GraphError("The network cannot be exported. Set PEDAXR_RUNTIME=torch.") from err


def with_padding_in_convolutions(document: bytes) -> bytes:
    """The same graph without padding by zeros as a step of its own where a convolution is all that reads it.

    Such a step lays a plane out again, before and after: with the four of EfficientNet-Lite0 a film took a
    fifth longer.
    """
    model = onnx.load_from_string(document)
    nodes = model.graph.node
    readers = Counter(name for node in nodes for name in node.input)
    for pad in [node for node in nodes if node.op_type == "Pad"]:
        reader = next(node for node in nodes if pad.output[0] in node.input)
        before, after = np.array_split(_constant(model, pad.input[1]), 2)
        is_alone = reader.op_type == "Conv" and readers[pad.output[0]] == 1
        if not is_alone or before[:2].any() or after[:2].any() or _is_filled(model, pad):
            continue
        pads = next((one.ints for one in reader.attribute if one.name == "pads"), None)
        own = np.zeros(4, np.int64) if pads is None else np.array(pads)
        summed = own + np.concatenate([before[2:], after[2:]])
        kept = [one for one in reader.attribute if one.name != "pads"]
        del reader.attribute[:]
        reader.attribute.extend([*kept, onnx.helper.make_attribute("pads", summed.tolist())])
        reader.input[0] = pad.input[0]
        nodes.remove(pad)
    return bytes(model.SerializeToString())


def _is_filled(model: onnx.ModelProto, pad: onnx.NodeProto) -> bool:
    """Whether a Pad may write anything but zeros."""
    mode = next((one.s for one in pad.attribute if one.name == "mode"), b"constant")
    value = pad.input[2] if len(pad.input) > 2 else ""
    return mode != b"constant" or bool(value and np.any(_constant(model, value)))


def _constant(model: onnx.ModelProto, name: str) -> NDArray[Any]:
    """A value that depends on no input of the graph."""
    made = {output: node for node in model.graph.node for output in node.output}
    needed, open_names = [], [name]
    while open_names:
        node = made.get(open_names.pop())
        if node is not None and node not in needed:
            needed.append(node)
            open_names += node.input
    steps = [node for node in model.graph.node if node in needed]
    output = onnx.helper.make_empty_tensor_value_info(name)
    graph = onnx.helper.make_graph(steps, "constant", [], [output], model.graph.initializer)
    program = onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)
    (found,) = list(ReferenceEvaluator(program).run(None, {}))
    return np.asarray(found)


def in_half(document: bytes) -> bytes:
    """The same graph in half the bytes: what 16 bits hold exactly, as they do stored weights, is kept in 16.

    They become 32-bit numbers again before they are used, so every output is the same to the last bit.
    """
    model = onnx.load_from_string(document)
    widened = []
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype != np.float32 or values.size < _LEAST_HALVED:
            continue
        half = values.astype(np.float16)
        if np.array_equal(half.astype(np.float32), values):
            name = weights.name
            weights.CopyFrom(numpy_helper.from_array(half, f"{name}_half"))
            widened.append(onnx.helper.make_node("Cast", [weights.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*widened, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return bytes(model.SerializeToString())


def main(kind: str, folder: str, out: str) -> None:
    """Write the graphs of a checkpoint into `out`, for a process that wants to stay without torch."""
    torch.set_num_threads(1)
    for name, document in EXPORTS[kind](Path(folder)).items():
        (Path(out) / f"{name}.onnx").write_bytes(document)


if __name__ == "__main__":
    main(*sys.argv[1:])
