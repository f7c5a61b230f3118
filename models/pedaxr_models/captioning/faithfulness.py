"""Proofs that the film is read: what the report does when film, metadata or the words before it change.

Each is a share of films, 1 when it holds on all of them. Beside them what the words before the next one are
worth: a reader that is good only as long as it is given the true words will drift once it runs free (exposure
bias, Ranzato et al. 2016, arXiv:1511.06732).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.captioning.tokenizer import PAD, SPECIAL
from pedaxr_models.facts import Presence
from pedaxr_models.labels import LABELS, Finding
from pedaxr_models.report_text.fact_scores import fact_scores, named
from pedaxr_models.report_text.grammar import narrate

_AIR = Finding.PNEUMOPERITONEUM
_BATCH = 16
_SAME = 1e-3  # logits that rounding alone moves are nearer


def prove(
    reporter: Reporter,
    films: ReaderFilms,
    ood_images: ReaderFilms,
    *,
    texts: Sequence[str],
    without_metadata: Sequence[str],
    blank: Sequence[str],
    seed: int = 0,
) -> dict[str, float]:
    """Share of films on which each proof holds.

    Args:
        reporter: the reader.
        films: of one split.
        ood_images: images that are not abdominal films.
        texts: its reports of the films.
        without_metadata: of the films alone.
        blank: of blank films with the films' metadata.
        seed: of the wrong working diagnoses.
    """
    every, truth = range(len(films)), [set(facts.present) for facts in films.facts]
    rng = np.random.default_rng(seed)
    wrong = [str(rng.choice([label for label in LABELS if label != facts.label])) for facts in films.facts]
    misled = reporter.describe_cached(films, every, diagnoses=wrong)
    swapped = reporter.describe_cached(films, every, change="swapped")
    noise = reporter.describe_cached(films, every, change="noise")
    foreign = reporter.describe_cached(ood_images, range(len(ood_images)))
    air = [facts[_AIR].presence is Presence.PRESENT for facts in films.facts]
    said = [named(text) for text in texts]
    bare = [named(text) for text in without_metadata]
    return {
        "free air named when present": _share(
            [_AIR in s for s, is_air in zip(said, air, strict=True) if is_air]
        ),
        "free air not named when absent": _share(
            [_AIR not in s for s, is_air in zip(said, air, strict=True) if not is_air]
        ),
        "findings unchanged by a wrong working diagnosis": _share(_equal(said, map(named, misled))),
        "findings right under a wrong working diagnosis": _share(_equal(truth, map(named, misled))),
        "findings right": _share(_equal(truth, said)),
        "findings unchanged when the metadata are removed": _share(_equal(said, bare)),
        "findings right when the metadata are removed": _share(_equal(truth, bare)),
        "report changes when the film is swapped": _share(
            [ours != other for ours, other in zip(texts, swapped, strict=True)]
        ),
        "no finding on an empty input, nothing segmented": _share([not named(text) for text in blank]),
        "no finding on a noise input, nothing segmented": _share([not named(text) for text in noise]),
        "no finding on segmented pictures that are no films": _share([not named(text) for text in foreign]),
        "no word depends on a later one (causal mask)": _share(causal(reporter, films)),
    }


def _equal(ours: Iterable[set[Finding]], others: Iterable[set[Finding]]) -> list[bool]:
    return [a == b for a, b in zip(ours, others, strict=True)]


def _share(held: Sequence[bool]) -> float:
    return round(float(np.mean(held)), 4) if held else 0.0


@dataclass(frozen=True)
class WordsBefore:
    """The same scores with the true words before the next and without.

    Attributes:
        forced: of the likeliest next words, each after the true words before it (teacher forcing).
        free: of reports written after the network's own words.
        perplexity: of the true reports, per token.
    """

    forced: Mapping[str, float]
    free: Mapping[str, float]
    perplexity: float


def exposure(reporter: Reporter, films: ReaderFilms, texts: Sequence[str]) -> WordsBefore:
    """What the true words before the next are worth; `texts` are the network's own reports."""
    forced, perplexity = next_words(reporter, films)
    names = ("fact_f1", "presence_accuracy", "hallucination_rate", "omission_rate")
    taught, own = (
        {name: scores[name] for name in names}
        for scores in (fact_scores(films.facts, said) for said in (forced, texts))
    )
    return WordsBefore(taught, own, round(perplexity, 4))


def next_words(reporter: Reporter, films: ReaderFilms) -> tuple[list[str], float]:
    """The likeliest next words after the true ones before them, as texts; the true reports' perplexity."""
    texts, surprise, tokens = [], 0.0, 0
    for part in _parts(films):
        given, logits = _taught(reporter, films, part)
        wanted = given[:, 1:]
        counts = wanted != PAD
        chance = logits.log_softmax(-1).gather(-1, wanted[..., None]).squeeze(-1)
        surprise, tokens = surprise - float(chance[counts].sum()), tokens + int(counts.sum())
        rows = logits.argmax(-1).masked_fill(~counts, PAD).tolist()
        texts += [reporter.pieces.decode(row) for row in rows]
    return texts, float(np.exp(surprise / max(1, tokens)))


def causal(reporter: Reporter, films: ReaderFilms) -> list[bool]:
    """Of each film: whether no logit up to the middle of its report moves when the word after it does."""
    held: list[bool] = []
    for part in _parts(films):
        given, before = _taught(reporter, films, part)
        at = given.shape[1] // 2
        changed = given.clone()
        changed[:, at] = (changed[:, at] + 1).clamp_min(len(SPECIAL)) % len(reporter.pieces)
        _, after = _taught(reporter, films, part, changed)
        held += ((before - after)[:, :at].abs().amax((1, 2)) < _SAME).tolist()
    return held


def _parts(films: ReaderFilms) -> Iterator[range]:
    for begin in range(0, len(films), _BATCH):
        yield range(begin, min(len(films), begin + _BATCH))


@torch.inference_mode()
def _taught(
    reporter: Reporter, films: ReaderFilms, part: Sequence[int], given: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """True reports (B, L) in their commonest wording, or those given, and logits (B, L - 1, V) under them."""
    memory, mask, _ = reporter.encode_cached(films, part)
    if given is None:
        longest = reporter.network.config.longest_report
        given, _ = reporter.pieces.encode([narrate(films.facts[i], None) for i in part], longest=longest)
        given = given.to(memory.device)
    out = reporter.network.decoder(
        input_ids=given[:, :-1],
        attention_mask=(given[:, :-1] != PAD).long(),
        encoder_hidden_states=memory,
        encoder_attention_mask=mask,
    )
    return given, out.logits.float()
