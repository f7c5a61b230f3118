"""No report contradicts itself: each kind of contradiction is resolved, and planted ones are found."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from pedaxr import generate_report
from pedaxr.clinic import Clinic
from pedaxr.reading import networks as models
from pedaxr.reading.operating_points import operating_points, using
from pedaxr.reports.consistency import contradictions
from pedaxr.reports.korean import sections_in_korean
from pedaxr.reports.rendering import report_text
from pedaxr.types import Report
from pedaxr_models.facts import DistalGas, FilmFacts, Presence, Severity, Side
from pedaxr_models.labels import FINDINGS, Finding, Structure, View
from pedaxr_models.report_text.parser import parse

from ..conftest import FILMS, PerfectSegmenter, phantom
from .witnesses import Witness, truth, with_finding, witness_of

AIR, LEVEL, STOOL = Finding.PNEUMOPERITONEUM, Finding.AIR_FLUID_LEVEL, Finding.CONSTIPATION
ABSENT = {"presence": Presence.ABSENT, "severity": None, "side": None, "quadrants": ()}
DENIED = ("no free gas", "no free air", "no free intraperitoneal air", "no subdiaphragmatic")


@pytest.fixture
def draft(report_of: Callable[..., Report]) -> Callable[..., Report]:
    return report_of


def told(facts: FilmFacts, **probabilities: float) -> Witness:
    return replace(witness_of(facts), probabilities=witness_of(facts).probabilities | probabilities)


def findings_of(report: Report) -> str:
    return report.sections["Findings"].lower()


@pytest.mark.parametrize("name", list(FILMS))
def test_a_report_of_two_truthful_witnesses_is_consistent_in_both_languages(draft, name: str) -> None:
    assert contradictions(draft(name)) == []


SUSPECTED = {
    "the writer's probability": lambda: (told(truth("normal"), **{AIR: 0.7}), {}),
    "the writer's words": lambda: (
        witness_of(with_finding(truth("normal"), AIR, presence=Presence.PRESENT, severity=Severity.MARKED)),
        {},
    ),
    "a faint outline": lambda: (witness_of(truth("normal")), {"faint_free_air": 0.0}),
}


@pytest.mark.parametrize("how", list(SUSPECTED))
def test_suspected_free_air_leads_and_is_never_denied(draft, how: str) -> None:
    witness, points = SUSPECTED[how]()
    with using(replace(operating_points(), **points)):
        report = draft("normal", witness)
    assert report.critical == [AIR] and report.critical_certainty == {AIR: "suspected"}
    assert report.sections["Impression"].startswith("1. Free intraperitoneal air is suspected")
    assert report.sections["Recommendation"].startswith("Free intraperitoneal air is an emergency")
    assert "Communication" in report.sections and report.label == "undetermined"
    assert not any(words in findings_of(report) for words in DENIED)
    korean = sections_in_korean(report)
    assert korean["Impression"].startswith("1. 복강 내 유리공기 의심")
    assert korean["Recommendation"].startswith("복강 내 유리공기는")
    assert "유리공기 소견 없음" not in korean["Findings"]
    air = next(f for f in report.findings if f.finding == AIR)
    assert (air.presence, air.certainty) == (Presence.NOT_ASSESSED, "suspected")
    assert "suspected, not outlined" in report_text(report)
    assert contradictions(report) == []


@pytest.mark.parametrize("masks", [0.0, 0.3], ids=["not outlined", "below its threshold"])
@pytest.mark.parametrize("name", ["normal", "levels"])
def test_without_the_domes_free_air_is_not_denied_but_not_assessed(
    draft, segmenter: PerfectSegmenter, name: str, masks: float
) -> None:
    assert any(words in findings_of(draft(name)) for words in DENIED), "control: with the domes it is denied"
    segmenter.doubt[Structure.DIAPHRAGM] = masks
    from pedaxr.reading.read_film import forget_films

    forget_films()
    report = draft(name, indication="again")
    assert not any(words in findings_of(report) for words in DENIED)
    assert "cannot be assessed: the domes of the diaphragm are not included" in findings_of(report)
    assert {"what": AIR, "reason": "field"} in [one.model_dump() for one in report.not_assessed]
    assert any("domes of the diaphragm" in flag for flag in report.flags)
    assert "횡격막이 촬영 범위에 포함되지 않아" in sections_in_korean(report)["Findings"]
    assert contradictions(report) == []


def test_domes_that_run_out_of_the_film_are_not_in_the_field(draft, segmenter: PerfectSegmenter) -> None:
    seen = segmenter.predict

    def without_the_left_dome(pixels, **how: bool):  # type: ignore[no-untyped-def]
        found = seen(pixels)
        dome = found.probabilities[list(phantom("normal").masks).index(Structure.DIAPHRAGM)]
        spine = int(np.nonzero(phantom("normal").masks[Structure.SPINE])[1].mean())
        dome[:, spine:] = 0
        return found

    segmenter.predict = without_the_left_dome  # type: ignore[method-assign]
    report = draft("normal")
    assert not any(words in findings_of(report) for words in DENIED)
    assert sum("domes of the diaphragm" in flag for flag in report.flags) == 1, "one flag for one limit"


def test_the_count_and_the_side_are_those_of_the_outlines_everywhere(draft) -> None:
    true = draft("levels")
    level = next(f for f in true.findings if f.finding == LEVEL)
    assert level.count and level.count == true.measures["air_fluid_levels"]
    other = Side.LEFT if level.side is Side.BOTH else Side.BOTH
    wrong = with_finding(truth("levels"), LEVEL, count=level.count + 2, side=other, quadrants=())
    report = draft("levels", witness_of(wrong), indication="again")
    told_count = next(f for f in report.findings if f.finding == LEVEL)
    assert (told_count.count, told_count.side) == (level.count, level.side)
    counted = {fact.finding: fact.count for fact in parse(report.sections["Impression"]).findings}
    assert counted[LEVEL] == level.count
    (flag,) = [flag for flag in report.flags if flag.startswith("Air-fluid levels")]
    assert f"the draft says {level.count + 2} levels" in flag and f"show {level.count}" in flag
    assert contradictions(report) == []


def test_both_languages_name_the_quadrants_of_the_outline(draft) -> None:
    from pedaxr_models.facts import Quadrant

    outlined = {q for f in draft("free air").findings if f.finding == AIR for q in f.quadrants}
    one = next(q for q in Quadrant if q.value in outlined)
    beside = next(q for q in Quadrant if q.value not in outlined)
    wrong = with_finding(truth("free air"), AIR, quadrants=(one, beside))
    report = draft("free air", witness_of(wrong), indication="again")
    for text in (report.sections["Findings"], sections_in_korean(report)["Findings"]):
        said = next(f for f in parse(text).findings if f.finding is AIR)
        assert {q.value for q in said.quadrants} == outlined
    assert contradictions(report) == []


def test_the_grade_of_stool_never_contradicts_the_measured_shares(draft, segmenter: PerfectSegmenter) -> None:
    """The whole colon is outlined as stool, and the draft calls it none and mild."""
    seen = segmenter.predict
    names = list(phantom("normal").masks)

    def packed(pixels, **how: bool):  # type: ignore[no-untyped-def]
        found = seen(pixels)
        colon = found.probabilities[names.index(Structure.COLON)]
        for channel in (Structure.STOOL, STOOL):
            found.probabilities[names.index(channel)] = colon
        return found

    segmenter.predict = packed  # type: ignore[method-assign]
    mild = with_finding(truth("normal"), STOOL, presence=Presence.PRESENT, severity=Severity.MILD)
    with using(replace(operating_points(), grade_scale={})):
        report = draft("normal", witness_of(replace(mild, stool_burden=(0, 1, 1))))
    assert max(v for k, v in report.measures.items() if k.startswith("stool_share")) > 0.9
    text = report_text(report)
    assert "stool burden" not in text.lower() and "mild faecal" not in text.lower()
    assert next(f for f in report.findings if f.finding == STOOL).severity is None
    assert any("faecal loading" in flag.lower() for flag in report.flags)
    assert contradictions(report) == []


def test_distal_gas_is_not_called_normal_beside_levels(draft) -> None:
    loaded = witness_of(replace(truth("levels"), distal_gas=DistalGas.NORMAL))
    with using(replace(operating_points(), grade_scale={})):
        report = draft("levels", loaded)
    assert "gas is normal" not in findings_of(report) and "원위부 장가스 정상" not in report_text(
        report, "ko"
    )
    assert any(flag.startswith("Distal bowel gas") for flag in report.flags)
    control = draft("normal", witness_of(replace(truth("normal"), distal_gas=DistalGas.NORMAL)))
    assert "gas is normal" in findings_of(control)


@pytest.mark.parametrize("said", list(View))
def test_a_view_that_is_not_stated_is_not_drafted_either(draft, film_clinic: Clinic, said: View) -> None:
    path = film_clinic.registry.study("normal").image_path
    witness = witness_of(replace(truth("normal"), view=said))
    draft("normal", witness)
    report = generate_report(file=path)
    assert "view not stated" in report.sections["Technique"]
    assert parse(report.sections["Findings"]).view is None
    assert contradictions(report) == []


@pytest.mark.parametrize("name", ["levels", "free air", "pyloric"])
def test_without_a_stated_view_what_is_outlined_is_not_called_unassessed(
    draft, film_clinic: Clinic, name: str
) -> None:
    draft(name)
    report = generate_report(file=film_clinic.registry.study(name).image_path)
    impression, korean = report.sections["Impression"], sections_in_korean(report)["Impression"]
    assert ("Air-fluid levels not assessed" in impression) is (name != "levels")
    assert ("ree intraperitoneal air not excluded" in impression) is (name != "free air")
    assert ("공기액체층은 평가할 수 없" in korean) is (name != "levels")
    assert contradictions(report) == []


def test_a_draft_of_another_view_is_struck_and_flagged(draft) -> None:
    wrong = witness_of(replace(truth("normal"), view=View.LEFT_LATERAL_DECUBITUS))
    report = draft("normal", wrong)
    assert parse(report.sections["Findings"]).view is None
    assert any("another view than the one registered" in flag for flag in report.flags)
    assert contradictions(report) == []


@pytest.mark.parametrize("name", ["levels", "free air", "normal"])
def test_a_horizontal_beam_film_is_never_asked_for_again(draft, name: str) -> None:
    report = draft(name)
    asked = report.sections["Recommendation"] + sections_in_korean(report)["Recommendation"]
    assert "horizontal" not in asked and "erect view" not in asked and "기립위" not in asked


def test_lines_and_tubes_are_not_assessed_whatever_the_draft_says(draft) -> None:
    report = draft("normal", witness_of(replace(truth("normal"), gastric_tube=True)))
    assert "tube" not in findings_of(report) and "관이 보임" not in report_text(report, "ko")
    assert report.sections["Lines and tubes"] == "not assessed by this model"
    assert {"what": "lines_and_tubes", "reason": "model"} in [o.model_dump() for o in report.not_assessed]


def test_what_limits_a_film_reaches_the_flags(draft, segmenter: PerfectSegmenter) -> None:
    segmenter.doubt[Structure.PELVIS] = 0.0
    report = draft("normal")
    assert any("pelvis was not recognised" in flag for flag in report.flags)


PLANTED: dict[str, Callable[[Report], Report]] = {
    "presence": lambda r: _findings_say(r, "Free intraperitoneal air on the right."),
    "side": lambda r: _findings_say(r, "Air-fluid levels on the left in the left upper quadrant."),
    "quadrant": lambda r: _findings_say(r, "Air-fluid levels in the left upper quadrant."),
    "count": lambda r: _findings_say(r, "Nine air-fluid levels."),
    "grade": lambda r: _findings_say(r, f"{_other_grade(r)} air-fluid levels."),
    "view": lambda r: _findings_say(r, "Supine abdominal radiograph."),
    "distal gas": lambda r: _findings_say(r, "Distal bowel gas is normal."),
    "tube": lambda r: _findings_say(r, "A gastric tube is seen."),
    "stool": lambda r: _findings_say(
        r.model_copy(update={"measures": {f"stool_share_{p}": 0.95 for p in PARTS}}),
        "Stool burden is none in the right colon, mild in the left colon and none in the rectosigmoid.",
    ),
    "recommendation": lambda r: _section(r, "Recommendation", "Add a horizontal-beam view."),
    "critical": lambda r: r.model_copy(update={"critical": [AIR.value]}),
    "label": lambda r: r.model_copy(update={"label": "constipation"}),
    "comparison": lambda r: r.model_copy(
        update={
            "comparison": r.comparison.model_copy(
                update={"items": [i.model_copy(update={"now": 0.0}) for i in r.comparison.items]}
            )
        }
    ),
}
PARTS = ("right_colon", "left_colon", "rectosigmoid")


def _other_grade(report: Report) -> str:
    level = next(f for f in report.findings if f.finding == LEVEL)
    return "Mild" if level.severity is Severity.MARKED else "Marked"


def _section(report: Report, name: str, text: str) -> Report:
    return report.model_copy(update={"sections": report.sections | {name: text}})


def _findings_say(report: Report, text: str) -> Report:
    return _section(report, "Findings", text)


@pytest.mark.parametrize("kind", list(PLANTED))
def test_a_planted_contradiction_is_found(draft, kind: str) -> None:
    report = draft("levels")
    assert contradictions(report) == [], "control"
    assert kind in {one.kind for one in contradictions(PLANTED[kind](report))}


def test_a_sentence_that_got_through_is_struck_with_a_flag(draft, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check at the door does not rely on the checks before it."""
    monkeypatch.setattr("pedaxr.reports.check_draft.settle_context", lambda sentences, *_: list(sentences))
    report = draft(
        "levels", witness_of(replace(truth("levels"), distal_gas=DistalGas.NORMAL, gastric_tube=True))
    )
    assert "tube" not in findings_of(report) and "gas is normal" not in findings_of(report)
    assert any(flag.startswith("The draft contradicted the outlines in") for flag in report.flags)
    assert contradictions(report) == []


HOSTILE = [
    "Erect film. Two air-fluid levels on the left. Marked free air on the left. No faecal loading.",
    "Supine film. Normal bowel gas pattern. No free gas or air-fluid levels. Gastric tube in place.",
    "Possible free air. Stool burden is marked in the right colon, marked in the left colon and marked in "
    "the rectosigmoid. Distal bowel gas is absent.",
    "Normal.",
    "",
]


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("name", list(FILMS))
@pytest.mark.parametrize("chance", [0.02, 0.6])
def test_no_draft_makes_a_report_contradict_itself(draft, name: str, text: str, chance: float) -> None:
    report = draft(name, Witness(text, dict.fromkeys(FINDINGS, chance)))
    assert contradictions(report) == []
    assert not any("contradicted the outlines" in flag for flag in report.flags), "resolved before the door"


def test_a_film_that_is_cropped_below_the_domes(draft, film_clinic: Clinic, tmp_path, monkeypatch) -> None:
    """By its picture, with a segmenter that sees what is left: nothing above the liver."""
    film = phantom("normal")
    rows = np.nonzero(film.masks[Structure.DIAPHRAGM])[0]
    assert rows.size, "control: the film has domes"
    Image.fromarray(film.pixels[rows.max() + 4 :]).save(tmp_path / "cropped.png")
    draft("normal")
    monkeypatch.setattr(models, "segmenter", lambda: _Cropped(rows.max() + 4))
    report = generate_report(file=tmp_path / "cropped.png", view=View.ERECT, age_months=40)
    assert report.in_doubt or not any(words in findings_of(report) for words in DENIED)
    assert contradictions(report) == []


class _Cropped(PerfectSegmenter):
    def __init__(self, top: int) -> None:
        super().__init__()
        self._top = top

    def predict(self, pixels, *, is_framed=False):  # type: ignore[no-untyped-def]
        import cv2

        from pedaxr_models.segmentation.segmenter import Segmentation
        from pedaxr_models.segmentation.transforms import Letterbox

        letterbox = Letterbox(pixels.shape[1], pixels.shape[0])
        planes = []
        for mask in phantom("normal").masks.values():
            small = cv2.resize(
                mask[self._top :].astype(np.float32),
                None,
                fx=letterbox.scale,
                fy=letterbox.scale,
                interpolation=cv2.INTER_NEAREST,
            )
            plane = np.zeros((letterbox.size, letterbox.size), np.float32)
            rows, columns = letterbox.content
            height, width = rows.stop - rows.start, columns.stop - columns.start
            plane[letterbox.content] = 0.95 * cv2.resize(
                small, (width, height), interpolation=cv2.INTER_NEAREST
            )
            planes.append(plane)
        return Segmentation(np.stack(planes), letterbox)


@pytest.mark.parametrize(
    "note",
    [
        "The film is shown lying on its side: it was turned upright for reading.",
        "The film seems to lie on its side: turn it upright, or check how it was exported.",
        "The header says that the film is stored on its side: it was turned upright for reading.",
    ],
)
def test_a_picture_that_was_turned_names_no_view(note: str) -> None:
    assert parse(note).view is None
    assert parse("Upright film of the abdomen.").view is View.ERECT, "control"
