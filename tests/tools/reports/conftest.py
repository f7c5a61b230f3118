"""Reports of the films of the test clinic, by a report writer under control."""

from collections.abc import Callable

import pytest

from pedaxr import generate_report
from pedaxr.clinic import Clinic
from pedaxr.reading import networks as models
from pedaxr.types import Report

from ..conftest import PerfectSegmenter
from .witnesses import Witness, truth, witness_of


@pytest.fixture
def report_of(
    film_clinic: Clinic, segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Report]:
    def draft(study_id: str, witness: Witness | None = None, **request: object) -> Report:
        monkeypatch.setattr(models, "reporter", lambda: witness or witness_of(truth(study_id)))
        return generate_report(study_id, clinic=film_clinic, **request)  # type: ignore[arg-type]

    return draft
