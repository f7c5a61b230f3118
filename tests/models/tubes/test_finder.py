"""The network: it learns, is kept whole, runs alike with torch and compiled, and sees tubes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from pedaxr_models.checkpoint import CheckpointError, load_checkpoint, weights_folder
from pedaxr_models.datasets import read_films
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.phantom.film import PhantomFilm
from pedaxr_models.pyramid.network import PyramidConfig, PyramidNetwork
from pedaxr_models.runtime.load import load_tube_finder
from pedaxr_models.segmentation.transforms import Letterbox, frame_film
from pedaxr_models.tubes.backgrounds import torso_of
from pedaxr_models.tubes.drawing import lay_tube
from pedaxr_models.tubes.evaluate import TubeCall, call_films, choose_shortest, seen_and_false
from pedaxr_models.tubes.finder import TubeFinder
from pedaxr_models.tubes.sheet import draw_sheet
from pedaxr_models.tubes.train import TubeConfig, package, train_tubes, tube_loss

SMALL = PyramidConfig(stem=4, stages=((6, 1), (8, 1), (8, 1), (8, 1)), pyramid=6)
BUNDLED = weights_folder("tubes")


@pytest.fixture(scope="module")
def finder() -> TubeFinder:
    return load_tube_finder(BUNDLED)


@pytest.fixture(scope="module")
def with_tubes(background: PhantomFilm) -> list[tuple[np.ndarray, np.ndarray]]:
    """Films in [0, 1] with a tube, and where it runs."""
    torso = torso_of(*(background.masks[name] for name in ("spine", "liver", "pelvis")))
    assert torso is not None
    plain = background.pixels.astype(np.float32) / np.float32(255)
    made = [lay_tube(plain, torso, np.random.default_rng(seed))[:2] for seed in range(24)]
    clear = [(film, where) for film, where in made if np.percentile((film - plain)[where], 90) > 0.12]
    assert len(clear) >= 12
    return clear[:12]


def whole(film: np.ndarray) -> tuple[np.ndarray, Letterbox]:
    return film, Letterbox(512, 512)


def test_the_bundled_network_sees_most_drawn_tubes_where_they_run(finder: TubeFinder, with_tubes) -> None:
    seen = [finder.find(*whole(film)) for film, _ in with_tubes]
    assert sum(tube is not None for tube in seen) >= 10
    off = [
        float(np.mean([where[int(y), int(x)] for x, y in tube.course.clip(0, 511)]))
        for tube, (_, where) in zip(seen, with_tubes, strict=True)
        if tube is not None
    ]
    assert np.median(off) > 0.6, "most of its course lies on the tube"


def test_the_bundled_network_sees_none_on_the_film_without(
    finder: TubeFinder, background: PhantomFilm
) -> None:
    plain = background.pixels.astype(np.float32) / np.float32(255)
    assert finder.find(*whole(plain)) is None
    for blank in (np.zeros_like(plain), np.full_like(plain, 0.5)):
        assert finder.find(*whole(blank)) is None


def test_torch_and_the_compiled_graph_see_the_same(
    finder: TubeFinder, with_tubes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PEDAXR_RUNTIME", "torch")
    slow = load_tube_finder(BUNDLED)
    film = whole(with_tubes[0][0])
    assert np.abs(slow.probabilities(*film) - finder.probabilities(*film)).max() < 1e-3
    assert slow.weights_sha256 == finder.weights_sha256


def test_weights_of_something_else_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not hold a tube network"):
        load_tube_finder(weights_folder("captioner"))
    damaged = Path(shutil.copytree(BUNDLED, tmp_path / "tubes"))
    weights = next(damaged.glob("*.safetensors"))
    content = bytearray(weights.read_bytes())
    content[2000] ^= 1
    weights.write_bytes(bytes(content))
    with pytest.raises(CheckpointError, match="SHA-256"):
        load_tube_finder(damaged)


def test_the_loss_falls_with_what_is_found() -> None:
    tubes = torch.zeros(2, 16, 16)
    tubes[0, 2:12, 5] = 1
    known, right = torch.ones_like(tubes), (tubes * 2 - 1) * 6
    assert tube_loss(right, tubes, known) < 0.1 < tube_loss(-right, tubes, known)
    nothing, missed, invented = torch.full_like(tubes, -6.0), right.clone(), right.clone()
    missed[0], invented[1, 3:9, 3] = -6.0, 6.0
    assert tube_loss(right, tubes, known) < tube_loss(missed, tubes, known)
    assert torch.isfinite(tube_loss(nothing, torch.zeros_like(tubes), known))
    known[1, 3:9, 3] = 0
    assert tube_loss(invented, tubes, known) == pytest.approx(float(tube_loss(right, tubes, known)), rel=0.02)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    write_dataset(folder, count=12, seed=5, processes=1)
    return folder


def test_a_training_can_be_stopped_and_resumed_and_is_packed(data: Path, tmp_path: Path) -> None:
    def config(steps: int, out: str, *, resume: bool = False) -> TubeConfig:
        return TubeConfig(
            data=data, out=tmp_path / out, steps=steps, batch_size=2, workers=0, network=SMALL, resume=resume,
            save_every=1, show_progress=False, device="cpu",
        )  # fmt: skip

    train_tubes(config(4, "whole"))
    train_tubes(config(4, "parts"))
    state = torch.load(tmp_path / "parts" / "state.pt", weights_only=True)
    assert state["step"] == 4
    (tmp_path / "parts" / "state.pt").unlink()
    torch.save(state | {"step": 2, "losses": state["losses"][:2]}, tmp_path / "parts" / "state.pt")
    train_tubes(config(4, "parts", resume=True))
    losses = json.loads((tmp_path / "parts" / "losses.json").read_text())
    assert len(losses) == 4 and losses[:2] == state["losses"][:2]
    checkpoint = load_checkpoint(package(config(4, "whole")))
    assert checkpoint.config["name"] == "pedaxr-tubes" and checkpoint.metrics["validation"]
    assert str(tmp_path) not in json.dumps(checkpoint.recipe) + json.dumps(checkpoint.data)
    assert "not a medical device" in " ".join(checkpoint.card.split())
    loaded = load_tube_finder(tmp_path / "whole" / "checkpoint")
    assert loaded.shortest == checkpoint.config["shortest"]


def test_a_training_that_is_stopped_between_two_saved_states_keeps_all_its_steps(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    losses = iter([tube_loss, tube_loss])

    def stopped(*given: torch.Tensor) -> torch.Tensor:
        if (loss := next(losses, None)) is None:
            raise KeyboardInterrupt
        return loss(*given)

    monkeypatch.setattr("pedaxr_models.tubes.train.tube_loss", stopped)
    run = TubeConfig(
        data=data, out=tmp_path, steps=4, batch_size=2, workers=0, network=SMALL, show_progress=False
    )
    with pytest.raises(KeyboardInterrupt):
        train_tubes(run)
    assert torch.load(tmp_path / "state.pt", weights_only=True)["step"] == 2
    assert len(json.loads((tmp_path / "losses.json").read_text())) == 2


def test_what_is_learnt_is_kept_by_its_sizes() -> None:
    assert PyramidConfig.from_json(json.loads(json.dumps(SMALL.to_json()))) == SMALL
    assert PyramidNetwork(SMALL)(torch.zeros(1, 1, 64, 64)).shape == (1, 16, 16)


def test_calls_are_counted_and_the_point_keeps_false_ones_rare(data: Path, finder: TubeFinder) -> None:
    films = read_films(data)
    calls = call_films(finder, films)
    assert [call.has_tube for call in calls] == [film.facts.gastric_tube for film in films if film.facts]
    made = [TubeCall(True, 40.0), TubeCall(True, 5.0), *(TubeCall(False, float(n)) for n in range(10))]
    assert seen_and_false(made, 8.0) == (1, 2, 2, 10)
    chosen = choose_shortest(made, most_false=0.1)
    assert seen_and_false(made, chosen)[2] <= 1 and seen_and_false(made, chosen)[0] == 1


def test_a_sheet_shows_each_film_and_the_course_on_it(with_tubes, tmp_path: Path, finder: TubeFinder) -> None:
    import cv2

    for number, (film, _) in enumerate(with_tubes[:2]):
        cv2.imwrite(str(tmp_path / f"{number}.png"), (film * 255).astype(np.uint8))
    png = draw_sheet(finder, [(p.stem, p) for p in sorted(tmp_path.glob("*.png"))])
    sheet = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
    tile = sheet.shape[1] // 4
    plain, drawn = sheet[:, : tile // 2], sheet[:, tile // 2 : tile]
    assert (plain[..., 0] == plain[..., 2]).mean() > 0.99, "grey"
    assert frame_film(with_tubes[0][0])[0].shape == (512, 512) and drawn.shape == plain.shape
