"""The facts behind a report one by one, so that a question is answered from data and not from a sentence.

A slot that was not assessed says so and why; it never has a value. "Not outlined" is the value of what was
looked for and not drawn: it is neither a figure nor a denial.
"""

from collections.abc import Iterator, Mapping, Sequence

from pedaxr.reports.prose.measured import LEAST_CALIBRE
from pedaxr.reports.prose.tubes import seen_tube
from pedaxr.types import (
    Certainty,
    NotAssessed,
    Region,
    Report,
    SegmentationResult,
    Sentence,
    Slot,
    StructuredFinding,
)
from pedaxr_models.facts import Presence
from pedaxr_models.labels import FINDINGS, Finding, Structure, sign_within
from pedaxr_models.plausibility import is_blind
from pedaxr_models.report_text.parser import parse

# By the beginning of a measure's key, what it is of, and the structure on which it is read.
_MEASURED: Mapping[str, tuple[str, str]] = {
    "widest_loop": ("widest small-bowel loop", Structure.SMALL_BOWEL_GAS),
    "stomach": ("stomach width", Structure.STOMACH),
    "widest_colon": ("widest colon", Structure.COLON),
    "rectum": ("rectum width", Structure.COLON),
    "l2_width": ("width of L2", Structure.L2_BODY),
    "free_air_gap": ("free air gap", Finding.PNEUMOPERITONEUM),
    "longest_level": ("longest air-fluid level", Finding.AIR_FLUID_LEVEL),
    "air_fluid_levels": ("number of air-fluid levels", Finding.AIR_FLUID_LEVEL),
    "stool_share_right_colon": ("right colon filled with stool", Structure.COLON),
    "stool_share_left_colon": ("left colon filled with stool", Structure.COLON),
    "stool_share_rectosigmoid": ("rectosigmoid filled with stool", Structure.COLON),
}
# What is measured of a finding is no surer than the finding, and nothing where it is not outlined.
_OF_FINDING: Mapping[str, Finding] = {
    "free_air_gap": Finding.PNEUMOPERITONEUM,
    "longest_level": Finding.AIR_FLUID_LEVEL,
    "air_fluid_levels": Finding.AIR_FLUID_LEVEL,
}
_CALIBRES = ("widest_loop", "stomach", "widest_colon", "rectum")
_UNITS = {"_to_l2": "x width of L2", "_mm": "mm"}


def slots_of(report: Report) -> list[Slot]:
    """Of a report: its findings, what is measured, what the draft alone says, and what nobody assessed."""
    if report.in_doubt:
        return list(_left(report.not_assessed, ()))
    told = [_of_finding(finding, report) for finding in report.findings]
    gas = list(_distal_gas(report.sentences))
    gas += _tube(report.sentences)
    measured = _measured(report.measures, certainty_of_outlined(report), {})
    return [*told, *gas, *measured, *_left(report.not_assessed, [t.what for t in told])]


def slots_of_outlines(result: SegmentationResult) -> list[Slot]:
    """Of an outlined film: the same, without what only a report says."""
    regions = {region.name: region for region in (*result.findings, *result.structures)}
    left = result.not_assessed or _left_by_outlines(result)
    certain = certainty_of_outlined(result)
    told = [_outlined(region, certain[region.name]) for region in result.findings]
    suspected = [name for name, how in result.critical_certainty.items() if how == "suspected"]
    told += [
        Slot(what=sign_within(f), assessed=True, value="suspected", certainty="suspected") for f in suspected
    ]
    left = [one for one in left if one.what not in suspected]
    silent = {f.value for f in FINDINGS} - {one.what for one in left} - {*regions, *suspected}
    told += [Slot(what=sign_within(f), assessed=True, value="not outlined") for f in FINDINGS if f in silent]
    told += [_drawn_tube(result.gastric_tube)] if result.gastric_tube else []
    measured = _measured(result.measures, certain, regions)
    return [*told, *measured, *_left(left, [t.what for t in told])]


def certainty_of_outlined(answer: Report | SegmentationResult) -> dict[str, Certainty]:
    """How surely each finding is there that is outlined."""
    if isinstance(answer, Report):
        there = [finding for finding in answer.findings if finding.presence is Presence.PRESENT]
        return {finding.finding: finding.certainty or "outlined" for finding in there}
    return {region.name: answer.critical_certainty.get(region.name, "outlined") for region in answer.findings}


def told_measures(answer: Report | SegmentationResult) -> dict[str, float]:
    """The measures without the width of a trace of gas and figures of a finding that is not there."""
    certain, measures = certainty_of_outlined(answer), answer.measures
    return {
        key: value
        for key, value in measures.items()
        if not _is_trace(_stem(key)[0], measures) and _OF_FINDING.get(_stem(key)[0]) in (None, *certain)
    }


def _is_trace(stem: str, measures: Mapping[str, float]) -> bool:
    return stem in _CALIBRES and measures.get(f"{stem}_to_l2", LEAST_CALIBRE) < LEAST_CALIBRE


def _drawn_tube(course: Sequence[tuple[int, int]]) -> Slot:
    xs, ys = zip(*course, strict=True)
    box = min(xs), min(ys), max(xs) + 1, max(ys) + 1
    return Slot(what="gastric tube", assessed=True, value="present", certainty="outlined", bounding_box=box)


def _left_by_outlines(result: SegmentationResult) -> list[NotAssessed]:
    """What this view leaves open, or all of a film in doubt; then what no network looks for."""
    from pedaxr.reports.check_draft import untrained_parts

    outlined = {region.name for region in result.findings}
    view = result.film.view_position if result.film else None
    if result.in_doubt:
        left = [NotAssessed(what=finding, reason="model") for finding in FINDINGS]
    else:
        left = [
            NotAssessed(what=finding, reason="view")
            for finding in FINDINGS
            if is_blind(finding, view) and finding not in outlined
        ]
    return [*left, *untrained_parts(sees_tube=bool(result.gastric_tube))]


def _of_finding(finding: StructuredFinding, report: Report) -> Slot:
    name = sign_within(finding.finding)
    if finding.presence is Presence.NOT_ASSESSED and finding.certainty is None:
        reasons = {one.what: one.reason for one in report.not_assessed}
        return Slot(what=name, assessed=False, reason=reasons.get(finding.finding, "view"))
    if finding.presence is not Presence.PRESENT:
        return Slot(
            what=name, assessed=True, value=finding.certainty or "not outlined", certainty=finding.certainty
        )
    place = next((s.region for s in report.sentences if s.region and s.finding == finding.finding), None)
    return Slot(
        what=name,
        assessed=True,
        value=finding.severity.value if finding.severity else "present",
        count=finding.count,
        certainty=finding.certainty,
        side=finding.side,
        quadrants=finding.quadrants or None,
        bounding_box=place.bounding_box if place else None,
    )


def _outlined(region: Region, certainty: Certainty) -> Slot:
    return Slot(
        what=sign_within(region.name),
        assessed=True,
        value="present",
        certainty=certainty,
        side=region.side,
        quadrants=region.quadrants or None,
        bounding_box=region.bounding_box,
    )


def _distal_gas(sentences: Sequence[Sentence]) -> Iterator[Slot]:
    """As measured, or else what the draft says of it."""
    for sentence in sentences:
        said = parse(sentence.text).distal_gas
        if said is not None and sentence.verdict in ("grounded", "not_checked"):
            yield Slot(
                what="distal bowel gas",
                assessed=True,
                value=said.value,
                certainty="measured" if sentence.verdict == "grounded" else "unchecked",
            )
            return


def _tube(sentences: Sequence[Sentence]) -> Iterator[Slot]:
    """The one that is seen; that none is says nothing."""
    if (seen := seen_tube(sentences)) is not None and (place := seen.region) is not None:
        yield Slot(
            what="gastric tube",
            assessed=True,
            value="present" if place.quadrants else "not followed below the diaphragm",
            certainty="outlined",
            side=place.side,
            quadrants=place.quadrants or None,
            bounding_box=place.bounding_box,
        )


def _measured(
    measures: Mapping[str, float], certain: Mapping[str, Certainty], regions: Mapping[str, Region]
) -> Iterator[Slot]:
    for key, value in measures.items():
        stem, unit = _stem(key)
        of_finding, is_trace = _OF_FINDING.get(stem), _is_trace(stem, measures)
        if of_finding not in (None, *certain) or (is_trace and unit == "mm"):
            continue
        is_doubted = of_finding is not None and certain[of_finding] != "outlined"
        what, structure = _MEASURED.get(stem, (stem.replace("_", " "), ""))
        region = regions.get(structure)
        yield Slot(
            what=what,
            assessed=True,
            value=f"under {LEAST_CALIBRE}" if is_trace else value,
            unit=unit,
            certainty="in_doubt" if is_doubted else "measured",
            bounding_box=region.bounding_box if region else None,
        )


def _stem(key: str) -> tuple[str, str]:
    for ending, unit in _UNITS.items():
        if key.endswith(ending):
            return key.removesuffix(ending), unit
    return key, "share" if key.startswith("stool_share") else "count"


def _left(not_assessed: Sequence[NotAssessed], told: Sequence[str]) -> Iterator[Slot]:
    for one in not_assessed:
        name = sign_within(one.what) if one.what in set(Finding) else one.what.replace("_", " ")
        if name not in told:
            yield Slot(what=name, assessed=False, reason=one.reason)
