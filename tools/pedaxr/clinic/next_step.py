"""What to do after a search, in words for a language model or a human: confirm, ask, search again, go on."""

from collections.abc import Sequence
from datetime import date

from pedaxr.ages import how_long_ago
from pedaxr.patient_search import name_matching as names
from pedaxr.patient_search.name_forms import name_forms
from pedaxr.patient_search.patient_lookups import MOST_COUNTED
from pedaxr.types import PatientMatch

_GO_ON = "Use a study_id of this patient with generate_report or segment_xray."
_BLIND = "This search knows nothing of findings, film dates or what is unread (the worklist does)"


def next_step(
    matches: Sequence[PatientMatch],
    *,
    total: int,
    has_nearest: bool,
    has_twin: bool,
    is_certain: bool,
    today: date,
) -> str:
    """The step that follows from what was found.

    Args:
        matches: as listed.
        total: all matches; fewer may be listed.
        has_nearest: whether similar names are offered instead.
        has_twin: of one match, whether a child of like name was born on the same day.
        is_certain: whether an id or a birth date was asked for.
        today: the clock's day.
    """
    if not total:
        return _after_none(has_nearest=has_nearest)
    if total > len(matches):
        counted = f"More than {MOST_COUNTED}" if total > MOST_COUNTED else total
        shown = f"{counted} patients match and {len(matches)} are listed"
        return f"{shown}. Ask for the birth date and search again."
    if total > 1:
        return _after_several(matches)
    match = matches[0]
    if has_twin:
        return "One patient matches, but a child of like name was born that day. Confirm each letter."
    is_unnamed = name_forms(match.patient_name).is_baby and not is_certain  # told as such below
    if match.score < names.STANDARD and not is_unnamed:
        return "One patient matches, but not by the full name. Confirm name and birth date with the user."
    return _GO_ON if is_certain else " ".join([_after_a_name(match), *_newest_film(match, today)])


def _after_none(*, has_nearest: bool) -> str:
    if has_nearest:
        return (
            "No patient matches. Ask the user whether one of the nearest is meant; do not choose for them. "
            f"{_BLIND}."
        )
    return (
        f"No name, id or birth date like that. {_BLIND}, so it does not mean that no child has them. "
        "Ask for another spelling, the id or the birth date."
    )


def _after_a_name(match: PatientMatch) -> str:
    """One child has the name; whether it is the child meant, only a human can say."""
    if name_forms(match.patient_name).is_baby:
        sure = "birth date" if match.patient_birth_date else "patient id, as no birth date is registered,"
        return (
            f"Filed under a parent's name. Confirm the {sure} with the user: another baby of the same "
            "parent may not be registered."
        )
    if match.patient_birth_date is None:
        return (
            "One child has that name, and no birth date is registered: confirm the patient id with the user "
            "before using a study_id."
        )
    return "One child has that name. Confirm the birth date with the user before using a study_id."


def _newest_film(match: PatientMatch, today: date) -> list[str]:
    newest = match.studies[0].study_date if match.studies else None
    return [f"The newest film is from {newest}, {how_long_ago(newest, today)}."] if newest else []


def _after_several(matches: Sequence[PatientMatch]) -> str:
    differ = _differences(matches)
    is_dated = all(match.patient_birth_date for match in matches)
    ask = "birth date" if is_dated and "birth date" in differ else "id"
    return (
        f"Several children match. {_told_apart(differ)} Ask the user for the {ask}; do not choose, and do "
        "not compare them."
    )


def _differences(matches: Sequence[PatientMatch]) -> list[str]:
    """What differs between the listed patients. Names that differ are seen; namesakes and twins need this."""
    told: dict[str, set[object]] = {
        "birth date": {match.patient_birth_date for match in matches},
        "sex": {match.patient_sex for match in matches},
        "date of the last film": {
            match.studies[0].study_date if match.studies else None for match in matches
        },
    }
    return [name for name, values in told.items() if len(values) > 1]


def _told_apart(differ: Sequence[str]) -> str:
    if not differ:
        return "Birth date, sex and last film are the same: only the id tells them apart."
    *others, last = differ
    return f"They differ in {', '.join(others) + ' and ' if others else ''}{last}."
