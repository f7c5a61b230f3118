"""Read paediatric abdominal radiographs: find the patient, segment the film, draft the report.

    >>> from pedaxr import find_patient, segment_xray, generate_report

Research and teaching use only; not a medical device. Importing this package loads no network library, and
what reads pictures only when it is first asked for, so that a server answers soon after its start.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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
_HOMES = {
    "Clinic": "clinic",
    "PedaxrError": "errors",
    "create_demo_clinic": "clinic",
    "find_patient": "find_patient",
    "generate_report": "generate_report",
    "open_clinic": "clinic",
    "segment_xray": "segment_xray",
}


class _Package(ModuleType):
    """This module, on which the name of a tool means the function and never its module."""

    def __getattr__(self, name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module 'pedaxr' has no attribute {name!r}")
        value = getattr(import_module(f"pedaxr.{_HOMES[name]}"), name)
        setattr(self, name, value)
        return value

    def __setattr__(self, name: str, value: object) -> None:
        # The import system binds each loaded module to its package; three have the name of their function.
        is_own_module = isinstance(value, ModuleType) and name in _HOMES
        super().__setattr__(name, getattr(value, name) if is_own_module else value)


sys.modules[__name__].__class__ = _Package
