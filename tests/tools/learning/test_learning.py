"""From corrections to weights: what is known, who is held out, how far few films may move a point."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr.clinic import Clinic
from pedaxr.clinic.annotate import AnnotatedFinding, NewAnnotation, annotate
from pedaxr.clinic.export_annotations import mask_of
from pedaxr.errors import InvalidRequest, StorageError
from pedaxr.evaluation.choose_operating_points import Seen
from pedaxr.learning.corrected import corrected_films, device_of
from pedaxr.learning.divide import check_apart, divide, not_yet_there
from pedaxr.learning.learn import Options, learn
from pedaxr.learning.points import HALF_WAY, shrunk_points
from pedaxr.reading.operating_points import OperatingPoints
from pedaxr_models.datasets.film import Film, FilmMetadata, read_masks
from pedaxr_models.labels import CHANNELS, FINDINGS, NORMAL, Finding

from ..conftest import phantom

AIR, STOOL = Finding.PNEUMOPERITONEUM, Finding.CONSTIPATION


def save(clinic: Clinic, study_id: str, **said: object) -> None:
    annotate(
        study_id,
        NewAnnotation.model_validate({"based_on": 0, "model": "m", **said}),
        by="Dr Kim",
        clinic=clinic,
    )


def test_what_was_decided_is_known_and_nothing_else(film_clinic: Clinic, tmp_path: Path) -> None:
    size = phantom("free air").pixels.shape
    mask = np.zeros(size, bool)
    mask[40:60, 30:90] = True
    drawn = {AIR: AnnotatedFinding(decision="corrected", mask=mask_of(mask))}
    doubt = {Finding.PYLORIC_STENOSIS: AnnotatedFinding(decision="uncertain")}
    absent = {finding: AnnotatedFinding(decision="rejected") for finding in FINDINGS}
    save(film_clinic, "free air", findings={**drawn, STOOL: absent[STOOL], **doubt})
    save(film_clinic, "normal", findings=absent)
    save(film_clinic, "pyloric", findings=absent, is_unsuitable=True)
    save(film_clinic, "levels", findings=doubt)
    films = {film.extra["study"]: film for film in corrected_films(film_clinic, tmp_path)}
    assert set(films) == {"free air", "normal"}, "the unsuitable and the undecided teach nothing"
    air = films["free air"]
    assert air.labelled_channels == {AIR.value, STOOL.value} and air.label == AIR.value
    assert air.mask_path is not None
    assert np.array_equal(read_masks(air.mask_path) >> CHANNELS.index(AIR) & 1 > 0, mask)
    assert films["normal"].label == NORMAL and len(films["normal"].labelled_channels) == len(FINDINGS)
    assert air.metadata.view is not None and air.metadata.patient_name is None


def test_the_device_is_that_of_the_header_and_a_picture_has_none(tmp_path: Path) -> None:
    from pedaxr.demo.synthetic_dicom import encode_dicom
    from pedaxr_models.phantom import make_film, sample_spec

    (tmp_path / "a.dcm").write_bytes(encode_dicom(make_film(sample_spec(0, 3))))
    assert "pedaxr phantom" in device_of(tmp_path / "a.dcm")
    (tmp_path / "a.png").write_bytes(b"not DICOM")
    assert device_of(tmp_path / "a.png") == ""


def test_what_was_taken_back_is_unknown_again(film_clinic: Clinic, tmp_path: Path) -> None:
    absent = AnnotatedFinding(decision="rejected")
    save(film_clinic, "normal", findings={STOOL: absent, AIR: absent})
    save(film_clinic, "normal", findings={AIR: absent}, based_on=1)
    (film,) = corrected_films(film_clinic, tmp_path)
    assert film.labelled_channels == {AIR.value}


def film(child: str, number: int = 0, label: str = NORMAL) -> Film:
    return Film(
        Path(f"{child}-{number}.png"),
        label,
        metadata=FilmMetadata(patient_id=child),
        labelled_channels=frozenset({STOOL.value}),
    )


def children(films: list[Film]) -> set[str | None]:
    return {one.metadata.patient_id for one in films}


def test_no_child_is_learned_from_and_measured_on(tmp_path: Path) -> None:
    films = [
        film(f"C{n}", k, label)
        for n in range(40)
        for k in range(2)
        for label in [NORMAL, "constipation"][n % 2 :][:1]
    ]
    splits = divide(films, tmp_path / "children.json", all_learn=False)
    sides = [children(splits[name]) for name in ("train", "validation", "test")]
    assert not sides[0] & sides[1] and not sides[0] & sides[2] and not sides[1] & sides[2]
    assert [len(side) for side in sides] == [22, 6, 12]
    assert {one.label for one in splits["test"]} == {NORMAL, "constipation"}


def test_a_child_stays_where_it_was_for_ever(tmp_path: Path) -> None:
    """Also when its films were gone in between, and when others are held out in the meantime."""
    file = tmp_path / "children.json"
    films = [film(f"C{n}") for n in range(20)]
    held_out = children(divide(films, file, all_learn=False)["test"])
    divide([film(f"N{n}") for n in range(20)], file, all_learn=True)
    again = divide([*films, *(film(f"M{n}") for n in range(20))], file, all_learn=True, seed=5)
    assert held_out <= children(again["test"])


def test_too_few_children_and_a_damaged_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match=r"Too few to learn .* of 1 child"):
        divide([film("C", n) for n in range(9)], tmp_path / "a.json", all_learn=False)
    (tmp_path / "b.json").write_text("{}")
    with pytest.raises(StorageError, match="held out"):
        divide([film(f"C{n}") for n in range(20)], tmp_path / "b.json", all_learn=False)


def with_class(child: str, label: str = STOOL.value) -> Film:
    return replace(film(child, label=label), labelled_channels=frozenset())


def test_films_with_a_class_alone_are_measured_on_and_teach_nothing(tmp_path: Path) -> None:
    """Whoever has a film with an outline is dealt out as ever; his other films teach nothing either."""
    drawn = [film(f"C{n}") for n in range(20)]
    classes = [with_class(f"D{n}") for n in range(12)] + [with_class(f"C{n}") for n in range(20)]
    splits = divide([*drawn, *classes], tmp_path / "a.json", all_learn=False)
    assert all(one.labelled_channels for one in splits["train"]) and len(splits["train"]) == 11
    others = {f"D{n}" for n in range(12)}
    assert len(others & children(splits["validation"])) == 4 and len(others & children(splits["test"])) == 8
    splits = divide([*drawn, *classes], tmp_path / "b.json", all_learn=True)
    assert not splits["test"] and others <= children(splits["validation"])


def test_classes_alone_are_told_what_is_missing(film_clinic: Clinic, tmp_path: Path) -> None:
    """A table as hospitals have it: which film, which class."""
    (tmp_path / "t.csv").write_text(
        "ImagePath,Point,Class\n" + "".join(f"{n}.png,,Constipation\n" for n in range(9))
    )
    for number in range(9):
        Image.new("L", (64, 64), 40 + number).save(tmp_path / f"{number}.png")
    with pytest.raises(InvalidRequest, match="Of 9 more the class alone is known") as refused:
        learn(film_clinic, Options(data=tmp_path / "t.csv"), lambda *_: None)
    assert "0 films corrected" in str(refused.value) and "`Known`" in str(refused.value)


@pytest.mark.parametrize("same", ["child", "namesake", "picture", "nothing"])
def test_nobody_is_measured_on_whom_the_networks_learn_from(tmp_path: Path, same: str) -> None:
    """Also where the films to measure on come from elsewhere. Two files of one name are two pictures."""
    for folder, grey in (("a", 1), ("b", 1 if same == "picture" else 2)):
        (tmp_path / folder).mkdir()
        Image.new("L", (8, 8), grey).save(tmp_path / folder / "1.png")
    known = {"child": {"patient_id": "C1"}, "namesake": {"patient_name": "김민준"}}.get(same, {})
    one, other = (
        replace(film("x"), image_path=tmp_path / f / "1.png", metadata=FilmMetadata(**known)) for f in "ab"
    )
    if same == "nothing":
        check_apart([other], [one])
        return
    with pytest.raises(InvalidRequest, match="Of 1 film to measure on, 1 would prove nothing"):
        check_apart([other], [one])


BEFORE = OperatingPoints(
    0.9,
    0.87,
    0.1,
    0.6,
    free_air_suspicion=0.2,
    least_confidence=0.6,
    least_support={AIR.value: 0.9, STOOL.value: 0.6},
    confidence_curve=((0.5, 0.5), (0.9, 0.9)),
    least_share={AIR.value: 0.005},
)


def seen(number: int, *, air: bool = False) -> Seen:
    return Seen(
        sureness=0.95,
        spine_offset=0.0,
        colon_share=0.1,
        supports=(),
        has_free_air=air,
        free_air=0.45 if air else 0.0,
        is_free_air_told=air,
        confidence=0.5 + number % 10 / 20,
        word_confidence=0.9,
        is_right=True,
        true=(AIR.value,) if air else (),
    )


def test_no_film_moves_no_point_and_few_move_it_a_little() -> None:
    assert shrunk_points([], BEFORE, {"segmentation": "x"}) == replace(BEFORE, weights={"segmentation": "x"})
    few = shrunk_points([seen(n, air=n % 2 == 0) for n in range(10)], BEFORE, {})
    many = shrunk_points([seen(n, air=n % 2 == 0) for n in range(2000)], BEFORE, {})
    asked = 0.45
    for name in ("free_air_suspicion",):
        moved = [abs(getattr(points, name) - getattr(BEFORE, name)) for points in (few, many)]
        assert 0 < moved[0] < abs(asked - 0.2) / 4 and moved[1] > 0.9 * abs(asked - 0.2)
    assert few.least_confidence != BEFORE.least_confidence
    assert (few.doubted_below, few.largest_colon, few.usual) == (0.9, 0.6, BEFORE.usual), "the gate stays"
    assert set(few.least_support) == set(BEFORE.least_support)


def test_the_confidence_curve_stays_a_curve() -> None:
    for count in (1, 3, HALF_WAY, 5000):
        points = shrunk_points([seen(n) for n in range(count)], BEFORE, {})
        columns = [list(column) for column in zip(*points.confidence_curve, strict=True)]
        assert columns == [sorted(column) for column in columns]
    document = json.dumps([list(pair) for pair in points.confidence_curve])
    assert json.loads(document)


def test_a_picture_of_the_table_that_is_corrected_in_the_clinic_is_there_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Under another name it counted as another child: learned from, and measured on."""
    for name, content in (("S-1", b"a"), ("x", b"a"), ("y", b"b"), ("z", b"b")):
        (tmp_path / name).write_bytes(content)
    corrected, *more = (Film(tmp_path / name, NORMAL) for name in ("S-1", "x", "y", "z"))
    assert [film.image_path.name for film in not_yet_there(more, [corrected])] == ["y"]
    assert "2 films of --data were left out" in caplog.text
