"""`pedaxr ablation` and `pedaxr pictures` from the command line; the ablation is tested in tests/models."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pedaxr.errors import InvalidRequest
from pedaxr_models.captioning import figures
from pedaxr_models.captioning.ablation import run as ablation
from pedaxr_models.captioning.ablation.report import conclusion
from pedaxr_models.captioning.ablation.scores import AblationScores
from pedaxr_models.captioning.evaluate import stored_scores
from pedaxr_models.checkpoint import load_checkpoint, revise_checkpoint, weights_folder
from pedaxr_models.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.labels import FINDINGS, View
from pedaxr_models.report_text.grammar import narrate
from pedaxr_server.cli import pictures
from pedaxr_server.cli.app import main
from pedaxr_server.cli.evaluate import networks

pytestmark = pytest.mark.usefixtures("few_pictures_that_are_no_films")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)


def climbed(config: ablation.AblationConfig, tell: Any) -> AblationScores:
    """An ablation without training: every variant calls every film normal."""
    tell("1 of 1: a variant")
    truth = [FilmFacts(View.ERECT, tuple(FindingFact(f, Presence.ABSENT) for f in FINDINGS))] * 3
    texts = {variant: [[narrate(facts) for facts in truth]] * config.seeds for variant in ablation.VARIANTS}
    measured = ablation.measure(texts, truth)
    return AblationScores(
        synthetic=True,
        films={"test": 3},
        minutes=config.training.minutes,
        seeds=config.seeds,
        sets={"test": measured},
        conclusion={"test": tuple(conclusion(measured))},
    )


def test_the_ablation_is_published_in_card_and_document(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablation, "run_ablation", climbed)
    folder, document, out = tmp_path / "weights", tmp_path / "README.md", tmp_path / "out"
    out.mkdir()
    shutil.copytree(weights_folder("captioner"), folder)
    document.write_text("before\n<!-- ablation figures -->\nold\n<!-- end of ablation figures -->\nafter\n")
    shown = run(
        *("ablation", "--data", tmp_path, "--out", out, "--minutes", "2", "--seeds", "2"),
        *("--publish", document, "--checkpoint", folder, "--json", tmp_path / "ablation.json"),
    )
    assert shown.exit_code == 0 and shown.stderr == "1 of 1: a variant\n"
    text = document.read_text()
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text
    assert "| image + metadata + masks |" in text and "2 seeds of 2 minutes" in text
    assert (out / "ablation.md").read_text() in load_checkpoint(folder).card
    assert (out / "ablation.png").exists()
    result = json.loads((tmp_path / "ablation.json").read_text())
    assert load_checkpoint(folder).metrics["ladder"] == result


def test_a_new_checkpoint_and_its_evaluation_leave_the_ablation_in_the_card(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As weights are renewed: trained elsewhere, copied over the old, evaluated and published."""
    monkeypatch.setattr(ablation, "run_ablation", climbed)
    bundled = load_checkpoint(weights_folder("captioner")).metrics
    alone = {key: value for key, value in bundled.items() if key != "ladder"}
    monkeypatch.setattr(
        networks, "_read", lambda *_: stored_scores(alone)
    )  # really measured in test_cli_train
    folder, document, out = tmp_path / "captioner", tmp_path / "README.md", tmp_path / "out"
    out.mkdir()
    document.write_text(
        "<!-- ablation figures -->\n<!-- end of ablation figures -->\n"
        "<!-- captioner figures -->\n<!-- end of captioner figures -->\n"
    )
    fresh_checkpoint(folder)
    climb = ("ablation", "--data", tmp_path, "--out", out, "--publish", document, "--checkpoint", folder)
    assert run(*climb).exit_code == 0
    shutil.rmtree(folder)
    fresh_checkpoint(folder)
    assert "pedaxr ablation" not in load_checkpoint(folder).card
    measured = ("evaluate", "captioner", "--data", tmp_path)
    assert run(*measured, "--checkpoint", folder, "--publish", document).exit_code == 0
    table = (out / "ablation.md").read_text()
    made = load_checkpoint(folder)
    assert table in made.card and table.strip() in document.read_text()
    assert made.metrics["measured_with"]["captioner"] == made.weights_sha256
    assert made.weights_sha256[:12] in made.card and "figures of the weights in this folder" in made.card
    assert run(*climb).exit_code == 0  # and the other way round
    card = load_checkpoint(folder).card
    assert made.weights_sha256[:12] in card and "proof that the film is read" in card
    (tmp_path / "ladder.json").write_text("[]")
    damaged = run(*measured, "--checkpoint", folder)
    assert damaged.exit_code == 1 and "pedaxr ablation" in damaged.stderr.splitlines()[-1]


def fresh_checkpoint(folder: Path) -> None:
    """The bundled weights as a training leaves them: without an ablation."""
    shutil.copytree(weights_folder("captioner"), folder)
    made = load_checkpoint(folder)
    revise_checkpoint(folder, metrics={k: v for k, v in made.metrics.items() if k != "ladder"}, card="new")


def test_a_folder_without_films_is_one_line(tmp_path: Path) -> None:
    result = run("ablation", "--data", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 1 and "CSV" in result.stderr.splitlines()[-1]


@pytest.mark.usefixtures("quick_networks")
def test_what_a_reader_has_learnt_is_drawn(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of four films of two labels; that all labels and ten films are drawn is tested in tests/models."""
    monkeypatch.setattr(figures, "_FEWEST", 4)
    head, *rows = (films / "films.csv").read_text(encoding="utf-8").splitlines(keepends=True)
    few = [row for row in rows if "Normal" in row or "Pneumoperitoneum" in row]
    (films / "few.csv").write_text(head + "".join(few).replace(",test,", ",train,"), encoding="utf-8")
    (tmp_path / "run").mkdir()
    row = {"minutes": 1, "loss": 2.0, "fact_f1": 0.5, "hallucination_rate": 0.1, "presence_accuracy": 0.8}
    (tmp_path / "run" / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    drawn = run(
        *("pictures", "captioner", "--data", films / "few.csv", "--split", "train"),
        *("--out", tmp_path / "pictures", "--run", tmp_path / "run"),
    )
    assert drawn.exit_code == 0, drawn.stderr
    names = {path.name for path in (tmp_path / "pictures").iterdir()}
    assert {"features.png", "curves.png"} < names
    assert names - {"features.png", "curves.png"} == {
        "attention_normal.png",
        "attention_pneumoperitoneum.png",
    }
    assert {Path(line).name for line in drawn.stdout.splitlines()} == names


def test_learning_curves_come_from_the_run_or_from_what_the_checkpoint_keeps(tmp_path: Path) -> None:
    row = {"minutes": 1.0, "loss": 2.0}
    (tmp_path / "metrics.jsonl").write_text(json.dumps(row) + "\n")
    assert pictures._history(tmp_path, None) == [row]
    made = load_checkpoint(weights_folder("captioner")).recipe.get("history", [])
    assert pictures._history(None, None) == made
    with pytest.raises(InvalidRequest, match="pedaxr train captioner"):
        pictures._history(tmp_path / "elsewhere", None)


@pytest.mark.slow
def test_every_variant_is_trained_and_measured(films: Path, tmp_path: Path) -> None:
    command = ("ablation", "--data", films, "--out", tmp_path / "out", "--steps", "2", "--seeds", "1")
    assert run(*command, "--threads", "1").exit_code == 0
    result = json.loads((tmp_path / "out" / "ablation.json").read_text())
    assert list(result["sets"]["test"]["rungs"]) == list(ablation.VARIANTS)
    assert (
        len(list((tmp_path / "out" / "cache").glob("*.npz"))) <= 4
    )  # one per split and the out-of-distribution images
    assert "is there already" in run(*command, "--threads", "1").stderr
