"""The reference networks that pedaxr's times are compared with, with random weights: only their time counts.

The plain way to build such a product from published parts, and the design that pedaxr set out from.

Segmentation: torchvision's DeepLabv3-ResNet-50 on 3 x 512 x 512. Report: a ViT 256 wide with 4 layers over
1,024 patches (512 pixels, patches of 16), BERT-base over the metadata, one cross-attention, a decoder of 4
layers over 30,522 words that writes greedily and without a key/value cache: every word runs over all before.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.models.segmentation import deeplabv3_resnet50
from transformers import BertConfig, BertModel, ViTConfig, ViTModel

SIDE, PATCH, WIDTH, HEADS, VOCABULARY = 512, 16, 256, 8, 30_522
_CHANNELS = 6


class ReferenceReporter(nn.Module):
    """Encoder and decoder from the parts as torch and transformers have them."""

    def __init__(self, longest: int = 256) -> None:
        super().__init__()
        vision = ViTConfig(
            hidden_size=WIDTH,
            num_hidden_layers=4,
            num_attention_heads=HEADS,
            intermediate_size=4 * WIDTH,
            image_size=SIDE,
            patch_size=PATCH,
            num_channels=3,
        )
        self.vision = ViTModel(vision, add_pooling_layer=False)
        self.text = BertModel(BertConfig(), add_pooling_layer=False)
        self.narrow = nn.Linear(768, WIDTH)
        self.look = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.places = nn.Embedding(longest, WIDTH)
        layer = nn.TransformerDecoderLayer(WIDTH, HEADS, 4 * WIDTH, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, 4)
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def encode(self, film: Tensor, text_ids: Tensor) -> Tensor:
        """Film (B, 3, 512, 512) and metadata (B, T) to memory (B, 1025 + T, 256)."""
        patches = self.vision(pixel_values=film).last_hidden_state
        words = self.narrow(self.text(input_ids=text_ids).last_hidden_state)
        looked, _ = self.look(words, patches, patches, need_weights=False)
        return torch.cat([patches, words + looked], 1)

    def step(self, ids: Tensor, memory: Tensor) -> Tensor:
        """Logits (B, V) after all words so far (B, L)."""
        x = self.words(ids) + self.places(torch.arange(ids.shape[1]))
        mask = nn.Transformer.generate_square_subsequent_mask(ids.shape[1])
        logits: Tensor = self.head(self.decoder(x, memory, tgt_mask=mask, tgt_is_causal=True)[:, -1])
        return logits

    def write(self, memory: Tensor, words: int) -> Tensor:
        """Token ids (B, 1 + words); random weights do not end by themselves."""
        ids = torch.zeros(len(memory), 1, dtype=torch.long)
        for _ in range(words):
            ids = torch.cat([ids, self.step(ids, memory).argmax(-1, keepdim=True)], 1)
        return ids


def reference_networks() -> tuple[nn.Module, ReferenceReporter]:
    """The segmentation and the report writer."""
    torch.manual_seed(0)
    segmentation = deeplabv3_resnet50(weights=None, weights_backbone=None, num_classes=_CHANNELS).eval()
    return segmentation, ReferenceReporter().eval()


@torch.inference_mode()
def reference_film(segmentation: nn.Module, reporter: ReferenceReporter, *, words: int) -> None:
    """All of one film."""
    film, text_ids = torch.rand(1, 3, SIDE, SIDE), torch.randint(0, VOCABULARY, (1, 32))
    segmentation(film)["out"].sigmoid()
    reporter.write(reporter.encode(film, text_ids), words)


def reference_stages(words: int) -> dict[str, Callable[[], object]]:
    """Work of each stage on one film: segmentation, encoder, decoder of N words."""
    segmentation, reporter = reference_networks()
    film, text_ids = torch.rand(1, 3, SIDE, SIDE), torch.randint(0, VOCABULARY, (1, 32))
    with torch.inference_mode():
        memory = reporter.encode(film, text_ids)

    def inferred(work: Callable[[], object]) -> Callable[[], object]:
        return torch.inference_mode()(work)

    return {
        "segmentation": inferred(lambda: segmentation(film)["out"].sigmoid()),
        "encoder": inferred(lambda: reporter.encode(film, text_ids)),
        "decoder": inferred(lambda: reporter.write(memory, words)),
    }
