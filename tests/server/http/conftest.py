"""The HTTP service on a port of its own, for one module of tests: with a login, and open to this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pedaxr_server.settings import Settings

from ..http_service import running, with_login


@pytest.fixture(scope="module")
def up(clinic_home: Path) -> Iterator[Settings]:
    with running(with_login(Settings(home=clinic_home, worker=False))) as settings:
        yield settings


@pytest.fixture(scope="module")
def open_service(clinic_home: Path) -> Iterator[Settings]:
    with running(Settings(home=clinic_home, worker=False)) as settings:
        yield settings
