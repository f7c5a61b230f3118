"""What a report writer is taught of a real film: the draft of its teacher, with what is known set right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.eyes.backbone import FilmBackbone
from pedaxr_models.captioning.eyes.kept_features import with_features
from pedaxr_models.captioning.inputs import ReaderFilms, joined, open_inputs
from pedaxr_models.captioning.real.versions import Version, write_versions
from pedaxr_models.captioning.recipe import TrainConfig
from pedaxr_models.captioning.reporter import Reporter
from pedaxr_models.checkpoint import Json
from pedaxr_models.datasets.film import Film, FilmMetadata
from pedaxr_models.datasets.partial_truth import PartialFilm, read_partial
from pedaxr_models.datasets.partial_truth import Presence as Known
from pedaxr_models.facts import FilmFacts, FindingFact, Presence
from pedaxr_models.labels import CHANNELS, FINDINGS, Finding, View
from pedaxr_models.report_text.parser import parse
from pedaxr_models.report_text.statements import ParsedFacts
from pedaxr_models.segmentation.mixed.folds import FOLDS, child_folds
from pedaxr_models.segmentation.mixed.package import also_learnt
from pedaxr_models.segmentation.segmenter import Segmenter
from pedaxr_models.training.sampling import REAL_FREE_AIR, REAL_OTHERS, group_films
from pedaxr_models.written.views import view_of

_VERSIONS = 16
_NOTHING = tuple(FindingFact(finding, Presence.NOT_ASSESSED) for finding in FINDINGS)


def learnt_from(config: TrainConfig) -> list[PartialFilm]:
    """The real abdomens but those of the children that are left out: of a fifth of them, or by name."""
    films = [film for folder in config.real for film in read_partial(folder) if film.is_abdomen]
    kept = {*config.leave_out, *(() if config.fold is None else child_folds(films, FOLDS)[config.fold])}
    return [film for film in films if film.child not in kept]


def describe_learnt(config: TrainConfig) -> Json:
    """The real films of a run and of its start by source, for data.json; nothing where neither had any."""
    also = also_learnt(learnt_from(config), config.start_from)
    return {"also": also} if also else {}


def with_real_films(
    config: TrainConfig,
    synthetic: ReaderFilms,
    segmenter: Segmenter,
    backbone: FilmBackbone | None,
    folder: Path,
) -> ReaderFilms:
    """Behind the synthetic films versions of the real ones, with the facts that are taught of them.

    Args:
        config: of the run, which names the real films and the teacher.
        synthetic: as the reader takes them.
        segmenter: whose outlines the reader sees.
        backbone: whose features it sees; None for a reader without.
        folder: keeps pictures and inputs.
    """
    versions = write_versions(learnt_from(config), folder / "real", count=_VERSIONS)
    pictures = [_as_film(version) for version in versions]
    seen = open_inputs(pictures, segmenter, folder, config.image_size)
    seen = with_features(seen, pictures, backbone, folder, views=config.exposures)
    assert config.start_from is not None, "the config asks for a start where there are real films"
    teacher = Reporter.load(config.start_from)
    drafts = map(parse, teacher.describe_cached(seen, range(len(seen))))
    facts = [taught_facts(draft, one.film) for draft, one in zip(drafts, versions, strict=True)]
    unknown = [[one.film.says(f) in (None, Known.UNCERTAIN) for f in FINDINGS] for one in versions]
    return joined(synthetic, replace(seen, facts=facts, unknown=np.array(unknown), real=len(seen)))


def groups_of(films: ReaderFilms) -> dict[str, NDArray[np.intp]]:
    """Indices of the films by what they show, for balanced batches; the real ones apart."""
    bits = films.present_bits()
    is_real = np.arange(len(films)) >= len(films) - films.real
    shows_air = bits >> np.uint32(CHANNELS.index(Finding.PNEUMOPERITONEUM)) & np.uint32(1) > 0
    synthetic = {name: at[~is_real[at]] for name, at in group_films(bits).items()}
    real = {REAL_FREE_AIR: is_real & shows_air, REAL_OTHERS: is_real & ~shows_air}
    groups = synthetic | {name: np.flatnonzero(chosen) for name, chosen in real.items()}
    return {name: members for name, members in groups.items() if len(members)}


def taught_facts(draft: ParsedFacts, film: PartialFilm) -> FilmFacts:
    """What is known of a film's findings, and of all else what the draft says; the view that is known first.

    A finding that is known to be there and not drafted is told without grade and place.
    """
    view = view_of([film.view]) or draft.view or View.SUPINE
    said = {fact.finding: fact for fact in draft.findings}
    findings = tuple(_taught(finding, said.get(finding), film.says(finding)) for finding in FINDINGS)
    return FilmFacts(view, findings, draft.distal_gas, draft.stool_burden, draft.gastric_tube)


def _taught(finding: Finding, said: FindingFact | None, known: Known | None) -> FindingFact:
    drafted = said or FindingFact(finding, Presence.ABSENT)
    if known is Known.ABSENT:
        return FindingFact(finding, Presence.ABSENT)
    if known is Known.PRESENT and drafted.presence is not Presence.PRESENT:
        return FindingFact(finding, Presence.PRESENT)
    return replace(drafted, is_hedged=False)


def _as_film(version: Version) -> Film:
    view = view_of([version.film.view])
    nothing = FilmFacts(view or View.SUPINE, _NOTHING)
    return Film(version.path, label=None, metadata=FilmMetadata(view=view), facts=nothing)
