"""How much of the patch tokens differs between films: before training, and after its first steps.

A reader of the film alone, with planes on which nothing was outlined at -1 (as bundled readers have them) and
at 0 (`--quiet-masks`), and with a stem of convolutions. Share: mean square of what differs between films at
one patch, over the mean square of the tokens. Synthetic films; a minute.

    python benchmarks/patch_tokens.py --data data/films --publish docs/captioner.md
"""

from pathlib import Path

import numpy as np
import torch
from measuring import arguments, publish
from torch import Tensor
from torch.nn import functional as F

from pedaxr_models.captioning.film_planes import LEVELS, film_planes
from pedaxr_models.captioning.inputs import ReaderFilms
from pedaxr_models.captioning.network import ReportNetwork, ReportNetworkConfig
from pedaxr_models.captioning.region_tokens import REGION_FEATURES, REGION_TOKENS
from pedaxr_models.captioning.tokenizer import PAD, WordPieces
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.pixels import read_pixels
from pedaxr_models.labels import CHANNELS
from pedaxr_models.report_text.grammar import narrate
from pedaxr_models.segmentation.data import split_films

FILMS, SIZE, STEPS = 16, 160, 10
SETTINGS = {
    "linear patches, planes of nothing at -1": {},
    "linear patches, planes of nothing at 0": {"quiet_masks": True},
    "convolutions, planes of nothing at 0": {"quiet_masks": True, "stem": "convolutions"},
}


def opened(data: Path) -> ReaderFilms:
    """The first test films, nothing outlined."""
    films = [film for film in split_films(read_films(data))["test"] if film.facts][:FILMS]
    planes = np.stack([film_planes(read_pixels(film.image_path), SIZE) for film in films])
    return ReaderFilms(
        ((planes + LEVELS) / (2 * LEVELS) * 255).round().astype(np.uint8),
        np.zeros((len(films), len(CHANNELS), SIZE // 2, SIZE // 2), np.uint8),
        np.zeros((len(films), REGION_TOKENS, REGION_FEATURES), np.float32),
        [film.facts for film in films if film.facts],
        [film.metadata for film in films],
    )


def share(tokens: Tensor) -> float:
    """Of (B, N, D): how much differs between the B films."""
    return float(((tokens - tokens.mean(0)) ** 2).mean() / (tokens**2).mean())


def measured(films: ReaderFilms, options: dict[str, object]) -> dict[str, float]:
    """Share and root mean square of the patch tokens, at the start and after the first steps."""
    torch.manual_seed(0)
    every = range(len(films))
    pieces = WordPieces.train([narrate(f, np.random.default_rng(i)) for i, f in enumerate(films.facts * 5)])
    ids, _ = pieces.encode([narrate(facts) for facts in films.facts], longest=128)
    text, mask = pieces.encode(["view erect"] * len(films), longest=16)
    network = ReportNetwork(ReportNetworkConfig(len(pieces), sees=("film",), dropout=0.0, **options))  # type: ignore[arg-type]
    kept: list[Tensor] = []
    network.vision.embeddings.patch_embeddings.register_forward_hook(
        lambda _module, _given, out: kept.append(out.detach())
    )
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3, weight_decay=0.02)
    for _ in range(STEPS + 1):
        taught = network(films.seen(every), text, mask, ids)
        words = F.cross_entropy(taught.words.transpose(1, 2), ids[:, 1:], ignore_index=PAD)
        loss = words + 0.5 * F.binary_cross_entropy_with_logits(taught.findings, films.present(every)[0])
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
    size = [float((tokens**2).mean() ** 0.5) for tokens in (kept[0], kept[-1])]
    return {
        "share before": round(share(kept[0]), 4), f"share after {STEPS} steps": round(share(kept[-1]), 4),
        "size before": round(size[0], 2), f"size after {STEPS} steps": round(size[1], 2),
    }  # fmt: skip


def main() -> None:
    """Measure and publish."""
    parser = arguments(__doc__)
    parser.add_argument("--data", type=Path, default=Path("data/films"))
    given = parser.parse_args()
    films = opened(given.data)
    rows = [
        {"reader of the film alone": name, **measured(films, options)} for name, options in SETTINGS.items()
    ]
    publish("patches", {}, {"Patch tokens": rows}, given)


if __name__ == "__main__":
    main()
