"""What waits for a human: films with a critical finding, drafts that nobody has signed, unread films."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from pedaxr.audit.trail import accessing, home_of, note
from pedaxr.clinic.annotate import DRAWN_BY_HAND, critical_now, free_air_drawn
from pedaxr.records import Study
from pedaxr.registry.report_versions import ReportState
from pedaxr.types import WaitingFilm, Worklist

if TYPE_CHECKING:
    from pedaxr.clinic.clinic import ClinicLike

MOST_FILMS = 2000  # looked at, newest first
MOST_LISTED = 50  # of each kind


def worklist(*, clinic: "ClinicLike | None" = None) -> Worklist:
    """The caller's films that wait, newest first.

    A film counts by its signed report where there is one, else by its newest draft; free air that was drawn
    by hand since makes it critical. No film is read for this.

    Args:
        clinic: by default the one of `open_clinic()`.

    Raises:
        StorageError: there is no registry, or it cannot be read.
    """
    with accessing(home_of(clinic), "worklist"):
        from pedaxr.clinic.clinic import opened

        registry = opened(clinic).registry
        studies = registry.newest_studies(MOST_FILMS)
        states = registry.report_states([study.study_id for study in studies])
        drawn = free_air_drawn([study.study_id for study in studies], registry)
        films = [_waiting(study, states.get(study.study_id), drawn.get(study.study_id)) for study in studies]
        made = _worklist(films, total=registry.counts()["studies"])
        note(patient_ids=_shown(made))
        return made


def _worklist(films: Sequence[WaitingFilm], *, total: int) -> Worklist:
    critical = [film for film in films if film.critical]
    critical.sort(key=_is_heard)  # stable: what no human has signed comes first
    unsigned = [film for film in films if film.report_status == "preliminary" and not film.critical]
    unread = [film for film in films if film.report_status == "none" and not film.critical]
    return Worklist(
        today=date.today(),
        films=total,
        looked_at=len(films),
        critical=critical[:MOST_LISTED],
        unsigned=unsigned[:MOST_LISTED],
        unread=unread[:MOST_LISTED],
        critical_total=len(critical),
        unsigned_total=len(unsigned),
        unread_total=len(unread),
        next_step=_next_step(len(unread), is_all=len(films) >= total),
    )


def _is_heard(film: WaitingFilm) -> bool:
    """Whether whoever signed knew of it."""
    is_signed = film.report_status in ("final", "amended")
    return is_signed and DRAWN_BY_HAND not in film.critical_certainty.values()


def _waiting(study: Study, state: ReportState | None, drawn: datetime | None) -> WaitingFilm:
    critical = critical_now(state, drawn)
    return WaitingFilm(
        study_id=study.study_id,
        study_date=study.study_date,
        patient_id=study.patient_id,
        patient_name=study.patient_name,
        patient_birth_date=study.patient_birth_date,
        report_status=state.status if state else "none",
        report_id=state.report_id if state else None,
        critical=list(critical),
        critical_certainty=critical,
    )


def _next_step(unread: int, *, is_all: bool) -> str:
    steps = ["Tell of critical films first: whose, when taken, how sure, signed or not."]
    if unread:
        steps.append(
            f"Unread films: {unread}. No network has looked at them, so they may be critical as well."
        )
    if not is_all:
        steps.append("Older films were not looked at.")
    return " ".join(steps)


def _shown(made: Worklist) -> list[str]:
    films = (*made.critical, *made.unsigned, *made.unread)
    return list(dict.fromkeys(film.patient_id for film in films if film.patient_id))
