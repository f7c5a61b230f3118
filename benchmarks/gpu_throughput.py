"""Films a second of both networks in batches, from decoded films, on whatever device is there.

    python benchmarks/gpu_throughput.py --films 512 --batches 1 8 32 64 --publish docs/speed.md    # on a GPU
    python benchmarks/gpu_throughput.py --films 8 --batches 1 4                                    # anywhere

Decoding is measured apart. "compiled" is what serves: ONNX Runtime, with its CUDA provider where
`onnxruntime-gpu` is installed; "torch" is the same networks in PyTorch, in bfloat16 on a GPU. What is done on
the CPU before, between and after the networks has rows of its own: on a GPU it is likely what is left.
"""

import io
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from measuring import arguments, publish
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pedaxr.radiograph.read import read_radiograph
from pedaxr_models.captioning.film_planes import film_planes
from pedaxr_models.captioning.inputs import Seen, pixel_values
from pedaxr_models.captioning.region_tokens import region_features, shrink
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.runtime.compiled_reporter import CompiledReporter
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter, enlarge
from pedaxr_models.runtime.threads import share_cores, threads_per_call
from pedaxr_models.segmentation.film_segmenter import Segmentation
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.transforms import frame_film, prepare_frame

FloatArray = NDArray[np.float32]
_DIFFERENT = 16  # films; the rest are those again, which costs a network as much


@dataclass
class Prepared:
    """Decoded films, and the same as the segmentation takes them (N, S, S)."""

    films: list[FloatArray]
    inputs: FloatArray


def device() -> torch.device:
    """A GPU where torch has one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def per_second(films: int, work: Callable[[], object]) -> float:
    """Films a second of work that was done once before, waiting for what a GPU has begun."""
    work()
    _finish()
    begin = time.perf_counter()
    work()
    _finish()
    return round(films / (time.perf_counter() - begin), 1)


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def row(what: str, where: str, batch: int | str, rate: float) -> dict[str, Any]:
    """One line of the table."""
    return {"what": what, "on": where, "batch": batch, "films/s": rate}


def decoding_rows(count: int) -> Iterator[dict[str, Any]]:
    """Files to pixels, in one process: an archive has as many as there are cores."""
    png, jpeg = io.BytesIO(), io.BytesIO()
    picture = Image.fromarray(make_film(sample_spec(0, 0)).pixels)
    picture.save(png, "PNG")
    picture.save(jpeg, "JPEG", quality=95)
    for name, file in (("PNG decoded", png), ("JPEG decoded", jpeg)):
        data = file.getvalue()
        yield row(
            name,
            "CPU, one process",
            1,
            per_second(count, lambda d=data: [read_radiograph(d) for _ in range(count)]),
        )


def prepared(count: int, size: int) -> Prepared:
    """So many decoded films."""
    made = [
        (make_film(sample_spec(0, n)).pixels / 255).astype(np.float32) for n in range(min(count, _DIFFERENT))
    ]
    films = [made[n % len(made)] for n in range(count)]
    return Prepared(films, np.stack([prepare_frame(*frame_film(film), size) for film in films]))


def parts(count: int, batch: int) -> list[slice]:
    """Of `count` films, in batches."""
    return [slice(begin, min(begin + batch, count)) for begin in range(0, count, batch)]


def compiled_rows(given: Prepared, batches: Sequence[int]) -> Iterator[dict[str, Any]]:
    """What serves: the graph with its copies to and from the device; a report film by film."""
    segmenter = CompiledSegmenter.load(weights_folder("segmentation"))
    reporter = CompiledReporter.load(weights_folder("captioner"))
    count, where = (
        len(given.films),
        f"{segmenter.graph.provider.removesuffix('ExecutionProvider')} (compiled)",
    )
    for batch in batches:

        def look(batch: int = batch) -> None:
            for part in parts(count, batch):
                segmenter.graph(given.inputs[part][:, None])

        yield row("segmentation, network", where, batch, per_second(count, look))
    logits = segmenter.graph(given.inputs[:1, None])[0]
    yield row(
        "segmentation, probabilities enlarged",
        "CPU",
        1,
        per_second(count, lambda: [enlarge(logits, segmenter.size) for _ in range(count)]),
    )
    seen = segmenter.predict(given.films[0])
    inputs = reporter.inputs(given.films[0], seen, FilmMetadata())
    bias, _, *crossed = reporter.encoder(*inputs)
    encoder = f"{reporter.encoder.provider.removesuffix('ExecutionProvider')} (compiled)"
    steps: dict[str, tuple[str, Callable[[], object]]] = {
        "report, encoder": (encoder, lambda: reporter.encoder(*inputs)),
        "report, decoder": ("CPU (compiled)", lambda: reporter.write(bias, crossed)),
        "report, inputs from what was segmented": (
            "CPU",
            lambda: reporter.inputs(given.films[0], seen, FilmMetadata()),
        ),
    }
    for what, (place, work) in steps.items():
        yield row(what, place, 1, per_second(count, lambda w=work: [w() for _ in range(count)]))


class Batches:
    """Both networks in PyTorch on one device, a batch at a time."""

    def __init__(self) -> None:
        self.device = device()
        self.segmenter = Segmenter.load(weights_folder("segmentation"))
        self.reporter = Reporter.load(weights_folder("captioner"))
        for network in (self.segmenter.network, self.reporter.network):
            network.to(self.device).eval()

    @torch.inference_mode()
    def look(self, inputs: FloatArray) -> tuple[Tensor, Tensor]:
        """Prepared films (B, S, S) to logits (B, C, s, s) and features, left on the device."""
        film = torch.from_numpy(inputs)[:, None].to(self.device, memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            logits, features = self.segmenter.network.look(film)
        return logits.float(), features.float()

    @torch.inference_mode()
    def tell(self, seen: Seen) -> Tensor:
        """Tokens (B, L) of the reports of a batch, greedy."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            memory, mask, _ = self.reporter._encode(seen, [FilmMetadata()] * len(seen))
            return self.reporter.network.write(memory.float(), mask)[0]

    def seen_of(self, films: Sequence[FloatArray], logits: FloatArray, features: FloatArray) -> Seen:
        """What the report writer is given of segmented films: done on the CPU, as it serves."""
        size = self.reporter.network.config.image_size
        rows = []
        for film, planes in zip(films, logits, strict=True):
            frame, letterbox = frame_film(film)
            seen = Segmentation(enlarge(planes[None], self.segmenter.size)[0], letterbox, frame)
            planes_of = film_planes(film, size, (frame, letterbox))
            rows.append(
                (planes_of, shrink(seen.probabilities, size // 2), region_features(seen.probabilities))
            )
        film, shares, regions = (torch.from_numpy(np.stack(column)) for column in zip(*rows, strict=True))
        known = torch.from_numpy(features) if self.reporter.features else None
        return Seen(pixel_values(film, shares), regions, known)

    def both(self, given: Prepared, part: slice) -> None:
        """Both networks of one batch of decoded films, and all that is between them."""
        films = given.films[part]
        inputs = np.stack([prepare_frame(*frame_film(film), self.segmenter.size) for film in films])
        logits, features = self.look(inputs)
        self.tell(self.seen_of(films, logits.cpu().numpy(), features.cpu().numpy()))


def torch_rows(given: Prepared, batches: Sequence[int]) -> Iterator[dict[str, Any]]:
    """The same networks in PyTorch: each alone, then both from decoded films."""
    networks, count = Batches(), len(given.films)
    where = f"{networks.device.type.upper()} (torch)"
    for batch in batches:
        some = parts(count, batch)
        logits, features = networks.look(given.inputs[some[0]])
        seen = networks.seen_of(given.films[some[0]], logits.cpu().numpy(), features.cpu().numpy())
        of_one = len(given.films[some[0]])
        works: dict[str, tuple[int, Callable[[], object]]] = {
            "segmentation, network": (
                count,
                lambda some=some: [networks.look(given.inputs[p]) for p in some],
            ),
            "report, encoder and decoder": (of_one, lambda seen=seen: networks.tell(seen)),
            "both networks from decoded films": (
                count,
                lambda some=some: [networks.both(given, p) for p in some],
            ),
        }
        for what, (films, work) in works.items():
            yield row(what, where, batch, per_second(films, work))


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--films", type=int, default=64, help="decoded films of each row")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8, 32])
    given = parser.parse_args()
    share_cores()
    torch.set_num_threads(threads_per_call())
    films = prepared(given.films, CompiledSegmenter.load(weights_folder("segmentation")).size)
    rows = [
        *decoding_rows(min(given.films, 32)),
        *compiled_rows(films, given.batches),
        *torch_rows(films, given.batches),
    ]
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "none"
    publish("gpu", {"gpu": name}, {f"Films a second in batches; GPU: {name}": rows}, given)


if __name__ == "__main__":
    main()
