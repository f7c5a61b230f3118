"""Files that `torch.save` wrote: of tensors and plain values alone, so that reading one runs no code."""

import pickle
from pathlib import Path
from typing import Any

import torch


def read_state(path: Path, what: str) -> dict[str, Any]:
    """The values by name of a file of weights or of an interrupted run, on the CPU.

    Args:
        path: of the file.
        what: what to call it in an error.

    Raises:
        ValueError: it is damaged, or of another kind.
        OSError: it is missing, or may not be opened.
    """
    path.stat()  # missing is said as such: torch has many words for damaged
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except PermissionError:
        raise
    except (pickle.UnpicklingError, RuntimeError, ValueError, EOFError, LookupError, OSError) as err:
        raise ValueError(f"{what} is damaged, or was not written by PyTorch.") from err
    if not isinstance(state, dict):
        raise ValueError(f"{what} holds no values by name.")
    return state
