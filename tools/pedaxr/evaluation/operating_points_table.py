"""What the operating points do on the validation films they were chosen from, as a table."""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from pedaxr.evaluation.choose_gate import GoodPicture
from pedaxr.evaluation.choose_hanging import HungTwice, SecondLook
from pedaxr.evaluation.choose_operating_points import Seen
from pedaxr.reading.ood_score import likeness, oddness
from pedaxr.reading.operating_points import OperatingPoints
from pedaxr.reports.flags import SURE_ALONE

Counted = Callable[[Sequence[Seen]], tuple[int, int]]
Test = Callable[[Seen], bool]
Effect = tuple[str, float | None, str, Counted]  # point, its value, of what, counted how


def points_table(points: OperatingPoints, sets: Mapping[str, Sequence[Seen]]) -> str:
    """Markdown: every point, and what it does on each set it was chosen from."""
    head = ["point", "value", "of", *(f"{name} ({len(films)} films)" for name, films in sets.items())]
    rows = [head, ["---"] * len(head)]
    for name, value, what, counted in _effects(points):
        shares = (_share(*counted(films)) for films in sets.values())
        rows.append([name, f"{value:.3f}" if value is not None else "", what, *shares])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def pictures_table(points: OperatingPoints, pictures: Sequence[GoodPicture], asked: int) -> str:
    """Markdown: what becomes of the further good films the gate was chosen on; `asked` counts all of them."""
    refused = sum(film.sureness < points.refused_below for film in pictures) + asked - len(pictures)
    doubted = sum(_is_gated(film, points) and film.sureness >= points.refused_below for film in pictures)
    row = f"| {asked} | {_share(refused, asked)} | {_share(doubted, asked)} |"
    return f"| further good films | refused | in doubt |\n|---|---|---|\n{row}"


def _is_gated(film: GoodPicture, p: OperatingPoints) -> bool:
    turned, mirrored = _rules(p)
    is_hung_wrong = film.hung is not None and (
        turned.doubts(film.hung.upright, film.hung.upright_turned)
        or mirrored.doubts(film.hung.sides, film.hung.sides_mirrored)
    )
    return _is_doubted(film, p) or is_hung_wrong


def _rules(p: OperatingPoints) -> tuple[SecondLook, SecondLook]:
    return (
        SecondLook(p.turned_looked_from, p.turned_surer_by),
        SecondLook(p.mirrored_looked_from, p.mirrored_surer_by),
    )


def _effects(points: OperatingPoints) -> Iterator[Effect]:
    """What each point does: its name, its value, of what the share is, and how that is counted."""
    yield from _doubts(points)
    yield from _hanging(points)
    yield from _free_air(points)
    yield from _confidence(points)
    yield from _by_finding(points)


def _doubts(p: OperatingPoints) -> Iterator[Effect]:
    """What refuses a film, or doubts it."""
    off, fills, odd, unlike = p.spine_off_centre, p.largest_colon, p.largest_oddness, p.unlike_doubted_below
    yield "refused below", p.refused_below, "films refused", _part(lambda s: s.sureness < p.refused_below)
    yield "doubted below", p.doubted_below, "films doubted", _part(lambda s: s.sureness < p.doubted_below)
    told = "films of which that is told, if doubted"
    yield "spine off centre", off, told, _part(lambda s: s.spine_offset > off)
    yield "largest colon", fills, "films doubted", _part(lambda s: s.colon_share > fills)
    yield "largest oddness", odd, "films doubted", _part(lambda s: oddness(s.measures, p.usual) > odd)
    yield "unlike an abdomen: log-odds", unlike, "films doubted", _part(lambda s: _is_unlike(s, p))
    yield "", None, "films doubted by any rule", _part(lambda s: _is_doubted(s, p))


def _free_air(p: OperatingPoints) -> Iterator[Effect]:
    """When free air is critical that is not firmly outlined."""
    air, none = (lambda s: s.has_free_air), (lambda s: not s.has_free_air)
    told, lost, only_faint = _is_told(p, p.faint_free_air), _is_lost(p), _is_only_faint(p)
    t, faint = p.free_air_suspicion, p.faint_free_air
    named = "report writer alone: free air named"
    yield "free air suspicion", t, named, _part(lambda s: s.free_air >= t, air)
    yield "faint free air", faint, "reported by it alone: free air", _part(only_faint, air)
    yield "", faint, "reported by it alone: none there", _part(only_faint, none)
    suspicions = "writer's suspicions not reported: free air"
    yield "free air trace", p.free_air_trace, suspicions, _part(lost, air)
    not_named, unnamed = "where the draft does not name it", p.free_air_trace_unnamed
    yield not_named, unnamed, "suspicions not reported: none there", _part(lost, none)
    yield "", t, "`critical`: sensitivity", _part(told, air)
    yield "", t, "`critical`: false alarms", _part(told, none)


def _confidence(p: OperatingPoints) -> Iterator[Effect]:
    low = p.least_confidence
    right, wrong = (lambda s: s.is_right), (lambda s: not s.is_right)
    yield "least confidence", low, "wrong reports flagged", _part(lambda s: s.confidence < low, wrong)
    yield "", low, "right reports flagged", _part(lambda s: s.confidence < low, right)


def _by_finding(p: OperatingPoints) -> Iterator[Effect]:
    for finding, least in p.not_excluded.items():
        gives, alone = _gives(finding, least), "report writer alone: films with it"
        yield f"not excluded: {finding}", least, alone, _part(gives, _shows(finding))
        yield "", least, "films without it", _part(gives, _lacks(finding))
    for finding, share in p.least_share.items():
        yield f"share of {finding}", share, "true outlines lost", _too_small(finding, share, True)
        yield "", share, "false outlines left out", _too_small(finding, share, False)
    for finding, support in p.least_support.items():
        yield f"support of {finding}", support, "true sentences unhedged", _unhedged(finding, support, True)
        yield "", support, "false sentences unhedged", _unhedged(finding, support, False)


def _hanging(p: OperatingPoints) -> Iterator[Effect]:
    """What the second look does on films as they hang, and on the same hung wrongly."""
    turned, mirrored = _rules(p)
    yield from _second_look("upside down", turned, lambda hung: (hung.upright, hung.upright_turned))
    yield from _second_look("mirrored", mirrored, lambda hung: (hung.sides, hung.sides_mirrored))


def _second_look(
    name: str, rule: SecondLook, pair: Callable[[HungTwice], tuple[float, float]]
) -> Iterator[Effect]:
    looked = _hung(lambda hung: pair(hung)[0] > rule.looked_from)
    doubted = _hung(lambda hung: rule.doubts(*pair(hung)))
    caught = _hung(lambda hung: rule.doubts(*reversed(pair(hung))))
    yield f"{name}: looked at from", rule.looked_from, "films looked at again", looked
    yield f"{name}: surer by", rule.margin, "films doubted", doubted
    yield "", rule.margin, f"the same films {name}: doubted", caught


def _hung(test: Callable[[HungTwice], bool]) -> Counted:
    return _part(lambda s: s.hung is not None and test(s.hung), lambda s: s.hung is not None)


def _is_doubted(film: GoodPicture | Seen, p: OperatingPoints) -> bool:
    return (
        film.sureness < p.doubted_below
        or film.colon_share > p.largest_colon
        or oddness(film.measures, p.usual) > p.largest_oddness
        or _is_unlike(film, p)
    )


def _is_unlike(film: GoodPicture | Seen, p: OperatingPoints) -> bool:
    """Films looked at before the figures were kept have none, and are judged by none."""
    return bool(film.figures) and likeness(film.figures, p.likeness) < p.unlike_doubted_below


def _any(film: Seen) -> bool:
    return True


def _part(test: Test, among: Test = _any) -> Counted:
    """How many of the films among which it is asked pass the test."""

    def count(films: Sequence[Seen]) -> tuple[int, int]:
        asked = [film for film in films if among(film)]
        return sum(map(test, asked)), len(asked)

    return count


def _shows(finding: str) -> Test:
    return lambda film: finding in film.true


def _lacks(finding: str) -> Test:
    return lambda film: finding not in film.true


def _gives(finding: str, least: float) -> Test:
    return lambda film: film.probabilities.get(finding, 0.0) >= least


def _is_suspected(suspicion: float) -> Test:
    """By the report writer, without an outline."""
    return lambda film: (
        not film.is_free_air_outlined and (film.is_free_air_told or film.free_air >= suspicion)
    )


def _is_told(points: OperatingPoints, faint: float) -> Test:
    suspected, lost = _is_suspected(points.free_air_suspicion), _is_lost(points)
    return lambda film: (
        film.is_free_air_outlined or film.faint_free_air >= faint or (suspected(film) and not lost(film))
    )


def _is_lost(points: OperatingPoints) -> Test:
    suspected = _is_suspected(points.free_air_suspicion)

    def is_lost(film: Seen) -> bool:
        is_sure = film.is_free_air_named and film.free_air >= SURE_ALONE
        least = points.free_air_trace if film.is_free_air_named else points.free_air_trace_unnamed
        return suspected(film) and not is_sure and film.faint_free_air < least

    return is_lost


def _is_only_faint(points: OperatingPoints) -> Test:
    told, all_told = _is_told(points, 1.1), _is_told(points, points.faint_free_air)
    return lambda film: all_told(film) and not told(film)


def _unhedged(finding: str, support: float, is_true: bool) -> Counted:
    """How many of the true, or the false, sentences on a finding stand unhedged."""

    def count(films: Sequence[Seen]) -> tuple[int, int]:
        sentences = [
            s for film in films for s in film.supports if (s.finding, s.is_true) == (finding, is_true)
        ]
        return sum(s.confidence >= support for s in sentences), len(sentences)

    return count


def _too_small(finding: str, share: float, is_true: bool) -> Counted:
    """How many of the true, or the false, outlines of a finding count as none."""

    def count(films: Sequence[Seen]) -> tuple[int, int]:
        asked = [o for film in films for o in film.outlined if (o.finding, o.is_true) == (finding, is_true)]
        return sum(one.share < share or not one.share for one in asked), len(asked)

    return count


def _share(count: int, of: int) -> str:
    return f"{count / of:.3f}, {count} of {of}" if of else "none"


def separation(films: Sequence[Seen], *, by_words: bool = False) -> float | None:
    """Chance that a right report is given more confidence than a wrong one: area under the ROC curve.

    Args:
        films: validation films.
        by_words: judge by the probabilities of the draft's words, as is usual, and not by both witnesses.
    """
    value = np.array([film.word_confidence if by_words else film.confidence for film in films])
    is_right = np.array([film.is_right for film in films], bool)
    right, wrong = value[is_right], value[~is_right]
    if not len(right) or not len(wrong):
        return None
    ties = (right[:, None] == wrong).mean()
    return float((right[:, None] > wrong).mean() + ties / 2)
