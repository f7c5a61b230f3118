"""Letters as names are compared by them: without accents, and in one form where a script has two."""

import re
import unicodedata

from pedaxr.patient_search import han_forms, hangul

# Latin letters that Unicode takes for letters of their own, not for a letter with an accent: as passports
# write them for machines (ICAO Doc 9303, part 3, section 6), but for ø, which people write o; then those
# of African alphabets, which it does not name.
_OWN_LETTERS = {
    **{"æ": "ae", "œ": "oe", "ß": "ss", "þ": "th", "ð": "d", "đ": "d", "ħ": "h", "ı": "i", "ł": "l"},
    **{"ŋ": "n", "ø": "o", "ŧ": "t", "ĸ": "k", "ə": "e", "ǝ": "e", "ɨ": "i", "ʉ": "u", "ƶ": "z", "ǥ": "g"},
    **{"ɓ": "b", "ɗ": "d", "ɖ": "d", "ƙ": "k", "ƴ": "y", "ɛ": "e", "ɔ": "o", "ɣ": "g", "ƒ": "f", "ʋ": "v"},
}
# Of Latin, Greek and Cyrillic letters, and the vowel points of Hebrew, Arabic and Syriac. Those of Thai and
# Indian scripts are vowels that tell names apart, and kana without theirs are other kana.
_ACCENT = re.compile(
    "[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u0640\u064b-\u065f\u0670\u06d6-\u06ed\u0711\u0730-\u074a"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
)
_ASCII_WORD = re.compile("[0-9A-Za-z]+")
_HIRAGANA = {chr(code): chr(code + 0x60) for code in range(0x3041, 0x3097)}  # as katakana
_ONE_FORM = str.maketrans(_OWN_LETTERS | _HIRAGANA | han_forms.ONE_FORM)


# As German and Nordic people write these letters where a keyboard lacks them.
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})


def in_two_letters(text: str) -> str:
    """Case-folded text with ö as oe, ü as ue, ä as ae, ø as oe and å as aa; the rest as it is."""
    return unicodedata.normalize("NFC", text).casefold().translate(_TWO_LETTERS)


def without_accents(text: str) -> str:
    """Case-folded text without accents: ø is o, ł is l, æ is ae, þ is th, hiragana are katakana, 髙 is 高."""
    bare = unicodedata.normalize("NFC", "".join(map(_without_accent, text)))
    return bare.translate(_ONE_FORM)


def words_of(text: str) -> str:
    """Letters, digits and the signs that belong to letters, such as vowels of Devanagari; else spaces."""
    if text.isascii():  # as most names are: a look at each character takes four times as long
        return " ".join(_ASCII_WORD.findall(text))
    spaced = (char if char.isalnum() or unicodedata.category(char)[0] == "M" else " " for char in text)
    return " ".join("".join(spaced).split())


def _without_accent(char: str) -> str:
    if hangul.is_hangul(char):
        return char
    return "".join(part for part in unicodedata.normalize("NFKD", char) if not _ACCENT.match(part))
