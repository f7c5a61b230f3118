"""Here the disk counts."""

import pytest


@pytest.fixture(autouse=True)
def _as_outside_tests(every_write_is_on_the_disk: None) -> None:
    pass
