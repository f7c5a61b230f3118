"""Read paediatric abdominal radiographs: find the patient, segment the film, draft the report.

    >>> from pedaxr import find_patient, segment_xray, generate_report

Research and teaching use only; not a medical device. Importing this package loads no network library, and
what reads pictures only when it is first asked for, so that a server answers soon after its start.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pedaxr.clinic import Clinic, open_clinic
    from pedaxr.clinic.find_patient import find_patient
    from pedaxr.clinic.worklist import worklist
    from pedaxr.demo.clinic import create_demo_clinic
    from pedaxr.errors import PedaxrError
    from pedaxr.reading.segment_xray import segment_xray
    from pedaxr.reports.generate_report import generate_report
    from pedaxr.reports.korean import korean_text

_HOMES = {
    "Clinic": "pedaxr.clinic",
    "PedaxrError": "pedaxr.errors",
    "create_demo_clinic": "pedaxr.demo.clinic",
    "find_patient": "pedaxr.clinic.find_patient",
    "generate_report": "pedaxr.reports.generate_report",
    "korean_text": "pedaxr.reports.korean",
    "open_clinic": "pedaxr.clinic",
    "segment_xray": "pedaxr.reading.segment_xray",
    "worklist": "pedaxr.clinic.worklist",
}
__all__ = [
    "Clinic",
    "PedaxrError",
    "create_demo_clinic",
    "find_patient",
    "generate_report",
    "korean_text",
    "open_clinic",
    "segment_xray",
    "worklist",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import version

        return version("pedaxr")
    if name not in _HOMES:
        raise AttributeError(f"module 'pedaxr' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
