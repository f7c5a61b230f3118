"""The quality page: one HTML file that needs nothing else, for a screen or for paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from html import escape
from importlib.resources import files

from pedaxr.evaluation.local.figures import FEWEST, GROUPS, FindingFigures, LocalFigures, Mean
from pedaxr.evaluation.local.judge import Judged
from pedaxr.evaluation.reports import Share
from pedaxr.text import counted
from pedaxr_models.labels import sign

_NAMES = {"age": "Age", "view": "View", "device": "Device", "month": "Month"}
_MEASURES = {
    "unsureness": "how unsure the outlines are",
    "spine_offset": "spine off the middle",
    "colon_share": "large colon",
    "spine_unsureness": "how unsure the spine is",
    "spine_pieces": "spine in pieces",
    "no_l2": "L2 not found",
}


@dataclass(frozen=True)
class Page:
    """What the page is of.

    Attributes:
        title: of the films, such as the name of a data set or "this clinic".
        weights: by network, the beginning of the SHA-256 of what read the films.
        data: what the networks were trained on, by their own metadata.
        cases: worst films with a picture each, as a data URL.
        synthetic: whether the films were made by a program.
    """

    title: str
    weights: Mapping[str, str]
    data: str
    cases: Sequence[tuple[Judged, str]] = ()
    synthetic: bool = False


def quality_page(figures: LocalFigures, page: Page) -> str:
    """The HTML document."""
    style = (files("pedaxr.evaluation.local") / "page.css").read_text(encoding="utf-8")
    parts = [
        _head(figures, page),
        _findings(figures.findings),
        _calibration(figures),
        *(_group(name, figures.groups[name]) for name in GROUPS),
        _drift(figures),
        _difference(figures),
        _cases(page.cases),
        _foot(page),
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>Quality of readings: {escape(page.title)}</title><style>{style}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _head(figures: LocalFigures, page: Page) -> str:
    few = (
        f'<p class="warn">{figures.films} films prove little: below {FEWEST} films of a kind a share is an '
        "anecdote.</p>"
        if figures.films < FEWEST
        else ""
    )
    made = (
        '<p class="warn">Synthetic films: these figures say nothing about real ones.</p>'
        if page.synthetic
        else ""
    )
    cards = [
        _card("Reports with exactly the right findings", figures.right),
        _card("Free air missed", figures.missed_critical),
        _card("Critical without free air", figures.false_critical),
        _card("Films read without doubt", figures.read),
    ]
    return (
        f"<h1>Quality of readings: {escape(page.title)}</h1>"
        f'<p class="faint">{counted(figures.films, "film")} of {counted(figures.children, "child")} whose '
        f"truth is known at least in part; made on {date.today():%Y-%m-%d}. Research and teaching use, not a "
        "medical "
        "device.</p>"
        f'{few}{made}<div class="cards">{"".join(cards)}</div>'
        '<p class="faint">In brackets 95 % intervals (Wilson for shares, bootstrap over films for means). A '
        "report is right when it names, of the findings that are known for that film, exactly the true ones; "
        "findings that nobody decided on count nowhere.</p>"
    )


def _card(title: str, share: Share) -> str:
    if share.value is None:
        return f'<div class="card">{escape(title)}<b>–</b><span class="faint">no film says</span></div>'
    low, high = share.interval
    return (
        f'<div class="card">{escape(title)}<b>{share.value:.0%}</b><span class="faint">{share.count} of '
        f"{share.of} ({low:.0%} to {high:.0%})</span></div>"
    )


def _findings(rows: Sequence[FindingFigures]) -> str:
    body = "".join(
        f"<tr><td>{escape(sign(row.name))}</td>{_cell(row.sensitivity)}{_cell(row.specificity)}"
        f'<td class="n">{"–" if row.false_per_100 is None else row.false_per_100}</td>{_mean(row.dice)}</tr>'
        for row in rows
    )
    return _table(
        "Findings",
        "Sensitivity: of the films that show it, where the report names it. Specificity: of the films known "
        "not to show it, where it does not. Dice: overlap with the human's outline, where there is one.",
        ("Finding", "Sensitivity", "Specificity", "False alarms per 100 films", "Dice"),
        body,
    )


def _cell(share: Share) -> str:
    if share.value is None:
        return '<td class="faint">no film</td>'
    low, high = share.interval
    few = ' <span class="warn">few</span>' if share.of < FEWEST else ""
    return (
        f'<td class="n">{share.value:.2f} ({low:.2f}–{high:.2f})<br><span class="faint">{share.count} of '
        f"{share.of}</span>{few}{_bar(share.value, low, high)}</td>"
    )


def _mean(mean: Mean) -> str:
    if mean.value is None or mean.low is None or mean.high is None:
        return '<td class="faint">no outline</td>'
    return (
        f'<td class="n">{mean.value:.2f} ({mean.low:.2f}–{mean.high:.2f})<br><span class="faint">'
        f"{counted(mean.films, 'film')}</span>{_bar(mean.value, mean.low, mean.high)}</td>"
    )


def _bar(value: float, low: float, high: float) -> str:
    """The interval as a band, the value as a line on it, from 0 to 1."""
    band = f'x="{110 * low:.1f}" y="1" width="{max(1.0, 110 * (high - low)):.1f}" height="6"'
    line = f'x="{max(0.0, 110 * value - 1):.1f}" width="2" height="8"'
    return (
        '<svg width="110" height="8" viewBox="0 0 110 8" aria-hidden="true">'
        '<rect y="3" width="110" height="2" fill="#d5d9de"/>'
        f'<rect {band} fill="#bcd6e8"/><rect {line} fill="#2f6f9f"/></svg>'
    )


def _calibration(figures: LocalFigures) -> str:
    body = "".join(f'<tr><td class="n">{one.stated:.2f}</td>{_cell(one.right)}</tr>' for one in figures.bins)
    error = figures.calibration_error
    told = "" if error is None else f" They differ by {error:.2f} on average (expected calibration error)."
    return _table(
        "Confidence",
        f"What reports say of themselves, and how many of them were right.{told}",
        ("Stated confidence", "Right"),
        body,
    )


def _group(name: str, rows: Mapping[str, tuple[Share, Share]]) -> str:
    """A table; nothing where no film says to which group it belongs."""
    if set(rows) <= {"unknown"}:
        return ""
    body = "".join(
        f"<tr><td>{escape(group)}</td>{_cell(right)}{_cell(false)}</tr>"
        for group, (right, false) in rows.items()
    )
    title = _NAMES[name]
    return _table(
        f"By {title.lower()}", "", (title, "Reports exactly right", "Reports with a false finding"), body
    )


def _drift(figures: LocalFigures) -> str:
    body = "".join(
        f"<tr><td>{escape(_MEASURES.get(one.measure, one.measure))}</td>{_cell(one.beyond)}"
        f'<td class="n">{_chance(one.p)}</td></tr>'
        for one in figures.drift
    )
    return _table(
        "Drift",
        "How many films look odder than 95 % of those that the operating points were chosen on: 5 % are "
        "expected. Many more mean that these films are unlike those, whatever the reports say.",
        ("Measure", "Odder than 95 % of the reference", "Chance of so many"),
        body,
    )


def _chance(p: float) -> str:
    return f'<span class="warn">{p:.4f}</span>' if p < 0.01 else f"{p:.2f}"


def _difference(figures: LocalFigures) -> str:
    body = "".join(
        f'<tr><td class="n">{points} points</td><td class="n">{films} before and {films} after</td></tr>'
        for points, films in figures.difference.items()
    )
    return _table(
        "How many films tell a difference",
        "Films needed so that such a change of the share of right reports is noticed in four of five cases "
        "(two-sided test at 5 %).",
        ("Change", "Films"),
        body,
    )


def _cases(cases: Sequence[tuple[Judged, str]]) -> str:
    if not cases:
        return "<h2>Worst cases</h2><p>No report was wrong.</p>"
    figures = "".join(
        f'<figure><img src="{url}" alt="Film {escape(film.film)} with outlines"><figcaption>'
        f"<b>{escape(film.film)}</b><br>{escape(_told(film))}</figcaption></figure>"
        for film, url in cases
    )
    return (
        "<h2>Worst cases</h2><p>Missed free air first. Solid: the human's outline. Dashed: the network's.</p>"
        f'<div class="cases">{figures}</div>'
    )


def _told(film: Judged) -> str:
    said = "Refused: " + film.refused if film.refused else _named("Said", film.told)
    if film.is_in_doubt:
        said = "In doubt, no finding given"
    dice = ", ".join(f"{sign(name)} {value:.2f}" for name, value in film.dice.items())
    return ". ".join(filter(None, (_named("True", film.true), said, f"Dice {dice}" if dice else ""))) + "."


def _named(what: str, names: Sequence[str]) -> str:
    return f"{what}: {', '.join(sign(name).lower() for name in names) or 'nothing'}"


def _table(title: str, said: str, head: Sequence[str], body: str) -> str:
    cells = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    rows = body or f'<tr><td colspan="{len(head)}" class="faint">nothing to count</td></tr>'
    return (
        f"<h2>{escape(title)}</h2>{f'<p>{escape(said)}</p>' if said else ''}"
        f'<div class="scroll"><table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _foot(page: Page) -> str:
    weights = ", ".join(f"{network} {digest[:12]}" for network, digest in page.weights.items())
    return f'<p class="faint">Weights: {escape(weights)}. {escape(page.data)}</p>'
