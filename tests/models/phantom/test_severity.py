"""Grades against the extent that can be seen, and the extent against the amount that was planned."""

from collections.abc import Sequence

import numpy as np
import pytest

from pedaxr_models.facts import Severity
from pedaxr_models.grades import severity_of
from pedaxr_models.labels import FINDINGS, Finding, Structure, View
from pedaxr_models.phantom import FilmSpec, measure, sample_spec
from pedaxr_models.phantom.child import build_child
from pedaxr_models.phantom.film import frame_film
from pedaxr_models.phantom.framing import Framed, frame_child

pytestmark = pytest.mark.usefixtures("no_bones_are_drawn")
_ORDER = [Severity.MILD, Severity.MODERATE, Severity.MARKED]
_AMOUNTS = tuple(float(v) for v in np.linspace(0.04, 0.96, 8))


def framed(finding: Finding, view: View, amount: float, index: int) -> Framed:
    age = 1.5 if finding is Finding.PYLORIC_STENOSIS else 50.0
    spec = FilmSpec(17, index, view, age, ((finding, amount),))
    return frame_child(spec, build_child(spec))


def extent_of(view: Framed, finding: Finding) -> float:
    """The extent on the film, in the pitches of this child."""
    return measure.extent(finding, view.masks, view.levels, landmarks_of(view))


def landmarks_of(view: Framed) -> measure.Landmarks:
    pitch = view.child.anatomy.pitch * view.child.pose.zoom
    return measure.Landmarks(np.zeros(512, np.float32), 256.0, pitch)


@pytest.mark.parametrize(
    ("finding", "view"),
    [
        (Finding.PYLORIC_STENOSIS, View.SUPINE),
        (Finding.AIR_FLUID_LEVEL, View.ERECT),
        (Finding.ABDOMINAL_DISTENSION, View.ERECT),
        (Finding.CONSTIPATION, View.SUPINE),
        (Finding.PNEUMOPERITONEUM, View.ERECT),
        (Finding.PNEUMOPERITONEUM, View.SUPINE),
        (Finding.PNEUMOPERITONEUM, View.LEFT_LATERAL_DECUBITUS),
    ],
)
def test_what_is_seen_grows_with_what_was_planned(finding: Finding, view: View) -> None:
    seen = [extent_of(framed(finding, view, a, i), finding) for i, a in enumerate(_AMOUNTS)]
    assert rank_correlation(_AMOUNTS, seen) > 0.6
    shuffled = np.random.default_rng(0).permutation(seen)
    assert rank_correlation(_AMOUNTS, shuffled) < 0.6  # so the bound above can fail


def rank_correlation(one: Sequence[float], other: Sequence[float]) -> float:
    """Spearman's, with the mean rank of what is equal; SciPy's takes two seconds to import."""
    ranks = [
        [(np.less(values, v).sum() + np.less_equal(values, v).sum()) / 2 for v in values]
        for values in (np.asarray(one), np.asarray(other))
    ]
    return float(np.corrcoef(ranks)[0, 1])


def test_a_grade_is_that_of_its_extent_and_never_falls_as_the_extent_grows() -> None:
    for finding in FINDINGS:
        for view in View:
            grades = [_ORDER.index(severity_of(finding, v, view)) for v in np.linspace(0, 60, 400)]
            assert grades == sorted(grades) and set(grades) == {0, 1, 2}


@pytest.mark.parametrize("finding", [Finding.CONSTIPATION, Finding.PNEUMOPERITONEUM])
def test_the_grade_on_the_film_is_read_off_its_masks(finding: Finding) -> None:
    for index, amount in enumerate(_AMOUNTS[::3]):
        _, view = frame_film(FilmSpec(18, index, View.ERECT, 50, ((finding, amount),)))
        shown = Structure.STOOL if finding is Finding.CONSTIPATION else finding
        area = view.masks[shown].sum() / landmarks_of(view).pitch ** 2
        assert view.facts[finding].severity is severity_of(finding, float(area), View.ERECT)


def test_the_view_names_no_finding_apart_from_levels() -> None:
    """A reader that knew the view alone would name the label little better than by guessing."""
    specs = [sample_spec(2, i) for i in range(3000)]
    labels = sorted({s.label for s in specs} - {Finding.AIR_FLUID_LEVEL.value})
    hits = 0
    kept = [s for s in specs if s.label in labels]
    for view in View:
        hits += max(sum(s.label == label and s.view is view for s in kept) for label in labels)
    assert hits / len(kept) < 1 / len(labels) + 0.03
