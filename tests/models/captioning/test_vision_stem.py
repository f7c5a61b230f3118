"""Options for learning to see from few films: off they change nothing, on they do what they say."""

from dataclasses import replace

import pytest
import torch

from pedaxr_models.captioning.film_planes import FILM_PLANES
from pedaxr_models.captioning.inputs import Seen
from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.vision_stem import convolutional_stem, outline_loss
from pedaxr_models.checkpoint import load_checkpoint, weights_folder
from pedaxr_models.labels import CHANNELS, FINDINGS

SMALL = ReportNetworkConfig(
    40, image_size=32, patch_size=8, hidden=32, heads=2, vision_layers=1, text_layers=1, decoder_layers=1,
    longest_text=8, longest_report=12, dropout=0.0,
)  # fmt: skip
KEEN = replace(SMALL, stem="convolutions", outlines=len(CHANNELS), tells_findings=True, sees=("film",))


@pytest.fixture
def batch() -> tuple[Seen, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two films with outlines that differ, as their pixels do."""
    generator = torch.Generator().manual_seed(0)
    pixels = torch.randn(2, FILM_PLANES + len(CHANNELS), 32, 32, generator=generator)
    pixels[:, FILM_PLANES:] = -1
    for film in range(2):
        pixels[film, FILM_PLANES + film, 8:24, 8:24] = 1
        pixels[film, 0, 8:24, 8:24] += 3 * (2 * film - 1)
    regions = torch.rand(2, REGION_TOKENS, REGION_FEATURES, generator=generator)
    ids = torch.tensor([[2, 7, 3]] * 2)
    return Seen(pixels, regions), ids, torch.ones_like(ids), torch.tensor([[2, 8, 9, 3]] * 2)


def test_a_configuration_from_before_these_options_is_the_network_it_was() -> None:
    stored = load_checkpoint(weights_folder("captioner"), with_tensors=False).config["network"]
    plain = ReportNetwork(ReportNetworkConfig.from_json(stored | {"stem": "linear", "features": 0}))
    newer = ("stem", "features", "outlines", "tells_findings", "quiet_masks")
    config = ReportNetworkConfig.from_json({k: v for k, v in stored.items() if k not in newer})
    assert (config.stem, config.features, config.outlines, config.tells_findings) == ("linear", 0, 0, False)
    assert not config.quiet_masks
    ReportNetwork(config).load_state_dict(plain.state_dict())  # nothing missing or left over


def test_a_stem_of_convolutions_makes_one_token_of_each_patch(batch) -> None:
    torch.manual_seed(0)
    stem = convolutional_stem(3, 32, 8)
    pictures = torch.randn(2, 3, 64, 32)
    assert stem(pictures).shape == (2, 32, 8, 4)
    torch.testing.assert_close(stem(pictures)[:1], stem(pictures[:1]))  # alone as in a batch
    with pytest.raises(ValueError, match="patches of 4, 8, 16"):
        convolutional_stem(3, 32, 14)


def test_a_keen_reader_tells_outlines_that_it_is_not_shown(batch) -> None:
    torch.manual_seed(0)
    network = ReportNetwork(KEEN)
    optimiser = torch.optim.AdamW(network.parameters(), lr=3e-3)
    losses = []
    for _ in range(60):
        told = network(*batch).outlines
        assert told.shape == (2, 16, len(CHANNELS))
        loss = outline_loss(told, batch[0], KEEN.patch_size)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < losses[0] / 10
    hidden = Seen(batch[0].pixels.clone(), batch[0].regions)
    hidden.pixels[:, FILM_PLANES:] = -1
    torch.testing.assert_close(network(hidden, *batch[1:]).outlines, network(*batch).outlines)


def test_the_outlines_of_the_wrong_film_cost_more(batch) -> None:
    seen = batch[0]
    shares = torch.nn.functional.avg_pool2d((seen.pixels[:, FILM_PLANES:] + 1) / 2, 8)
    sure = (shares.flatten(2).transpose(1, 2) - 0.5) * 20
    right, wrong = outline_loss(sure, seen, 8), outline_loss(sure.flip(0), seen, 8)
    assert right < 0.01 < 1 < wrong


def test_the_decoder_may_attend_to_what_the_finding_head_goes_by(batch) -> None:
    torch.manual_seed(0)
    network = ReportNetwork(replace(SMALL, tells_findings=True)).eval()
    plain = ReportNetwork(SMALL).eval()
    plain.load_state_dict(network.state_dict())
    (memory, mask, findings), (shorter, _, same) = (n.encode(*batch[:3]) for n in (network, plain))
    assert memory.shape[1] == mask.shape[1] == shorter.shape[1] + len(FINDINGS)
    torch.testing.assert_close(memory[:, : -len(FINDINGS)], shorter)
    torch.testing.assert_close(findings, same)
    before = network(*batch).words
    with torch.no_grad():
        network.finding_queries += 1
    assert not torch.allclose(network(*batch).words, before)


def test_planes_of_nothing_leave_the_patches_alone_when_they_are_quiet(batch) -> None:
    """As -1 they shift every patch token alike; as 0 only the film is left."""
    blind = replace(SMALL, sees=("film", "metadata"))
    torch.manual_seed(0)
    loud, quiet = ReportNetwork(blind).eval(), ReportNetwork(replace(blind, quiet_masks=True)).eval()
    quiet.load_state_dict(loud.state_dict())
    for network, moved in ((loud, True), (quiet, False)):
        before = network.film_tokens(batch[0])
        with torch.no_grad():
            network.vision.embeddings.patch_embeddings.projection.weight[:, FILM_PLANES:] += 0.1
        assert torch.equal(before, network.film_tokens(batch[0])) is not moved
    shown = replace(SMALL, quiet_masks=True)
    torch.manual_seed(0)
    assert ReportNetwork(shown).eval().film_tokens(batch[0]).shape == before.shape


def test_gradient_reaches_every_parameter_of_a_keen_reader(batch) -> None:
    network = ReportNetwork(replace(KEEN, sees=ReportNetworkConfig(1).sees)).train()
    told = network(*batch)
    (
        told.words.logsumexp(-1).mean() + told.words.std() + told.findings.sum() + told.outlines.std()
    ).backward()
    unreached = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().any()]
    assert [n for n in unreached if "key.bias" not in n and "k_proj.bias" not in n] == []
