"""Runs that can be stopped at any moment and resumed: how one begins, what it keeps, and when."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

import torch

from pedaxr_models.training.loop import reuse_large_blocks
from pedaxr_models.training.state_file import read_state

STATE = "state.pt"


def begin(out: Path, *, seed: int, threads: int | None = None) -> None:
    """What comes before anything of a run is built: its seed, memory and threads, and its folder."""
    torch.manual_seed(seed)
    reuse_large_blocks()
    if threads:
        torch.set_num_threads(threads)
    out.mkdir(parents=True, exist_ok=True)


def save_whole(state: object, path: Path) -> Path:
    """Write with `torch.save`, replaced in one rename: a file there is always whole. Returns `path`."""
    part = path.with_suffix(".tmp")
    torch.save(state, part)
    return part.replace(path)


class Resumable:
    """What a run carries from step to step; batches follow from (seed, step), so that none is kept.

    Attributes:
        PARTS: attributes with a `state_dict`, such as networks and optimisers, that `state.pt` holds.
        VALUES: plain attributes that it holds.
    """

    PARTS: ClassVar[tuple[str, ...]]
    VALUES: ClassVar[tuple[str, ...]]

    def save(self, folder: Path) -> None:
        """All that resuming needs, in the run's folder."""
        state = {name: getattr(self, name).state_dict() for name in self.PARTS}
        state |= {name: getattr(self, name) for name in self.VALUES}
        save_whole(state | {"random": torch.get_rng_state()}, folder / STATE)

    def resume(self, folder: Path) -> None:
        """Go on from what `save` wrote there; where nothing lies, the run stays as it is.

        Raises:
            ValueError: it is damaged, or of another network than the run's.
        """
        if not (folder / STATE).exists():
            return
        what = f"The interrupted run in {folder.name!r}"
        state = read_state(folder / STATE, what)
        try:
            for name in self.PARTS:
                getattr(self, name).load_state_dict(state[name])
            for name in self.VALUES:
                setattr(self, name, state[name])
        except (RuntimeError, ValueError, KeyError) as err:
            raise ValueError(
                f"{what} trains another network than is asked for now. Give the options it began with, or "
                "another folder."
            ) from err
        torch.set_rng_state(state["random"])

    @contextmanager
    def kept_in(self, folder: Path, *, writes: bool = True) -> Iterator[None]:
        """Save the run when the block ends, also by Ctrl-C or an error.

        Args:
            folder: of the run.
            writes: False in all processes of a run but its first.
        """
        try:
            yield
        finally:
            if writes:
                self.save(folder)
