"""Learning to report on real films of which little is known, on drawn pictures."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms, joined
from pedaxr_models.captioning.real.taught import describe_learnt, groups_of, learnt_from, taught_facts
from pedaxr_models.captioning.real.versions import write_posed, write_versions
from pedaxr_models.captioning.recipe import TrainConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.checkpoint import save_checkpoint
from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.datasets.partial_truth import PartialFilm, Presence, read_partial
from pedaxr_models.facts import FilmFacts, FindingFact
from pedaxr_models.facts import Presence as Said
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, View
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.parser import parse
from pedaxr_models.segmentation.card import describe_recipe
from pedaxr_models.training.sampling import REAL_FREE_AIR, REAL_OTHERS, BalancedBatches

AIR, LOADING, DISTENSION = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION, Finding.ABDOMINAL_DISTENSION
DRAFT = parse(
    "Supine view. Marked gaseous distension of the bowel. There is free intraperitoneal air. "
    "No faecal loading. Distal bowel gas is normal."
)


def box(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three trunks with lungs; of the last nobody knows whether it shows free air. And a chest."""
    folder = tmp_path_factory.mktemp("real")
    for number in range(3):
        grey = np.random.default_rng(number).normal(130, 8, (400, 300)).clip(0, 255).astype(np.uint8)
        grey[10:120, 40:120] = grey[10:120, 180:260] = 40
        cv2.imwrite(str(folder / f"film{number}.png"), grey)
        polygons = {
            "body": [box(2, 2, 297, 397)],
            "lungs": [box(40, 10, 120, 120), box(180, 10, 260, 120)],
            "abdominal_cavity": [box(20, 122, 280, 380)],
        }
        said = {f.value: "absent" for f in FINDINGS} | ({AIR.value: "uncertain"} if number == 2 else {})
        data = {"id": f"film{number}", "size": [300, 400], "findings": said, "polygons": polygons}
        (folder / f"film{number}.json").write_text(
            json.dumps({**data, "view": "supine", "source": "a public set: 7"})
        )
    cv2.imwrite(str(folder / "chest.png"), np.full((60, 60), 90, np.uint8))
    (folder / "index.csv").write_text("file,kind,source_id\nchest.png,chest,c\n")
    return folder


def config(real: Path, tmp_path: Path, **changes: object) -> TrainConfig:
    return TrainConfig(tmp_path, tmp_path / "run", real=(real,), start_from=tmp_path, **changes)


def test_a_film_has_versions_of_which_some_show_free_air_that_was_put_in(real: Path, tmp_path: Path) -> None:
    films = [film for film in read_partial(real) if film.is_abdomen]
    made = write_versions(films, tmp_path, count=6)
    assert len(made) == 18 and made[0].film is films[0], "the first is the film as it is"
    shown = [one.film.id for one in made if one.film.says(AIR) is Presence.PRESENT]
    assert len(shown) >= 3 and set(shown) == {"film0", "film1"}, "of the third it is not known"
    pictures = [cv2.imread(str(one.path), cv2.IMREAD_GRAYSCALE) for one in made]
    assert all(picture is not None and picture.std() > 5 for picture in pictures)
    assert not np.array_equal(pictures[0], pictures[2])


def test_versions_are_made_once_and_alike_anywhere(real: Path, tmp_path: Path) -> None:
    films = [film for film in read_partial(real) if film.is_abdomen][:1]
    first = write_versions(films, tmp_path / "a", count=4)
    times = [one.path.stat().st_mtime_ns for one in first]
    assert [one.path.stat().st_mtime_ns for one in write_versions(films, tmp_path / "a", count=4)] == times
    for one, other in zip(first, write_versions(films, tmp_path / "b", count=4), strict=True):
        assert one.path.read_bytes() == other.path.read_bytes() and one.film == other.film


def test_a_synthetic_film_is_posed_otherwise_and_keeps_what_is_known_of_it(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(60, 200, (300, 200), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "film.png"), cv2.GaussianBlur(picture, (0, 0), 4))
    film = Film(tmp_path / "film.png", label=None, facts=taught_facts(DRAFT, PartialFilm("a", Path("a.png"))))
    made = write_posed([film], tmp_path / "posed", count=3)
    assert [one.facts for one in made] == [film.facts] * 3
    pictures = [cv2.imread(str(one.image_path), cv2.IMREAD_GRAYSCALE) for one in made]
    assert all(abs(shown.shape[0] / shown.shape[1] - 1.5) < 0.01 for shown in pictures if shown is not None)
    assert not np.array_equal(pictures[0], pictures[1])
    again = write_posed([film], tmp_path / "elsewhere", count=3)
    assert [one.image_path.read_bytes() for one in again] == [one.image_path.read_bytes() for one in made]


def test_what_is_known_overrules_the_draft_and_the_rest_stays_as_drafted() -> None:
    known = {AIR: Presence.ABSENT, LOADING: Presence.PRESENT, DISTENSION: Presence.UNCERTAIN}
    facts = taught_facts(DRAFT, PartialFilm("a", Path("a.png"), findings=known, view="left_decubitus"))
    assert facts.view is View.LEFT_LATERAL_DECUBITUS, "the view that is known, not the draft's"
    assert facts[AIR].presence is Said.ABSENT
    assert facts[LOADING] == FindingFact(LOADING, Said.PRESENT), "without grade and place"
    assert facts[DISTENSION].presence is Said.PRESENT and facts[DISTENSION].severity == "marked"
    assert facts.distal_gas == "normal"
    told = parse(narrate(facts))
    assert {f.finding for f in told.findings if f.presence is Said.PRESENT} == {LOADING, DISTENSION}


def test_a_drafted_finding_that_is_there_keeps_its_place_and_a_hedge_does_not_stay() -> None:
    draft = parse("Supine view. Possible free intraperitoneal air in the right upper quadrant.")
    air = taught_facts(draft, PartialFilm("a", Path("a.png"), findings={AIR: Presence.PRESENT}))[AIR]
    assert air.is_present and air.quadrants


def facts(*present: Finding) -> FilmFacts:
    said = {finding: Said.PRESENT if finding in present else Said.ABSENT for finding in FINDINGS}
    return FilmFacts(View.SUPINE, tuple(FindingFact(f, presence) for f, presence in said.items()))


def films(*told: FilmFacts, real: int = 0) -> ReaderFilms:
    count = len(told)
    return ReaderFilms(
        np.zeros((count, FILM_PLANES, 32, 32), np.uint8),
        np.zeros((count, len(CHANNELS), 16, 16), np.uint8),
        np.zeros((count, REGION_TOKENS, REGION_FEATURES), np.float32),
        list(told),
        [FilmMetadata()] * count,
        real=real,
    )


def test_real_films_are_drawn_apart_those_with_free_air_as_often_as_the_others() -> None:
    both = joined(
        films(facts(AIR), facts(), facts(LOADING)), films(facts(AIR), facts(), facts(LOADING), real=3)
    )
    groups = groups_of(both)
    assert groups[REAL_FREE_AIR].tolist() == [3] and groups[REAL_OTHERS].tolist() == [4, 5]
    assert groups[AIR.value].tolist() == [0] and groups[LOADING.value].tolist() == [2]
    drawn = [index for index, _ in BalancedBatches(groups, 4000, seed=0).batch(0)]
    assert abs(drawn.count(3) - drawn.count(4) - drawn.count(5)) < 200
    assert set(groups_of(films(facts(), facts(AIR)))) == {"normal", AIR.value}


def test_what_nobody_knows_is_not_learned() -> None:
    unknown = np.array([[finding is AIR for finding in FINDINGS]])
    both = joined(films(facts()), replace(films(facts(AIR), real=1), unknown=unknown))
    air = FINDINGS.index(AIR)
    counted = both.present([0, 1])[1]
    assert counted[:, air].tolist() == [1.0, 0.0] and both.real == 1
    assert counted[1, FINDINGS.index(LOADING)] == 1.0


def test_children_are_left_out_and_no_recipe_tells_where_the_films_lay(real: Path, tmp_path: Path) -> None:
    children = {film.child for film in learnt_from(config(real, tmp_path))}
    assert len(children) == 3, "abdomens alone"
    one = min(children)
    assert {film.child for film in learnt_from(config(real, tmp_path, leave_out=(one,)))} == children - {one}
    folds = [{film.child for film in learnt_from(config(real, tmp_path, fold=fold))} for fold in range(5)]
    assert set.union(*(children - left for left in folds)) == children
    assert str(real) not in json.dumps(describe_recipe({"real": (real,), "seed": 1}))


def test_a_run_names_the_real_films_that_it_and_its_start_learned_from(real: Path, tmp_path: Path) -> None:
    """A report says what the networks behind it have learned from."""

    def started(*sets: dict[str, object]) -> TrainConfig:
        save_checkpoint(
            tmp_path, tensors={}, config={}, metrics={}, recipe={}, data={"also": list(sets)}, card=""
        )
        return config(real, tmp_path)

    own = {"name": "a public set", "is_synthetic": False, "films": 3, "abdomen": True}
    more, less, other = own | {"films": 5, "licence": "CC0"}, own | {"films": 2}, own | {"name": "another"}
    assert describe_learnt(started())["also"] == [own]
    assert describe_learnt(started(more, other))["also"] == [more, other], "told once, with its licence"
    assert describe_learnt(started(less))["also"] == [own]
    assert describe_learnt(replace(started(other), real=())) == {"also": [other]}
    assert describe_learnt(TrainConfig(tmp_path, tmp_path)) == {}


def test_a_writer_that_was_never_trained_has_no_drafts_to_learn_from(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="finetune"):
        TrainConfig(tmp_path, tmp_path, real=(tmp_path,))
