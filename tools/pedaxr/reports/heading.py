"""What stands above every report, in either language: what it is, whose film, and what is critical.

The same lines head the text, the page, the Korean rendering and the terminal, so that none of them leaves out
a signature, a child or a warning. Text from humans and registries appears as quoted data only.
"""

import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from pedaxr.ages import days_lived
from pedaxr.text import ForeignText, shown_id
from pedaxr.types import Certainty, FilmIdentity, Report, SignedReport
from pedaxr_models.labels import View, sign_within
from pedaxr_models.report_text.wordings import Language, wordings

LONGEST_QUOTED = 4000
_ONE = re.compile(r"\b1 (day|week|month|year)s")


@dataclass(frozen=True)
class Heading:
    """The lines, each empty or without entries where there is nothing to say.

    Attributes:
        title: status, id, version and, of a signed report, who signed and when.
        notices: the signed report beside a draft, and a draft that was made later.
        identity: whose film, and which.
        critical: what a human must hear of now, and how sure that is.
        withdrawn: what the draft named critical and the signer denies.
        in_doubt: why the film gives no finding at all; its impression says the same, so `lines` does not.
    """

    title: str
    notices: tuple[str, ...]
    identity: tuple[str, ...]
    critical: str
    withdrawn: str = ""
    in_doubt: str = ""

    @property
    def lines(self) -> list[str]:
        """All that are not empty, in the order to be read."""
        return [
            line
            for line in (self.title, *self.notices, *self.identity, self.critical, self.withdrawn)
            if line
        ]


def heading(report: Report, language: Language = "en") -> Heading:
    """The heading of a report."""
    words = phrases(language)
    return Heading(
        title=_title(report, words),
        notices=tuple(_notices(report, language)),
        identity=tuple(identity_lines(report.film, report.study_id, language)),
        critical=critical_line(
            report.critical,
            report.critical_certainty,
            language,
            beside_signed=report.signed_report.critical if report.signed_report else None,
        ),
        withdrawn=_withdrawn(report, language),
        in_doubt="" if "Impression" in report.human_sections else _in(language, report.in_doubt or ""),
    )


def identity_lines(film: FilmIdentity | None, study_id: str | None, language: Language = "en") -> list[str]:
    """Whose film it is, and which; what is not known is left out."""
    words, film = phrases(language), film or FilmIdentity(study_id=study_id)
    named = film.study_id or study_id
    child = [
        str(ForeignText(film.patient_name)) if film.patient_name else words["no_name"],
        f"({film.patient_name_romanised})" if film.patient_name_romanised else "",
    ]
    details = [
        " ".join(filter(None, child)),
        words["born"].format(film.patient_birth_date) if film.patient_birth_date else words["no_birth_date"],
        words["sexes"].get(film.patient_sex or "", ""),
        words["patient_id"].format(ForeignText(film.patient_id, 64)) if film.patient_id else "",
    ]
    shown = [
        shown_id(named) if named else words["file"],
        _taken(film, words),
        view_words(film.view_position, language),
        words["age"].format(_age(film, film.age_months, language)) if film.age_months is not None else "",
    ]
    return [
        words["child"].format(", ".join(filter(None, details))),
        words["film"].format(", ".join(filter(None, shown))),
    ]


def critical_line(
    critical: Sequence[str],
    certainty: Mapping[str, Certainty],
    language: Language = "en",
    *,
    beside_signed: Sequence[str] | None = None,
) -> str:
    """What is critical, and whether it is outlined, in doubt, suspected or named by a human.

    Args:
        critical: findings.
        certainty: of each; outlined where it is not known.
        language: of the line.
        beside_signed: of a draft made after a signature, what the signed report calls critical.
    """
    if not critical:
        return ""
    words, names = phrases(language), sign_words(language)
    told = [
        words[certainty.get(name, "outlined")].format(names.get(name) or ForeignText(name))
        for name in critical
    ]
    is_the_drafts = beside_signed is not None and not set(critical) <= set(beside_signed)
    return str(words["critical_in_draft" if is_the_drafts else "critical"].format("; ".join(told)))


def sign_words(language: Language) -> dict[str, str]:
    """What each finding is called within a sentence: by what the film shows."""
    if language == "en":
        return {finding.value: sign_within(finding) for finding in wordings("en").words.names}
    return {finding.value: name for finding, name in wordings(language).words.names.items()}


def view_words(view: View | None, language: Language = "en") -> str:
    """How the child lay or stood."""
    return wordings(language).words.views[view] if view else str(phrases(language)["no_view"])


def _age(film: FilmIdentity, months: float, language: Language) -> str:
    """Days under one month, weeks under three, months under two years, then years and months."""
    forms = phrases(language)["ages"]
    days = days_lived(months, film.patient_birth_date, film.study_date)
    years, rest = divmod(int(months), 12)
    if months < 3:
        told = forms["days"].format(days) if months < 1 else forms["weeks"].format(days // 7)
    elif months < 24:
        told = forms["months"].format(int(months))
    else:
        told = forms["years_months" if rest else "years"].format(years, rest)
    return _ONE.sub(r"1 \1", told)


def _title(report: Report, words: Mapping[str, Any]) -> str:
    by = ForeignText(report.signed_by) if report.signed_by else ""
    said = words[report.status].format(
        id=report.report_id,
        version=report.version,
        by=by,
        at=_moment(report.signed_at),
        made=_moment(report.created_at),
    )
    return str(said)


def _notices(report: Report, language: Language) -> list[str]:
    words, lines = phrases(language), []
    if (signed := report.signed_report) is not None:
        lines.append(signed_line(signed, language))
    if (draft := report.newer_draft) is not None:
        key = "newer_after_signature" if report.status != "preliminary" else "newer_draft"
        said = words[key].format(id=draft.report_id, version=draft.version, made=_moment(draft.created_at))
        lines.append(" ".join([said, *_differences(draft.differs, language)]))
    return lines


def signed_line(signed: SignedReport, language: Language = "en") -> str:
    """That a human has signed a report of the film, and what it says."""
    said = phrases(language)["signed_exists"].format(
        id=signed.report_id,
        version=signed.version,
        by=ForeignText(signed.signed_by),
        at=_moment(signed.signed_at),
        impression=ForeignText(signed.impression, LONGEST_QUOTED),
    )
    return str(said)


def _differences(differs: Sequence[str], language: Language) -> list[str]:
    return [_in(language, sentence) for sentence in differs]


def _in(language: Language, text: str) -> str:
    """Words of our own in the language."""
    if language == "en":
        return text
    from pedaxr.reports.korean import in_korean

    return in_korean(text)


def _withdrawn(report: Report, language: Language) -> str:
    left = [name for name in report.critical_withdrawn if name not in report.critical]
    names = ", ".join(sign_words(language).get(name) or str(ForeignText(name)) for name in left)
    return str(phrases(language)["withdrawn"].format(names)) if names else ""


def _taken(film: FilmIdentity, words: Mapping[str, Any]) -> str:
    on: date | None = film.study_date
    if on is None:
        return str(words["no_study_date"])
    return str(words["taken"].format(on))


def _moment(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC" if at else ""


@cache
def phrases(language: Language) -> dict[str, Any]:
    """The fixed words of a language, by name."""
    text = (files("pedaxr.reports") / "heading.toml").read_text(encoding="utf-8")
    words: dict[str, Any] = tomllib.loads(text)[language]
    return words
