"""What a signer's own words do to a report: they take the place of the draft's impression, and they count.

The words are read by the same rules as a draft's sentences. A finding that they deny is critical no longer,
one that they affirm is; what they do not speak of, or leave open, stays as the draft has it.
"""

import re
from collections.abc import Collection, Mapping

from pedaxr.types import Certainty, Report, StructuredFinding
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, NORMAL, URGENCY, Finding, sign_within
from pedaxr_models.report_text.parser import parse, split_sentences

CRITICAL: tuple[Finding, ...] = (Finding.PNEUMOPERITONEUM,)
SIGNED_IMPRESSION = "Signed impression"  # before an amendment took its place
DRAFT_IMPRESSION, DRAFT_RECOMMENDATION = "Draft impression", "Draft recommendation"
HISTORY = (SIGNED_IMPRESSION, DRAFT_IMPRESSION, DRAFT_RECOMMENDATION)
COMMUNICATION = "Communication"
TELL_NOW = "Critical finding: tell the responsible doctor now and record whom and when. Not yet recorded."
CRITICAL_THEN = "The report of that film is critical."  # in a comparison
UNDETERMINED = "undetermined"
# Said of the film as a whole: "normal hips" and "no abnormality of the bones" say nothing of free air.
_FILM = (
    r"(?:(?:plain |abdominal |paediatric )*(?:abdomen|film|radiograph|x-ray|study|examination|appearances?))"
)
_END = r"(?=\s*(?:$|[.;,!]))"
_SEEN = r"(?: is)?(?: seen| found| identified| detected)?"
_NORMAL = re.compile(
    rf"^\W*(?:\d+\.\s*)?(?:this is )?(?:an? )?(?:normal|unremarkable)(?: {_FILM})?{_END}"
    rf"|^\W*(?:\d+\.\s*)?(?:there is )?no abnormality{_SEEN}{_END}"
    rf"|^\W*(?:정상|특이\s?소견\s?없음?)\s*(?:복부|영상|촬영|소견|\s)*(?:임|입니다|이다)?{_END}",
    re.IGNORECASE,
)
# The parser reads the finding that is named, and not that such words take it back.
_OPEN = re.compile(
    r"\b(?:cannot|can't|could not|unable to) (?:confirm|verify)|\bdisagree|\bart[ei]fact|\bmimic|\?"
    r"|인공물|허상",
    re.IGNORECASE,
)


# Not the finding is denied but its growth, novelty or doubt, or the finding on one side or film alone.
_RELATIVE = re.compile(
    r"\b(?:increas|decreas|diminish|enlarg|chang|interval|progress|regress|improv|worse|differ)"
    r"|\b(?:new|newly|more|less|larger|smaller|bigger|further|additional|other|longer|only|just)\b"
    r"|\b(?:doubt|question|miss|overlook|forget|ignore|delay|left|right|supine|earlier)\b"
    r"|\b(?:links\w*|rechts\w*|mehr|weniger|zunehm\w*|gauche|droite?|izquierd\w*|derech\w*|sinistr\w*|destr\w*)\b"
    r"|증가|감소|변화|호전|악화|새로|추가|더 ?이상|좌측|우측|왼쪽|오른쪽|놓치|의심의 여지",
    re.IGNORECASE,
)
_CLAUSES = re.compile(r"[;,]| but | and ", re.IGNORECASE)
_AIR_NAMED = (
    r"(free (?:intraperitoneal )?(?:air|gas)|pneumoperitoneum|유리 ?(?:공기|가스)|자유 ?공기|기복증?)"
)
# German, French, Spanish and Italian, which no parser reads: a critical finding is not overheard in them.
_AIR_ABROAD = (
    r"(?:freie[rn]? (?:(?:intra)?(?:abdominell|peritoneal)e[rn]? )?luft|pneumop[ée]ritoine|air libre"
    r"|aire libre|p?neumoperitoneo|aria libera)"
)
_SOME_AIR_ABROAD = re.compile(rf"\b{_AIR_ABROAD}\b", re.IGNORECASE)
_NO_AIR_ABROAD = re.compile(
    r"\b(?:keine?n?|ohne|pas d['’e] ?|sans|sin|senza|nessun[ao]?) ?"
    r"(?:(?:hinweis auf|nachweis von|anhalt für) )?"
    rf"(?:{_AIR_ABROAD}|pneumoperitoneum)\b",
    re.IGNORECASE,
)
_OPEN_ABROAD = re.compile(
    r"\b(?:kein\w*|nicht|ohne|weder|ausgeschl\w+|fragl\w+|verdacht|verd|möglich\w*|artefakt\w*|hautfalte\w*"
    r"|pas|sans|aucun\w*|absence|élimin\w+|doute\w*|no|sin|ni|ausencia|descart\w+|posible"
    r"|non|né|senza|assenza|nessun\w*|esclu\w+|possibile)\b|\?",
    re.IGNORECASE,
)
_MINUS = re.compile(rf"{_AIR_NAMED}\s*(?:\(\s*[-–−]\s*\)|[-–−](?=\s*(?:$|[.,;])))", re.IGNORECASE)
_NEGATIVE = re.compile(r"\bneg(?:ative)?\.? for\b", re.IGNORECASE)


def with_human_words(report: Report, words: str, *, is_critical_denied: bool = False) -> Report:
    """The report under a signer's words.

    Args:
        report: the version that is signed or amended, with the words in its sections already.
        words: the newest of them.
        is_critical_denied: the signer says outright that nothing named critical is there.
    """
    affirmed, denied = _read(words)
    denied |= {Finding(name) for name in report.critical} if is_critical_denied else set()
    affirmed -= denied
    certainty = _certainty(report, affirmed, denied)
    withdrawn = [name for name in report.critical if name in denied]
    sections = dict(report.sections)
    if report.status == "amended" and not set(certainty) <= set(report.critical):
        sections.pop(COMMUNICATION, None)  # of this nobody has been told yet, whatever was told before
    kept = [name for name in report.critical_withdrawn if name not in affirmed and name not in withdrawn]
    return report.model_copy(
        update={
            "critical": list(certainty),
            "critical_certainty": certainty,
            "critical_withdrawn": [*kept, *withdrawn],
            "findings": [_answered(finding, affirmed, denied) for finding in report.findings],
            "flags": [flag for flag in report.flags if not _is_answered(flag, denied)],
            "label": _label(report, affirmed, denied),
            "human_sections": [name for name in report.human_sections if name in sections],
            "sections": _ordered(_told(sections, bool(certainty), bool(withdrawn))),
        }
    )


def _read(words: str) -> tuple[set[Finding], set[Finding]]:
    """Findings that the words affirm, and those that they deny."""
    words = _NEGATIVE.sub("no", _MINUS.sub(r"no \1", words))  # as "free air (-)" is written
    words = _NO_AIR_ABROAD.sub("no pneumoperitoneum", words)
    said = parse(words).findings
    weighed = " ".join(sentence for sentence in split_sentences(words) if not _OPEN.search(sentence))
    affirmed = {fact.finding for fact in parse(weighed).findings if fact.is_present}
    doubted = {fact.finding for fact in said if fact.presence is not Presence.ABSENT} - affirmed
    denied = {finding for sentence in split_sentences(words) for finding in _denied_in(sentence)}
    denied -= doubted
    if any(_SOME_AIR_ABROAD.search(one) and not _OPEN_ABROAD.search(one) for one in split_sentences(words)):
        affirmed.add(Finding.PNEUMOPERITONEUM)
    if _NORMAL.search(words) and not affirmed:
        denied |= set(FINDINGS) - doubted
    return affirmed, denied - affirmed  # said both ways it stays


def _denied_in(sentence: str) -> set[Finding]:
    """Findings that a sentence denies outright: "no new free air" and "no free air on the left" deny none."""
    parts = [sentence] if not _RELATIVE.search(sentence) else _CLAUSES.split(sentence)
    plain = [part for part in parts if not _RELATIVE.search(part)]
    return {
        fact.finding for part in plain for fact in parse(part).findings if fact.presence is Presence.ABSENT
    }


def _certainty(
    report: Report, affirmed: Collection[Finding], denied: Collection[Finding]
) -> dict[str, Certainty]:
    before = {name: report.critical_certainty.get(name, "outlined") for name in report.critical}
    kept = {name: how for name, how in before.items() if name not in denied}
    return kept | {finding.value: "signed" for finding in CRITICAL if finding in affirmed}


def _is_answered(flag: str, denied: Collection[Finding]) -> bool:
    """Whether a flag asks to look for what a human has denied; the draft's own version keeps it."""
    said = flag.casefold()
    return any(sign_within(finding) in said or finding.replace("_", " ") in said for finding in denied)


def _answered(
    finding: StructuredFinding, affirmed: Collection[Finding], denied: Collection[Finding]
) -> StructuredFinding:
    if finding.finding in denied:
        return finding.model_copy(update={"signer": "denies"})
    return finding.model_copy(update={"signer": "affirms"}) if finding.finding in affirmed else finding


def _label(report: Report, affirmed: Collection[Finding], denied: Collection[Finding]) -> str:
    """The most urgent finding that the signer affirms, or that the draft named and the signer let stand."""
    named = {f.finding for f in report.findings if f.presence is Presence.PRESENT and f.signer != "denies"}
    named |= {f.finding for f in report.findings if f.signer == "affirms"}
    named = {Finding(name) for name in named} | set(affirmed)
    left = [finding.value for finding in URGENCY if finding in named and finding not in denied]
    if left:
        return left[0]
    return NORMAL if report.label == NORMAL or len(denied) == len(FINDINGS) else UNDETERMINED


def _told(sections: Mapping[str, str], is_critical: bool, is_withdrawn: bool) -> dict[str, str]:
    """Nobody is asked to tell of a finding that is withdrawn; of one that a human names, somebody is."""
    kept = dict(sections)
    if not is_critical and is_withdrawn and kept.get(COMMUNICATION) == TELL_NOW:
        del kept[COMMUNICATION]
    if is_critical and COMMUNICATION not in kept:
        kept[COMMUNICATION] = TELL_NOW
    return kept


def _ordered(sections: Mapping[str, str]) -> dict[str, str]:
    """The human's words first, then what the draft says, its own impression and recommendation last."""
    first = ("Impression", "Amendments", COMMUNICATION)
    kept = dict(sections)
    if "Recommendation" in kept:
        kept[DRAFT_RECOMMENDATION] = kept.pop("Recommendation")
    names = [name for name in first if name in kept]
    names += [name for name in kept if name not in (*first, *HISTORY)]
    return {name: kept[name] for name in (*names, *(name for name in HISTORY if name in kept))}
