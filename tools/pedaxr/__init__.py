"""Read paediatric abdominal radiographs: find the patient, segment the film, draft the report.

    >>> from pedaxr import find_patient, segment_xray, generate_report

Research and teaching use only; not a medical device. Importing this package loads no network library.
"""

from pedaxr.clinic import Clinic, create_demo_clinic, open_clinic
from pedaxr.errors import PedaxrError
from pedaxr.find_patient import find_patient
from pedaxr.generate_report import generate_report
from pedaxr.segment_xray import segment_xray

__all__ = [
    "Clinic",
    "PedaxrError",
    "create_demo_clinic",
    "find_patient",
    "generate_report",
    "open_clinic",
    "segment_xray",
]
