"""What is known of a child without the film, as one line of text for the BERT encoder."""

import re
from dataclasses import replace

import numpy as np

from pedaxr_models.datasets.film import FilmMetadata
from pedaxr_models.labels import NORMAL, TERMS

# Dropped so often that the reader works without it, and seen wrong often enough that it is not believed.
DIAGNOSIS_DROPOUT = 0.6
FIELD_DROPOUT = 0.25
_SEXES = {"M": "male", "F": "female", "O": "other"}


def metadata_text(metadata: FilmMetadata) -> str:
    """Age, sex, view, indication and working diagnosis; what is not known is left out."""
    parts = [
        _age(metadata.age_months),
        f"sex {_SEXES[metadata.patient_sex]}" if metadata.patient_sex in _SEXES else "",
        f"view {metadata.view.replace('_', ' ')}" if metadata.view else "",
        f"indication {_plain(metadata.indication)}" if metadata.indication else "",
        f"working diagnosis {_diagnosis(metadata.working_diagnosis)}" if metadata.working_diagnosis else "",
    ]
    return " ; ".join(part for part in parts if part) or "nothing known"


def with_dropout(metadata: FilmMetadata, rng: np.random.Generator) -> FilmMetadata:
    """The same metadata with fields missing at random, as they are in real requests."""
    kept = rng.random(5) >= (FIELD_DROPOUT, FIELD_DROPOUT, FIELD_DROPOUT, FIELD_DROPOUT, DIAGNOSIS_DROPOUT)
    return replace(
        metadata,
        age_months=metadata.age_months if kept[0] else None,
        patient_sex=metadata.patient_sex if kept[1] else None,
        view=metadata.view if kept[2] else None,
        indication=metadata.indication if kept[3] else None,
        working_diagnosis=metadata.working_diagnosis if kept[4] else None,
    )


def _age(months: float | None) -> str:
    if months is None:
        return ""
    if months < 1:
        return f"age {round(months * 30.4)} days"
    return f"age {int(months)} months" if months < 24 else f"age {int(months // 12)} years"


def _diagnosis(label: str) -> str:
    return TERMS[label].english.lower() if label in TERMS else NORMAL


def _plain(text: str) -> str:
    """Letters and digits only, at most 120 characters: free text of the request is data, never markup."""
    return re.sub(r"[\W_]+", " ", text.lower())[:120].strip()
