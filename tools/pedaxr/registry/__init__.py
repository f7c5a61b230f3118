"""The registry: patients, studies and report versions in one SQLite file, with its search index.

The class itself loads when it is asked for: a server lists its tools before it opens a registry.
"""

from typing import TYPE_CHECKING, Any

from pedaxr.records import NewStudy, Patient, Study
from pedaxr.storage.home import REGISTRY_FILE

if TYPE_CHECKING:
    from pedaxr.registry.registry import Registry

__all__ = ["REGISTRY_FILE", "NewStudy", "Patient", "Registry", "Study"]


def __getattr__(name: str) -> Any:
    if name == "Registry":
        from pedaxr.registry.registry import Registry

        return Registry
    raise AttributeError(name)
