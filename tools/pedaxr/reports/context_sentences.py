"""Sentences that speak of no finding (view, stool burden, distal gas, tubes), held against what is known.

None of them can be checked against a region. What the request or the outlines settle is struck where the
draft says otherwise; the rest stands as unchecked.
"""

from collections.abc import Sequence

from pedaxr.reports.film_limits import FilmLimits
from pedaxr.types import Sentence, StructuredFinding
from pedaxr_models.facts import DistalGas, Presence
from pedaxr_models.labels import Finding
from pedaxr_models.report_text.parser import ParsedFacts, parse

NO_TUBES = "lines and tubes are not assessed by this model"
NO_VIEW = "the view is not stated"
OTHER_VIEW = "the film is registered as taken in another view"
MEASURED = "the outlines measure the stool instead"
OTHER_STOOL = "the outlines show otherwise"
_PACKED = 3  # the highest grade of a part
GAS_BESIDE_LEVELS = "air-fluid levels are outlined"


def settle_context(
    sentences: Sequence[Sentence], findings: Sequence[StructuredFinding], limits: FilmLimits
) -> list[Sentence]:
    """The same sentences; those on no finding that cannot stand are struck, with the reason."""
    present = {Finding(f.finding) for f in findings if f.presence is Presence.PRESENT}
    return [_settled(sentence, present, limits) for sentence in sentences]


def _settled(sentence: Sentence, present: set[Finding], limits: FilmLimits) -> Sentence:
    if sentence.finding is not None or sentence.verdict != "not_checked":
        return sentence
    reason = _objection(parse(sentence.text), present, limits)
    if reason is None:
        return sentence
    return sentence.model_copy(update={"verdict": "struck", "reason": reason})


def _objection(said: ParsedFacts, present: set[Finding], limits: FilmLimits) -> str | None:
    """Why what is said cannot stand; None where nothing speaks against it."""
    if said.gastric_tube:
        return NO_TUBES
    if said.view is not None and said.view is not limits.view:
        return NO_VIEW if limits.view is None else OTHER_VIEW
    if said.stool_burden is not None:
        return _stool_objection(said.stool_burden, present, limits)
    if said.distal_gas is DistalGas.NORMAL and Finding.AIR_FLUID_LEVEL in present:
        return GAS_BESIDE_LEVELS
    return None


def _stool_objection(burden: tuple[int, int, int], present: set[Finding], limits: FilmLimits) -> str | None:
    """Grades are left to the measured shares; without them, to whether faecal loading is outlined."""
    if limits.stool_shares is not None:
        return MEASURED
    is_loaded = Finding.CONSTIPATION in present
    is_wrong = max(burden) == 0 if is_loaded else min(burden) == _PACKED
    return OTHER_STOOL if is_wrong else None
