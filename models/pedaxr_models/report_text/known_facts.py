"""Facts of films that came without: from the caption, else from the class, to learn reports from."""

from collections.abc import Iterable
from dataclasses import replace

from pedaxr_models.datasets.film import Film
from pedaxr_models.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.labels import FINDINGS, NORMAL, Finding, View
from pedaxr_models.report_text.parser import parse


def with_facts(films: Iterable[Film]) -> list[Film]:
    """The films with facts each; those of which nothing can be told (no class, no caption) stay without."""
    return [film if film.facts is not None else replace(film, facts=facts_of(film)) for film in films]


def facts_of(film: Film) -> FilmFacts | None:
    """What the caption says of each finding; of others, what the class or an outline says.

    A class names all that a film shows, so that the other findings are absent. The view is the film's own,
    else the caption's, else erect where levels are told and supine where not.
    """
    told = parse(film.caption)
    said = {fact.finding: fact for fact in told.findings}
    if film.label is None and not film.polygons and not said:
        return None
    shown = {finding for finding, pieces in film.polygons.items() if pieces}
    shown |= {Finding(film.label)} if film.label not in (None, NORMAL) else set()
    silent = {finding: _plain(finding, finding in shown) for finding in FINDINGS}
    found = {finding: _plain(finding, True) for finding in shown if _is_denied(said.get(finding))}
    findings = tuple((silent | said | found)[finding] for finding in FINDINGS)
    view = film.metadata.view or told.view or _usual_view(shown)
    return FilmFacts(view, findings, told.distal_gas, told.stool_burden, told.gastric_tube)


def _plain(finding: Finding, is_there: bool) -> FindingFact:
    return FindingFact(finding, Presence.PRESENT if is_there else Presence.ABSENT)


def _is_denied(fact: FindingFact | None) -> bool:
    """An outline is there whatever the caption denies."""
    return fact is not None and fact.presence is not Presence.PRESENT


def _usual_view(shown: set[Finding]) -> View:
    return View.ERECT if Finding.AIR_FLUID_LEVEL in shown else View.SUPINE
