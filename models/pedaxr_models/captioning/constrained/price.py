"""What it costs, and what it spares, to let the report writer say only what the evidence allows."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from pedaxr_models.captioning.beam import log_probability, token_probabilities
from pedaxr_models.captioning.constrained.evidence import Evidence
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.reporter import Reporter, evidence_of
from pedaxr_models.captioning.tokenizer import PAD
from pedaxr_models.facts import Presence
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.fact_scores import fact_scores
from pedaxr_models.report_text.grammar import fill
from pedaxr_models.report_text.parser import ParsedFacts, parse, parse_findings, split_sentences
from pedaxr_models.report_text.statements import finding_fact
from pedaxr_models.report_text.wordings import wordings

_BATCH = 16
_KEPT = ("fact_f1", "hallucination_rate", "omission_rate", "laterality_error_rate")


def price_of_constraint(reporter: Reporter, films: ReaderFilms) -> dict[str, dict[str, float]]:
    """Figures of "greedy search" and of "constrained", both without a working diagnosis.

    Facts as in `fact_scores`; sentences_exact: share of sentences that are the grammar's own words for the
    facts that the parser reads in them; log_likelihood: of a report's words, per token, by the network
    unconstrained; excluded: share of reports with a statement that both witnesses exclude.
    """
    evidence = _evidence(reporter, films)
    before, told = reporter.is_constrained, {}
    try:
        for name, reporter.is_constrained in (("greedy search", False), ("constrained", True)):
            told[name] = _figures(reporter, films, evidence)
    finally:
        reporter.is_constrained = before
    return told


def _figures(reporter: Reporter, films: ReaderFilms, evidence: Sequence[Evidence]) -> dict[str, float]:
    texts = reporter.describe_cached(films, range(len(films)))
    scores = fact_scores(films.facts, texts)
    sentences = [sentence for text in texts for sentence in split_sentences(text)]
    wrong = [bool(excluded(text, one)) for text, one in zip(texts, evidence, strict=True)]
    return {
        **{name: scores[name] for name in _KEPT},
        "sentences_exact": _share([is_exact(sentence) for sentence in sentences]),
        "log_likelihood": round(_log_likelihood(reporter, films, texts), 4),
        "excluded": _share(wrong),
    }


def _share(held: Sequence[bool]) -> float:
    return round(float(np.mean(held)), 4) if held else 0.0


@torch.inference_mode()
def _evidence(reporter: Reporter, films: ReaderFilms) -> list[Evidence]:
    found: list[Evidence] = []
    for part in _parts(films):
        findings = reporter.encode_cached(films, part)[2]
        found += evidence_of(films.seen(part), findings, [films.metadata[i] for i in part])
    return found


def _parts(films: ReaderFilms) -> list[range]:
    return [range(begin, min(len(films), begin + _BATCH)) for begin in range(0, len(films), _BATCH)]


@torch.inference_mode()
def _log_likelihood(reporter: Reporter, films: ReaderFilms, texts: Sequence[str]) -> float:
    """Natural logarithm, mean over all tokens of all reports."""
    total, tokens = 0.0, 0
    longest = reporter.network.config.longest_report
    for part in _parts(films):
        memory, mask, _ = reporter.encode_cached(films, part)
        ids, _ = reporter.pieces.encode([texts[i] for i in part], longest=longest)
        ids = ids[:, 1:].to(memory.device)  # without [CLS]
        total += float(log_probability(token_probabilities(reporter.network, memory, mask, ids)).sum())
        tokens += int((ids != PAD).sum())
    return total / max(1, tokens)


def excluded(text: str, evidence: Evidence) -> list[str]:
    """Slots of a report in which it says what the evidence excludes."""
    said = parse(text)
    found = [slot for fact in said.findings for slot in _excluded_of(fact.finding, said, evidence)]
    if said.view is not None and evidence.view not in (None, said.view):
        found.append("view")
    if said.distal_gas is not None and said.distal_gas not in evidence.distal_gas:
        found.append("distal gas")
    burden = zip(said.stool_burden or (), evidence.stool_burdens, strict=False)
    return found + (["stool"] if any(grade not in allowed for grade, allowed in burden) else [])


def _excluded_of(finding: Finding, said: ParsedFacts, evidence: Evidence) -> list[str]:
    fact = next(one for one in said.findings if one.finding is finding)
    if fact.presence not in evidence.presences(finding):
        return [f"{finding}: presence"]
    if fact.presence is not Presence.PRESENT:
        return []
    slots: Mapping[str, tuple[object, tuple[object, ...]]] = {
        "grade": (fact.severity, evidence.severities(finding)),
        "side": (fact.side, evidence.sides(finding)),
        "quadrants": (fact.quadrants or None, evidence.quadrants(finding)),
        "count": (fact.count, evidence.counts(finding)),
    }
    return [
        f"{finding}: {name}"
        for name, (value, allowed) in slots.items()
        if value is not None and value not in allowed
    ]


def is_exact(sentence: str) -> bool:
    """Whether a sentence is one that the grammar writes for the facts that the parser reads in it."""
    return sentence.lower().rstrip(".") in {text.lower() for text in _own_words(sentence)}


def _own_words(sentence: str) -> list[str]:
    table, said = wordings("en"), parse(sentence)
    words: list[str] = [table.unreadable.rstrip(".")]
    for one in parse_findings(sentence):
        fact = finding_fact(one)
        texts = {
            Presence.ABSENT: table.absent[fact.finding],
            Presence.NOT_ASSESSED: table.not_assessed.get(fact.finding, table.unseen),
            Presence.PRESENT: (table.hedged if fact.is_hedged else table.present)[fact.finding],
        }[fact.presence]
        words += [
            text.format(name=table.words.names[fact.finding])
            if fact.presence is Presence.NOT_ASSESSED
            else fill(text, fact, table)
            for text in texts
        ]
    words += [text.format(view=table.words.views[said.view]) for text in table.view if said.view]
    if said.distal_gas is not None:
        words += [text.format(amount=table.words.amounts[said.distal_gas]) for text in table.distal_gas]
    if said.stool_burden is not None:
        grades = [table.words.burdens[grade] for grade in said.stool_burden]
        words += [text.format(*grades) for text in table.stool]
    return words + (list(table.tube) if said.gastric_tube else [])
