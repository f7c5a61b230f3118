"""What to do next, by finding: short, fixed sentences, each with the published guidance it follows.

Not generated, so that nothing here depends on a network. The sentences paraphrase the named sources; they
have not been reviewed by a clinician for this project.
"""

from dataclasses import dataclass

from pedaxr_models.labels import Finding

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


RECOMMENDATIONS: dict[Finding, Recommendation] = {
    Finding.PNEUMOPERITONEUM: Recommendation(
        "Free air is an emergency until shown otherwise: tell the responsible doctor now; if the film "
        "is doubtful, a left lateral decubitus or erect view shows it better.",
        _ACR_RADIOGRAPHY,
    ),
    Finding.PYLORIC_STENOSIS: Recommendation(
        "With non-bilious vomiting at the right age, ultrasound of the pylorus.", _ACR_VOMITING
    ),
    Finding.AIR_FLUID_LEVEL: Recommendation(
        "Levels may mean obstruction, ileus or enteritis: correlate with the clinical picture; bilious "
        "vomiting in an infant needs urgent surgical review and an upper gastrointestinal series.",
        _ACR_VOMITING,
    ),
    Finding.ABDOMINAL_DISTENSION: Recommendation(
        "Correlate with the clinical picture; where obstruction is suspected, add a horizontal-beam view.",
        _ACR_RADIOGRAPHY,
    ),
    Finding.CONSTIPATION: Recommendation(
        "Stool on a film does not make the diagnosis of constipation, which is clinical.",
        f"{_NICE_CG99}; {_ESPGHAN}",
    ),
}
HORIZONTAL_BEAM = Recommendation(
    "If levels or free air are in question, a left lateral decubitus or erect view.", _ACR_RADIOGRAPHY
)
NO_FINDING = Recommendation(
    "No further imaging is suggested by this draft; a qualified person must read the film.", "pedaxr"
)


def recommend(present: list[Finding], *, is_blind_view: bool) -> list[Recommendation]:
    """Next steps in the order given; another view when this one hides levels and free air."""
    steps = [RECOMMENDATIONS[finding] for finding in present]
    if is_blind_view and Finding.PNEUMOPERITONEUM not in present:
        steps.append(HORIZONTAL_BEAM)
    return steps or [NO_FINDING]
