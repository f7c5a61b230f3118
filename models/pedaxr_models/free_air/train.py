"""Train the network that looks for free air: `train_free_air(FreeAirConfig(data=..., real=(...), out=...))`.

Free air is told by what lies round it, so the network learns to outline everything; what else it outlines is
not used. Real films with free air are next to not to be had. So it is put into real films that show none, and
beside them stand the same films untouched, and with what only looks like it put in by the same means.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import Dataset

from pedaxr_models.checkpoint import BUNDLED_WEIGHTS, save_checkpoint, weights_folder
from pedaxr_models.datasets import read_films
from pedaxr_models.datasets.film import Film
from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.free_air.kept import kept
from pedaxr_models.free_air.put_in import CHESTS, ONTO_CHEST, ONTO_SYNTHETIC, into_chests, into_synthetic
from pedaxr_models.labels import CHANNELS, Finding
from pedaxr_models.phantom.onto.backgrounds import Segmented
from pedaxr_models.pyramid.network import PyramidConfig
from pedaxr_models.pyramid.training import Batch, PyramidTraining, describe, train_pyramid, trained
from pedaxr_models.segmentation.card import describe_data
from pedaxr_models.segmentation.data import open_cache, split_films, unpack_planes
from pedaxr_models.segmentation.losses import PartialLoss
from pedaxr_models.segmentation.mixed.batches import MixedBatches, Shares
from pedaxr_models.segmentation.mixed.folds import left_out
from pedaxr_models.segmentation.mixed.known_planes import GAS_BIT
from pedaxr_models.segmentation.mixed.package import describe_real
from pedaxr_models.segmentation.mixed.real_cache import RealFilms, join, rasterise_real
from pedaxr_models.segmentation.mixed.taught import FilmLoss
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.training.loop import pick_device

NAME = "pedaxr-free-air"
# Weights to go on from, which have seen no real abdomen: whoever has such films can learn from them and leave
# children out to measure on.
BASE = BUNDLED_WEIGHTS / "free_air_base"
SIDE = 384  # of the square that the network sees
NETWORK = PyramidConfig(24, ((32, 2), (64, 3), (128, 4), (192, 3)), 48, len(CHANNELS))
# Films that are no real abdomens and have free air put in are among the other pictures.
_KINDS = {"chest": 1.4, "slice": 0.6, ONTO_CHEST: 4.0, ONTO_SYNTHETIC: 6.0}
SHARES = Shares(synthetic=4, abdomen=6, other=3, kinds=_KINDS)
STRIDE = 4  # of its output
_EVERYTHING = 3.0  # weight of everything, next to free air's 1
_AIR = CHANNELS.index(Finding.PNEUMOPERITONEUM)


@dataclass(frozen=True, kw_only=True)
class FreeAirConfig(PyramidTraining):
    """One run.

    Attributes:
        data: data set folder of synthetic films with masks.
        real: folders of real films with partial truth, see docs/real_films.md.
        also: folders of films with partial truth that every fold learns from.
        fold: which fifth of the children is not learnt from; None: all are. The half of the other pictures
            that is kept for testing never is.
        side: of the films; a first run may see smaller ones.
        shares: what a batch is made of.
        pastes, mimics: versions of each real film without free air, with some, and with what looks like it.
        synthetic: films of `data` without free air that have some put in, too.
        chests: versions with free air tried of each chest film in `real` that may be learnt from.
    """

    data: Path
    real: tuple[Path, ...] = ()
    also: tuple[Path, ...] = ()
    fold: int | None = None
    side: int = SIDE
    network: PyramidConfig = NETWORK
    shares: Shares = SHARES
    pastes: int = 32
    mimics: int = 16
    synthetic: int = 300
    chests: int = 16


def train_free_air(config: FreeAirConfig) -> Path:
    """Train; the averaged weights are kept in `average.pt` below `config.out`, whose path is returned."""
    loss = FreeAirLoss().to(pick_device(config.device))
    return train_pyramid(config, lambda: _batches(config), loss)


def _batches(config: FreeAirConfig) -> Dataset[Batch]:
    films = [film for folder in config.real for film in read_partial(folder)]
    skip = left_out(films, config.fold)
    films += [film for folder in config.also for film in read_partial(folder)]
    synthetic = split_films(read_films(config.data))["train"]
    films_of = open_cache(synthetic, config.out / "cache", config.side)
    learnt = [film for film in films if film.child not in skip]
    real = rasterise_real(learnt, config.side, pastes=config.pastes, mimics=config.mimics, seed=config.seed)
    parts = [real, *_put_into_others(config, synthetic, learnt)]
    return MixedBatches(films_of, join(parts), config.shares, seed=config.seed)


def _put_into_others(
    config: FreeAirConfig, synthetic: Sequence[Film], real: Sequence[PartialFilm]
) -> Iterator[RealFilms]:
    """Those of synthetic films and of chests; made once for all runs that share the folder `cache`."""
    folder, size, seed = config.out / "cache", config.side, config.seed
    chests = [film for film in real if film.kind in CHESTS]
    paths = [[str(film.image_path) for film in films] for films in (synthetic, chests)]
    outline = Segmented(cache(lambda: Segmenter.load(weights_folder("segmentation"))))
    versions = (config.chests, config.chests // 4)
    made = (
        kept(
            folder,
            ("synthetic", size, seed, config.synthetic, paths[0]),
            lambda: into_synthetic(synthetic, size, count=config.synthetic, seed=seed),
        ),
        kept(
            folder,
            ("chests", size, seed, versions, paths[1]),
            lambda: into_chests(chests, size, outline, versions=versions, seed=seed),
        ),
    )
    yield from (films for films in made if films is not None)


def package(config: FreeAirConfig) -> Path:
    """The averaged weights as checkpoint folders below `config.out`.

    `base` outlines everything, for another run to go on from; `checkpoint`, whose path is returned, looks for
    free air alone.
    """
    network, films = trained(config), [film for folder in config.real for film in read_partial(folder)]
    skip = left_out(films, config.fold)
    tensors = network.state_dict()
    only = {name: tensors[name][_AIR : _AIR + 1].clone() for name in ("head.weight", "head.bias")}
    learnt = describe_real([film for film in films if film.child not in skip])
    made_of = describe_data(config.data, split_films(read_films(config.data))) | {"also": learnt}
    for name, weights, outputs in (
        ("base", tensors, config.network.outputs),
        ("checkpoint", tensors | only, 1),
    ):
        save_checkpoint(
            config.out / name,
            tensors=weights,
            config={
                "name": NAME if outputs == 1 else f"{NAME}-base",
                "network": replace(config.network, outputs=outputs).to_json(),
            },
            metrics={},
            recipe=describe(config),
            data=made_of,
            card=_CARD if outputs == 1 else _BASE_CARD,
        )
    return config.out / "checkpoint"


_CARD = """# pedaxr free air

Looks for free intraperitoneal air on abdominal radiographs, beside the segmentation (`pedaxr train
second-look`). Learnt from free air put into films; nobody who judged them is a radiologist. Research and
teaching use; not a medical device.

Not measured yet: `pedaxr evaluate left-out`.
"""

_BASE_CARD = """# pedaxr free air: weights to go on from

Outlines everything that the segmentation outlines, less well; `pedaxr train free-air --start-from` goes on
from it, and keeps of it what looks for free air. What it learned from is in data.json. Nobody who judged
those films is a radiologist. Research and teaching use; not a medical device.
"""


class FreeAirLoss(nn.Module):
    """Of free air `FilmLoss`, at the size of the film; of everything `PartialLoss`, at that of the output."""

    def __init__(self) -> None:
        super().__init__()
        self.film, self.all = FilmLoss([Finding.PNEUMOPERITONEUM]), PartialLoss(CHANNELS)

    def forward(self, logits: Tensor, bits: Tensor, unknown: Tensor) -> Tensor:
        """Scalar, of (B, C, S / 4, S / 4), and of bit planes (B, S, S): what is there, what is unknown."""
        air = F.interpolate(logits[:, _AIR, None], size=bits.shape[-2:], mode="bilinear", align_corners=False)
        there, hidden = ((planes >> _AIR & 1)[:, None].float() for planes in (bits, unknown))
        middles = slice(STRIDE // 2, None, STRIDE)
        coarse, hidden_coarse = (planes[:, middles, middles] for planes in (bits, unknown))
        gas = (coarse >> GAS_BIT & 1).float()
        found: Tensor = self.film(air, there, 1 - hidden)
        every: Tensor = self.all(logits, unpack_planes(coarse), 1 - unpack_planes(hidden_coarse), gas)
        return found + _EVERYTHING * every
