"""What to do next, by finding: short, fixed sentences, each with the published guidance it follows.

Not generated, so that nothing here depends on a network. The sentences paraphrase the named sources; they
have not been reviewed by a clinician for this project.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pedaxr.reports.film_limits import FilmLimits
from pedaxr_models.labels import Finding, View

_ACR_RADIOGRAPHY = "ACR-SPR Practice Parameter for the Performance of Abdominal Radiography"
_ACR_VOMITING = "ACR Appropriateness Criteria, Vomiting in Infants"
_NICE_CG99 = "NICE CG99, Constipation in children and young people"
_ESPGHAN = "ESPGHAN/NASPGHAN 2014, functional constipation"


@dataclass(frozen=True)
class Recommendation:
    """One next step and where it comes from."""

    text: str
    source: str

    def __str__(self) -> str:
        return f"{self.text} [{self.source}]"


_AIR = Finding.PNEUMOPERITONEUM
_INFANCY_MONTHS = 12
# By the view that a film was taken in, the one that would show levels and free air better.
OTHER_VIEWS: dict[View | None, str] = {
    View.ERECT: "a left lateral decubitus view",
    View.LEFT_LATERAL_DECUBITUS: "an erect view",
}
EITHER_VIEW = "a left lateral decubitus or erect view"
SOURCES: dict[str, str] = {
    _AIR: _ACR_RADIOGRAPHY,
    Finding.PYLORIC_STENOSIS: _ACR_VOMITING,
    Finding.AIR_FLUID_LEVEL: _ACR_VOMITING,
    Finding.ABDOMINAL_DISTENSION: _ACR_RADIOGRAPHY,
    Finding.CONSTIPATION: f"{_NICE_CG99}; {_ESPGHAN}",
    "gastric_distension": _ACR_RADIOGRAPHY,
    "levels_after_infancy": _ACR_RADIOGRAPHY,
    "horizontal_beam": _ACR_RADIOGRAPHY,
    "domes": _ACR_RADIOGRAPHY,
    "nothing": "pedaxr",
}
_TEXTS: dict[str, str] = {
    _AIR: "Free intraperitoneal air is an emergency until shown otherwise: tell the responsible doctor now; "
    "if the film is doubtful, {view} may show it better.",
    Finding.PYLORIC_STENOSIS: "With non-bilious vomiting at the right age, ultrasound of the pylorus.",
    Finding.AIR_FLUID_LEVEL: "Levels may mean obstruction, ileus or enteritis: correlate with the clinical "
    "picture; bilious vomiting in an infant needs urgent surgical review and an upper gastrointestinal "
    "series.",
    "gastric_distension": "Correlate gastric distension with the clinical picture.",
    "levels_after_infancy": "Levels may mean obstruction, ileus or enteritis: correlate with the clinical "
    "picture.",
    Finding.ABDOMINAL_DISTENSION: "Correlate with the clinical picture.",
    Finding.CONSTIPATION: "Stool on a film does not make the diagnosis of constipation, which is clinical.",
    "horizontal_beam": "If levels or free intraperitoneal air are in question, {view}.",
    "domes": "If free intraperitoneal air is in question, a film that includes the domes of the diaphragm.",
    "nothing": "Nothing this model looks for is outlined. Whether that answers the question asked, and "
    "further imaging, is for the reader.",
}


def other_views(view: View | None) -> str:
    """The view that may show levels or free air better than a film of that view."""
    return OTHER_VIEWS.get(view, EITHER_VIEW)


def steps_of(present: Sequence[Finding], limits: FilmLimits) -> list[str]:
    """Next steps by their names, what is critical or suspected first; never the view that the film is."""
    steps: list[str] = [_AIR] if _AIR in present or limits.is_air_suspected else []
    steps += [_of_age(finding, limits) for finding in present if finding is not _AIR]
    if _AIR not in steps and not limits.is_horizontal_beam:
        steps.append("horizontal_beam")
    elif _AIR not in steps and not limits.are_domes_in_field:
        steps.append("domes")
    return steps or ["nothing"]


def _of_age(finding: Finding, limits: FilmLimits) -> str:
    """A step that speaks of infants is another one's where the child is known to be none."""
    if finding is Finding.PYLORIC_STENOSIS and limits.is_past_pyloric_age:
        return "gastric_distension"
    if finding is Finding.AIR_FLUID_LEVEL and (limits.age_months or 0) >= _INFANCY_MONTHS:
        return "levels_after_infancy"
    return finding.value


def recommend(present: Sequence[Finding], limits: FilmLimits) -> list[Recommendation]:
    """The same as sentences, each with its source."""
    view = other_views(limits.view)
    return [
        Recommendation(_TEXTS[step].format(view=view), SOURCES[step]) for step in steps_of(present, limits)
    ]
