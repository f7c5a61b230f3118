"""A user's own ViT and BERT folders, made on the spot and tiny."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

from pedaxr_models.captioning.inputs import Seen
from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.pretrained import fit_sizes, load_pretrained
from pedaxr_models.captioning.tokenizer import WordPieces

TEXTS = ["age 3 months ; view erect", "free gas is seen on the right ."]
VOCABULARY = ["[PAD]", "[MASK]", "[SEP]", "[CLS]", "[UNK]", "gas", "erect", "elsewhere", "right"]


@pytest.fixture
def pieces() -> WordPieces:
    return WordPieces.train(TEXTS)


@pytest.fixture
def config(pieces: WordPieces) -> ReportNetworkConfig:
    return ReportNetworkConfig(len(pieces), image_size=64, vision_layers=1, text_layers=1, decoder_layers=1)


@pytest.fixture
def vit(tmp_path: Path) -> Path:
    torch.manual_seed(1)
    sizes = ViTConfig(
        image_size=48, patch_size=8, hidden_size=48, num_hidden_layers=2, num_attention_heads=3,
        intermediate_size=192,
    )  # fmt: skip
    ViTModel(sizes).save_pretrained(tmp_path / "vit")  # with its pooling layer, as such folders have
    return tmp_path / "vit"


@pytest.fixture
def bert(tmp_path: Path) -> Path:
    torch.manual_seed(2)
    sizes = BertConfig(
        vocab_size=len(VOCABULARY), hidden_size=48, num_hidden_layers=3, num_attention_heads=3,
        intermediate_size=192, max_position_embeddings=200,
    )  # fmt: skip
    BertModel(sizes).save_pretrained(tmp_path / "bert")
    (tmp_path / "bert" / "vocab.txt").write_text("\n".join(VOCABULARY) + "\n")
    return tmp_path / "bert"


def test_the_reader_has_the_sizes_and_the_weights_of_both_folders(config, pieces, vit, bert) -> None:
    sizes = fit_sizes(config, vision=vit, text=bert)
    assert (sizes.hidden, sizes.heads, sizes.patch_size) == (48, 3, 8)
    assert (sizes.vision_layers, sizes.text_layers, sizes.decoder_layers) == (2, 3, 1)
    network = ReportNetwork(sizes)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    load_pretrained(network, pieces, vision=vit, text=bert)
    for module, theirs in ((network.vision, ViTModel), (network.text, BertModel)):
        folder = vit if theirs is ViTModel else bert
        given = theirs.from_pretrained(folder).state_dict()
        layers = {n: v for n, v in module.state_dict().items() if re.search(r"\blayers?\.\d", n)}
        assert len(layers) > 20
        for name, value in layers.items():
            torch.testing.assert_close(value, given[name])
    unlike = [
        n for n, v in network.state_dict().items() if n.startswith("decoder") and not v.equal(before[n])
    ]
    assert unlike == []  # the decoder is nobody's


def test_colours_positions_and_words_are_fitted(config, pieces, vit, bert) -> None:
    network = ReportNetwork(fit_sizes(config, vision=vit, text=bert))
    masks = network.vision.embeddings.patch_embeddings.projection.weight[:, 1:].clone()
    load_pretrained(network, pieces, vision=vit, text=bert)
    theirs, words = ViTModel.from_pretrained(vit), BertModel.from_pretrained(bert)
    grey = torch.rand(1, 1, 48, 48)
    ours = network.vision.embeddings.patch_embeddings.projection.weight
    bias = network.vision.embeddings.patch_embeddings.projection.bias
    torch.testing.assert_close(
        torch.nn.functional.conv2d(grey, ours[:, :1], bias, 8),
        theirs.embeddings.patch_embeddings.projection(grey.expand(-1, 3, -1, -1)),
        atol=1e-5, rtol=1e-4,
    )  # fmt: skip
    torch.testing.assert_close(ours[:, 1:], masks)
    positions = network.vision.embeddings.position_embeddings
    assert positions.shape == (1, 1 + 64, 48)
    torch.testing.assert_close(positions[:, 0], theirs.embeddings.position_embeddings[:, 0])
    table = network.text.embeddings.word_embeddings.weight
    for word in ("[CLS]", "gas", "erect", "right"):
        row = pieces.vocabulary.pieces[word]
        torch.testing.assert_close(
            table[row], words.embeddings.word_embeddings.weight[VOCABULARY.index(word)]
        )
    unknown = pieces.vocabulary.pieces["free"]
    assert not any(table[unknown].equal(row) for row in words.embeddings.word_embeddings.weight)


def test_a_reader_with_borrowed_eyes_and_words_writes(config, pieces, vit, bert) -> None:
    network = ReportNetwork(fit_sizes(config, vision=vit, text=bert)).eval()
    load_pretrained(network, pieces, vision=vit, text=bert)
    ids, mask = pieces.encode(TEXTS[:1], longest=16)
    planes, side = network.vision.config.num_channels, network.config.image_size
    regions = torch.rand(1, *network.regions.project.shape[:2])
    memory, memory_mask, findings = network.encode(
        Seen(torch.randn(1, planes, side, side), regions), ids, mask
    )
    written, _ = network.write(memory, memory_mask)
    assert findings.shape == (1, 5) and written.shape[0] == 1
    again = ReportNetwork(ReportNetworkConfig.from_json(json.loads(json.dumps(network.config.to_json()))))
    again.load_state_dict(network.state_dict())


def test_what_does_not_fit_is_said_with_what_to_do(config, pieces, vit, bert, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"lacks a config\.json"):
        fit_sizes(config, vision=tmp_path / "nowhere")
    with pytest.raises(ValueError, match="type 'bert', where --vision takes 'vit'"):
        fit_sizes(config, vision=bert)
    with pytest.raises(ValueError, match="do not divide films of 60"):
        fit_sizes(replace(config, image_size=60), vision=vit)
    changed = json.loads((bert / "config.json").read_text())
    (bert / "config.json").write_text(json.dumps(changed | {"hidden_size": 64, "num_attention_heads": 4}))
    with pytest.raises(ValueError, match="Give two that agree"):
        fit_sizes(config, vision=vit, text=bert)
    (vit / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ValueError, match="cannot be read"):
        load_pretrained(ReportNetwork(fit_sizes(config, vision=vit)), pieces, vision=vit)


def test_layers_of_other_shapes_are_refused_and_not_half_loaded(config, pieces, tmp_path: Path) -> None:
    narrow = ViTConfig(
        image_size=64, patch_size=8, hidden_size=48, num_hidden_layers=1, num_attention_heads=3,
        intermediate_size=96,
    )  # fmt: skip
    ViTModel(narrow).save_pretrained(tmp_path / "narrow")
    network = ReportNetwork(fit_sizes(config, vision=tmp_path / "narrow"))
    before = {name: value.clone() for name, value in network.state_dict().items()}
    with pytest.raises(ValueError, match="four times"):
        load_pretrained(network, pieces, vision=tmp_path / "narrow")
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())
