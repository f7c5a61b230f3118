"""Parts that every resource is made of, and the names by which resources find each other.

Source: http://hl7.org/fhir/R4/ (4.0.1).
"""

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote
from uuid import NAMESPACE_URL, uuid5

from pedaxr.types import Report
from pedaxr_models.codes import OWN_SCHEME, Code

Resource = dict[str, Any]

ISSUER = "urn:pedaxr:report"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_NAMESPACE = uuid5(NAMESPACE_URL, "https://pedaxr/fhir/v1")
_SYSTEMS = {
    "SCT": "http://snomed.info/sct",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "LN": "http://loinc.org",
    "RADELEMENT": "https://radelement.org",
    "UCUM": "http://unitsofmeasure.org",
    OWN_SCHEME: "urn:pedaxr:codes",
}


def coding(code: Code) -> Resource:
    """A code of ours as a Coding."""
    return {"system": _SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}


def concept(code: Code, text: str | None = None) -> Resource:
    """A code of ours as a CodeableConcept."""
    return {"coding": [coding(code)], **({"text": text} if text else {})}


def term(system: str, code: str, display: str) -> Resource:
    """A Coding of one of HL7's own tables."""
    return {"system": f"{TERMINOLOGY}/{system}", "code": code, "display": display}


def quantity(value: float, unit: Code) -> Resource:
    """A Quantity in UCUM."""
    return {"value": value, "unit": unit.meaning, "system": _SYSTEMS["UCUM"], "code": unit.value}


def asserted_by(*, human: bool) -> Resource:
    """Who asserts what a resource says (v3-ObservationValue): a clinician, or artificial intelligence."""
    if human:
        return {"security": [term("v3-ObservationValue", "CLINAST", "clinician asserted")]}
    return {"security": [term("v3-ObservationValue", "AIAST", "Artificial Intelligence asserted")]}


@dataclass
class Transaction:
    """A Bundle under way: every resource once, so that the same bundle twice changes nothing.

    Attributes:
        report: which version the names of its resources follow from.
    """

    report: Report
    entries: list[Resource] = field(default_factory=list)

    def name(self, kind: str, *which: str) -> str:
        """By which other resources of the bundle refer to one."""
        parts = (kind, self.report.report_id, str(self.report.version), *which)
        return f"urn:uuid:{uuid5(_NAMESPACE, '|'.join(parts))}"

    def add(self, kind: str, content: Resource, *which: str, found_by: str) -> Resource:
        """Add a resource and give back a reference to it.

        Args:
            kind: of the resource.
            content: without its type.
            which: of several of that kind.
            found_by: query that finds the resource where the server has it already.
        """
        full = self.name(kind, *which)
        self.entries.append(
            {
                "fullUrl": full,
                "resource": {"resourceType": kind, **content},
                "request": {"method": "POST", "url": kind, "ifNoneExist": found_by},
            }
        )
        return {"reference": full}

    def bundle(self) -> Resource:
        """The whole."""
        return {"resourceType": "Bundle", "type": "transaction", "entry": self.entries}


def found_by(identifier: Resource) -> str:
    """The query that finds what has that identifier."""
    return f"identifier={quote(identifier['system'], safe=':/')}|{quote(identifier['value'], safe=':/')}"
