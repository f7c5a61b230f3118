"""What the report writer is taught of real films, of which only a part is known."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from pedaxr_models.captioning import inputs
from pedaxr_models.captioning import train as training
from pedaxr_models.captioning.eyes.backbone import FilmBackbone
from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.lessons.batch import Films, lesson
from pedaxr_models.captioning.lessons.partly_known import learnt_films, looks_of, open_looks, put_right
from pedaxr_models.captioning.recipe import TrainConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import load_checkpoint, weights_folder
from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.facts import FilmFacts, FindingFact, Presence, Severity, Side
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, View
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.report_text.parser import parse
from pedaxr_models.segmentation.segmenter import Segmenter

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION
DRAWN = FindingFact(AIR, Presence.PRESENT, Severity.MARKED, Side.RIGHT)


def facts(*present: FindingFact) -> FilmFacts:
    found = {fact.finding: fact for fact in present}
    return FilmFacts(View.ERECT, tuple(found.get(f, FindingFact(f, Presence.ABSENT)) for f in FINDINGS))


def box(left: int, top: int, right: int, bottom: int) -> list[list[int]]:
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def abdomen(folder: Path, name: str, **findings: str) -> None:
    """A trunk with dark lungs and bowel gas, coarsely outlined."""
    folder.mkdir(parents=True, exist_ok=True)
    film = np.clip(np.random.default_rng(len(name)).normal(120, 6, (400, 300)), 0, 255).astype(np.uint8)
    film[10:110, 40:120] = film[10:110, 180:260] = 40
    film[:, 140:160] = 220
    cv2.imwrite(str(folder / f"{name}.png"), film)
    polygons = {
        "body": [box(2, 2, 297, 397)],
        "lungs": [box(40, 10, 120, 110), box(180, 10, 260, 110)],
        "spine": [box(140, 0, 160, 399)],
        "abdominal_cavity": [box(20, 112, 280, 380)],
        "bowel_gas": [box(60, 200, 120, 260)],
    }
    said = {f.value: findings.get(f.value, "absent") for f in FINDINGS}
    row = {"id": name, "size": [300, 400], "findings": said, "polygons": polygons, "suitable": True}
    (folder / f"{name}.json").write_text(json.dumps(row))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("real")
    for number in range(5):
        abdomen(folder, f"film{number}", constipation="uncertain", pneumoperitoneum="absent")
    abdomen(folder, "perforated", pneumoperitoneum="present")
    cv2.imwrite(str(folder / "chest.png"), np.full((64, 48), 90, np.uint8))
    (folder / "index.csv").write_text("file,kind,source_id\nchest.png,chest,case1\n")
    return folder


def test_what_is_known_takes_the_place_of_what_was_drafted() -> None:
    drafted = parse(narrate(facts(DRAWN, FindingFact(STOOL, Presence.PRESENT, Severity.MILD))))
    right = put_right(drafted, {AIR: False, Finding.ABDOMINAL_DISTENSION: True})
    assert right[AIR].presence is Presence.ABSENT and right[AIR].severity is None
    assert right[Finding.ABDOMINAL_DISTENSION].presence is Presence.PRESENT
    assert right[STOOL].presence is Presence.PRESENT and right[STOOL].severity is Severity.MILD, "not known"
    assert right.view is View.ERECT


def test_what_was_rightly_drafted_keeps_its_particulars() -> None:
    right = put_right(parse(narrate(facts(DRAWN))), {AIR: True})
    assert right[AIR] == DRAWN


def test_of_a_film_that_the_draft_refuses_nothing_is_made_up() -> None:
    assert put_right(parse("This film cannot be read."), {STOOL: True}).present == (STOOL,)


def test_children_of_the_fold_and_other_pictures_are_left_out(real: Path) -> None:
    everyone = [film.id for film in learnt_films([real], None)]
    assert everyone == [*(f"film{n}" for n in range(5)), "perforated"]
    folds = [[film.id for film in learnt_films([real], fold)] for fold in range(5)]
    assert all(set(fold) < set(everyone) for fold in folds)
    assert sorted(name for fold in folds for name in set(everyone) - set(fold)) == everyone


def test_looks_are_the_same_every_time_and_only_some_have_free_air_put_in(real: Path) -> None:
    films = learnt_films([real], None)
    looks = looks_of(films, 6)
    assert len(looks) == 36
    again = looks_of(films[:2], 6)
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(looks, again, strict=False))
    assert not any(looks[6 * film].findings[AIR] for film in range(5)), "the first is as it is"
    put_in = [look.findings[AIR] for look in looks[:30]]
    assert 5 < sum(put_in) < 25
    assert all(look.findings[AIR] for look in looks[30:]), "there from the beginning"
    assert STOOL not in looks[0].findings and STOOL in looks[30].findings
    first = looks[0].picture()
    assert first.dtype == np.float32 and first.min() >= 0.0 and first.max() <= 1.0
    assert all(np.abs(look.pixels.astype(int) - looks[0].pixels).max() > 20 for look in looks[1:6])


@pytest.fixture(scope="module")
def opened() -> Films:
    """Two films that are known, and one real one of which a single finding is."""
    size = 32
    films = ReaderFilms(
        np.full((2, FILM_PLANES, size, size), 120, np.uint8),
        np.zeros((2, len(CHANNELS), size // 2, size // 2), np.uint8),
        np.zeros((2, REGION_TOKENS, REGION_FEATURES), np.float32),
        [facts(), facts()],
        [FilmMetadata(view=View.ERECT)] * 2,
    )
    shown = {name: getattr(films, name)[:1] for name in ("films", "probabilities", "regions")}
    known = np.array([[finding is AIR for finding in FINDINGS]])
    real = replace(films, **shown, facts=[facts(DRAWN)], metadata=[FilmMetadata()], known=known)
    return Films(films, films, real)


def test_a_quarter_of_a_batch_is_real_and_its_unknown_findings_do_not_count(opened: Films) -> None:
    config = TrainConfig(Path(), Path(), unreadable=0.0, plain_wording=1.0)
    taught = lesson(config, opened, [0, 1, 0, 1, 0, 1, 0, 1], seed=0)
    assert taught.reports == [narrate(facts())] * 6 + [narrate(facts(DRAWN))] * 2
    assert taught.target[6:, FINDINGS.index(AIR)].tolist() == [1.0, 1.0]
    assert taught.counts[:6].min() == 1.0
    assert taught.counts[6:].sum(0).tolist() == [2.0 * (finding is AIR) for finding in FINDINGS]
    assert len(taught.seen) == len(taught.metadata) == 8


def test_without_real_films_all_are_those_asked_for(opened: Films) -> None:
    config = TrainConfig(Path(), Path(), unreadable=0.0, plain_wording=1.0)
    taught = lesson(config, replace(opened, real=None), [0, 1], seed=0)
    assert taught.reports == [narrate(facts())] * 2 and taught.counts.min() == 1.0


def test_a_picture_that_is_no_film_is_refused_whatever_was_known(opened: Films) -> None:
    config = TrainConfig(Path(), Path(), unreadable=1.0)
    taught = lesson(config, opened, [0, 1, 0, 1], seed=0)
    assert set(taught.reports) == {"This film cannot be read."}
    assert taught.target.max() == 0.0 and taught.counts.min() == 1.0


def test_real_films_need_a_writer_that_drafts() -> None:
    with pytest.raises(ValueError, match="finetune"):
        TrainConfig(Path(), Path(), real=(Path(),))


@pytest.mark.timeout(300)
def test_a_run_learns_from_real_films_and_says_so(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inputs, "_OOD_IMAGES", 4)

    write_dataset(tmp_path / "films", count=8, seed=4, processes=1)
    config = training.preset(
        "finetune",
        **dict(data=tmp_path / "films", out=tmp_path / "run", steps=3, batch_size=4, measured_films=2),
        **dict(
            real=(real,), fold=0, real_looks=2, real_share=0.5, exposures=1, show_progress=False, threads=1
        ),
    )
    made = load_checkpoint(training.train_captioner(config))
    assert made.data["also"] == [{"name": "unnamed", "is_synthetic": False, "films": 4, "abdomen": True}]
    assert made.recipe["real"] == [real.name] and made.recipe["fold"] == 0
    assert "on real pictures whose truth is known in part: 4 pictures" in made.card
    looks = looks_of(learnt_films([real], 0), 2)
    segmenter, before = Segmenter.load(weights_folder("segmentation")), Reporter.load(config.start_from)
    seen = open_looks(looks, segmenter, FilmBackbone.of(segmenter), before, tmp_path / "cache")
    assert [f[AIR].is_present for f in seen.facts] == [look.findings[AIR] for look in looks]
    assert seen.present([0])[1][0, FINDINGS.index(STOOL)] == 0.0, "nobody knows"
