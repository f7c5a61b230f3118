"""BERT WordPiece tokens, with a vocabulary learnt from our own reports and metadata."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pedaxr_models.captioning.word_pieces import WordPieceVocabulary

if TYPE_CHECKING:
    from torch import Tensor

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
PAD, UNKNOWN, START, END = range(4)


@dataclass(frozen=True)
class WordPieces:
    """Text to numbers and back. Lower case; [CLS] opens and [SEP] closes every text."""

    vocabulary: WordPieceVocabulary

    @classmethod
    def train(cls, corpus: Iterable[str], *, vocabulary: int = 1200) -> "WordPieces":
        """Learn at most `vocabulary` pieces from `corpus`, as BERT's was (Devlin et al., 2019)."""
        from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

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
        return cls.from_json(str(tokenizer.to_str()))

    @classmethod
    def from_json(cls, content: str) -> "WordPieces":
        """The inverse of `to_json`. Raises ValueError where it is not a tokenizer of BERT's kind."""
        return cls(WordPieceVocabulary.from_json(content))

    def to_json(self) -> str:
        """The whole tokenizer as one JSON document, kept in the checkpoint."""
        return self.vocabulary.document

    def __len__(self) -> int:
        return len(self.vocabulary.pieces)

    def rows(self, texts: Sequence[str], *, longest: int) -> list[list[int]]:
        """Token ids of each text, cut at `longest`."""
        rows = [self.vocabulary.encode(text) for text in texts]
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
        text = self.vocabulary.decode(ids)
        for mark in (".", ",", ";", ":"):
            text = text.replace(f" {mark}", mark)
        text = text.replace(" - ", "-")
        return " ".join(
            s[:1].upper() + s[1:] for s in (f"{p.strip()}." for p in text.split(".") if p.strip())
        )
