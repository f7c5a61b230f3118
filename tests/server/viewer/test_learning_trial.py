"""The whole loop, as a hospital goes it: a film is opened, corrected, signed and exported in the page; the
networks learn from what was corrected, are measured before and after, put in use and rolled back.

Few films and few steps: that every step leads to the next is tested here, not that so little teaches much.
The whole trial is the same with LEARNING_TRIAL=FOLDER, which `benchmarks/learning_trial.py` makes: 60 films
of another generator, 40 held out; with LEARNING_PUBLISH=FILE its table goes into that document.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from pedaxr.clinic import open_clinic
from pedaxr.clinic.annotate import annotations_of
from pedaxr.reports.signers import make_code
from pedaxr.storage.weights import weights_in_use
from pedaxr_models.checkpoint import load_checkpoint
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.runtime.compiled_segmenter import CompiledSegmenter
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_server.cli import main
from pedaxr_server.settings import Settings

from ..http_service import running

pytest.importorskip("playwright", reason="needs playwright: pip install -e '.[browser]'")
from playwright.sync_api import Page, expect

from .browser import chromium_path, front_page, search

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(chromium_path() is None, reason="needs Chromium: apt-get install chromium"),
]
FILMS, HELD_OUT = 8, 2
TRIAL, DOCUMENT = os.environ.get("LEARNING_TRIAL"), os.environ.get("LEARNING_PUBLISH")
SHORT = ("--steps", "2", "--size", "96", "--batch-size", "2")
WHOLE = ("--steps", "120", *(("--publish", DOCUMENT) if DOCUMENT else ()))

WITHOUT_TORCH = """
import sys
class Without:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Without())
"""


def run(*arguments: str | Path) -> Result:
    """One command, as in a process of its own: what the one before chose is not in its environment."""
    os.environ["PEDAXR_WEIGHTS"] = ""
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture
def hospital(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clinic of synthetic films, or of those of the trial; others are beside it."""
    monkeypatch.setenv("PEDAXR_WEIGHTS", "")  # and back, when the test ends
    monkeypatch.setenv("PEDAXR_GRAPHS", str(tmp_path / "graphs"))
    if TRIAL:
        shutil.copytree(Path(TRIAL) / "corrected", tmp_path / "films")
        shutil.copytree(Path(TRIAL) / "held_out", tmp_path / "others")
    else:
        write_dataset(tmp_path / "films", count=FILMS, seed=0, processes=1)
        write_dataset(tmp_path / "others", indices=range(FILMS, FILMS + HELD_OUT), seed=0, processes=1)
    run("import", tmp_path / "films", "--home", tmp_path / "clinic")
    return tmp_path / "clinic"


def test_correct_sign_export_learn_use_and_roll_back(page: Page, hospital: Path, tmp_path: Path) -> None:
    study_id = open_clinic(hospital).registry.newest_studies(1)[0].study_id
    with running(Settings(home=hospital, worker=False)) as settings:
        page.goto(front_page(settings))
        corrected_in_the_page(page, study_id)
        signed_in_the_page(page, hospital)
        exported_from_the_page(page, study_id, tmp_path)
    clinic = open_clinic(hospital)
    (by_hand,) = annotations_of(study_id, clinic=clinic)
    assert by_hand.author == "Dr Kim"
    run(
        "annotations",
        "import",
        tmp_path / "films",
        "--by",
        "Dr Lee",
        "--absent-unless-drawn",
        "--home",
        hospital,
    )
    assert len(annotations_of(study_id, clinic=clinic)) <= 2

    page_of = tmp_path / "quality.html"
    run("evaluate", "local", "--home", hospital, "--limit", "3", "--out", page_of)
    shown(page, page_of)

    learned = run(
        *("learn", "--home", hospital, "--held-out", tmp_path / "others", *(WHOLE if TRIAL else SHORT)),
        *("--json", tmp_path / "learned.json"),
    )
    document = json.loads((tmp_path / "learned.json").read_text())
    measured = document["measured"]
    if TRIAL:
        assert measured["verdict"] == "better" and measured["dice"]["after"] > measured["dice"]["before"]
    else:
        assert measured["films"] == HELD_OUT and measured["verdict"] in ("unproven", "worse")
    assert measured["dice"]["before"] is not None and measured["dice"]["after"] is not None
    assert "reports exactly right" in learned.output and not document["in_use"]
    folder = hospital / "weights" / document["name"]
    assert names(folder) == {"segmentation", "graphs", "operating_points.json", "learned.json", "README.md"}
    serve_without_torch(folder, study_id, hospital, tmp_path / "nothing cached")
    provenance = json.loads((folder / "learned.json").read_text())
    used = {one for films in provenance["films"].values() for one in films}
    assert {one.annotation_id for one in annotations_of(study_id, clinic=clinic)} & used
    assert not (hospital / "learning").is_dir() or not list((hospital / "learning").glob("run-*")), (
        "tidied up"
    )

    run("weights", "use", document["name"], "--although-worse", "--home", hospital)
    assert weights_in_use(hospital) == folder
    after = json.loads(run("segment", study_id, "--home", hospital, "--json", "-").stdout)
    before_model = by_hand.model
    assert after["model"] != before_model, "films are read with the new weights"
    run("weights", "rollback", "--home", hospital)
    back = json.loads(run("segment", study_id, "--home", hospital, "--json", "-").stdout)
    assert back["model"] == before_model and weights_in_use(hospital) is None
    run("audit", "verify", "--home", hospital)


def serve_without_torch(weights: Path, study_id: str, home: Path, cache: Path) -> None:
    """The compiled graph beside the weights computes what PyTorch does, and is all that reading needs."""
    film = np.asarray(Image.open(open_clinic(home).registry.study(study_id).image_path), np.float32) / 255
    found = [one.load(weights / "segmentation").predict(film) for one in (Segmenter, CompiledSegmenter)]
    np.testing.assert_allclose(found[0].probabilities, found[1].probabilities, atol=2e-4)
    program = WITHOUT_TORCH + (
        "from pedaxr import open_clinic, segment_xray\n"
        f"print(segment_xray({study_id!r}, clinic=open_clinic({str(home)!r})).model)\n"
    )
    environment = {**os.environ, "PEDAXR_WEIGHTS": str(weights), "PEDAXR_GRAPHS": str(cache)}
    read = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True)
    assert read.returncode == 0, read.stderr.decode()
    digest = load_checkpoint(weights / "segmentation", with_tensors=False).weights_sha256
    assert digest[:12].encode() in read.stdout
    assert not cache.exists(), "no graph was made"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def corrected_in_the_page(page: Page, study_id: str) -> None:
    search(page, study_id)
    expect(page.locator("#report .sentences li").first).to_be_visible(timeout=120_000)
    expect(page.locator("#status")).to_be_hidden()
    page.get_by_role("button", name="Correct outlines").click()
    row = page.locator('[data-decide="constipation"]')
    row.get_by_role("button", name="Draw").click()
    box = page.locator(".pane").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6
    page.mouse.move(x - 40, y)
    page.mouse.down()
    page.mouse.move(x + 40, y, steps=5)
    page.mouse.up()
    expect(row).to_contain_text(re.compile("added|corrected"))
    page.locator("#annotate-author").fill("Dr Kim")
    page.locator("#annotate").get_by_role("button", name="Save").click()
    expect(page.locator("#annotate-told")).to_contain_text("Saved as version")


def signed_in_the_page(page: Page, home: Path) -> None:
    page.locator('[data-act="sign"]').click()
    page.locator("#sign-name").fill("Dr Kim")
    page.locator("#sign-code").fill(make_code(home, by="Dr Kim"))
    page.locator("#sign-read").check()
    if page.locator("#sign-told").count():
        page.locator("#sign-told").fill("Dr Lee")
    page.locator("#signature").get_by_role("button", name="Sign").click()
    expect(page.locator("#report .stamp").first).to_have_text("Final", timeout=60_000)


def exported_from_the_page(page: Page, study_id: str, folder: Path) -> None:
    with page.expect_download() as download:
        page.locator("#annotate").get_by_role("button", name="CVAT").click()
    download.value.save_as(folder / "cvat.zip")
    with zipfile.ZipFile(folder / "cvat.zip") as archive:
        assert study_id in archive.read("annotations.xml").decode()


def shown(page: Page, path: Path) -> None:
    """The quality page stands in a browser as it is."""
    page.goto(path.as_uri())
    expect(page.locator("h1")).to_contain_text("Quality of readings")
    for title in ("Findings", "Confidence", "By age", "Drift", "How many films tell a difference"):
        expect(page.get_by_role("heading", name=title)).to_be_visible()
    expect(page.get_by_role("heading", name="By device")).to_have_count(0)  # pictures name none
    overflow = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert overflow <= 0
