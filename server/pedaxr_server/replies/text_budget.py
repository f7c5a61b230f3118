"""How long a reply may be, without a tokenizer."""

import math
from collections.abc import Sequence

from mcp_types import TextContent

MOST_TOKENS = 2000  # of a reply's text, by `most_tokens`
SHORTENED = "(shortened; see the data)"


def most_tokens(text: str) -> int:
    """An upper estimate of the tokens of a text: one for 2.8 ASCII characters, three for any other character.

    Dense JSON needs the first figure, rare Hangul the second; prose of either language needs less. `make
    judges` holds it against three real tokenizers.
    """
    ascii_chars = sum(map(str.isascii, text))
    return math.ceil(ascii_chars / 2.8 + 3 * (len(text) - ascii_chars))


def fitting(lines: Sequence[str], budget: int) -> list[str]:
    """As many of the first lines as fit into `budget` tokens."""
    kept: list[str] = []
    for line in lines:
        budget -= most_tokens(line) + 1
        if budget < 0:
            break
        kept.append(line)
    return kept


def text_of(lines: Sequence[str], last: str) -> TextContent:
    """The lines that fit, from the first on, and `last` in any case."""
    said = [line for line in lines if line]
    shown = fitting(said, MOST_TOKENS - most_tokens(f"{SHORTENED}{last}") - 2)
    cut = [] if len(shown) == len(said) else [SHORTENED]
    return TextContent(text="\n".join([*shown, *cut, last]))
