"""A clinic: one folder with the registry and the films; open, search, fill, copy and check it."""

from pedaxr.clinic.clinic import Clinic, ClinicLike, open_clinic, opened
from pedaxr.storage.home import HOME_VARIABLE, default_home

__all__ = ["HOME_VARIABLE", "Clinic", "ClinicLike", "default_home", "open_clinic", "opened"]
