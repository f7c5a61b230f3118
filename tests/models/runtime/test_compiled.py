"""The compiled runtime: same results as torch, a cache that mends itself, and no torch in the process."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import Seen, blank_like, both, pixel_values
from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.captioning.tokenizer import START
from pedaxr_models.checkpoint import GraphError, weights_folder
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import CHANNELS
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.runtime import compiled
from pedaxr_models.runtime.compiled import (
    CACHE_VARIABLE,
    DEVICE_VARIABLE,
    RUNTIME_VARIABLE,
    DeviceError,
    Graph,
)
from pedaxr_models.runtime.compiled_reporter import CompiledReporter
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter
from pedaxr_models.runtime.graphs import DecoderGraph, EncoderGraph
from pedaxr_models.runtime.load import load_segmenter, load_tube_finder
from pedaxr_models.runtime.threads import THREADS_VARIABLE, threads_per_call
from pedaxr_models.segmentation.film_segmenter import FilmSegmenter
from pedaxr_models.segmentation.segmenter import Segmenter

SEGMENTATION, CAPTIONER, TUBES = map(weights_folder, ("segmentation", "captioner", "tubes"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("graphs")


@pytest.fixture(autouse=True)
def _own_cache(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(cache))
    monkeypatch.delenv(RUNTIME_VARIABLE, raising=False)
    monkeypatch.setattr(compiled, "GRAPHS_FOLDER", "none next to the weights")


def _films(count: int) -> list[np.ndarray]:
    films = [make_film(sample_spec(0, index)).pixels for index in range(count)]
    return [(film / 255).astype(np.float32) for film in films]


def _small_network() -> ReportNetwork:
    torch.manual_seed(0)
    config = ReportNetworkConfig(
        vocabulary=40, image_size=32, hidden=16, heads=2, longest_text=8, longest_report=12
    )
    return ReportNetwork(config).eval()


def _small_inputs(network: ReportNetwork) -> tuple[torch.Tensor, ...]:
    size = network.config.image_size
    film = torch.randn(1, FILM_PLANES, size, size)
    regions = torch.randn(1, REGION_TOKENS, REGION_FEATURES)
    ids, mask = torch.tensor([[2, 9, 11, 3, 0, 0, 0, 0]]), torch.tensor([[1, 1, 1, 1, 0, 0, 0, 0]])
    return film, torch.rand(1, len(CHANNELS), size // 2, size // 2), regions, ids, mask


@torch.no_grad()
def test_the_decoder_written_out_step_by_step_equals_berts() -> None:
    network = _small_network()
    film, probabilities, regions, ids, mask = _small_inputs(network)
    seen = Seen(pixel_values(film, probabilities), regions)
    memory, known, findings = network.encode(
        both(seen, blank_like(seen)), ids.expand(2, -1), mask.expand(2, -1)
    )
    report = torch.tensor([[START, 7, 8, 30, 12]]).expand(2, -1)
    expected = network.decoder(
        input_ids=report, encoder_hidden_states=memory, encoder_attention_mask=known
    ).logits
    bias, ours, *crossed = EncoderGraph(network)(film, probabilities, regions, ids, mask)
    past = [torch.zeros(2, network.config.heads, 0, 8) for _ in crossed]
    step = DecoderGraph(network)
    for position in range(report.shape[1]):
        token = report[0, position : position + 1]
        chosen, chance, dependence, *_ = step(token, bias, *crossed, *past)
        logits, past = step.logits(token, bias, *crossed, *past)
        torch.testing.assert_close(logits, expected[:, position], atol=1e-5, rtol=1e-5)
        likely = expected[:, position].softmax(-1)
        assert int(chosen) == int(likely[0].argmax())
        assert float(chance) == pytest.approx(float(likely[0].max()), abs=1e-5)
        assert float(dependence) == pytest.approx(float((likely[0] - likely[1]).abs().sum()) / 2, abs=1e-5)
    torch.testing.assert_close(ours, findings[0])


def test_compiled_and_torch_outline_and_write_the_same() -> None:
    segmenters = Segmenter.load(SEGMENTATION), CompiledSegmenter.load(SEGMENTATION)
    reporters = Reporter.load(CAPTIONER), CompiledReporter.load(CAPTIONER)
    for film in _films(2):
        one, other = (s.predict(film) for s in segmenters)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=2e-4)
        told, again = (
            r.describe(film, s, FilmMetadata(age_months=7.0))
            for r, s in zip(reporters, (one, other), strict=True)
        )
        assert told.text == again.text
        assert told.confidence == pytest.approx(again.confidence, abs=1e-3)
        assert told.image_dependence == pytest.approx(again.image_dependence, abs=1e-3)
        assert told.probabilities == pytest.approx(again.probabilities, abs=1e-3)


def test_a_stored_graph_is_used_and_a_damaged_one_is_made_anew(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CompiledSegmenter.load(SEGMENTATION)
    (path,) = cache.glob("segmentation-*.graph")
    content = path.read_bytes()
    exports: list[str] = []
    exported = {"segmentation": compiled._read(path)}
    monkeypatch.setattr(compiled, "_export", lambda kind, _: exports.append(kind) or exported)
    CompiledSegmenter.load(SEGMENTATION)
    assert exports == []
    path.write_bytes(content[:5000] + bytes([content[5000] ^ 1]) + content[5001:])
    CompiledSegmenter.load(SEGMENTATION)
    assert exports == ["segmentation"]
    stored = path.read_bytes()
    assert compiled._read(path) == stored[32:]
    assert [p.name for p in cache.iterdir() if p.name.startswith(".")] == []


def test_a_cache_that_cannot_be_written_does_not_matter(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    CompiledSegmenter.load(SEGMENTATION)
    (path,) = cache.glob("segmentation-*.graph")
    exported = {"segmentation": compiled._read(path)}
    monkeypatch.setattr(compiled, "_export", lambda *_: exported)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "file"))
    assert CompiledSegmenter.load(SEGMENTATION).runtime == "compiled"


def test_without_graphs_auto_takes_torch_and_compiled_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise GraphError("No graph here.")

    monkeypatch.setattr("pedaxr_models.runtime.compiled_segmenter.open_graphs", refuse)
    monkeypatch.setattr("pedaxr_models.runtime.load.share_cores", lambda: None)
    assert load_segmenter(SEGMENTATION).runtime == "torch"
    monkeypatch.setenv(RUNTIME_VARIABLE, "compiled")
    with pytest.raises(GraphError):
        load_segmenter(SEGMENTATION)
    monkeypatch.setenv(RUNTIME_VARIABLE, "gpu")
    with pytest.raises(GraphError, match="auto, torch, compiled"):
        load_segmenter(SEGMENTATION)


def test_with_a_warm_cache_a_film_is_read_without_torch(cache: Path) -> None:
    CompiledSegmenter.load(SEGMENTATION)
    CompiledReporter.load(CAPTIONER)
    program = (
        "import sys, numpy as np\n"
        "from pedaxr.reading import networks\n"
        "from pedaxr_models.datasets.film import FilmMetadata\n"
        "film = np.random.default_rng(0).random((200, 160), np.float32)\n"
        "told = networks.reporter().describe(film, networks.segmenter().predict(film), FilmMetadata())\n"
        "assert told.text and not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    environment = {**os.environ, CACHE_VARIABLE: str(cache), RUNTIME_VARIABLE: "compiled"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)


TRAINING_ONLY = (
    *("torch", "torchvision", "transformers", "safetensors", "onnx"),
    *("matplotlib", "pandas", "scipy", "sklearn", "tensorboard", "tokenizers"),
)
BLOCKED = f"""
import sys
class Without:  # a finder that knows everything but these, as if they were not installed
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, path=None, target=None):
        missing = name.partition(".")[0] in {TRAINING_ONLY!r}
        return None if missing else self.finder.find_spec(name, path, target)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Without, sys.meta_path)
"""


@pytest.fixture
def with_graphs(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the bundled weights with their graphs next to them, as `pedaxr train graphs` leaves it."""
    CompiledSegmenter.load(SEGMENTATION), CompiledReporter.load(CAPTIONER), load_tube_finder(TUBES)
    for kind in compiled.GRAPHS:
        shutil.copytree(weights_folder(kind), tmp_path / "weights" / kind)
    monkeypatch.undo()
    kept = {path.name.partition("-")[0]: compiled._read(path) for path in cache.glob("*.graph")}
    monkeypatch.setattr(
        compiled, "_export", lambda kind, _: {name: kept[name] for name in compiled.GRAPHS[kind]}
    )
    stale = tmp_path / "weights" / compiled.GRAPHS_FOLDER / "segmentation-of-other-weights.graph"
    stale.parent.mkdir()
    stale.touch()
    written = compiled.write_graphs(tmp_path / "weights")
    assert len(written) == 4 and not stale.exists()
    assert {path.stat().st_mode & 0o777 for path in written} == {0o644}
    return tmp_path / "weights"


def test_with_graphs_beside_the_weights_everything_but_training_runs_without_its_packages(
    with_graphs: Path, tmp_path: Path
) -> None:
    Image.fromarray(make_film(sample_spec(0, 1)).pixels).save(tmp_path / "film.png")
    program = BLOCKED + (
        "from pathlib import Path\n"
        "from pedaxr import generate_report, open_clinic, segment_xray\n"
        "import pedaxr_server.serve, pedaxr_server.cli.app, pedaxr_server.worker.main\n"
        f"film = Path({str(tmp_path / 'film.png')!r})\n"
        "assert segment_xray(file=film).summary and generate_report(file=film).sections\n"
    )
    environment = {
        **os.environ,
        "PEDAXR_WEIGHTS": str(with_graphs),
        CACHE_VARIABLE: str(tmp_path / "no cache"),
        "HOME": str(tmp_path),
    }
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
    assert not (tmp_path / "no cache").exists()


def test_without_graphs_and_without_torch_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise subprocess.CalledProcessError(1, "python")

    monkeypatch.setattr(compiled.subprocess, "run", fails)
    monkeypatch.delitem(sys.modules, "torch")
    with pytest.raises(GraphError, match=r"pip install 'pedaxr\[train\]'"):
        compiled._export("segmentation", SEGMENTATION)


@pytest.mark.parametrize(("given", "threads"), [("", 2), ("1", 1), ("0", 1), ("many", 2), ("9999", None)])
def test_threads_are_at_least_one_and_at_most_the_cores(
    given: str, threads: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(THREADS_VARIABLE, given)
    cores = os.cpu_count() or 1
    assert threads_per_call() == min(threads or cores, cores)


def test_a_glance_at_some_channels_gives_what_a_whole_look_does() -> None:
    segmenter = CompiledSegmenter.load(SEGMENTATION)
    for film in (_films(1)[0], np.random.default_rng(0).random((300, 700)).astype(np.float32)):
        whole, some = segmenter.predict(film), segmenter.glance(film, CHANNELS[7:10])
        np.testing.assert_array_equal(some.probabilities[7:10], whole.probabilities[7:10])
        assert some.letterbox == whole.letterbox
        assert not some.probabilities[:7].any() and not some.probabilities[10:].any()


@pytest.mark.parametrize("load", [CompiledSegmenter.load, Segmenter.load], ids=["compiled", "torch"])
def test_films_seen_in_one_batch_are_seen_as_one_by_one(load: Callable[[Path], FilmSegmenter]) -> None:
    segmenter = load(SEGMENTATION)
    films = [_films(1)[0], np.zeros((200, 300), np.float32), _films(1)[0][:, ::-1]]
    alone = [segmenter.predict(film) for film in films]
    segmenter.look_ahead([(film, False) for film in films])
    looks: list[int] = []
    look = segmenter._look
    segmenter._look = lambda film: looks.append(len(film)) or look(film)  # type: ignore[method-assign]
    for film, one in zip(films[::-1], alone[::-1], strict=True):
        other = segmenter.predict(film)
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
        assert one.features is not None and other.features is not None
        np.testing.assert_allclose(one.features, other.features, atol=1e-4)
    assert looks == [], "all of them had been seen"
    segmenter.predict(films[0])
    assert looks == [1], "control: what was seen is taken once"


class _Session:
    """ONNX Runtime's, of a machine whose GPU works or does not."""

    def __init__(self, given: list[str], works: bool) -> None:
        self._providers = given if works else [name for name in given if name != "CUDAExecutionProvider"]

    def get_providers(self) -> list[str]:
        return self._providers

    def get_inputs(self) -> list[object]:
        return []


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool, bool], None]:
    """Makes ONNX Runtime one that has CUDA or not, on a machine where it works or not."""

    def make(has: bool, works: bool) -> None:
        known = ["CUDAExecutionProvider"] * has + ["CPUExecutionProvider"]
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: known)
        session = lambda document, options, providers: _Session(providers, works)  # noqa: E731
        monkeypatch.setattr(onnxruntime, "InferenceSession", session)

    return make


@pytest.mark.parametrize(
    ("wanted", "has", "works", "expected"),
    [
        ("auto", True, True, "CUDAExecutionProvider"),
        ("auto", True, False, "CPUExecutionProvider"),
        ("auto", False, False, "CPUExecutionProvider"),
        ("", True, True, "CUDAExecutionProvider"),
        ("cpu", True, True, "CPUExecutionProvider"),
        ("cuda", True, True, "CUDAExecutionProvider"),
    ],
)
def test_a_graph_runs_where_it_is_wanted(
    wanted: str,
    has: bool,
    works: bool,
    expected: str,
    cuda: Callable[[bool, bool], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cuda(has, works)
    monkeypatch.setenv(DEVICE_VARIABLE, wanted)
    assert Graph(b"").provider == expected
    assert compiled._compiled("decoder", b"").provider == "CPUExecutionProvider", "its steps are too small"


@pytest.mark.parametrize(
    ("wanted", "has", "told"),
    [("cuda", False, "onnxruntime-gpu"), ("cuda", True, "driver"), ("tpu", True, "auto")],
)
def test_a_device_that_is_asked_for_and_cannot_be_used_is_an_error_and_no_slower_reading(
    wanted: str, has: bool, told: str, cuda: Callable[[bool, bool], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compiled, "GRAPHS_FOLDER", "graphs")  # those next to the weights
    cuda(has, False)
    monkeypatch.setenv(DEVICE_VARIABLE, wanted)
    with pytest.raises(DeviceError, match=told):
        load_segmenter(SEGMENTATION)
