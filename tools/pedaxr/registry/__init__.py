"""The registry: patients, studies and report versions in one SQLite file, with its search index."""

from pedaxr.records import NewStudy, Patient, Study
from pedaxr.registry.registry import Registry
from pedaxr.storage.home import REGISTRY_FILE

__all__ = ["REGISTRY_FILE", "NewStudy", "Patient", "Registry", "Study"]
