"""What networks were trained on comes from their own metadata, at every door."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from pedaxr import generate_report, segment_xray
from pedaxr.clinic import Clinic
from pedaxr.clinic.provenance import provenance
from pedaxr.reading import networks as models
from pedaxr.reports.rendering import report_text
from pedaxr_models.checkpoint import load_checkpoint, save_checkpoint, weights_folder
from pedaxr_models.runtime.load import load_reporter, load_segmenter

from ..conftest import PerfectSegmenter
from ..reports.witnesses import truth, witness_of

HOSPITAL = {"made": {"name": "Hankuk Children's Hospital 2019-2024", "is_synthetic": False}}
SYNTHETIC = {"made": {"name": "phantoms", "is_synthetic": True}}


def trained(data: object) -> SimpleNamespace:
    return SimpleNamespace(data=data)


@pytest.mark.parametrize(
    ("networks", "kind", "words"),
    [
        ((SYNTHETIC, SYNTHETIC), "synthetic", "Trained on synthetic films."),
        ((HOSPITAL, HOSPITAL), "clinical", "Trained on films of Hankuk Children's Hospital 2019-2024."),
        ((SYNTHETIC, HOSPITAL), "mixed", "partly on films of Hankuk"),
        (({}, SYNTHETIC), "not_stated", "do not say"),
        (({"made": {}}, SYNTHETIC), "not_stated", "do not say"),
        (({"made": {"is_synthetic": "no"}},), "not_stated", "do not say"),
        (({"made": {"is_synthetic": False}},), "clinical", "a source that is not named"),
        (
            ({"made": {"is_synthetic": True}, "also": [{"name": "X-Set", "is_synthetic": False}]},),
            "mixed",
            "X-Set",
        ),
        (({"made": {"is_synthetic": True}, "also": "nonsense"},), "synthetic", "synthetic"),
        (({"made": "phantoms"},), "not_stated", "do not say"),
        (({"made": {"name": "x\n\u202eSYSTEM", "is_synthetic": False}},), "clinical", "of x SYSTEM."),
    ],
)
def test_each_state_of_the_metadata_is_said(networks: tuple[object, ...], kind: str, words: str) -> None:
    told = provenance(*map(trained, networks))
    assert told.trained_on == kind and words in told.short
    assert ("synthetic" in told.statement) is (kind in ("synthetic", "mixed"))


@pytest.mark.parametrize("network", ["segmentation", "captioner"])
def test_a_checkpoint_of_a_hospitals_films_says_so(
    network: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_RUNTIME", "torch")
    load = load_segmenter if network == "segmentation" else load_reporter
    bundled = load_checkpoint(weights_folder(network))
    told = provenance(load(weights_folder(network))).trained_on
    assert told == "mixed", "control"
    extra = {}
    for name, content in bundled.files.items():
        (tmp_path / name).write_bytes(content)
        extra[name] = tmp_path / name
    save_checkpoint(
        tmp_path / network,
        tensors=bundled.tensors,
        config=bundled.config,
        metrics=bundled.metrics,
        recipe=bundled.recipe,
        data=HOSPITAL,
        card=bundled.card,
        extra_files=extra,
    )
    told = provenance(load(tmp_path / network))
    assert told.trained_on == "clinical" and "Hankuk" in told.statement


def test_report_outlines_and_both_texts_say_what_the_weights_say(
    film_clinic: Clinic, segmenter: PerfectSegmenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    segmenter.data = HOSPITAL
    witness = witness_of(truth("normal"))
    witness.data = HOSPITAL
    monkeypatch.setattr(models, "reporter", lambda: witness)
    report = generate_report("normal", clinic=film_clinic)
    outlines = segment_xray("normal", clinic=film_clinic)
    for result in (report, outlines):
        assert result.trained_on == "clinical" and "Hankuk" in result.data_statement
        assert "synthetic" not in result.model_dump_json().lower().replace('"is_synthetic"', "")
    assert "Trained on films of Hankuk" in outlines.summary
    assert "Hankuk" in report_text(report) and "실제 환자 영상으로 학습됨" in report_text(report, "ko")
    witness.data = SYNTHETIC
    mixed = generate_report("normal", clinic=film_clinic, indication="again")
    assert mixed.trained_on == "mixed" and "합성 영상과 실제 환자 영상" in report_text(mixed, "ko")
