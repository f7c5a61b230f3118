"""Network, loss, batches and training of the segmentation."""

import json
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader

from pedaxr_models.checkpoint import load_checkpoint
from pedaxr_models.datasets.film import Film, FilmMetadata, write_masks
from pedaxr_models.json_records import to_json
from pedaxr_models.labels import CHANNELS, FINDINGS, NORMAL, Finding
from pedaxr_models.segmentation import train as training
from pedaxr_models.segmentation.data import (
    TrainingFilms,
    known_bits,
    open_cache,
    rasterise,
    read_pixels,
    split_films,
    unpack_planes,
)
from pedaxr_models.segmentation.evaluate import evaluate_segmentation
from pedaxr_models.segmentation.losses import SegmentationLoss
from pedaxr_models.segmentation.metrics_tables import metrics_table
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork, load_backbone
from pedaxr_models.segmentation.scores import stored_scores
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.segmentation.thresholds import calibrate
from pedaxr_models.segmentation.transforms import FRAME, Letterbox, frame_film, prepare
from pedaxr_models.training.sampling import BalancedBatches, group_films

SMALL = NetworkConfig(width=16, skips=((8, 8), (4, 8)))
STOMACH = CHANNELS.index("stomach")
ALL = frozenset(CHANNELS)


def draw_film(folder: Path, index: int, *, split: str = "train", size: int = FRAME) -> Film:
    """A dark disc on a grey oval; on odd films it is a pyloric stenosis, on the others only a stomach."""
    rng = np.random.default_rng(index)
    y, x = np.mgrid[0:size, 0:size] / size
    body = ((x - 0.5) / 0.35) ** 2 + ((y - 0.5) / 0.45) ** 2 < 1
    radius = 0.2 if index % 2 else 0.1
    disc = (x - rng.uniform(0.4, 0.6)) ** 2 + (y - rng.uniform(0.4, 0.6)) ** 2 < radius**2
    pixels = np.where(disc, 0.2, np.where(body, 0.6, 0.02)) + rng.normal(0, 0.02, x.shape)
    image = folder / f"{index:06d}.png"
    cv2.imwrite(str(image), (np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    masks = {channel: np.zeros(x.shape, bool) for channel in CHANNELS} | {"stomach": disc}
    if index % 2:
        masks[Finding.PYLORIC_STENOSIS] = disc
    write_masks(image.with_suffix(".npz"), masks)
    return Film(
        image,
        Finding.PYLORIC_STENOSIS if index % 2 else NORMAL,
        labelled_channels=ALL,
        mask_path=image.with_suffix(".npz"),
        split=split,
    )


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> list[Film]:
    folder = tmp_path_factory.mktemp("films")
    splits = ["train"] * 12 + ["validation"] * 4 + ["test"] * 4
    return [draw_film(folder, index, split=split) for index, split in enumerate(splits)]


@pytest.mark.parametrize("head", ["deeplabv3plus", "deeplabv3"])
def test_logits_have_the_size_of_the_film(head: str) -> None:
    network = SegmentationNetwork(NetworkConfig(head=head, width=16)).eval()
    logits = network(torch.randn(1, 1, 96, 64))
    assert logits.shape == (1, len(CHANNELS), 96, 64)
    assert logits.dtype == torch.float32


@pytest.mark.parametrize("backbone", ["mobilenet_v3_large", "resnet50"])
def test_the_gradient_reaches_every_parameter(backbone: str) -> None:
    network = SegmentationNetwork(NetworkConfig(backbone=backbone, width=16, skips=((8, 8), (4, 8), (2, 8))))
    network(torch.randn(2, 1, 64, 64)).square().mean().backward()
    still = [n for n, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
    # hard sigmoids may close a gate of MobileNet's squeeze-and-excitation for a whole batch
    assert [name for name in still if "fc" not in name] == []


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ValueError, match="Backbone"):
        SegmentationNetwork(NetworkConfig(backbone="vgg"))


def test_a_torchvision_file_starts_the_backbone(tmp_path: Path) -> None:
    from torchvision.models import mobilenet_v3_large

    theirs = mobilenet_v3_large(weights=None)
    torch.save(theirs.state_dict(), tmp_path / "backbone.pth")
    network = SegmentationNetwork(SMALL)
    copied = load_backbone(network, tmp_path / "backbone.pth")
    assert copied == len(network.encoder.layers.state_dict())
    grey = torch.randn(1, 1, 64, 64)
    with torch.inference_mode():
        expected = theirs.eval().features[:7](grey.expand(-1, 3, -1, -1))
        found = network.eval().encoder(grey)[8]
    assert torch.allclose(found, expected, atol=1e-5)
    torch.save({"x": torch.ones(1)}, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="not a torchvision"):
        load_backbone(network, tmp_path / "other.pth")


def test_the_loss_is_small_for_right_answers_and_large_for_wrong_ones() -> None:
    targets = (torch.rand(2, len(CHANNELS), 16, 16) > 0.7).float()
    known = torch.ones(2, len(CHANNELS))
    loss = SegmentationLoss()
    right, blank, wrong = (
        float(loss(a, targets, known)) for a in (20 * targets - 10, 0 * targets, 10 - 20 * targets)
    )
    assert right < 0.01 < blank < wrong


def test_an_unlabelled_channel_gets_no_gradient() -> None:
    logits = torch.zeros(2, len(CHANNELS), 8, 8, requires_grad=True)
    targets = (torch.rand(2, len(CHANNELS), 8, 8) > 0.5).float()
    known = torch.ones(2, len(CHANNELS))
    known[0, 3] = 0  # one film
    known[:, 5] = 0  # all films
    SegmentationLoss()(logits, targets, known).backward()
    assert logits.grad is not None
    assert not logits.grad[0, 3].any() and logits.grad[1, 3].all()
    assert not logits.grad[:, 5].any()
    assert logits.grad[:, 4].all()


def test_a_batch_without_a_finding_still_teaches_its_absence() -> None:
    logits = torch.zeros(1, len(CHANNELS), 8, 8, requires_grad=True)
    SegmentationLoss()(logits, torch.zeros_like(logits), torch.ones(1, len(CHANNELS))).backward()
    assert logits.grad is not None
    assert (logits.grad > 0).all()


def test_every_finding_is_drawn_and_free_air_most_often() -> None:
    present = np.array([1, 2, 4, 8, 16] + [0] * 95, np.uint32)  # ninety-five normals, one of each finding
    batches = BalancedBatches(group_films(present), 10, seed=0)
    drawn = [film for number in range(200) for film, _ in batches.batch(number)]
    counts = np.bincount(np.minimum(drawn, 5), minlength=6) / len(drawn)
    assert counts == pytest.approx([1 / 7, 1 / 7, 1 / 7, 1 / 7, 2 / 7, 1 / 7], abs=0.03)


def test_batches_resume_where_they_stopped() -> None:
    groups = group_films(np.arange(40, dtype=np.uint32))
    whole = iter(BalancedBatches(groups, 4, seed=1))
    first = [next(whole) for _ in range(6)]
    assert next(iter(BalancedBatches(groups, 4, seed=1, first=5))) == first[5]
    assert next(iter(BalancedBatches(groups, 4, seed=2, first=5))) != first[5]


def test_training_sees_what_serving_sees(films: list[Film], tmp_path: Path) -> None:
    cache = open_cache(films[:3], tmp_path, 128)
    for index, film in enumerate(films[:3]):
        served, _ = prepare(read_pixels(film.image_path), 128)
        trained = TrainingFilms(cache)[index][0][0].numpy()
        assert np.abs(served - trained).max() < 0.05  # the cache holds 8 bits


def test_masks_keep_their_area_at_lower_resolution(films: list[Film], tmp_path: Path) -> None:
    cache = open_cache(films[:4], tmp_path, 128)
    planes = unpack_planes(torch.from_numpy(np.array(cache.bits)).int())
    for index, film in enumerate(films[:4]):
        letterbox = frame_film(read_pixels(film.image_path))[1]
        full = rasterise(film, letterbox) >> np.uint32(STOMACH) & np.uint32(1)
        assert float(planes[index, STOMACH].mean()) == pytest.approx(full.mean(), rel=0.03)
        assert bool(planes[index, 0].any()) == (index % 2 == 1)


def test_all_polygons_of_a_film_are_drawn_and_overlaps_are_not_holes(tmp_path: Path) -> None:
    square = np.array([[10, 10], [60, 10], [60, 60], [10, 60]], np.float32)
    film = Film(
        tmp_path / "x.png",
        Finding.PNEUMOPERITONEUM,
        {Finding.PNEUMOPERITONEUM: [square, square + 20, square + 100]},
        frozenset({"pneumoperitoneum"}),
    )
    bits = rasterise(film, Letterbox(1024, 512))
    plane = bits >> np.uint32(CHANNELS.index("pneumoperitoneum")) & np.uint32(1)
    letterbox = Letterbox(1024, 512)
    for x, y in ((20, 20), (50, 50), (75, 75), (140, 140)):
        column, row = letterbox.from_film(np.array([[x, y]], np.float32))[0].round().astype(int)
        assert plane[row, column] == 1
    assert plane.sum() == pytest.approx((2 * 51**2 - 31**2 + 51**2) / 4, rel=0.05)
    assert known_bits(film) == 1 << FINDINGS.index(Finding.PNEUMOPERITONEUM)


def test_a_file_that_is_no_picture_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("hello")
    for name, words in (("empty.png", "convert it"), ("text.png", "convert it"), ("gone.png", "ImagePath")):
        with pytest.raises(ValueError, match=words):
            read_pixels(tmp_path / name)


def test_films_of_one_patient_stay_in_one_split() -> None:
    films = [
        Film(Path(f"{i}.png"), NORMAL, metadata=FilmMetadata(patient_id=str(i // 3))) for i in range(300)
    ]
    homes: dict[str | None, set[str]] = {}
    for name, members in split_films(films).items():
        for film in members:
            homes.setdefault(film.metadata.patient_id, set()).add(name)
    assert all(len(splits) == 1 for splits in homes.values())
    assert set().union(*homes.values()) == {"train", "validation", "test"}


def config_for(tmp_path: Path, **changes: object) -> training.TrainConfig:
    return training.preset(
        "small",
        data=tmp_path,
        out=tmp_path / "out",
        network=SMALL,
        stages=((64, 0.5), (128, 0.5)),
        batch_size=4,
        show_progress=False,
        **changes,
    )


@pytest.mark.usefixtures("a_small_backbone")
def test_two_films_are_learnt_by_heart(films: list[Film], tmp_path: Path) -> None:
    config = config_for(tmp_path, ema_decay=0.7, learning_rate=6e-3)
    outlined = frozenset({"stomach", "pyloric_stenosis"})
    cache = open_cache([replace(film, labelled_channels=outlined) for film in films[:2]], tmp_path, 64)
    batch = next(iter(DataLoader(TrainingFilms(cache), batch_size=2)))
    torch.manual_seed(0)
    run = training.start(config)
    run.network.train()
    losses = []
    for _ in range(50):
        losses.append(training._step(config, run, repeat(batch), SegmentationLoss(), torch.device("cpu")))
        run.step += 1
    assert losses[-1] < 0.6 * losses[0]
    dice = training.validate(config, run, cache)
    assert dice["stomach"] is not None and dice["pyloric_stenosis"] is not None
    assert min(dice["stomach"], dice["pyloric_stenosis"]) > 0.8
    assert dice["colon"] is None  # not outlined, so not judged


@pytest.mark.usefixtures("a_small_backbone")
def test_a_run_ends_in_a_checkpoint_that_serves(
    films: list[Film], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training, "read_films", lambda path, **names: films)
    config = config_for(tmp_path, minutes=1.0, steps=8, validate_every_s=15.0)  # every second step
    folder = training.train_segmentation(config)
    history = [json.loads(line) for line in (tmp_path / "out" / "metrics.jsonl").read_text().splitlines()]
    assert [row["size"] for row in history] == sorted(row["size"] for row in history)
    assert [row["step"] for row in history] == [2, 4, 6, 8] and history[-1]["size"] == 128
    assert Segmenter.load(folder).predict(read_pixels(films[17].image_path)).probabilities.max() > 0
    assert (tmp_path / "out" / "cases" / "pyloric_stenosis.png").exists()
    assert (tmp_path / "out" / "curves.png").exists()
    checkpoint = load_checkpoint(folder)
    assert "Not for clinical use" in checkpoint.card
    assert str(tmp_path) not in json.dumps([checkpoint.recipe, checkpoint.data, checkpoint.config])


@pytest.mark.usefixtures("a_small_backbone")
def test_a_stopped_run_goes_on_exactly(
    films: list[Film], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps 0-3 in one go equal steps 0-1, a stop, and steps 2-3."""
    monkeypatch.setattr(training, "learning_rate", lambda config, share: 1e-3)
    config = config_for(tmp_path, minutes=60.0)
    cache = open_cache(films[:12], tmp_path / "cache", 64)

    def steps(run: training.Run, count: int) -> None:
        batches = iter(training._loader(config, cache, run))
        criterion = SegmentationLoss()
        run.network.train()
        for _ in range(count):
            training._step(config, run, batches, criterion, torch.device("cpu"))
            run.step += 1

    torch.manual_seed(0)
    whole = training.start(config)
    config.out.mkdir()
    whole.save(config.out)
    steps(whole, 4)
    part = training.start(config_for(tmp_path, resume=True))
    steps(part, 2)
    part.save(config.out)
    torch.manual_seed(99)
    resumed = training.start(config_for(tmp_path, resume=True))
    steps(resumed, 2)
    for name, tensor in whole.average.state_dict().items():
        assert torch.equal(tensor, resumed.average.state_dict()[name]), name
    assert not torch.equal(
        whole.average.head.classifier.weight,
        training.start(config_for(tmp_path)).average.head.classifier.weight,
    )


def test_the_learning_rate_rises_once_and_lands_near_zero(tmp_path: Path) -> None:
    config = config_for(tmp_path)
    rates = [training.learning_rate(config, share) for share in np.linspace(0, 1, 201)]
    top = int(np.argmax(rates))
    assert rates[:top] == sorted(rates[:top]) and rates[top:] == sorted(rates[top:], reverse=True)
    assert max(rates) == pytest.approx(config.learning_rate, rel=0.01)
    assert rates[-1] < 0.01 * config.learning_rate


class Oracle(Segmenter):
    """Knows the truth: perfect but for a fixed number of stray pixels of free air on every film."""

    def __init__(self, films: list[Film], stray: int) -> None:
        super().__init__(SegmentationNetwork(SMALL), size=64)
        self.stray = stray
        self.answers = {
            read_pixels(f.image_path).tobytes(): rasterise(f, Letterbox(FRAME, FRAME)) for f in films
        }

    def predict(self, pixels, *, is_framed=False):  # type: ignore[no-untyped-def]
        bits = self.answers[pixels.tobytes()]
        probabilities = np.stack([(bits >> np.uint32(i) & np.uint32(1)) for i in range(len(CHANNELS))])
        probabilities = 0.1 + 0.6 * probabilities.astype(np.float32)
        probabilities[FINDINGS.index(Finding.PYLORIC_STENOSIS), 5, : self.stray] = 0.95
        return type("S", (), {"probabilities": probabilities, "letterbox": Letterbox(FRAME, FRAME)})()


@pytest.mark.usefixtures("a_small_backbone")
def test_a_perfect_reader_scores_one_and_stray_pixels_are_calibrated_away(films: list[Film]) -> None:
    films = films[:8]
    oracle = Oracle(films, stray=100)
    before = evaluate_segmentation(oracle, films, synthetic=True).findings["pyloric_stenosis"]
    assert (before.sensitivity, before.specificity) == (1.0, 0.0)
    calibrate(oracle, films)
    metrics = evaluate_segmentation(oracle, films, synthetic=True)
    after = metrics.findings["pyloric_stenosis"]
    assert (after.sensitivity, after.specificity, after.films_with) == (1.0, 1.0, 4)
    assert after.min_area_px > 100
    assert metrics.channels["stomach"].dice == 1.0
    assert metrics.channels["colon"].dice is None
    assert metrics.pixel_accuracy > metrics.pixel_accuracy_all_background > 0.8
    table = metrics_table(metrics)
    assert "| pyloric_stenosis | 4 / 4 | 1.000 (1.000–1.000) |" in table
    assert stored_scores(json.loads(json.dumps(to_json(metrics), allow_nan=False))) == metrics


@pytest.mark.usefixtures("a_small_backbone")
def test_only_the_channels_that_are_asked_for_are_calibrated(films: list[Film]) -> None:
    """A head that learned one channel anew keeps what the others are outlined, called and measured from."""
    films, learned = films[:8], str(Finding.PYLORIC_STENOSIS)
    oracle = Oracle(films, stray=100)
    oracle.thresholds = dict.fromkeys(CHANNELS, 0.65)
    oracle.min_area_px, oracle.call_thresholds = {"constipation": 7}, {learned: 0.99, "constipation": 0.8}
    oracle.core_thresholds = {"stomach": 0.55}
    calibrate(oracle, films, only=[learned])
    assert oracle.thresholds.pop(learned) < 0.65 and set(oracle.thresholds.values()) == {0.65}
    assert oracle.min_area_px.pop(learned) > 100 and oracle.min_area_px == {"constipation": 7}
    assert oracle.call_thresholds == {"constipation": 0.8} and oracle.core_thresholds == {"stomach": 0.55}
