"""How long a reply may be, without a tokenizer."""

import math
from collections.abc import Sequence

MOST_TOKENS = 2000  # of a reply's text, by `most_tokens`
SHORTENED = "(shortened; see the data)"


def most_tokens(text: str) -> int:
    """An upper estimate of the tokens of a text.

    One for 2.8 ASCII characters, two for a usual syllable of Hangul, three for any other character: dense
    JSON and rare characters need as much, prose of either language needs less. `make judges` holds it against
    three real tokenizers.
    """
    ascii_chars = sum(map(str.isascii, text))
    usual = sum(map(_is_usual_hangul, text))
    return math.ceil(ascii_chars / 2.8 + 2 * usual + 3 * (len(text) - ascii_chars - usual))


def _is_usual_hangul(char: str) -> bool:
    """Whether KS X 1001 holds the syllable, as it does those that Korean prose is written in."""
    return "가" <= char <= "힣" and char.encode("euc_kr", errors="ignore") != b""


def fitting(lines: Sequence[str], budget: int) -> list[str]:
    """As many of the first lines as fit into `budget` tokens."""
    kept: list[str] = []
    for line in lines:
        budget -= most_tokens(line) + 1
        if budget < 0:
            break
        kept.append(line)
    return kept


def text_of(lines: Sequence[str], last: str) -> str:
    """The lines that fit, from the first on, and `last` in any case."""
    said = [line for line in lines if line]
    shown = fitting(said, MOST_TOKENS - most_tokens(f"{SHORTENED}{last}") - 2)
    cut = [] if len(shown) == len(said) else [SHORTENED]
    return "\n".join([*shown, *cut, last])
