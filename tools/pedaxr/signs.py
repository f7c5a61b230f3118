"""What a finding is called where the film is described: by what is seen, never by a diagnosis.

`TERMS` names the classes of the data, two of which are diagnoses that no film makes; a supplied diagnosis is
called by that name. The parser reads each of these phrases back as its finding.
"""

from pedaxr_models.labels import TERMS, Finding

SIGNS: dict[str, str] = {
    Finding.PYLORIC_STENOSIS: "Gastric distension",
    Finding.AIR_FLUID_LEVEL: "Air-fluid levels",
    Finding.ABDOMINAL_DISTENSION: "Gaseous distension",
    Finding.CONSTIPATION: "Faecal loading",
    Finding.PNEUMOPERITONEUM: "Free gas",
}


def sign(name: str) -> str:
    """The phrase at the start of a sentence; of a structure its own name."""
    return SIGNS.get(name) or TERMS[name].english


def sign_within(name: str) -> str:
    """The phrase within a sentence."""
    phrase = sign(name)
    return phrase[0].lower() + phrase[1:] if name in SIGNS else phrase
