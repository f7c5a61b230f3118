"""Two films in words and numbers: what a view could not show was not assessed, never nought."""

from pedaxr.reports.comparison import ComparedFilm, compare, items_of
from pedaxr_models.labels import Finding, View

AIR, LEVEL, STOOL = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION


def erect(*, measures: dict[str, float] | None = None, **shares: float) -> ComparedFilm:
    return ComparedFilm(View.ERECT, shares, measures or {})


def supine(*, measures: dict[str, float] | None = None, **shares: float) -> ComparedFilm:
    return ComparedFilm(View.SUPINE, shares, measures or {})


def test_levels_and_free_gas_of_a_supine_film_were_not_assessed() -> None:
    text = compare(erect(pneumoperitoneum=0.04, air_fluid_level=0.02), supine())
    assert "Free intraperitoneal air: not assessed then, 4% of the body now." in text
    assert "Air-fluid levels: not assessed then, 2% of the body now." in text
    assert "0%" not in text and "new" not in text


def test_on_an_erect_film_their_absence_counts() -> None:
    text = compare(erect(pneumoperitoneum=0.04), erect())
    assert text == "Free intraperitoneal air: not outlined then, 4% of the body now, new."
    assert compare(erect(), erect(pneumoperitoneum=0.04)).endswith("4% of the body then, not outlined now.")


def test_free_gas_that_a_supine_film_does_show_is_compared() -> None:
    text = compare(supine(pneumoperitoneum=0.08), supine(pneumoperitoneum=0.02))
    assert text == "Free intraperitoneal air: 2% of the body then, 8% of the body now, larger."


def test_levels_outlined_on_a_supine_film_are_no_levels() -> None:
    text = compare(supine(air_fluid_level=0.05), erect(air_fluid_level=0.05))
    assert "Air-fluid levels: 5% of the body then, not assessed now." in text


def test_an_unknown_view_can_exclude_nothing() -> None:
    unknown = ComparedFilm(None, {}, {})
    assert "Free intraperitoneal air: not assessed then" in compare(erect(pneumoperitoneum=0.04), unknown)


def test_a_small_change_is_none() -> None:
    assert "about the same" in compare(supine(constipation=0.11), supine(constipation=0.10))
    assert "larger" in compare(supine(constipation=0.13), supine(constipation=0.10))
    assert "smaller" in compare(supine(constipation=0.07), supine(constipation=0.10))


def test_a_count_that_is_one_off_is_no_change() -> None:
    """Levels are often counted one too many or too few."""
    for then, now, change in (
        (3.0, 4.0, "alike"),
        (3.0, 2.0, "alike"),
        (3.0, 5.0, "larger"),
        (0.0, 1.0, "new"),
    ):
        films = (erect(measures={"air_fluid_levels": count}) for count in (now, then))
        (item,) = items_of(*films)
        assert item.change == change, (then, now)


def test_calibres_levels_and_stool_are_compared_where_both_films_have_them() -> None:
    before = {"widest_loop_to_l2": 1.0, "stool_share_left_colon": 0.5, "stomach_to_l2": 2.0}
    now = {"widest_loop_to_l2": 1.8, "stool_share_left_colon": 0.2, "air_fluid_levels": 3.0}
    text = compare(erect(measures=now), supine(measures=before, constipation=0.3))
    assert "Levels counted: not assessed then, 3 now." in text
    assert "Widest small-bowel loop: 1.0 x L2 then, 1.8 x L2 now, larger." in text
    assert "Stool share of the left colon: 50% then, 20% now." in text
    assert "Stomach" not in text
    assert "differ in view" in text and "differ in view" not in compare(supine(), supine())


def test_how_full_a_colon_is_that_is_not_loaded_is_nothing_to_compare() -> None:
    """A narrow colon is full of little stool: 0 % then and 64 % now read as a new loading."""
    films = [erect(measures={"stool_share_right_colon": share}) for share in (0.64, 0.0)]
    assert compare(*films) == "No finding is outlined on either film."
    assert items_of(*films) == []
