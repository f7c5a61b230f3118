"""Training on synthetic and real films together, on fixtures of a few drawn pictures."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from pedaxr_models.checkpoint import load_checkpoint, save_checkpoint
from pedaxr_models.datasets.partial_truth import read_partial
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding
from pedaxr_models.phantom.dataset.write import write_dataset
from pedaxr_models.pyramid.network import PyramidConfig
from pedaxr_models.segmentation.augmentation import Augmentation
from pedaxr_models.segmentation.losses import PartialLoss, SegmentationLoss
from pedaxr_models.segmentation.mixed.batches import MixedBatches, Shares
from pedaxr_models.segmentation.mixed.folds import child_folds, left_out, other_halves
from pedaxr_models.segmentation.mixed.known_planes import GAS_BIT, known_planes
from pedaxr_models.segmentation.mixed.mean import save_mean
from pedaxr_models.segmentation.mixed.package import package
from pedaxr_models.segmentation.mixed.real_cache import rasterise_real
from pedaxr_models.segmentation.mixed.train import MixedConfig, train_mixed
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork
from pedaxr_models.segmentation.segmenter import Segmenter

AIR, SPINE, LUNGS = (CHANNELS.index(c) for c in ("pneumoperitoneum", "spine", "lungs"))
SMALL_BOWEL_GAS = CHANNELS.index("small_bowel_gas")
_LAST = ("head.classifier.weight", "head.classifier.bias")
TINY = NetworkConfig(width=16, skips=((8, 8), (4, 8)))
pytestmark = pytest.mark.usefixtures("a_small_backbone")


def box(left, top, right, bottom):
    return [[left, top], [right, top], [right, bottom], [left, bottom]]


def abdomen(folder, name, **findings):
    """A bright trunk with dark lungs and a spine, 300 x 400, drawn coarsely."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(len(name))
    film = np.clip(rng.normal(120, 6, (400, 300)), 0, 255).astype(np.uint8)
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
    data = {"id": name, "size": [300, 400], "findings": said, "polygons": polygons, "suitable": True}
    (folder / f"{name}.json").write_text(json.dumps(data))


@pytest.fixture(scope="module")
def real_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    for number in range(5):
        abdomen(folder / "abdomen", f"film{number}", constipation="uncertain")
    (folder / "other").mkdir()
    rows = ["file,kind,source_id"]
    for number in (1, 2, 20, 21, 40, 60, 80, 100):
        cv2.imwrite(str(folder / "other" / f"{number}.png"), np.full((64, 48), number, np.uint8))
        rows.append(f"{number}.png,{'chest' if number < 50 else 'bone'},case{number}")
    (folder / "other" / "index.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture(scope="module")
def film(real_folder):
    return read_partial(real_folder / "abdomen")[0]


def at(planes, channel, known, x, y):
    column, row = known.letterbox.from_film(np.array([[x, y]], np.float32))[0].round().astype(int)
    return bool(planes[row, column] >> np.uint32(channel) & np.uint32(1))


def test_what_is_drawn_is_there_and_what_is_absent_is_known_to_be_empty(film):
    known = known_planes(film)
    assert at(known.bits, SPINE, known, 150, 200) and not at(known.unknown, SPINE, known, 150, 200)
    assert not at(known.bits, SPINE, known, 60, 300) and not at(known.unknown, SPINE, known, 60, 300)
    assert not (known.unknown >> np.uint32(AIR) & np.uint32(1)).any()  # absent: known everywhere
    assert not (known.bits >> np.uint32(AIR) & np.uint32(1)).any()
    assert at(known.bits, GAS_BIT, known, 90, 230)


def test_the_band_along_an_outline_is_unknown(film):
    known = known_planes(film)
    assert at(known.unknown, LUNGS, known, 120, 60)
    assert not at(known.unknown, LUNGS, known, 80, 60)


def test_an_uncertain_finding_is_unknown_in_the_cavity_and_empty_outside_it(film):
    constipation = CHANNELS.index(Finding.CONSTIPATION)
    known = known_planes(film)
    assert at(known.unknown, constipation, known, 150, 300)
    assert not at(known.unknown, constipation, known, 80, 50)


def test_what_is_no_darker_than_its_surroundings_holds_no_gas_away_from_the_gas_that_is_drawn(film):
    """What is dark may be a loop that nobody drew."""
    pixels = np.full((400, 300), 0.5, np.float32)
    pixels[290:330, 140:180] = 0.2
    known = known_planes(film, pixels)
    for x, y, may_be_gas in ((210, 300, False), (160, 310, True), (90, 230, True)):
        assert at(known.unknown, SMALL_BOWEL_GAS, known, x, y) is may_be_gas, (x, y)
        assert not at(known.bits, SMALL_BOWEL_GAS, known, x, y)


def test_an_undrawn_picture_of_another_kind_knows_its_findings_alone(real_folder):
    chest = read_partial(real_folder / "other")[0]
    known = known_planes(chest)
    assert at(known.unknown, SPINE, known, 20, 30) and not at(known.unknown, AIR, known, 20, 30)


def test_free_air_is_put_into_films_that_show_none_and_into_no_other(film):
    uncertain = replace(film, findings=dict(film.findings) | {Finding.PNEUMOPERITONEUM: "uncertain"})
    real = rasterise_real([film, uncertain], 96, pastes=4, seed=1)
    pasted = [r.id for r, is_one in zip(real.of, real.is_pasted, strict=True) if is_one]
    assert pasted and len(real) == 2 + len(pasted)
    assert not real.is_pasted[-1]
    changed = np.flatnonzero(real.is_pasted)
    assert all((real.bits[i] >> np.uint32(AIR) & np.uint32(1)).any() for i in changed)
    assert all((real.films[i] != real.films[0]).any() for i in changed)


def test_no_child_is_in_two_folds_and_no_case_in_two_halves(real_folder):
    films = read_partial(real_folder)
    folds = child_folds(films, 5)
    assert sorted(child for fold in folds for child in fold) == [f"film{i}" for i in range(5)]
    learn, test = other_halves(films)
    sides = {film.id: "learn" if film in learn else "test" for film in (*learn, *test)}
    assert len(sides) == 8 and sides["case1"] == sides["case2"] and sides["case20"] == sides["case21"]
    assert {sides[f"case{n}"] for n in (1, 20, 40)} == {"learn", "test"}


def test_the_loss_is_blind_where_nothing_is_known():
    torch.manual_seed(0)
    logits = torch.randn(2, len(CHANNELS), 8, 8, requires_grad=True)
    targets, known = (torch.rand(2, len(CHANNELS), 8, 8) > 0.5).float(), torch.ones(2, len(CHANNELS), 8, 8)
    known[:, AIR, :4] = 0
    known[:, SPINE] = 0
    PartialLoss()(logits, targets, known).backward()
    assert not logits.grad[:, AIR, :4].any() and logits.grad[:, AIR, 4:].any()
    assert not logits.grad[:, SPINE].any()


def test_the_loss_equals_the_whole_films_where_all_is_known():
    torch.manual_seed(0)
    logits, targets = torch.randn(2, len(CHANNELS), 8, 8), (torch.rand(2, len(CHANNELS), 8, 8) > 0.5).float()
    partial = PartialLoss()(logits, targets, torch.ones_like(targets))
    assert torch.allclose(
        partial, SegmentationLoss()(logits, targets, torch.ones(2, len(CHANNELS))), atol=1e-6
    )


def test_gas_of_an_unnamed_loop_asks_for_one_of_the_loops_and_not_for_which():
    gas, zeros = torch.ones(1, 4, 4), torch.zeros(1, len(CHANNELS), 4, 4)
    none, colon = torch.full_like(zeros, -4.0), torch.full_like(zeros, -4.0)
    colon[:, CHANNELS.index("colon")] = 4.0
    unknown = torch.zeros_like(zeros)
    assert PartialLoss()(colon, zeros, unknown, gas) < 0.1 * PartialLoss()(none, zeros, unknown, gas)


@pytest.mark.parametrize("seed", range(4))
def test_mirroring_and_turning_move_every_plane_with_the_film(seed):
    film = np.zeros((64, 64), np.uint8)
    film[8:20, 40:60] = 200
    bits = (film > 0).astype(np.uint32)
    still = {"rotation_degrees": 0.0, "shift": 0.0, "log_scale": 0.0, "log_aspect": 0.0, "bend": 0.0}
    augmentation = Augmentation(**still, shutters=0.0, mirror=1.0, quarter_turn=1.0)
    moved, (first, second) = augmentation.distort(film, [bits, bits], np.random.default_rng(seed))
    assert np.array_equal(first, second) and not np.array_equal(first, bits)
    assert moved[first > 0].mean() > moved[first == 0].mean() + 30


@pytest.mark.parametrize("seed", range(3))
def test_another_makers_processing_leaves_a_film(seed):
    film = cv2.GaussianBlur(
        np.random.default_rng(seed).integers(0, 255, (96, 96)).astype(np.uint8), (0, 0), 4
    )
    changed, _ = Augmentation(makers=1.0).distort(film, [film.astype(np.uint32)], np.random.default_rng(seed))
    assert changed.dtype == np.uint8 and changed.std() > 1 and not np.array_equal(changed, film)


@pytest.fixture(scope="module")
def synthetic(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("films"), count=14, seed=0).parent


@pytest.fixture
def config(synthetic, real_folder, tmp_path, a_small_backbone):
    weights = tmp_path / "start"
    torch.manual_seed(0)

    network = SegmentationNetwork(TINY)
    save_checkpoint(
        weights,
        tensors=network.state_dict(),
        config=Segmenter(network, size=64).to_config(),
        metrics={},
        recipe={},
        data={},
        card="",
    )
    return MixedConfig(
        data=(synthetic,),
        real=(real_folder,),
        out=tmp_path / "out",
        stages=((32, 2), (64, 2)),
        shares=Shares(2, 1, 1),
        pastes=1,
        network=TINY,
        start_from=weights,
        keep_every=1,
        validation_films=2,
    )


def test_a_run_that_was_killed_goes_on_where_it_stood(config):
    whole = torch.load(train_mixed(config, report=lambda _: None), weights_only=True)
    halves = replace(config, out=config.out.with_name("halves"))
    train_mixed(replace(halves, stages=((32, 2),)), report=lambda _: None)
    state = torch.load(halves.out / "state.pt", weights_only=True)
    assert state["step"] == 2
    resumed = train_mixed(replace(halves, resume=True), report=lambda _: None)
    assert torch.load(halves.out / "state.pt", weights_only=True)["step"] == 4
    again = torch.load(resumed, weights_only=True)
    assert whole.keys() == again.keys() and all(torch.isfinite(t.float()).all() for t in again.values())
    assert len((config.out / "log.jsonl").read_text().splitlines()) == 4


def test_children_that_are_left_out_are_in_no_batch(config, real_folder):
    from pedaxr_models.segmentation.data import FilmCache

    films = read_partial(real_folder)
    real = rasterise_real(films, 32, pastes=1)
    empty = FilmCache(
        *(
            np.zeros((1, *shape), kind)
            for shape, kind in (
                ((32, 32), np.uint8),
                ((32, 32), np.uint32),
                ((4,), np.int32),
                ((), np.uint32),
                ((), np.uint32),
            )
        )
    )
    batches = MixedBatches(empty, real, Shares(0, 4, 4), seed=0, skip=("film0", "case1"))
    used = {
        real.of[i].id
        for group in (*batches.untouched, *batches.pasted, *batches.others.values())
        for i in group
    }
    assert used and not used & {"film0", "case1"}


def test_the_mean_of_two_runs_lies_between_them_and_takes_what_they_take(tmp_path):
    folders = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        network = SegmentationNetwork(TINY)
        folders.append(tmp_path / f"run{seed}")
        save_checkpoint(
            folders[-1],
            tensors=network.state_dict(),
            config=Segmenter(network, size=64).to_config(),
            metrics={},
            recipe={"seed": seed},
            data={"films": {"train": 2}},
            card="",
        )
    one, two = (load_checkpoint(folder).tensors for folder in folders)
    mean = load_checkpoint(save_mean(folders, tmp_path / "mean"))
    for name, tensor in mean.tensors.items():
        if tensor.is_floating_point():
            assert torch.allclose(tensor, (one[name] + two[name]) / 2, atol=2e-3)
    assert [run["seed"] for run in mean.recipe["runs"]] == [1, 2]
    assert Segmenter.load(tmp_path / "mean").size == 64


def test_networks_that_differ_have_no_mean(tmp_path):
    for width in (8, 16):
        network = SegmentationNetwork(replace(TINY, width=width))
        config = Segmenter(network, size=64).to_config()
        save_checkpoint(
            tmp_path / str(width),
            tensors=network.state_dict(),
            config=config,
            metrics={},
            recipe={},
            data={},
            card="",
        )
    with pytest.raises(ValueError, match="differ"):
        save_mean([tmp_path / "8", tmp_path / "16"], tmp_path / "mean")


def test_what_was_put_in_is_known_to_its_edge_and_every_fold_learns_from_it(config, real_folder, tmp_path):
    """A crescent is thinner than the band that is not believed along an outline drawn by hand."""
    also = tmp_path / "also"
    also.mkdir()
    cv2.imwrite(str(also / "c.png"), np.full((400, 300), 120, np.uint8))
    said = {f.value: "absent" for f in FINDINGS} | {"pneumoperitoneum": "present"}
    thin = {"free_air": [box(60, 118, 120, 124)]}
    described = {"id": "c", "size": [300, 400], "kind": "crescent put in", "findings": said, "polygons": thin}
    (also / "c.json").write_text(json.dumps(described))
    (drawn,) = read_partial(also)
    (also / "c.json").write_text(json.dumps(described | {"pasted": {}}))
    (exact,) = read_partial(also)
    assert not (known_planes(drawn).bits >> AIR & 1).any() and (known_planes(exact).bits >> AIR & 1).any()
    for fold in (0, 4):
        skipped = left_out(read_partial(real_folder), fold)
        assert exact.child not in skipped
    train_mixed(
        replace(config, also=(also,), fold=0, stages=((32, 1),), shares=Shares(1, 1, 1)),
        report=lambda _: None,
    )


def test_statistics_of_batch_normalisation_may_stay_as_they_were(config):
    begun, config = (
        load_checkpoint(config.start_from).tensors,
        replace(config, stages=((32, 2),), keep_every=2),
    )
    for keep in (True, False):
        out = config.out.with_name(f"norms{keep}")
        trained = torch.load(
            train_mixed(replace(config, out=out, keep_norms=keep), report=lambda _: None), weights_only=True
        )
        same = [torch.allclose(t, begun[n], atol=1e-3) for n, t in trained.items() if "running_mean" in n]
        assert all(same) if keep else not all(same)
        assert any(
            not torch.equal(t, begun[n])
            for n, t in trained.items()
            if n.endswith("conv.weight") or "weight" in n
        )


def test_a_run_that_learns_a_few_channels_leaves_thresholds_second_look_and_recipe(config, tmp_path):
    """Else its weights would have to be given all of them again before they can be compared."""
    torch.manual_seed(1)
    second = PyramidConfig(8, ((8, 1),), 8, 1)
    network = SegmentationNetwork(replace(TINY, second=second, second_points=(1.0, 2.0)))
    started = Segmenter(network, size=64, thresholds={"spine": 0.3}, call_thresholds={"colon": 0.9})
    save_checkpoint(
        tmp_path / "with_second",
        tensors=network.state_dict(),
        config=started.to_config(),
        metrics={},
        recipe={"seed": 7},
        data={"also": [{"name": "a set of before", "is_synthetic": False, "films": 9, "abdomen": True}]},
        card="",
    )
    config = replace(config, only=("colon",), start_from=tmp_path / "with_second", stages=((32, 1),))
    train_mixed(config, report=lambda _: None)
    checkpoint, before = load_checkpoint(package(config)), load_checkpoint(config.start_from).tensors
    revised = Segmenter.load(config.out / "checkpoint")
    assert revised.thresholds["spine"] == 0.3 and revised.call_thresholds == {"colon": 0.9}
    assert revised.network_config.second == second and revised.size == 64
    learnt = [(one["name"], one["films"]) for one in checkpoint.data["also"]]
    assert learnt[0] == ("a set of before", 9) and len(learnt) > 1
    assert checkpoint.recipe["seed"] == 7 and checkpoint.recipe["retrained"]["only"] == ["colon"]
    moved = {name for name, tensor in checkpoint.tensors.items() if not torch.equal(tensor, before[name])}
    assert moved and all(name.startswith("head.") for name in moved)
    alone = replace(config, last_layer=True, out=tmp_path / "alone")
    train_mixed(alone, report=lambda _: None)
    tensors = load_checkpoint(package(alone)).tensors
    moved = {name for name, tensor in tensors.items() if not torch.equal(tensor, before[name])}
    assert moved and moved <= set(_LAST)
    others = [index for index, channel in enumerate(CHANNELS) if channel != "colon"]
    assert all(torch.equal(tensors[name][others], before[name][others]) for name in _LAST)
