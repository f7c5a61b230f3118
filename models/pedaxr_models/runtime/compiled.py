"""Networks as compiled CPU graphs (ONNX Runtime). Loads no torch where the graphs are at hand.

Graphs lie next to the weights (`pedaxr train graphs`; the bundled weights have theirs), or else are exported
on first use, which needs torch, and kept in a cache.

Taken over OpenVINO by measurement (docs/speed.md): the steps of the decoder are so small that what a call
costs by itself counts.

    <weights>/graphs/segmentation-0123456789abcdef.graph   SHA-256 of the rest (32 bytes), then the ONNX
                                                           document; the same in the cache

The name holds a digest of the weights and of all that shapes the graph, so new weights get a new file.
"""

import contextlib
import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.checkpoint import Checkpoint, GraphError, find_network, load_checkpoint
from pedaxr_models.runtime.threads import threads_per_call

Runtime = Literal["auto", "torch", "compiled"]
RUNTIME_VARIABLE = "PEDAXR_RUNTIME"
Device = Literal["auto", "cpu", "cuda"]
DEVICE_VARIABLE = "PEDAXR_DEVICE"
_CUDA, _CPU = "CUDAExecutionProvider", "CPUExecutionProvider"
CACHE_VARIABLE = "PEDAXR_GRAPHS"
_FORMAT = 3  # of the graphs; raise it when `graphs.py` changes what they take or give
_USE_TORCH = f"{RUNTIME_VARIABLE}=torch"
_USE_CPU = f"Check the driver and CUDA's libraries, or set {DEVICE_VARIABLE}=auto."
_DIGEST = 32
GRAPHS = {"segmentation": ("segmentation",), "captioner": ("encoder", "decoder"), "tubes": ("tubes",)}
_EXPORT_S = 600  # far more than it takes
GRAPHS_FOLDER = "graphs"  # next to the folders of the networks
_KEPT = 16  # files in the cache; about 12 MB for a pair of networks

AnyArray = NDArray[Any]


def wanted_runtime() -> Runtime:
    """$PEDAXR_RUNTIME, or "auto": compiled where ONNX Runtime is installed and the export succeeds.

    Raises:
        GraphError: the variable holds something else.
    """
    wanted = os.environ.get(RUNTIME_VARIABLE) or "auto"
    if wanted not in get_args(Runtime):
        raise GraphError(f"{RUNTIME_VARIABLE} is {wanted!r}. Use one of {', '.join(get_args(Runtime))}.")
    return cast(Runtime, wanted)


def wanted_device() -> Device:
    """$PEDAXR_DEVICE, or "auto": a GPU where this ONNX Runtime has CUDA, else the CPU.

    Raises:
        DeviceError: the variable holds something else.
    """
    wanted = os.environ.get(DEVICE_VARIABLE) or "auto"
    if wanted not in get_args(Device):
        raise DeviceError(f"{DEVICE_VARIABLE} is {wanted!r}. Use one of {', '.join(get_args(Device))}.")
    return cast(Device, wanted)


def graph_cache() -> Path:
    """Where graphs are kept: $PEDAXR_GRAPHS, or the user's cache folder."""
    if given := os.environ.get(CACHE_VARIABLE):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("pedaxr") / "graphs"


class DeviceError(GraphError):
    """The device that is asked for cannot be used; nothing else is taken instead."""


class Graph:
    """One compiled graph. It may be called from several threads, each of which uses its own cores.

    Attributes:
        provider: of ONNX Runtime, that runs it.
    """

    def __init__(self, document: bytes, *, threads: int | None = None, device: Device | None = None) -> None:
        """Compile an ONNX document.

        Args:
            document: the graph.
            threads: that a call uses, `threads_per_call` by default.
            device: where it runs, `wanted_device` by default.

        Raises:
            DeviceError: a GPU is asked for and cannot be used.
            GraphError: ONNX Runtime is not installed, or does not take the document.
        """
        try:
            import onnxruntime
        except ImportError as err:
            raise GraphError("ONNX Runtime is not installed. Install pedaxr again.") from err
        wanted = device or wanted_device()
        providers = _providers(onnxruntime, wanted)
        try:
            self._session = onnxruntime.InferenceSession(
                document, _session_options(onnxruntime, threads), providers=providers
            )
        except Exception as err:
            raise GraphError(f"ONNX Runtime does not take the graph. Set {_USE_TORCH}.") from err
        self.provider = str(self._session.get_providers()[0])
        if wanted == "cuda" and self.provider != _CUDA:  # its libraries are missing, or there is no GPU
            raise DeviceError(f"{DEVICE_VARIABLE} is 'cuda', and no GPU can be used here. {_USE_CPU}")
        self._inputs = [given.name for given in self._session.get_inputs()]

    def __call__(self, *inputs: AnyArray) -> list[AnyArray]:
        """Outputs in the graph's order, for inputs in the graph's order."""
        return list(self._session.run(None, dict(zip(self._inputs, inputs, strict=True))))


def open_graphs(kind: str, folder: Path, checkpoint: Checkpoint) -> dict[str, Graph]:
    """Graphs of a network by name: those next to the weights or in the cache, else exported and cached.

    Args:
        kind: a member of `NETWORKS`.
        folder: of the checkpoint.
        checkpoint: its content; the tensors are not needed.

    A file that is damaged, or that this ONNX Runtime refuses, is rebuilt. Where the cache cannot be written
    the graphs are used all the same.

    Raises:
        GraphError: they cannot be exported or compiled.
    """
    names = {name: f"{name}-{_key(checkpoint)}.graph" for name in GRAPHS[kind]}
    for place in (folder.parent / GRAPHS_FOLDER, graph_cache()):
        stored = {name: _read(place / file) for name, file in names.items()}
        if all(stored.values()):
            try:
                return {name: _compiled(name, document) for name, document in stored.items() if document}
            except DeviceError:
                raise
            except GraphError:
                continue
    made = _export(kind, folder)
    graphs = {name: _compiled(name, made[name]) for name in names}
    with contextlib.suppress(OSError):
        for name, file in names.items():
            _write(graph_cache() / file, made[name])
        _prune(graph_cache())
    return graphs


def _compiled(name: str, document: bytes) -> Graph:
    """The steps of the decoder are too small to share: waking a second thread takes longer than its half.

    They stay on the CPU for the same reason: each would send its past to a GPU and fetch it again.
    """
    return Graph(document, threads=1, device="cpu") if name == "decoder" else Graph(document)


def write_graphs(weights: Path) -> list[Path]:
    """Export the graphs of the networks in a weights folder into it, in place of those there.

    `weights` is a folder that PEDAXR_WEIGHTS takes. Needs torch; a machine that serves these weights then
    needs none.

    Raises:
        CheckpointError: there is no network, or one is damaged.
        GraphError: torch cannot export it.
        OSError: the folder cannot be written.
    """
    found = {kind: folder for kind in GRAPHS if (folder := find_network(weights, kind)) is not None}
    found = found or {kind: weights / kind for kind in GRAPHS}  # whose absence is then told
    graphs = next(iter(found.values())).parent / GRAPHS_FOLDER
    written = []
    for kind, folder in found.items():
        key = _key(load_checkpoint(folder, with_tensors=False))
        for name, document in _export(kind, folder).items():
            written.append(graphs / f"{name}-{key}.graph")
            _write(written[-1], document)
            written[-1].chmod(0o644)  # installed with the package, for everybody who runs it
    graphs.chmod(0o755)
    for path in set(graphs.glob("*.graph")) - set(written):
        path.unlink()
    return written


def _export(kind: str, folder: Path) -> dict[str, bytes]:
    """Documents by graph: here when torch is loaded anyway, else apart, so that this process stays small."""
    if "torch" in sys.modules:
        from pedaxr_models.runtime.export import EXPORTS

        return EXPORTS[kind](folder)
    with tempfile.TemporaryDirectory(prefix="pedaxr-") as out:
        command = [sys.executable, "-m", "pedaxr_models.runtime.export", kind, str(folder.absolute()), out]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_EXPORT_S)
            return {name: (Path(out) / f"{name}.onnx").read_bytes() for name in GRAPHS[kind]}
        except (OSError, subprocess.SubprocessError) as err:
            raise GraphError(
                f"The network in '{folder.name}' has no compiled graph and was not exported. Where PyTorch "
                f"is installed (pip install 'pedaxr[train]') run `pedaxr train graphs`, or set {_USE_TORCH}."
            ) from err


def _providers(onnxruntime: Any, wanted: Device) -> list[str]:
    """In the order in which ONNX Runtime tries them."""
    has_cuda = _CUDA in onnxruntime.get_available_providers()
    if wanted == "cuda" and not has_cuda:
        raise DeviceError(
            f"{DEVICE_VARIABLE} is 'cuda', and this ONNX Runtime has no CUDA. Install onnxruntime-gpu in the "
            f"place of onnxruntime, or set {DEVICE_VARIABLE}=auto."
        )
    return [_CUDA, _CPU] if has_cuda and wanted != "cpu" else [_CPU]


def _session_options(onnxruntime: Any, threads: int | None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or threads_per_call()
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised; warnings would end up on stderr
    # Threads that wait by spinning take the cores from whatever else the machine does.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def _key(checkpoint: Checkpoint) -> str:
    shaping = {name: checkpoint.config.get(name) for name in ("network", "size")}  # thresholds shape none
    shape = json.dumps([_FORMAT, checkpoint.weights_sha256, shaping], sort_keys=True)
    return hashlib.sha256(shape.encode()).hexdigest()[:16]


def _read(path: Path) -> bytes | None:
    """The document, or None when it is missing or not as it was written."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, document = content[:_DIGEST], content[_DIGEST:]
    if not document or hashlib.sha256(document).digest() != digest:
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # `_prune` leaves what is in use
    return document


def _write(path: Path, document: bytes) -> None:
    """Write next to `path` and move there: another process finds the whole file or none."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle, part = tempfile.mkstemp(prefix=f".{path.stem}-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(document).digest() + document)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except OSError:
        Path(part).unlink(missing_ok=True)
        raise


def _prune(folder: Path) -> None:
    """Remove the graphs of weights long gone: all but the latest used."""
    files = sorted(folder.glob("*.graph"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in files[_KEPT:]:
        path.unlink(missing_ok=True)


def as_float(array: AnyArray) -> NDArray[np.float32]:
    """Float32 without a copy where it is that already."""
    return np.asarray(array, np.float32)
