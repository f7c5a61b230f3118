"""A trained network as a folder: what it is, how it was made, and proof that no byte of it has changed.

    config.json    the network's options, channels, preprocessing and thresholds
    weights-00001-of-00002.safetensors ...   float16, each below 16 MiB: they live in a plain git repository
    metrics.json recipe.json data.json README.md     what was measured, how it was trained, on what, for whom
    manifest.json  SHA-256 of every other file

Of 500 single-bit flips in a weights file about a third changed the output without any error, so every file is
hashed in the very bytes that are then used, and anything missing, changed or unlisted is refused.

Importing this module, and `load_checkpoint` without its tensors, load no torch.
"""

import hashlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
SHARD_BYTES = 15 * 2**20  # leaves room for the header below 16 MiB
MANIFEST = "manifest.json"
JSON_FILES = ("config.json", "metrics.json", "recipe.json", "data.json")
CARD = "README.md"
NETWORKS = ("segmentation", "captioner", "tubes")
BUNDLED_WEIGHTS = Path(__file__).parent / "weights"
_HALF_OVERFLOWS = 65520.0  # rounds to infinity in 16 bits; all below is at most the largest number, 65504
_PART = "#part"  # a tensor larger than a shard is stored in pieces along its first axis

Json = dict[str, Any]


class GraphError(RuntimeError):
    """No compiled graph can be had; the message says why and what to do next."""


class CheckpointError(ValueError):
    """A checkpoint folder cannot be trusted or is not there; the message says what to do next."""


@dataclass(frozen=True)
class Checkpoint:
    """A verified checkpoint.

    Attributes:
        tensors: by parameter name; floating point tensors are float32 whatever they were stored as. Empty
            when they were not asked for.
        weights_sha256: one hexadecimal digest for all weights, to be named in reports.
        files: content of every other file (tokenizer and the like), by name.
    """

    config: Json
    tensors: dict[str, "Tensor"]
    weights_sha256: str
    metrics: Json = field(default_factory=dict)
    recipe: Json = field(default_factory=dict)
    data: Json = field(default_factory=dict)
    card: str = ""
    files: dict[str, bytes] = field(default_factory=dict)


def weights_root() -> Path:
    """$PEDAXR_WEIGHTS, or the folder of the bundled weights."""
    return Path(os.environ.get("PEDAXR_WEIGHTS") or BUNDLED_WEIGHTS)


def weights_folder(network: str) -> Path:
    """Where the weights of `network`, a member of `NETWORKS`, are.

    $PEDAXR_WEIGHTS names a folder with one or more of the networks, the folder of a training (with
    `checkpoint/`), or a checkpoint. A network that it does not hold is the bundled one; where it holds none,
    the folder that is missing is named, so that a wrong path is an error.
    """
    root = weights_root()
    if (own := find_network(root, network)) is not None:
        return own
    holds_another = any(find_network(root, other) for other in NETWORKS)
    return (BUNDLED_WEIGHTS if holds_another else root) / network


def find_network(root: Path, network: str) -> Path | None:
    """The checkpoint of a network in a folder of weights, of a training, or in a checkpoint; else None.

    A checkpoint whose kind cannot be read counts as each, so that loading it tells what is wrong.
    """
    if (root / network).is_dir():
        return root / network
    for folder in (root / "checkpoint", root):
        if (folder / MANIFEST).is_file() and _kind_of(folder) in (network, None):
            return folder
    return None


def points_folders(root: Path) -> list[Path]:
    """Where operating points of these weights may lie: beside the networks, or beside a checkpoint."""
    return [root, root.parent] if (root / MANIFEST).is_file() else [root]


def _kind_of(checkpoint: Path) -> str | None:
    try:
        name = str(json.loads((checkpoint / JSON_FILES[0]).read_bytes())["name"]).removeprefix("pedaxr-")
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return name if name in NETWORKS else None


def save_checkpoint(
    folder: Path,
    *,
    tensors: "Mapping[str, Tensor]",
    config: Json,
    metrics: Json,
    recipe: Json,
    data: Json,
    card: str,
    extra_files: Mapping[str, Path] | None = None,
) -> None:
    """Write a checkpoint folder; a reader finds the old one or the new one whole, never half of either.

    Raises:
        ValueError: a tensor holds a NaN or an infinity, or an extra file has the name of one of ours.
    """
    contents: dict[str, bytes] = dict(_shards(tensors))
    for name, document in zip(JSON_FILES, (config, metrics, recipe, data), strict=True):
        contents[name] = _dump(document)
    contents[CARD] = card.encode()
    for name, path in (extra_files or {}).items():
        if name in contents or name == MANIFEST or Path(name).name != name:
            raise ValueError(f"{name!r} cannot be the name of an extra file in a checkpoint.")
        contents[name] = path.read_bytes()
    contents[MANIFEST] = _dump({"format": FORMAT, "files": {n: _sha256(b) for n, b in contents.items()}})
    _replace_folder(folder, contents)


def revise_checkpoint(
    folder: Path, *, metrics: Json | None = None, card: str | None = None, config: Json | None = None
) -> None:
    """Store new figures, a new card or new thresholds with weights that stay as they are.

    Raises:
        CheckpointError: the folder is missing or damaged.
    """
    listed = _read_manifest(folder)
    contents = {name: _read_verified(folder, name, digest) for name, digest in listed.items()}
    given = {JSON_FILES[0]: config, JSON_FILES[1]: metrics}
    contents |= {name: _dump(content) for name, content in given.items() if content is not None}
    contents |= {CARD: card.encode()} if card is not None else {}
    contents[MANIFEST] = _dump({"format": FORMAT, "files": {n: _sha256(b) for n, b in contents.items()}})
    _replace_folder(folder, contents)


def load_checkpoint(folder: Path, *, with_tensors: bool = True) -> Checkpoint:
    """Read and verify a checkpoint folder; without its tensors, when something else holds the network.

    Raises:
        CheckpointError: the folder is missing, damaged, of another format, or holds files its manifest does
            not list.
    """
    listed = _read_manifest(folder)
    contents = {name: _read_verified(folder, name, digest) for name, digest in listed.items()}
    if missing := [name for name in (*JSON_FILES, CARD) if name not in contents]:
        raise CheckpointError(_refusal(folder, f"its manifest does not list {missing[0]}"))
    config, metrics, recipe, data = (_parse(folder, name, contents.pop(name)) for name in JSON_FILES)
    shards = {n: contents.pop(n) for n in sorted(contents) if n.endswith(".safetensors")}
    return Checkpoint(
        config=config,
        tensors=_read_shards(folder, shards) if with_tensors else {},
        weights_sha256=_sha256("".join(listed[name] for name in shards).encode()),
        metrics=metrics,
        recipe=recipe,
        data=data,
        card=contents.pop(CARD).decode(),
        files=contents,
    )


def tensors_sha256(tensors: "Mapping[str, Tensor]") -> str:
    """One hexadecimal digest of the weights among these tensors, as a checkpoint stores them."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        if tensors[name].is_floating_point():
            digest.update(f"{name}\n".encode() + _stored(name, tensors[name]).numpy().tobytes())
    return digest.hexdigest()


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _dump(document: Json) -> bytes:
    return (json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _refusal(folder: Path, reason: str) -> str:
    return (
        f"The weights in '{folder.name}' were not loaded: {reason}. Install pedaxr again, point "
        "PEDAXR_WEIGHTS at a good copy, or train new weights with `pedaxr train`."
    )


def _parse(folder: Path, name: str, content: bytes) -> Json:
    try:
        document = json.loads(content)
    except ValueError as err:
        raise CheckpointError(_refusal(folder, f"{name} is not valid JSON")) from err
    if not isinstance(document, dict):
        raise CheckpointError(_refusal(folder, f"{name} is not a JSON object"))
    return document


def _read(folder: Path, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except OSError as err:
        raise CheckpointError(_refusal(folder, f"{name} is missing or cannot be read")) from err


def _read_manifest(folder: Path) -> dict[str, str]:
    """File names and digests. Nothing hashes the manifest itself, so its bytes must be exactly as written."""
    if not folder.is_dir():
        raise CheckpointError(_refusal(folder, "there is no such folder"))
    content = _read(folder, MANIFEST)
    manifest = _parse(folder, MANIFEST, content)
    if manifest.get("format") != FORMAT:
        raise CheckpointError(
            _refusal(folder, f"it is not of checkpoint format {FORMAT}, the one this version reads")
        )
    files = manifest.get("files")
    if not isinstance(files, dict) or content != _dump(manifest) or set(manifest) != {"format", "files"}:
        raise CheckpointError(_refusal(folder, f"{MANIFEST} is damaged"))
    if unlisted := {path.name for path in folder.iterdir()} - {MANIFEST, *files}:
        raise CheckpointError(
            _refusal(folder, f"it holds {min(unlisted)!r}, which its manifest does not list")
        )
    return {str(name): str(digest) for name, digest in files.items()}


def _read_verified(folder: Path, name: str, digest: str) -> bytes:
    if Path(name).name != name:
        raise CheckpointError(_refusal(folder, f"{MANIFEST} names a file outside the folder"))
    content = _read(folder, name)
    if _sha256(content) != digest:
        raise CheckpointError(_refusal(folder, f"{name} does not match its SHA-256"))
    return content


def _stored(name: str, tensor: "Tensor") -> "Tensor":
    """Half precision, unless a value would overflow it (some batch-norm variances of deep networks do)."""
    tensor = tensor.detach().cpu()
    if not tensor.is_floating_point():
        return tensor.contiguous()
    largest = float(tensor.abs().max()) if tensor.numel() else 0.0  # NaN where any is
    if not math.isfinite(largest):
        raise ValueError(f"Tensor {name!r} holds a NaN or an infinity: the training has diverged.")
    return (tensor.half() if largest < _HALF_OVERFLOWS else tensor.float()).contiguous()


def _pieces(name: str, tensor: "Tensor") -> "Iterator[tuple[str, Tensor]]":
    import torch

    if tensor.nbytes <= SHARD_BYTES:
        yield name, tensor
        return
    rows = max(1, SHARD_BYTES * tensor.shape[0] // tensor.nbytes)
    for number, piece in enumerate(torch.split(tensor, rows)):
        yield f"{name}{_PART}{number:05d}", piece.contiguous()


def _shards(tensors: "Mapping[str, Tensor]") -> Iterator[tuple[str, bytes]]:
    from safetensors.torch import save

    groups: list[dict[str, Tensor]] = [{}]
    used = 0
    for name in sorted(tensors):
        for key, piece in _pieces(name, _stored(name, tensors[name])):
            if groups[-1] and used + piece.nbytes > SHARD_BYTES:
                groups.append({})
                used = 0
            # safetensors refuses tensors that share memory (tied weights): store each on its own
            groups[-1][key] = piece.clone()
            used += piece.nbytes
    for number, group in enumerate(groups, 1):
        yield f"weights-{number:05d}-of-{len(groups):05d}.safetensors", save(group)


def _read_shards(folder: Path, shards: Mapping[str, bytes]) -> "dict[str, Tensor]":
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load

    stored: dict[str, Tensor] = {}
    for name, content in shards.items():
        try:
            stored |= load(content)
        except SafetensorError as err:
            raise CheckpointError(_refusal(folder, f"{name} is not a safetensors file")) from err
    parts: dict[str, list[Tensor]] = {}
    for key in sorted(stored):
        parts.setdefault(key.partition(_PART)[0], []).append(stored[key])
    whole = {name: torch.cat(pieces) if len(pieces) > 1 else pieces[0] for name, pieces in parts.items()}
    return {name: t.float() if t.is_floating_point() else t for name, t in whole.items()}


def _replace_folder(folder: Path, contents: Mapping[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    new = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        for name, content in contents.items():
            with (new / name).open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
        new.chmod(0o755)  # mkdtemp makes it private
        _swap(folder, new)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _swap(folder: Path, new: Path) -> None:
    """Put `new` in the place of `folder`, which steps aside: no folder can be renamed onto a full one."""
    aside = new.with_name(f"{new.name}.old")
    if folder.exists():
        folder.rename(aside)
    try:
        new.rename(folder)
    except OSError:
        if aside.exists():
            aside.rename(folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
