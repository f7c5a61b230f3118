"""Identifiers that follow from what an object is made of: a retry makes the very same ones."""

from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

if TYPE_CHECKING:
    from pedaxr.types import Report

_NAMESPACE = uuid5(NAMESPACE_URL, "https://pedaxr/dicom-objects/v1")


def object_uid(*parts: str) -> str:
    """A UID below 2.25 (PS3.5 B.2) that equal parts give again."""
    return f"2.25.{uuid5(_NAMESPACE, '|'.join(parts)).int}"


def seed_of(sop_instance_uid: str, weights_sha256: str, report: "Report", *changes: str) -> tuple[str, ...]:
    """What all identifiers of one version of a film's objects follow from.

    Args:
        sop_instance_uid: of the film.
        weights_sha256: of the network that outlined it.
        report: which version.
        changes: what humans changed in the outlines, such as the id of an annotation.
    """
    return (sop_instance_uid, weights_sha256, report.report_id, str(report.version), *changes)
