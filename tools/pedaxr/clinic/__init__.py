"""A clinic: one folder with the registry and the films; open, search, fill, copy and check it."""

from pedaxr.clinic.clinic import Clinic, open_clinic
from pedaxr.storage.home import HOME_VARIABLE, default_home

__all__ = ["HOME_VARIABLE", "Clinic", "default_home", "open_clinic"]
