"""WordPiece without the library gives what the library gives: on every character, text and number."""

import subprocess
import sys
import unicodedata
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from pedaxr_models.captioning.film_reporter import TOKENIZER_FILE
from pedaxr_models.captioning.tokenizer import WordPieces
from pedaxr_models.captioning.word_pieces import WordPieceVocabulary, words
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.phantom import make_film, sample_spec
from pedaxr_models.report_text.grammar import narrate

DOCUMENT = (weights_folder("captioner") / TOKENIZER_FILE).read_text(encoding="utf-8")
TEXTS = [
    "",
    " ",
    "Moderate gaseous distension; no free air.",
    "indication: VOMITING x3, bilious?! (since 2025-03-01)",
    "복부팽만과 구토, r/o 장중첩증",
    "naïve Ångström ÉCOLE — “quoted” … 3.5 cm² ½ 10⁶",
    "中文字abc字 ひらがな カタカナ ｆｕｌｌ１２",
    "[CLS] the [SEP] and [PAD][MASK] [unk] [UNK] [SEP",
    "a" * 100 + " " + "a" * 101 + " the",
    "zero\u200bwidth\u202eright\x00nul\x0bvt\x0cff\x85nel\u00a0nbsp\u3000wide\ttab\r\nline",
    "İstanbul ΣΊΣΥΦΟΣ straße ǅ ﬁ 👶🏽 👨‍👩‍👧",
    "level's isn't we've 'm . , ? !",
]


@cache
def theirs() -> Tokenizer:
    return Tokenizer.from_str(DOCUMENT)


@cache
def ours() -> WordPieceVocabulary:
    return WordPieceVocabulary.from_json(DOCUMENT)


def is_old(char: str) -> bool:
    """Whether all tables of characters, old and new, say the same of it."""
    category = unicodedata.ucd_3_2_0.category(char)
    return category not in ("Cn", "Cs") and category == unicodedata.category(char)


def test_every_character_is_spelt_as_the_library_spells_it() -> None:
    chars = [char for char in map(chr, range(0x30000)) if is_old(char)]
    assert len(chars) > 90_000
    for start in range(0, len(chars), 500):
        text = " ".join(f"a{char}b" for char in chars[start : start + 500])
        known = theirs()
        split = known.pre_tokenizer.pre_tokenize_str(known.normalizer.normalize_str(text))
        assert words(text) == [word for word, _ in split], hex(ord(chars[start]))


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:20])
def test_texts_are_numbered_alike(text: str) -> None:
    assert ours().encode(text) == theirs().encode(text).ids


@given(st.text(st.characters(exclude_categories=["Cs"]).filter(is_old), max_size=60))
def test_any_text_is_numbered_alike(text: str) -> None:
    assert ours().encode(text) == theirs().encode(text).ids


@given(st.lists(st.sampled_from(sorted(ours().pieces)), max_size=30).map(" ".join))
def test_any_words_of_the_vocabulary_are_numbered_alike(text: str) -> None:
    assert ours().encode(text) == theirs().encode(text).ids


@given(st.lists(st.integers(0, len(ours().pieces) + 20), max_size=40))
def test_any_numbers_are_written_alike(ids: list[int]) -> None:
    assert ours().decode(ids) == theirs().decode(ids, skip_special_tokens=True)


def test_reports_come_back_as_they_went() -> None:
    for index in range(12):
        text = narrate(make_film(sample_spec(0, index)).facts)
        ids = ours().encode(text)
        assert ids == theirs().encode(text).ids
        assert ours().decode(ids) == theirs().decode(ids, skip_special_tokens=True)
        assert WordPieces.from_json(DOCUMENT).rows([text], longest=10)[0] == [*ids[:9], 3]


def test_a_vocabulary_that_was_learned_here_is_read_here() -> None:
    learned = WordPieces.train(
        ["free air under the diaphragm", "no free air", "유문 협착"] * 5, vocabulary=80
    )
    library = Tokenizer.from_str(learned.to_json())
    for text in ("free air", "유문", "unknown wording"):
        assert learned.rows([text], longest=99)[0] == library.encode(text).ids
    assert WordPieces.from_json(learned.to_json()).to_json() == learned.to_json()
    assert len(learned) == library.get_vocab_size()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"model":{"type":"WordPiece"', '"model":{"type":"BPE"'),
        ('"lowercase":true', '"lowercase":false'),
        ('"type":"BertPreTokenizer"', '"type":"Whitespace"'),
        ('"strip_accents":null', '"strip_accents":false'),
    ],
)
def test_another_kind_of_tokenizer_is_refused(old: str, new: str) -> None:
    plain = Tokenizer.from_str(DOCUMENT).to_str()
    assert old in plain
    with pytest.raises(ValueError, match="not a WordPiece tokenizer"):
        WordPieceVocabulary.from_json(plain.replace(old, new, 1))


def test_reading_a_vocabulary_loads_no_library() -> None:
    program = (
        "import sys; from pedaxr_models.captioning.tokenizer import WordPieces; "
        "from pedaxr_models.checkpoint import weights_folder; "
        "p = weights_folder('captioner') / 'tokenizer.json'; "
        "WordPieces.from_json(p.read_text()).rows(['free air'], longest=9); "
        "assert not {'tokenizers', 'torch', 'transformers'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
