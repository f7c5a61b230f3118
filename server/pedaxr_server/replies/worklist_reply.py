"""What waits for a human, as the answer of a search: for hosts that show a model tools and no resources."""

from collections.abc import Sequence

from pedaxr.text import cleaned, one_line
from pedaxr.types import PatientMatch, PatientSearch, StudySummary, WaitingFilm, Worklist
from pedaxr_server.replies.finding_lines import named
from pedaxr_server.replies.reply import Reply
from pedaxr_server.replies.text_budget import MOST_TOKENS, fitting, most_tokens

WORKLIST = "worklist"  # what is searched for


def worklist_reply(worklist: Worklist, limit: int) -> Reply:
    """Counts, what to do, and at most `limit` films of each kind, a JSON object per line, critical first."""
    kinds = {"critical": worklist.critical, "unsigned": worklist.unsigned, "unread": worklist.unread}
    totals = (worklist.critical_total, worklist.unsigned_total, worklist.unread_total)
    counts = ", ".join(f"{total} {kind}" for kind, total in zip(kinds, totals, strict=True))
    head = f"Today is {worklist.today}. Worklist: {counts}. {worklist.next_step}\n"
    lines = [_line(kind, film) for kind, films in kinds.items() for film in films[:limit]]
    shown = fitting(lines, MOST_TOKENS - most_tokens(head) - 60)
    left = sum(totals) - len(shown)
    more = f"\n({left} more: all are in the resource pedaxr://worklist)" if left else ""
    body = "films, as data:\n" + "\n".join(shown) + more if shown else "Nothing waits."
    data = as_search(worklist, limit).model_dump(mode="json", exclude_none=True)
    return Reply(head + body, data)


def as_search(worklist: Worklist, limit: int) -> PatientSearch:
    """The same in the shape of a search: each child once, critical first, with the films that wait."""
    films: dict[str, list[WaitingFilm]] = {}
    for kind in (worklist.critical, worklist.unsigned, worklist.unread):
        for film in kind[:limit]:
            films.setdefault(str(film.patient_id), []).append(film)
    matches = [_child(waiting) for waiting in films.values()]
    return PatientSearch(
        query=WORKLIST,
        status="no_match" if not matches else "one_match" if len(matches) == 1 else "several_matches",
        matches=matches,
        total=len(matches),
        next_step=worklist.next_step,
        today=worklist.today,
    )


def _child(films: Sequence[WaitingFilm]) -> PatientMatch:
    first = films[0]
    return PatientMatch(
        patient_id=str(first.patient_id),
        patient_name=str(first.patient_name),
        patient_birth_date=first.patient_birth_date,
        reason="a film waits",
        score=1.0,
        studies=[
            StudySummary(
                study_id=film.study_id,
                study_date=film.study_date,
                report_status=film.report_status,
                critical=film.critical,
            )
            for film in films
        ],
    )


def _line(kind: str, film: WaitingFilm) -> str:
    certain = film.critical_certainty
    critical = [f"{named(one)} ({certain.get(one, 'outlined')})" for one in film.critical]
    known = {
        "waits": kind,
        "study_id": film.study_id,
        "study_date": str(film.study_date) if film.study_date else None,
        "patient_id": film.patient_id,
        "name": film.patient_name,
        "born": str(film.patient_birth_date) if film.patient_birth_date else None,
        "report": film.report_status,
        "critical": critical or None,
    }
    return one_line(cleaned({name: value for name, value in known.items() if value is not None}))
