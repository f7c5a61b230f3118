"""BERT WordPiece tokens, with a vocabulary learnt from our own reports and metadata."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

if TYPE_CHECKING:
    from torch import Tensor

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, START, END = range(4)


@dataclass(frozen=True)
class WordPieces:
    """Text to numbers and back. Lower case; [CLS] opens and [SEP] closes every text."""

    tokenizer: Tokenizer

    @classmethod
    def train(cls, corpus: Iterable[str], *, vocabulary: int = 1200) -> "WordPieces":
        """Learn at most `vocabulary` pieces from `corpus`, as BERT's was (Devlin et al., 2019)."""
        tokenizer = Tokenizer(models.WordPiece(unk_token=SPECIAL[UNKNOWN]))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer = trainers.WordPieceTrainer(
            vocab_size=vocabulary, special_tokens=list(SPECIAL), show_progress=False
        )
        tokenizer.train_from_iterator(corpus, trainer)
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", START), ("[SEP]", END)]
        )
        tokenizer.decoder = decoders.WordPiece()
        return cls(tokenizer)

    @classmethod
    def from_json(cls, content: str) -> "WordPieces":
        """The inverse of `to_json`."""
        return cls(Tokenizer.from_str(content))

    def to_json(self) -> str:
        """The whole tokenizer as one JSON document, kept in the checkpoint."""
        return str(self.tokenizer.to_str())

    def __len__(self) -> int:
        return int(self.tokenizer.get_vocab_size())

    def rows(self, texts: Sequence[str], *, longest: int) -> list[list[int]]:
        """Token ids of each text, cut at `longest`."""
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch(list(texts))]
        return [row if len(row) <= longest else [*row[: longest - 1], END] for row in rows]

    def encode(self, texts: Sequence[str], *, longest: int) -> "tuple[Tensor, Tensor]":
        """Token ids and attention mask, both (B, L) int64, padded to the longest text, cut at `longest`."""
        import torch

        rows = self.rows(texts, longest=longest)
        width = max(len(row) for row in rows)
        ids = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
        return ids, (ids != PAD).long()

    def decode(self, ids: Sequence[int]) -> str:
        """Text of the ids, with sentences capitalised and spaces before punctuation closed."""
        text = self.tokenizer.decode(list(ids), skip_special_tokens=True)
        for mark in (".", ",", ";", ":"):
            text = text.replace(f" {mark}", mark)
        text = text.replace(" - ", "-")
        return " ".join(
            s[:1].upper() + s[1:] for s in (f"{p.strip()}." for p in text.split(".") if p.strip())
        )
