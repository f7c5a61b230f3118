"""Where a clinic lives: its folder, and the files in it that every part has to know."""

import os
from pathlib import Path

HOME_VARIABLE = "PEDAXR_HOME"
REGISTRY_FILE = "registry.sqlite3"
ACCESS_FILE = "access.sqlite3"
SIGNERS_FILE = "signers.txt"  # who may sign reports, one name a line; only they where it is there
SPOOL = "spool"  # folder of films that a PACS sent


def default_home() -> Path:
    """$PEDAXR_HOME, or the user's data folder."""
    if given := os.environ.get(HOME_VARIABLE):
        return Path(given).expanduser()
    import platformdirs

    return platformdirs.user_data_path("pedaxr")
