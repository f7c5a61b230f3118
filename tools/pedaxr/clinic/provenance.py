"""What the networks in use were trained on, in words: from their own metadata, never from this program's.

Weights of one's own, trained on a hospital's films, must not be called synthetic, nor synthetic ones
clinical; weights that say nothing are said to say nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from pedaxr.text import printable
from pedaxr.types import TrainedOn

_LONGEST_NAME = 80
NOT_STATED = "not_stated"


class Trained(Protocol):
    """A network with the `data.json` of its checkpoint."""

    @property
    def data(self) -> Mapping[str, Any]:
        """What data.json says; empty where it says nothing."""
        ...


@dataclass(frozen=True)
class Provenance:
    """Of one network, or of several together.

    Attributes:
        sources: names of the data sets, as their cards give them.
    """

    trained_on: TrainedOn
    sources: tuple[str, ...] = ()

    @property
    def short(self) -> str:
        """A sentence for a picture or a reply."""
        return {
            "synthetic": "Trained on synthetic films.",
            "clinical": f"Trained on films of {self._named}.",
            "mixed": f"Trained partly on synthetic films, partly on films of {self._named}.",
            NOT_STATED: "The weights do not say what they were trained on.",
        }[self.trained_on]

    @property
    def statement(self) -> str:
        """The same, with what it means for the figures that are published of the networks."""
        if self.trained_on == NOT_STATED:
            return self.short
        return f"{self.short[:-1]}; figures in the model cards hold for such films only."

    @property
    def _named(self) -> str:
        each = dict.fromkeys(name for source in self.sources for name in source.split(" and "))
        return ", ".join(each) or "a source that is not named"


def provenance(*networks: Trained) -> Provenance:
    """What the networks were trained on, taken together."""
    each = [_of_data(network.data) for network in networks]
    kinds = {one.trained_on for one in each}
    clinical = [name for one in each if one.trained_on in ("clinical", "mixed") for name in one.sources]
    if NOT_STATED in kinds or not kinds:
        return Provenance("not_stated")
    if len(kinds) > 1:
        return Provenance("mixed", tuple(dict.fromkeys(clinical)))
    return Provenance(kinds.pop(), tuple(dict.fromkeys(name for one in each for name in one.sources)))


def _of_data(data: Mapping[str, Any]) -> Provenance:
    made = data.get("made")
    if not isinstance(made, Mapping) or not isinstance(made.get("is_synthetic"), bool):
        return Provenance("not_stated")
    real = _named_real(data.get("also"))
    if made["is_synthetic"] and real:
        return Provenance("mixed", real)
    name = printable(str(made.get("name") or ""), _LONGEST_NAME)
    return Provenance("synthetic" if made["is_synthetic"] else "clinical", (name,) if name else ())


def _named_real(also: object) -> tuple[str, ...]:
    """Names of the sets of real films that a network was trained on besides synthetic ones."""
    sets = [one for one in also if isinstance(one, Mapping)] if isinstance(also, list) else []
    names = [
        printable(str(one.get("name") or ""), _LONGEST_NAME) for one in sets if not one.get("is_synthetic")
    ]
    return tuple(dict.fromkeys(name for name in names if name))
