"""What becomes of an exported graph: its weights in half the bytes, and padding within its convolutions."""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
import pytest
import torch

from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.runtime import compiled
from pedaxr_models.runtime.export import _export, in_half, with_padding_in_convolutions
from pedaxr_models.segmentation.backbones.efficientnet_lite import SamePadding

SEGMENTATION = weights_folder("segmentation")


def _document(
    nodes: Sequence[onnx.NodeProto],
    given: onnx.ValueInfoProto,
    outputs: Sequence[onnx.ValueInfoProto],
    weights: Mapping[str, np.ndarray],
) -> bytes:
    stored = [onnx.numpy_helper.from_array(array, name) for name, array in weights.items()]
    return onnx.helper.make_model(
        onnx.helper.make_graph(nodes, "small", [given], outputs, stored),
        opset_imports=[onnx.helper.make_opsetid("", 17)],
        ir_version=8,
    ).SerializeToString()


def test_a_graph_in_half_the_bytes_gives_the_same_to_the_last_bit() -> None:
    draw = np.random.default_rng(0)
    trained = draw.normal(size=(64, 64)).astype(np.float32)  # what 16 bits do not hold stays as it is
    stored = trained.astype(np.float16).astype(np.float32)
    layers = [onnx.helper.make_node("MatMul", [x, w], [y]) for x, w, y in ("fsh", "htg")]
    film, gained = (onnx.helper.make_tensor_value_info(name, 1, [1, 64]) for name in "fg")
    whole = _document(layers, film, [gained], {"s": stored, "t": trained})
    small = in_half(whole)
    assert 0.9 * 2 * stored.size < len(whole) - len(small) < 2 * stored.size
    given = draw.normal(size=(1, 64)).astype(np.float32)
    assert np.array_equal(compiled.Graph(small)(given)[0], compiled.Graph(whole)(given)[0])


@pytest.mark.parametrize(("side", "kernel"), [(8, 3), (8, 5), (9, 3), (7, 5)])
def test_padding_by_zeros_goes_into_the_convolution_that_alone_reads_it(side: int, kernel: int) -> None:
    torch.manual_seed(0)
    network = torch.nn.Sequential(SamePadding(kernel, 2), torch.nn.Conv2d(1, 2, kernel, 2, bias=False))
    film = torch.randn(1, 1, side, side)
    document = _export(network, [film], ["film"], ["seen"], {"film": {0: "films"}})
    assert "Pad" not in {node.op_type for node in onnx.load_from_string(document).graph.node}
    with torch.no_grad():
        np.testing.assert_allclose(compiled.Graph(document)(film.numpy())[0], network(film), atol=1e-6)


@pytest.mark.parametrize("way", ["two readers", "filled with ones", "reflected", "channels padded"])
def test_padding_that_is_more_than_a_convolution_s_border_stays(way: str) -> None:
    filled = np.array([1.0 if way == "filled with ones" else 0.0], np.float32)
    by = np.array([0, 1, 0, 0, 0, 0, 1, 1] if way == "channels padded" else [0, 0, 0, 0, 0, 0, 1, 1])
    kernel = np.ones((1, 1 + by[1], 3, 3), np.float32)
    named = {"by": by, "filled": filled, "kernel": kernel}
    nodes = [
        onnx.helper.make_node(
            "Pad",
            ["film", "by", *(["filled"] if way != "reflected" else [])],
            ["padded"],
            mode="reflect" if way == "reflected" else "constant",
        ),
        onnx.helper.make_node("Conv", ["padded", "kernel"], ["seen"]),
        *([onnx.helper.make_node("Abs", ["padded"], ["beside"])] if way == "two readers" else []),
    ]
    given = onnx.helper.make_tensor_value_info("film", 1, [1, 1, 6, 6])
    outputs = [onnx.helper.make_empty_tensor_value_info(n.output[0]) for n in nodes[1:]]
    whole = _document(nodes, given, outputs, named)
    changed = with_padding_in_convolutions(whole)
    film = np.random.default_rng(0).normal(size=(1, 1, 6, 6)).astype(np.float32)
    for one, other in zip(compiled.Graph(changed)(film), compiled.Graph(whole)(film), strict=True):
        np.testing.assert_array_equal(one, other)
    assert "Pad" in {node.op_type for node in onnx.load_from_string(changed).graph.node}


def test_the_bundled_segmentation_lays_no_plane_out_anew_in_the_middle() -> None:
    path = next((SEGMENTATION.parent / "graphs").glob("segmentation-*"))
    document = path.read_bytes()[32:]
    steps = [node.op_type for node in onnx.load_from_string(document).graph.node]
    assert "Pad" not in steps and "Shape" not in steps


def test_the_bundled_graphs_are_kept_in_half_the_bytes() -> None:
    folder = SEGMENTATION.parent / "graphs"
    for name in ("segmentation", "captioner", "tubes"):
        weights = sum(path.stat().st_size for path in weights_folder(name).glob("*.safetensors"))
        files = [path for graph in compiled.GRAPHS[name] for path in folder.glob(f"{graph}-*")]
        assert len(files) == len(compiled.GRAPHS[name])
        of_layers = 60_000  # what a graph is made of besides its weights
        assert sum(path.stat().st_size for path in files) < 1.1 * weights + of_layers
