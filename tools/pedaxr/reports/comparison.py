"""A film compared with an earlier one of the same child, computed from both segmentations.

The latest, or the one that the request names by its time.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from pedaxr.clinic.annotate import decisions_on, free_air_drawn
from pedaxr.errors import PedaxrError
from pedaxr.reading.measurements import LEVELS, STOOL_PARTS
from pedaxr.reading.read_film import Reading, Source, read_film
from pedaxr.registry.standing import signed_of, standing_version
from pedaxr.reports.film_limits import FilmLimits, limits_of
from pedaxr.reports.flags import view_name
from pedaxr.reports.human_words import CRITICAL_THEN
from pedaxr.reports.prose.measured import LEAST_CALIBRE
from pedaxr.reports.prose.named_film import named_films, names_several, names_sibling, names_undated
from pedaxr.reports.sections import NOT_COMPARED, OF_SIBLING
from pedaxr.text import ForeignText, shown_id
from pedaxr.types import ComparedItem, Comparison
from pedaxr_models.labels import URGENCY, Finding, View, sign, sign_within
from pedaxr_models.plausibility import cannot_show

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic
    from pedaxr.records import Study
    from pedaxr.reports.check_draft import CheckedDraft

NOT_ASSESSED = "not assessed"
NOT_OUTLINED = "not outlined"
SUSPECTED = "suspected, not outlined"
_NO_DATE = "Not compared: the date of this film is not known."
_THAT_DAY = "Other films of that day are registered, not compared here: {}."
_THAT_EARLIER_DAY = "Also of that earlier day: {}."
_CRITICAL_THAT_DAY = "Critical by its report: {}."
_DRAWN_THAT_DAY = "Free intraperitoneal air drawn by hand: {}."
_ASKED_FOR = "The request asks for {}: compared with that one, not with the latest earlier one, of {}."
_BY_HAND_THEN = "{} by hand on that earlier film: {}."
_NETWORKS_OWN = "What is compared is the network's own."
_NOT_THERE = "The request asks for {}: no earlier film of that time is registered, so the latest is compared."
_NOT_HERE = (
    "The request also asks for {}: not compared here; "
    "a report asked for with that one alone compares with it."
)
_NOT_THERE_EITHER = "The request also asks for {}: no earlier film of that time is registered."
_NOT_OF_CHILD = (
    "The request names a film by an id that no earlier film of this child has: the latest one is compared, "
    "and children never are with each other."
)
_ID = re.compile(r"(?<![\w-])(?=[\w.-]*\d)[A-Za-z][\w.-]*\w")  # a word with a digit, as ids are
_UNDATED = (
    "The request names an earlier film by an event, an hour or an age, which is not registered: the latest "
    "earlier one is compared, and a date or a study id names another."
)
_OTHER_ID = (
    "The request also names a film by an id that no earlier film of this child has: children are never "
    "compared with each other."
)
_ONLY_LATEST = "The request asks for several earlier films: only the latest is compared here."
# A change of an area or length below this share of the earlier one is within what two outlines differ by.
LEAST_CHANGE = 0.2
_RATIOS = {
    "widest_loop_to_l2": "Widest small-bowel loop",
    "stomach_to_l2": "Stomach",
    "rectum_to_l2": "Rectum",
}
_STOOL = {
    f"stool_share_{part}": words
    for part, words in zip(STOOL_PARTS, ("right colon", "left colon", "rectosigmoid"), strict=True)
}
_CHANGES = {"new": ", new", "alike": ", about the same", "larger": ", larger", "smaller": ", smaller"}
_SAME_PICTURE = "is the very same picture; not compared."
_MOST_TRIED = 3  # earlier films, where the latest ones are of no use
_MISCOUNTED = 1  # by how many levels a count is often off
Unit = Literal["share_of_body", "share_of_colon", "ratio_to_l2", "mm", "count"]
Change = Literal["new", "larger", "smaller", "alike", "no_longer_outlined", "cannot_say"]


@dataclass(frozen=True)
class ComparedFilm:
    """What of one film is compared.

    Attributes:
        view: None when not known; it is then taken as supine.
        shares: outlined findings, as a share of the body.
        measures: as of `measuring.measure`.
        limits: what the film lets be said; by default only its view counts.
    """

    view: View | None
    shares: Mapping[str, float]
    measures: Mapping[str, float]
    limits: FilmLimits | None = None

    @classmethod
    def of(cls, reading: Reading, limits: FilmLimits | None = None) -> "ComparedFilm":
        """Of one film that was read."""
        shares = {region.name: region.share_of_body for region in reading.findings}
        return cls(reading.metadata.view, shares, reading.measures, limits or limits_of(reading))

    def share(self, finding: Finding) -> float | None:
        """Share of the body; None where the view can neither show nor exclude the finding."""
        if cannot_show(finding, self.view):
            return None
        if finding in self.shares:
            return self.shares[finding]
        limits = self.limits or FilmLimits(self.view)
        return 0.0 if limits.excludes(finding) else None

    def is_suspected(self, finding: Finding) -> bool:
        """Whether something but an outline speaks for it."""
        is_air = finding is Finding.PNEUMOPERITONEUM and finding not in self.shares
        return is_air and self.limits is not None and self.limits.is_air_suspected


@dataclass(frozen=True)
class ComparedWithEarlier:
    """The Comparison section, and the same as data; without data nothing was compared."""

    text: str
    data: Comparison | None = None


NOT_COMPARED_FILM = ComparedWithEarlier(NOT_COMPARED)


def compare_with_earlier(
    reading: Reading, checked: "CheckedDraft", requests: Sequence[str] = ()
) -> ComparedWithEarlier:
    """An earlier film of the same child, or why none is compared.

    What a human signed of that film is quoted beside the outlines, as data; drafts of it never are.

    Args:
        reading: of the film.
        checked: what may be said of it.
        requests: as supplied; they may name the film that is meant.
    """
    source = reading.source
    if source.study is None or source.clinic is None:
        return ComparedWithEarlier("No earlier film was supplied.")
    others = [s for s in source.clinic.registry.studies(source.study.patient_id) if s != source.study]
    if others and source.study.study_date is None:
        return ComparedWithEarlier(_NO_DATE)
    compared = _with_the_one_meant(reading, checked, source.study, source.clinic, requests)
    that_day = [s for s in others if s.study_date == source.study.study_date]
    return replace(compared, text=" ".join([compared.text, *_beside(that_day, source.clinic, _THAT_DAY)]))


def _beside(that_day: Sequence["Study"], clinic: "Clinic", words: str) -> Iterator[str]:
    """Films of the same examination: how they were taken, and which of them shows what is critical."""
    if not that_day:
        return
    told = [f"{shown_id(s.study_id)}, {view_name(s.view_position)}" for s in that_day]
    yield words.format(", ".join(told))
    states = clinic.registry.report_states([s.study_id for s in that_day])
    if critical := [shown_id(name) for name, state in states.items() if state.critical]:
        yield _CRITICAL_THAT_DAY.format(", ".join(critical))
    if drawn := [shown_id(name) for name in free_air_drawn([s.study_id for s in that_day], clinic.registry)]:
        yield _DRAWN_THAT_DAY.format(", ".join(drawn))


def _with_the_one_meant(
    reading: Reading, checked: "CheckedDraft", study: "Study", clinic: "Clinic", requests: Sequence[str]
) -> ComparedWithEarlier:
    earlier = clinic.registry.earlier_studies(study.study_id)
    if not earlier:
        other = [OF_SIBLING] if names_sibling(requests) else []
        return ComparedWithEarlier(" ".join(["No earlier film is registered.", *other]))
    meant, notes = _meant(earlier, study, requests)
    candidates = earlier[:_MOST_TRIED] if meant == earlier[0] else [meant]
    meant, compared, useless = _first_compared(reading, candidates, checked, clinic)
    notes = [*useless, *notes, *_decided_then(meant, clinic)]
    same_day = [one for one in earlier if one.study_date == meant.study_date and one != meant]
    text = [compared.text, *notes, *_beside(same_day, clinic, _THAT_EARLIER_DAY)]
    data = compared.data and compared.data.model_copy(update={"notes": notes})
    return ComparedWithEarlier(" ".join(text), data)


def _first_compared(
    reading: Reading, candidates: Sequence["Study"], checked: "CheckedDraft", clinic: "Clinic"
) -> tuple["Study", ComparedWithEarlier, list[str]]:
    """The first film that can be compared, and why others cannot: those before it, or all of them."""
    tried: list[tuple[Study, ComparedWithEarlier]] = []
    for one in candidates:
        compared = _with(reading, one, checked, clinic)
        if compared.data is not None or _SAME_PICTURE in compared.text:
            return one, compared, [other.text for _, other in tried]
        tried.append((one, compared))
    (first, compared), *rest = tried
    return first, compared, [other.text for _, other in rest]


def _meant(earlier: Sequence["Study"], study: "Study", requests: Sequence[str]) -> tuple["Study", list[str]]:
    """The earlier film to compare with, why it is not the one expected, and which others are left out."""
    assert study.study_date is not None
    days = [(one.study_date, number) for number, one in enumerate(earlier) if one.study_date]
    named = [(film.words, film.chosen(days)) for film in named_films(requests, study.study_date)]
    named = list(_by_id(earlier, requests)) or named
    if not named:
        return earlier[0], _not_all_compared(earlier, study, requests)
    words, number = next((one for one in named if one[1] is not None), named[0])
    others = [one for one in named if one[0] != words and (one[1] is None or one[1] != number)]
    notes = [(_NOT_THERE_EITHER if at is None else _NOT_HERE).format(told) for told, at in others]
    if _names_other_id(earlier, study, requests):
        notes.append(_OTHER_ID)
    elif names_sibling(requests):
        notes.append(OF_SIBLING)
    if number is None:
        return earlier[0], [_NOT_THERE.format(words), *notes]
    if earlier[number].study_date == earlier[0].study_date:
        return earlier[0], notes
    return earlier[number], [_ASKED_FOR.format(words, earlier[0].study_date), *notes]


def _by_id(earlier: Sequence["Study"], requests: Sequence[str]) -> Iterator[tuple[str, int | None]]:
    """Earlier films that the requests name by their study ids."""
    named = {word.casefold() for request in requests for word in _ID.findall(request)}
    for number, one in enumerate(earlier):
        if one.study_id.casefold() in named:
            yield f"film {shown_id(one.study_id)}", number


def _not_all_compared(earlier: Sequence["Study"], study: "Study", requests: Sequence[str]) -> list[str]:
    """What else the requests may mean, that no time and no id of an earlier film names."""
    if _names_other_id(earlier, study, requests):
        return [_NOT_OF_CHILD]
    if names_sibling(requests):
        return [OF_SIBLING]
    if names_undated(requests):
        return [_UNDATED]
    return [_ONLY_LATEST] if len(earlier) > 1 and names_several(requests) else []


def _names_other_id(earlier: Sequence["Study"], study: "Study", requests: Sequence[str]) -> bool:
    """Whether a word is written as the ids of this child or its films are, and is none of them."""
    shapes = (re.sub(r"\d+", r"\\d+", re.escape(name)) for name in (study.study_id, study.patient_id))
    alike = re.compile("|".join(shapes), re.IGNORECASE)
    known = {name.casefold() for name in (study.patient_id, *(one.study_id for one in (study, *earlier)))}
    words = {word.casefold() for request in requests for word in _ID.findall(request)} - known
    return any(alike.fullmatch(word) for word in words)


def _decided_then(earlier: "Study", clinic: "Clinic") -> list[str]:
    """What humans decided of the earlier film's outlines, which are compared as the network drew them."""
    decided = decisions_on(earlier.study_id, clinic)
    groups = {
        "Drawn": [one.finding for one in decided if one.is_drawn],
        "Rejected": [one.finding for one in decided if one.decision == "rejected"],
        "Called uncertain": [one.finding for one in decided if one.decision == "uncertain"],
    }
    told = [
        _BY_HAND_THEN.format(word, ", ".join(sign_within(f) for f in URGENCY if f in findings))
        for word, findings in groups.items()
        if findings
    ]
    return [*told, _NETWORKS_OWN] if told else []


def _with(
    reading: Reading, earlier: "Study", checked: "CheckedDraft", clinic: "Clinic"
) -> ComparedWithEarlier:
    assert reading.source.study is not None
    versions = clinic.registry.reports(earlier.study_id)
    signed = signed_of(versions)
    compared = _by_outlines(reading, earlier, checked)
    if versions and standing_version(versions).critical:  # suspected air has no outline to compare
        compared = replace(compared, text=f"{compared.text} {CRITICAL_THEN}")
    if signed is None:
        return compared
    text = f"{compared.text} Its final report: {ForeignText(signed.impression, 4000)}"
    past = compared.data or _dated(reading.source.study, earlier, [])
    return ComparedWithEarlier(text, past.model_copy(update={"signed_impression": signed.impression}))


def _by_outlines(reading: Reading, earlier: "Study", checked: "CheckedDraft") -> ComparedWithEarlier:
    assert reading.source.study is not None
    when = f"Film of {earlier.study_date}"
    try:
        before = read_film(Source(earlier.image_path, earlier, reading.source.clinic))
    except PedaxrError:
        return ComparedWithEarlier(f"{when} could not be read; not compared.")
    if _is_same_picture(reading, before):
        return ComparedWithEarlier(f"{when} {_SAME_PICTURE}")
    if before.in_doubt:
        return ComparedWithEarlier(f"{when} is in doubt itself; not compared.")
    films = ComparedFilm.of(reading, checked.limits), ComparedFilm.of(before)
    data = _dated(reading.source.study, earlier, items_of(*films))
    views_differ = films[0].view is not films[1].view
    text = f"{when}, from the outlines: {compare(*films)}"
    return ComparedWithEarlier(text, data.model_copy(update={"views_differ": views_differ}))


def _is_same_picture(one: Reading, other: Reading) -> bool:
    """Whether a film was sent twice: compared with itself, it would be unchanged."""
    pixels, others = one.radiograph.pixels, other.radiograph.pixels
    return pixels.shape == others.shape and bool((pixels == others).all())


def _dated(study: "Study", earlier: "Study", items: list[ComparedItem]) -> Comparison:
    days = (study.study_date - earlier.study_date).days if study.study_date and earlier.study_date else None
    return Comparison(study_id=earlier.study_id, study_date=earlier.study_date, days_before=days, items=items)


def items_of(now: ComparedFilm, before: ComparedFilm) -> list[ComparedItem]:
    """Findings and measures that either film has, as data: what `compare` puts into words."""
    named = [f for f in URGENCY if f in now.shares or f in before.shares or now.is_suspected(f)]
    items = [_item(f.value, "share_of_body", before.share(f), now.share(f)) for f in named]
    then, today = before.measures.get(LEVELS), now.measures.get(LEVELS)
    if then or today:
        items.append(_item(LEVELS, "count", then, today))
    for key in _RATIOS:
        then, today = before.measures.get(key), now.measures.get(key)
        if then is not None and today is not None and max(then, today) >= LEAST_CALIBRE:
            items.append(_item(key, "ratio_to_l2", then, today))
    is_loaded = any(Finding.CONSTIPATION in film.shares for film in (now, before))
    for key in _STOOL if is_loaded else ():  # little stool fills a narrow colon: that is no loading
        then, today = before.measures.get(key), now.measures.get(key)
        if then is not None and today is not None and (then or today):
            items.append(_item(key, "share_of_colon", then, today))
    return items


def _item(what: str, unit: Unit, then: float | None, now: float | None) -> ComparedItem:
    change = _change(then, now)
    if unit == "count" and then and now and abs(now - then) <= _MISCOUNTED:
        change = "alike"
    return ComparedItem(what=what, unit=unit, then=then, now=now, change=change)


def compare(now: ComparedFilm, before: ComparedFilm) -> str:
    """Findings and measures of two films in words and numbers.

    What either view could not show is "not assessed" there, never nought, and no change is claimed.
    """
    items = items_of(now, before)
    lines = [_line(item, now) for item in items]
    if not any(item.unit == "share_of_body" for item in items):
        lines.insert(0, "No finding is outlined on either film.")
    if now.view is not before.view:
        lines.append("The two films differ in view, which moves gas and fluid.")
    return " ".join(lines)


def _line(item: ComparedItem, now: ComparedFilm) -> str:
    if item.unit == "share_of_body":
        suspected = SUSPECTED if now.is_suspected(Finding(item.what)) else None
        change = _CHANGES.get(item.change, "")
        return f"{sign(item.what)}: {_share(item.then)} then, {suspected or _share(item.now)} now{change}."
    if item.unit == "count":
        counts = [NOT_ASSESSED if n is None else f"{n:.0f}" for n in (item.then, item.now)]
        return f"Levels counted: {counts[0]} then, {counts[1]} now."
    if item.unit == "ratio_to_l2":
        change = _CHANGES[item.change]
        return f"{_RATIOS[item.what]}: {_calibre(item.then)} then, {_calibre(item.now)} now{change}."
    return f"Stool share of the {_STOOL[item.what]}: {item.then:.0%} then, {item.now:.0%} now."


def _calibre(ratio: float | None) -> str:
    return f"under {LEAST_CALIBRE} x L2" if (ratio or 0.0) < LEAST_CALIBRE else f"{ratio:.1f} x L2"


def _share(share: float | None) -> str:
    if share is None:
        return NOT_ASSESSED
    return f"{share:.0%} of the body" if share else NOT_OUTLINED


def _change(then: float | None, now: float | None) -> Change:
    if then is None or now is None:
        return "cannot_say"
    if not then:
        return "new" if now else "alike"
    if not now:
        return "no_longer_outlined"
    if abs(now - then) <= LEAST_CHANGE * then:
        return "alike"
    return "larger" if now > then else "smaller"
