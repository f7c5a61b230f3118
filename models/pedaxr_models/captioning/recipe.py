"""How a report writer is trained: the settings of a run, and presets of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pedaxr_models.captioning.network import SOURCES
from pedaxr_models.captioning.vision_stem import STEMS
from pedaxr_models.checkpoint import weights_folder
from pedaxr_models.datasets.own_names import AS_OURS, OwnNames


@dataclass(frozen=True)
class TrainConfig:
    """One run.

    Attributes:
        data: data set folder or CSV file whose films carry facts.
        names: what a CSV file calls columns and classes otherwise.
        out: receives the run's files and, at the end, `checkpoint/`.
        segmenter: checkpoint folder of the segmentation whose predictions the reader sees; None: the bundled.
        minutes: time budget of training; predicting the masks and measuring at the end come on top.
        steps: budget in steps instead, the same on a quiet and on a busy machine.
        plain_wording: share of training reports in the commonest wording; the rest vary.
        unreadable: share of training films replaced by what is not a film, to learn to say nothing.
        sees: which of the film, the masks and the metadata the reader is given, to tell what each is worth.
        start_from: checkpoint folder to fine-tune.
        cache: folder of the predicted masks, to be shared by several runs; None: below `out`.
        vision, text: local folders of pretrained ViT and BERT weights, whose sizes the reader then has.
        stem: how patches become tokens, one of `vision_stem.STEMS`.
        features_lost: share of training films without the features of the backbone, where outlines are left
            to read: the reader can then do without those of another segmentation.
        outlines_lost: share of training films without what the segmentation saw of them: the reader then has
            to look at the film itself. Not together with `outline_weight`, whose target that is.
        exposures: of each training film that a frozen backbone looks at; more are as many looks more to make.
        posed: other versions of each synthetic training film: posed, exposed and processed otherwise.
        outline_weight: of telling the outlines from each patch, at the start; falls to 0 over the budget.
        tells_findings: the decoder may attend to what the finding head goes by.
        quiet_masks: a plane on which nothing was segmented is 0 to the patches, not -1.
        real: folders of real films whose truth is known in part, to learn from as well. What nobody knows of
            them is learned from the drafts of the weights that training begins from.
        fold, leave_out: the fifth of the children, or those by name, whose films are kept for measuring.
    """

    data: Path
    out: Path
    segmenter: Path | None = None
    minutes: float = 15.0
    steps: int | None = None
    batch_size: int = 16
    learning_rate: float = 1e-3
    weight_decay: float = 0.02
    warmup: float = 0.04
    finding_weight: float = 0.5
    sees: tuple[str, ...] = SOURCES
    plain_wording: float = 0.7
    unreadable: float = 0.05
    image_size: int = 160
    hidden: int = 128
    vision_layers: int = 3
    decoder_layers: int = 2
    start_from: Path | None = None
    cache: Path | None = None
    vision: Path | None = None
    text: Path | None = None
    stem: str = STEMS[0]
    features_lost: float = 0.1
    outlines_lost: float = 0.0
    exposures: int = 2
    posed: int = 0
    outline_weight: float = 0.0
    tells_findings: bool = False
    quiet_masks: bool = False
    real: tuple[Path, ...] = ()
    fold: int | None = None
    leave_out: tuple[str, ...] = ()
    resume: bool = False
    seed: int = 0
    device: str = "auto"
    threads: int | None = None
    validate_every_s: float = 150.0
    validation_films: int = 32
    measured_films: int = 300
    names: OwnNames = AS_OURS
    show_progress: bool = True

    def __post_init__(self) -> None:
        """Refuse to take away what is to be told. Raises ValueError."""
        if self.outlines_lost and self.outline_weight:
            raise ValueError(
                "A reader cannot learn to tell outlines that are taken away: leave out outlines_lost or "
                "outline_weight."
            )
        if self.real and self.start_from is None:
            raise ValueError(
                "Real films are learned from beside the drafts of a trained writer: give the preset finetune "
                "or start_from."
            )


PRESETS: dict[str, dict[str, Any]] = {
    "small": {},
    "full": {
        "minutes": 14.0,
        "batch_size": 64,
        "image_size": 256,
        "hidden": 192,
        "vision_layers": 6,
        "decoder_layers": 3,
        "validation_films": 256,
        "measured_films": 2000,
    },
    "finetune": {"minutes": 8.0, "learning_rate": 3e-4, "start_from": weights_folder("captioner")},
}


def preset(name: str, **changes: Any) -> TrainConfig:
    """The configuration of a preset, with `changes` to it.

    `small` is for two CPU cores, `full` for one GPU, `finetune` takes the bundled weights to other films.
    """
    if name not in PRESETS:
        raise ValueError(f"There is no preset {name!r}; choose one of {', '.join(PRESETS)}.")
    return TrainConfig(**(PRESETS[name] | changes))
