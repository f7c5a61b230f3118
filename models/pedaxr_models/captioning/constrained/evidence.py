"""What finding head and segmentation leave open of one film, slot by slot.

The segmentation speaks through the region tokens, which are what the report writer is shown as well: a slot
that a region or a measure decides is copied from there. The finding head speaks on presence alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from pedaxr_models.captioning.measured_tokens import SCALES
from pedaxr_models.facts import DistalGas, Presence, Quadrant, Severity, Side
from pedaxr_models.grades import STOOL_PARTS, distal_gas_of, severity_of, stool_grade_of
from pedaxr_models.labels import CHANNELS, Finding, View
from pedaxr_models.plausibility import cannot_show, is_blind
from pedaxr_models.segmentation.landmarks import QUADRANT_SHARE, SIDE_SHARE

FloatArray = NDArray[np.float32]

LIKELY = 0.5  # from here on the finding head speaks for a finding
# A limit nearer than this share of the value, or of all of a region, is left to the writer.
_NEAR = 0.06
_NEAR_SHARE = 0.03
# By finding, the measure that its grade is read from.
_EXTENTS: Mapping[Finding, str] = {
    Finding.PYLORIC_STENOSIS: "stomach calibre",
    Finding.ABDOMINAL_DISTENSION: "widest loop",
    Finding.CONSTIPATION: "stool",
    Finding.PNEUMOPERITONEUM: "free air",
}
_PARTS = dict(zip(STOOL_PARTS, ("stool on the right", "stool on the left", "stool below"), strict=True))


@dataclass(frozen=True)
class Evidence:
    """Both witnesses on one film.

    Attributes:
        regions: (R, F) of `region_tokens.region_features`.
        probabilities: of the finding head.
        view: as the metadata state it; None leaves every view open.
    """

    regions: FloatArray
    probabilities: Mapping[Finding, float]
    view: View | None

    def is_outlined(self, finding: Finding) -> bool:
        """Whether the segmentation outlines any of it."""
        return bool(self.regions[CHANNELS.index(finding), 0] > 0)

    def presences(self, finding: Finding) -> tuple[Presence, ...]:
        """What may be said: excluded is what both witnesses deny, and what the view cannot show."""
        if cannot_show(finding, self.view):
            return (Presence.NOT_ASSESSED,)
        speaks = self.probabilities[finding] >= LIKELY, self.is_outlined(finding)
        unseen = Presence.NOT_ASSESSED if is_blind(finding, self.view) else Presence.ABSENT
        open_ones = [Presence.PRESENT] if any(speaks) else []
        open_ones += [] if all(speaks) else [unseen]
        if self.view is None and unseen is Presence.NOT_ASSESSED and not all(speaks):
            open_ones.append(Presence.ABSENT)
        return tuple(open_ones)

    def severities(self, finding: Finding) -> tuple[Severity | None, ...]:
        """Grades that the measure allows; of what is not measured, every one and none."""
        value = self._count if finding is Finding.AIR_FLUID_LEVEL else self._measured.get(_EXTENTS[finding])
        if not value or not self.is_outlined(finding):
            return (None, *Severity)
        near = 0.0 if finding is Finding.AIR_FLUID_LEVEL else _NEAR
        grades = (severity_of(finding, value * (1 + by), self.view) for by in (-near, 0.0, near))
        return tuple(dict.fromkeys(grades))

    def sides(self, finding: Finding) -> tuple[Side | None, ...]:
        """Of the outline, either of two near the limit between them; None where nothing is outlined."""
        if not self.is_outlined(finding):
            return (None,)
        left = float(self.regions[CHANNELS.index(finding), 3 + len(Quadrant)])
        shares = (min(1.0, max(0.0, left + by)) for by in (-_NEAR_SHARE, 0.0, _NEAR_SHARE))
        sides = (
            Side.LEFT if share > SIDE_SHARE else Side.RIGHT if share < 1 - SIDE_SHARE else Side.BOTH
            for share in shares
        )
        return tuple(dict.fromkeys(sides))

    def quadrants(self, finding: Finding) -> tuple[tuple[Quadrant, ...], ...]:
        """Sets of quadrants that the outline allows; the empty one where nothing is outlined."""
        if not self.is_outlined(finding):
            return ((),)
        shares = self.regions[CHANNELS.index(finding), 3 : 3 + len(Quadrant)]
        sets = (
            tuple(q for q, share in zip(Quadrant, shares, strict=True) if share >= QUADRANT_SHARE + by)
            for by in (0.0, -_NEAR_SHARE, _NEAR_SHARE)
        )
        return tuple(dict.fromkeys(sets))

    def counts(self, finding: Finding) -> tuple[int | None, ...]:
        """Levels counted on the outlines; None where none is, and of other findings."""
        if finding is not Finding.AIR_FLUID_LEVEL or not self.is_outlined(finding):
            return (None,)
        return (round(self._count) or None,) if self._count else (None,)

    @cached_property
    def distal_gas(self) -> tuple[DistalGas, ...]:
        """Amounts of gas beyond the stomach that the outlines allow."""
        value = self._measured.get("gas beyond the stomach", 0.0)
        return tuple(dict.fromkeys(distal_gas_of(value * (1 + by)) for by in (-_NEAR, 0.0, _NEAR)))

    @cached_property
    def stool_burdens(self) -> tuple[tuple[int, ...], ...]:
        """Grades of each part of the colon, in order, that the outlines allow."""
        values = [self._measured.get(_PARTS[part], 0.0) for part in STOOL_PARTS]
        return tuple(
            tuple(dict.fromkeys(stool_grade_of(value * (1 + by)) for by in (-_NEAR, 0.0, _NEAR)))
            for value in values
        )

    @property
    def _count(self) -> float:
        turned = self.view is View.LEFT_LATERAL_DECUBITUS
        return self._measured.get("levels, on the side" if turned else "levels, upright", 0.0)

    @cached_property
    def _measured(self) -> dict[str, float]:
        """The measures behind their thermometer codes; those that were not taken are absent."""
        rows = self.regions[len(CHANNELS) :]
        return {
            name: value
            for (name, scale), row in zip(SCALES.items(), rows, strict=False)
            if (value := scale.value(row)) is not None
        }
