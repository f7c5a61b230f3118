"""The keys under which the search index stores a name, and those under which a query looks for it.

Two sets. Exact keys answer `names.likeness` without reading names: a key says which likeness it proves.

    !text        the name as written                        same
    =whole       in every order, without titles             same but for order
    ^surname|given, &given|surname, %romanised              a Hangul name by its romanisation
    ~sounds      a coarse reading, to be verified           another spelling
    @part        surname, given name, single words          a part
    *seen        a masked name, by its letters before the mask: whole names are looked for under it
    $sounds      a Latin name by its consonants, which names in other scripts are looked for under: no proof
    /sounds      a name in another script than Latin and Hangul by them, /'sounds one word of it: no proof

Near keys are what is left of a name when any one letter is deleted (Garbe's symmetric deletion, 2012): two
spellings one edit apart share at least one. They are taken from the jamo or letters, from the romanised given
name, and from the skeleton that all romanisations share, and stored as 32-bit numbers.
"""

import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pedaxr.patient_search import hangul
from pedaxr.patient_search.name_forms import LONGEST_COMPARED, NameForms, part_readings
from pedaxr.patient_search.name_matching import PART, REORDERED, SAME, STANDARD, Likeness, prefix_of
from pedaxr.patient_search.other_scripts import stored_other_keys
from pedaxr.patient_search.phonetic_key import skeleton, surname_cuts

_PART_SAID = Likeness(PART, "part of the name")


@dataclass(frozen=True)
class AskedKeys:
    """What a query looks for.

    Attributes:
        proofs: exact keys and the likeness that each proves.
        sounds: `~` keys; a name that has one is compared in full.
        words: `@` keys of the single words; a name that has all of them has the query as a part.
        starts: beginnings of exact keys that a name beginning like the query has.
    """

    proofs: dict[str, Likeness]
    sounds: frozenset[str]
    words: tuple[str, ...]
    starts: tuple[str, ...]


def stored_keys(forms: NameForms) -> frozenset[str]:
    """The exact keys of a registered name."""
    keys = {f"!{forms.text}"}
    keys |= {f"={whole}" for whole in forms.wholes} | {f"@{part}" for part in forms.parts}
    keys |= {f"~{hangul.coarse(reading)}" for reading in forms.readings if len(reading) > 1}
    keys |= {f"*{forms.seen}"} if forms.seen is not None else set()
    keys |= stored_other_keys(forms)
    for surname, given in forms.cuts:
        if surname in hangul.SURNAMES:
            keys |= {f"^{surname}|{given}", f"&{given}|{surname}"}
        else:
            spelled = hangul.romanise(surname)
            keys |= {f"%{spelled}{given}", f"%{given}{spelled}"}
    return frozenset(keys)


def stored_sounds(forms: NameForms) -> frozenset[tuple[str, str]]:
    """Coarse reading and part, for the parts of a registered name that can be read aloud."""
    return frozenset(
        (hangul.coarse(reading), part) for part in forms.parts for reading in part_readings(part)
    )


def asked_keys(forms: NameForms, *, as_written: bool = False, whole: bool = False) -> AskedKeys:
    """The exact keys of a query; the strongest proof is kept where one key gives two.

    Args:
        forms: of the query.
        as_written: without those of names that are only read like it, or begin like it.
        whole: without those of names of which it is a part or the beginning.
    """
    parts = frozenset[str]() if whole else forms.wholes
    proofs: dict[str, Likeness] = {f"@{part}": _PART_SAID for part in parts}
    other_script = Likeness(STANDARD, "same name in the other script")
    proofs |= dict.fromkeys((f"={spelled}" for spelled in forms.romanised), other_script)
    proofs |= dict.fromkeys(_cut_keys(forms), other_script)
    reordered = Likeness(REORDERED, "same name apart from word order, spacing or title")
    proofs |= dict.fromkeys((f"={one}" for one in forms.wholes), reordered)
    proofs[f"!{forms.text}"] = Likeness(SAME, "same name")
    readings = frozenset[str]() if as_written else forms.readings
    return AskedKeys(
        proofs,
        frozenset(f"~{hangul.coarse(reading)}" for reading in readings if len(reading) > 1),
        tuple(sorted(f"@{word}" for word in forms.words)) if not whole and forms.words - forms.wholes else (),
        () if as_written or whole else tuple(sorted(set(_starts(prefix_of(forms))))),
    )


def mask_keys(wholes: Iterable[str]) -> list[str]:
    """The keys of masked names that may hide one of the wholes."""
    return sorted({f"*{whole[:seen]}" for whole in wholes for seen in range(len(whole))})


def _cut_keys(forms: NameForms) -> Iterator[str]:
    """A Latin whole as surname and romanised given name, wherever it can be cut."""
    for whole in filter(str.isascii, forms.wholes):
        yield f"%{whole}"
        yield from (f"^{surname}|{given}" for surname, given in surname_cuts(whole))
        yield from (f"^{surname}|" for surname in hangul.surnames_spelled(whole))


def _starts(start: str | None) -> Iterator[str]:
    if start is None:
        return
    yield from (f"={start}", f"@{start}")
    if not start.isascii() or len(start) > LONGEST_COMPARED:
        return
    yield from (f"&{start}", f"%{start}")
    yield from (f"^{surname}|" for surname in hangul.surnames_begun(start))
    for cut in range(1, len(start) + 1):
        front, back = start[:cut], start[cut:]
        yield from (f"^{surname}|{back}" for surname in hangul.surnames_spelled(front))
        if back:
            yield from (f"&{front}|{surname}" for surname in hangul.surnames_begun(back))


def stored_near_keys(forms: NameForms) -> frozenset[int]:
    """The near keys of a registered name."""
    return _hashed(_near_texts(forms, {"".join(words) for words in forms.variants}))


def asked_near_keys(forms: NameForms) -> frozenset[int]:
    """The near keys of a query."""
    return _hashed(_near_texts(forms, forms.wholes))


def asked_letter_keys(forms: NameForms) -> frozenset[int]:
    """Of the near keys of a query those of its letters and of surname and given name: few share one."""
    return _hashed(_letter_texts(forms, forms.wholes))


def given_starts(forms: NameForms) -> frozenset[str]:
    """Beginnings of the exact keys of names with the query's given name and any surname."""
    latin = (words for words in forms.variants if len(words) > 1 and "".join(words).isascii())
    return frozenset(f"&{given}|" for words in latin for given in ("".join(words[1:]), "".join(words[:-1])))


def name_skeleton(forms: NameForms) -> str:
    """One rough spelling of the whole name."""
    return min(skeletons(forms), default=forms.text)


def _letter_texts(forms: NameForms, wholes: Iterable[str]) -> Iterator[str]:
    yield from (f"J{hangul.jamo(whole)}" for whole in wholes)
    yield from (f"L{surname}|{given}" for surname, given in _cuts(forms))


def _near_texts(forms: NameForms, wholes: Iterable[str]) -> Iterator[str]:
    yield from _letter_texts(forms, wholes)
    yield from (f"K{spelled}" for spelled in skeletons(forms))


def _cuts(forms: NameForms) -> Iterator[tuple[str, str]]:
    """Surname in Hangul and given name in Latin, cut between words where there are any."""
    yield from forms.cuts
    for words in forms.variants:
        if "".join(words).isascii():
            if len(words) == 1:
                yield from surname_cuts(words[0])
            for surname, given in ((words[:1], words[1:]), (words[-1:], words[:-1])):
                yield from (
                    (known, "".join(given)) for known in hangul.surnames_spelled("".join(surname)) if given
                )


def skeletons(forms: NameForms) -> frozenset[str]:
    """The rough spellings that a name may have, by what its surname may be."""
    cut = {skeleton(hangul.romanise(surname) + given) for surname, given in _cuts(forms)}
    return frozenset(
        cut
        | {skeleton("".join(words)) for words in forms.variants if not hangul.is_hangul_word("".join(words))}
    )


def _hashed(texts: Iterable[str]) -> frozenset[int]:
    short = {text for text in texts if 2 < len(text) <= LONGEST_COMPARED + 1}
    return frozenset(
        zlib.crc32((text[:at] + text[at + 1 :]).encode()) if at else zlib.crc32(text.encode())
        for text in short
        for at in range(len(text))
    )
