"""Learning one channel while the weights that a run starts from teach the others."""

import pytest
import torch

from pedaxr_models.labels import CHANNELS, Finding, Structure
from pedaxr_models.segmentation.mixed.known_planes import GAS_BIT
from pedaxr_models.segmentation.mixed.restored import between, restore_others
from pedaxr_models.segmentation.mixed.taught import FilmLoss, Lessons, _uncalled
from pedaxr_models.segmentation.mixed.train import MixedConfig, optimise, run_of
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork

AIR, SPINE = (CHANNELS.index(channel) for channel in (Finding.PNEUMOPERITONEUM, "spine"))
TINY = NetworkConfig(width=16, skips=((8, 8), (4, 8)))
LOSS = FilmLoss([Finding.PNEUMOPERITONEUM])
pytestmark = pytest.mark.usefixtures("a_small_backbone")


def begun(path, **options):
    torch.manual_seed(0)
    config = MixedConfig((path,), (path,), path, only=(Finding.PNEUMOPERITONEUM,), **options)
    network = SegmentationNetwork(TINY)
    with torch.no_grad():
        network.head.classifier.weight.normal_(std=0.5)  # as trained weights: their channels differ
        for seed in range(20):
            network.train()(bright_is_air(seed)[0])  # statistics of such films
    return run_of(network.eval(), config, "cpu"), config


def bright_is_air(seed):
    """Films half of which is bright; free air where it is, all known, and nothing said of the rest."""
    generator = torch.Generator().manual_seed(seed)
    films = torch.randn(4, 1, 64, 64, generator=generator) * 0.1
    films[:2, :, :, 32:] += 2
    bits = torch.zeros(4, 64, 64, dtype=torch.int32)
    bits[:2, :, 32:] = 1 << AIR
    unknown = torch.full_like(bits, ~(1 << AIR) & (1 << len(CHANNELS)) - 1)
    return films, bits, unknown


def test_the_channel_is_learned_and_the_rest_stays(tmp_path):
    run, config = begun(tmp_path, learning_rate=3e-3, warmup=0.2)
    before = {name: tensor.clone() for name, tensor in run.network.state_dict().items()}
    films, _, _ = bright_is_air(0)
    with torch.no_grad():
        was = run.network.eval()(films).sigmoid()
    first = optimise(run, iter([bright_is_air(1)]), config, until=1, share=lambda step: 0.0)
    optimise(run, map(bright_is_air, range(60)), config, until=60, share=lambda step: step / 60)
    last = optimise(run, iter([bright_is_air(1)]), config, until=61, share=lambda step: 0.0)
    assert last < 0.7 * first
    with torch.no_grad():
        now = run.network.eval()(films).sigmoid()
    others = [index for index in range(len(CHANNELS)) if index != AIR]
    moved = (now - was).abs().mean((0, 2, 3))
    assert moved[AIR] > 0.1 and moved[others].mean() < 0.05
    for name, tensor in run.network.state_dict().items():
        kept = name.startswith("encoder.") or "running_" in name or name.endswith("num_batches_tracked")
        assert torch.equal(tensor, before[name]) or not kept, name


def test_without_a_teacher_the_other_channels_drift_further(tmp_path):
    """The control: what holds the others is the teacher, not that nothing is said of them."""
    films, _, _ = bright_is_air(0)
    others = [index for index in range(len(CHANNELS)) if index != AIR]
    drifts = []
    for is_taught in (True, False):
        run, config = begun(tmp_path, learning_rate=1e-2, warmup=0.0)
        was = run.network.eval()(films).sigmoid().detach()
        if not is_taught:
            run.lessons.weights.zero_()
        optimise(run, map(bright_is_air, range(20)), config, until=20, share=lambda step: step / 20)
        now = run.network.eval()(films).sigmoid().detach()
        drifts.append((now[:, others] - was[:, others]).abs().mean())
    assert drifts[0] < drifts[1] / 2


def test_a_run_that_has_learned_nothing_yet_drifts_nowhere(tmp_path):
    run, _ = begun(tmp_path)
    lessons: Lessons = run.lessons
    films, bits, unknown = bright_is_air(0)
    run.network.eval()
    assert torch.isclose(
        lessons(run.network, films, bits, unknown),
        lessons.loss(run.network(films)[:, [AIR]], lessons._planes(bits), 1 - lessons._planes(unknown)),
        atol=1e-4,
    )


def test_a_thin_crescent_weighs_as_much_as_a_pool():
    targets = torch.zeros(2, 1, 64, 64)
    targets[0, :, 10:12, 10:20] = 1
    targets[1, :, 20:50, 10:50] = 1
    known = torch.ones_like(targets)
    only_pool, only_crescent = (torch.where(targets[[i]] > 0, 8.0, -8.0) for i in (1, 0))
    empty = torch.full((1, 1, 64, 64), -8.0)
    misses_crescent = LOSS._tversky(torch.cat([empty, only_pool]).sigmoid(), targets * known)
    misses_pool = LOSS._tversky(torch.cat([only_crescent, empty]).sigmoid(), targets * known)
    assert abs(float(misses_crescent - misses_pool)) < 0.05


def test_one_false_region_costs_more_than_the_same_error_everywhere():
    targets, known = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    region, haze = torch.full((2, 1, 1, 64, 64), -9.0)
    region[..., :4, :8] = 6.0
    haze += 9 + torch.logit(torch.tensor(1 - 2.718281828 ** (-6.0025 * 32 / 4096)))  # as much cross-entropy
    assert LOSS(region, targets, known) > LOSS(haze, targets, known) + 1
    assert LOSS(region, targets, known * (region < 0)) < 0.01  # where nothing is known nothing is learned


def test_no_edge_is_among_the_hardest_pixels():
    """A region outlined two pixels too wide: right but for what nobody can tell."""
    targets, known = torch.zeros(1, 1, 64, 64), torch.ones(1, 1, 64, 64)
    targets[..., 20:40, 20:40] = 1
    wide, away = (torch.full((1, 1, 64, 64), -9.0).masked_fill(targets > 0, 9.0) for _ in range(2))
    wide[..., 18:42, 18:42] = 9.0
    away[..., 50:61, 50:66] = 9.0  # as many false pixels, elsewhere
    assert LOSS(away, targets, known) > LOSS(wide, targets, known) + 5


def test_a_finding_is_called_by_its_surest_pixels():
    targets, known = torch.zeros(2, 1, 64, 64), torch.ones(2, 1, 64, 64)
    targets[0, :, 10:12, 10:30] = 1
    unseen = torch.full((2, 1, 64, 64), -4.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(_uncalled(unseen, targets * known), unseen)
    assert (gradient[0][targets[0] > 0] < 0).sum() == 20 and not gradient[1].any()
    assert _uncalled(unseen, torch.zeros_like(targets)) == 0  # films without the finding have none to call


def test_where_gas_is_drawn_the_teacher_says_which_loop_holds_it(tmp_path):
    """Else a network would learn from what is known to be empty that real films show no such gas."""
    torch.manual_seed(0)
    lessons = Lessons(SegmentationNetwork(TINY), (Structure.SMALL_BOWEL_GAS, Finding.PNEUMOPERITONEUM))
    bits = torch.zeros(1, 4, 4, dtype=torch.int32)
    bits[0, :2] = 1 << GAS_BIT
    taught = torch.full((1, 2, 4, 4), 0.9)
    taught[..., 0] = 0.1
    gas = lessons._gas(bits, taught)
    assert gas[0, 0].tolist() == [[0, 1, 1, 1], [0, 1, 1, 1], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert not gas[0, 1].any()  # free air is in no loop


def test_other_channels_say_again_what_they_said_before(tmp_path):
    torch.manual_seed(0)
    start, network = SegmentationNetwork(TINY), SegmentationNetwork(TINY)
    network.load_state_dict(start.state_dict())
    network.encoder = start.encoder
    with torch.no_grad():
        for weight in network.head.refinements.parameters():
            weight += 0.05 * torch.randn_like(weight)  # the head has moved, and its channels with it
    films = [torch.randn(4, 1, 64, 64) for _ in range(3)]

    def drift(channel: int) -> float:
        with torch.no_grad():
            apart = network.eval().head(network.encoder(films[2])) - start.eval().head(
                start.encoder(films[2])
            )
        return float(apart[:, channel].abs().mean())

    before = [drift(channel) for channel in (AIR, SPINE)]
    restore_others(network.eval(), start.eval(), ("spine",), films[:2])
    assert drift(AIR) < before[0] / 2
    assert drift(SPINE) == before[1]  # learned: it stays


def test_weights_between_two_are_those_of_the_end_that_is_meant():
    start, trained = {"w": torch.tensor([0.0]), "only_here": torch.tensor([7.0])}, {"w": torch.tensor([3.0])}
    assert between(start, trained, 0.0)["w"] == 3 and between(start, trained, 1 / 3)["w"] == pytest.approx(2)
    assert between(start, trained, 0.5)["only_here"] == 7
