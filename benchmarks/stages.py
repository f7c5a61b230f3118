"""Processor time of every stage of one film beside its floor: what is left to gain, and where.

The floor of a stage is the larger of two times: its operations over what one thread of this machine does of
them in a matrix product, and the bytes that it reads and writes at the very least over what it copies.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring import limits, timed
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from pedaxr.radiograph.decoding import decode
from pedaxr.radiograph.read import read_radiograph
from pedaxr.reading.measurements import measure
from pedaxr.reading.quality import check_picture
from pedaxr.reading.regions import channel_masks, find_regions
from pedaxr_models.captioning.film_planes import film_planes
from pedaxr_models.captioning.region_tokens import region_features, shrink
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import View
from pedaxr_models.report_text.parser import parse
from pedaxr_models.runtime.compiled_reporter import CompiledReporter
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter, enlarge
from pedaxr_models.runtime.graphs import DecoderGraph, EncoderGraph
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.transforms import prepare

METADATA = FilmMetadata(age_months=8.0, patient_sex="F", indication="belly pain", view=View.ERECT)
Row = dict[str, Any]
Stage = tuple[Callable[[], object], float, float]  # work, GFLOP, bytes


def stage_rows(path: Path, repeats: int) -> list[Row]:
    """A row a stage, in the order in which a film goes through them, their sum, and the machine's limits."""
    can = limits()
    rows = [
        _row(name, timed(work, repeats=repeats)["cpu_p50_ms"], gflop, size, can)
        for name, (work, gflop, size) in _stages(path).items()
    ]
    total = {key: round(sum(row[key] for row in rows), 2) for key in ("floor, ms", "processor, ms")}
    machine = f"one thread: {can['gflops']} GFLOP/s, {can['gb_per_s']} GB/s"
    return [*rows, {"stage": f"all ({machine})", **total}]


def _row(name: str, ms: float, gflop: float, size: float, can: dict[str, float]) -> Row:
    floor = max(gflop / can["gflops"], size / 1e9 / can["gb_per_s"]) * 1e3
    return {
        "stage": name,
        "GFLOP": round(gflop, 2),
        "MB": round(size / 1e6, 1),
        "floor, ms": round(floor, 2),
        "processor, ms": ms,
        "times its floor": round(ms / floor, 1) if floor > 0.02 else "",
    }


def _stages(path: Path) -> dict[str, Stage]:
    segmenter = CompiledSegmenter.load(weights_folder("segmentation"))
    reporter = CompiledReporter.load(weights_folder("captioner"))
    film = read_radiograph(path)
    seen = segmenter.predict(film.pixels)
    return {
        **_before(path, segmenter),
        **_outlines(film.pixels, segmenter),
        **_report(film.pixels, reporter, seen),
    }


def _before(path: Path, segmenter: CompiledSegmenter) -> dict[str, Stage]:
    data, film = path.read_bytes(), read_radiograph(path)
    pixels = film.pixels.nbytes
    inputs, _ = prepare(film.pixels, segmenter.size)
    network = Segmenter.load(weights_folder("segmentation")).network
    tensor = torch.from_numpy(inputs)[None, None]
    return {
        "file decoded": (lambda: decode(data), 0, len(data) + pixels),
        "picture checked": (lambda: check_picture(film), 0, pixels),
        "frame, levels": (lambda: prepare(film.pixels, segmenter.size), 0, pixels + inputs.nbytes),
        "segmentation network": (
            lambda: segmenter.graph(inputs[None, None]),
            _gflop(network, tensor),
            _size(network) + inputs.nbytes,
        ),
    }


def _outlines(pixels: np.ndarray, segmenter: CompiledSegmenter) -> dict[str, Stage]:
    seen = segmenter.predict(pixels)
    inputs, _ = prepare(pixels, segmenter.size)
    logits = np.asarray(segmenter.graph(inputs[None, None])[0], np.float32)
    masks = channel_masks(seen, segmenter)
    planes, outlined = seen.probabilities.nbytes, sum(mask.nbytes for mask in masks.values())
    return {
        "probabilities in the frame": (lambda: enlarge(logits, segmenter.size), 0, logits.nbytes + planes),
        "outlines": (lambda: channel_masks(seen, segmenter), 0, planes + outlined),
        "regions placed and drawn": (
            lambda: find_regions(seen, pixels, masks, pixel_spacing_mm=(0.3, 0.3)),
            0,
            outlined + pixels.nbytes,
        ),
        "measures": (
            lambda: measure(masks, seen.letterbox, pixel_spacing_mm=(0.3, 0.3), view=View.ERECT),
            0,
            outlined / 2,
        ),
    }


def _report(pixels: np.ndarray, reporter: CompiledReporter, seen: Segmentation) -> dict[str, Stage]:
    probabilities, frame = seen.probabilities, seen.frame_of(pixels)
    framed = frame, seen.letterbox
    network = Reporter.load(weights_folder("captioner")).network
    network.requires_grad_(False)
    size = network.config.image_size
    inputs = reporter.inputs(pixels, seen, METADATA)
    bias, _, *crossed = reporter.encoder(*inputs)
    written = reporter.write(bias, crossed)
    text = reporter.pieces.decode(written.ids)
    tensors = [torch.from_numpy(array) for array in (bias, *crossed)]
    past = [torch.zeros(2, network.config.heads, len(written.ids) // 2, tensors[2].shape[3]) for _ in crossed]
    step = _gflop(DecoderGraph(network), torch.ones(1, dtype=torch.long), *tensors, *past)
    encoder = _gflop(EncoderGraph(network), *map(torch.from_numpy, inputs))
    return {
        "film's planes": (lambda: film_planes(pixels, size, framed), 0, frame.nbytes + inputs[0].nbytes),
        "probabilities shrunk": (lambda: shrink(probabilities, size // 2), 0, probabilities.nbytes),
        "regions in figures": (lambda: region_features(probabilities), 0, probabilities.nbytes),
        "encoder": (lambda: reporter.encoder(*inputs), encoder, _size(network)),
        f"decoder, {len(written.ids)} words": (
            lambda: reporter.write(bias, crossed),
            step * len(written.ids),
            _size(network.decoder),
        ),
        "text parsed": (lambda: parse(text), 0, 0),
    }


@torch.no_grad()
def _gflop(network: nn.Module, *inputs: torch.Tensor) -> float:
    network.requires_grad_(False)  # else the counter wants gradients to hang its hooks on
    with FlopCounterMode(display=False) as counter:
        network(*inputs)
    return counter.get_total_flops() / 1e9


def _size(network: nn.Module) -> int:
    parameters: Sequence[nn.Parameter] = list(network.parameters())
    return sum(parameter.nbytes for parameter in parameters)
