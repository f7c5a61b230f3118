"""WordPiece as BERT does it (Devlin et al., 2019), from the JSON document of a `tokenizers` tokenizer.

Training learns a vocabulary with the library `tokenizers`; reading films needs only what is here, so that
serving does without it. Both give the same for every character of Unicode 3.2 and every text of such: a test
compares them. The library's tables are older than Python's, so that a mark or sign of a script that was added
since is a letter to it.
"""

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_LONGEST_WORD = 100
_CONTINUES = "##"
# Blocks of CJK ideographs, each of which is a word; Hangul and kana are not.
_IDEOGRAPHS = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B920, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)
_UNSEEN = ("Cc", "Cf", "Co", "Cs")
_CLEANED = {" .": ".", " ?": "?", " !": "!", " ,": ","}


@dataclass(frozen=True)
class WordPieceVocabulary:
    """Pieces with their numbers.

    Attributes:
        document: the JSON that it was read from.
        pieces: number of each piece.
        special: pieces that stand for no text, such as [PAD]; found in a text they are themselves.
        unknown: number of a word that no pieces make.
        frame: numbers before and after every text.
    """

    document: str
    pieces: Mapping[str, int]
    special: Mapping[str, int]
    unknown: int
    frame: tuple[tuple[int, ...], tuple[int, ...]]

    @classmethod
    def from_json(cls, document: str) -> "WordPieceVocabulary":
        """Read a document.

        Raises:
            ValueError: it is of another kind of tokenizer than BERT's.
        """
        content = json.loads(document)
        pieces: dict[str, int] = content["model"]["vocab"]
        if not _is_bert(content):
            raise ValueError("The tokenizer is not a WordPiece tokenizer in lower case, as BERT's.")
        special = {one["content"]: int(one["id"]) for one in content["added_tokens"] if one["special"]}
        single = content["post_processor"]["single"]
        place = next(i for i, part in enumerate(single) if "Sequence" in part)
        numbers = [pieces[p["SpecialToken"]["id"]] if "SpecialToken" in p else -1 for p in single]
        frame = tuple(numbers[:place]), tuple(numbers[place + 1 :])
        return cls(document, pieces, special, pieces[content["model"]["unk_token"]], frame)

    def encode(self, text: str) -> list[int]:
        """Numbers of a text, framed."""
        before, after = self.frame
        return [*before, *self._numbers(text), *after]

    def decode(self, ids: Sequence[int]) -> str:
        """Text of numbers without the special ones, a space between words."""
        names = {number: piece for piece, number in self.pieces.items()}
        special = set(self.special.values())
        told = [names[number] for number in ids if number in names and number not in special]
        return "".join(_written(piece, is_first=i == 0) for i, piece in enumerate(told))

    def _numbers(self, text: str) -> Iterator[int]:
        marks = "|".join(map(re.escape, sorted(self.special, key=len, reverse=True)))
        parts = re.split(f"({marks})", text) if marks else [text]
        for part in parts:
            if part in self.special:
                yield self.special[part]
                continue
            for word in words(part):
                yield from self._pieces_of(word)

    def _pieces_of(self, word: str) -> list[int]:
        """The longest piece that fits, again and again."""
        if len(word) > _LONGEST_WORD:
            return [self.unknown]
        found, start = [], 0
        while start < len(word):
            mark = _CONTINUES if start else ""
            ends = range(len(word), start, -1)
            stop = next((end for end in ends if mark + word[start:end] in self.pieces), None)
            if stop is None:
                return [self.unknown]
            found.append(self.pieces[mark + word[start:stop]])
            start = stop
        return found


def words(text: str) -> list[str]:
    """Words and single signs of a text in lower case, without accents and what cannot be seen."""
    return "".join(_spelt(char) for char in text).split()


@lru_cache(maxsize=8192)
def _spelt(char: str) -> str:
    """What a character becomes; signs and ideographs stand between spaces."""
    if char in "\t\n\r":
        return " "
    if char in "\0\ufffd" or unicodedata.category(char) in _UNSEEN:
        return ""
    if char.isspace():
        return " "
    kept = [c for c in unicodedata.normalize("NFD", char) if unicodedata.category(c) != "Mn"]
    lower = "".join(c.lower() for c in kept)
    if any(first <= ord(char) <= last for first, last in _IDEOGRAPHS):
        return f" {lower} "
    return "".join(f" {c} " if _is_sign(c) else c for c in lower)


def _is_sign(char: str) -> bool:
    is_ascii_sign = "!" <= char <= "~" and not char.isalnum()
    return is_ascii_sign or unicodedata.category(char).startswith("P")


def _written(piece: str, *, is_first: bool) -> str:
    if is_first:
        return piece
    if piece.startswith(_CONTINUES):
        return piece.removeprefix(_CONTINUES)
    return _CLEANED.get(f" {piece}", f" {piece}")


def _is_bert(content: Mapping[str, Any]) -> bool:
    model, normalizer = content["model"], content.get("normalizer") or {}
    return (
        model.get("type") == "WordPiece"
        and model.get("continuing_subword_prefix") == _CONTINUES
        and model.get("max_input_chars_per_word") == _LONGEST_WORD
        and normalizer.get("type") == "BertNormalizer"
        and all(normalizer.get(name) for name in ("clean_text", "handle_chinese_chars", "lowercase"))
        and normalizer.get("strip_accents") in (None, True)
        and (content.get("pre_tokenizer") or {}).get("type") == "BertPreTokenizer"
    )
