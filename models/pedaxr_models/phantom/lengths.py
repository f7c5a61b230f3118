"""Lengths on a framed child, in millimetres: what a reader's measures are judged against."""

from pedaxr_models.labels import Structure, View
from pedaxr_models.phantom.framing import Framed
from pedaxr_models.phantom.measure import VisibleLevel
from pedaxr_models.segmentation.measures import measure_film, widest_circle


def measure_lengths(view: Framed, mm: float) -> dict[str, float]:
    """Millimetres on the film, inside the exposed field; what cannot be measured there is left out."""
    child, masks, levels = view.child, view.masks, view.levels
    seen = measure_film(masks, view.facts.view)
    rectum = child.pose.warp_mask(child.contents.rectum) & masks[Structure.COLON]
    counted = [level for level in levels if level.counts]
    lengths = {
        "l2_width_mm": seen.l2_width,
        "stomach_max_diameter_mm": seen.stomach,
        "widest_loop_mm": seen.widest_loop,
        "widest_colon_mm": seen.widest_colon,
        "rectum_mm": widest_circle(rectum),
        "free_air_max_gap_mm": seen.free_air_gap,
        "level_height_difference_mm": _height_difference(counted, view.facts.view),
    }
    lengths |= {f"level_{i}_width_mm": level.length for i, level in enumerate(counted)}
    out = {"mm_per_px": mm, "level_count": float(len(counted))}
    out |= {name: length * mm for name, length in lengths.items() if length is not None}
    return {name: round(value, 4) for name, value in out.items()}


def _height_difference(levels: list[VisibleLevel], view: View) -> float | None:
    """Greatest difference in height of two levels of one loop, pixels: unequal levels suggest obstruction."""
    axis = 0 if view is View.LEFT_LATERAL_DECUBITUS else 1
    heights: dict[int, list[float]] = {}
    for level in levels:
        heights.setdefault(level.loop, []).append((level.start[axis] + level.end[axis]) / 2)
    spans = [max(h) - min(h) for h in heights.values() if len(h) > 1]
    return max(spans) if spans and max(spans) >= 3 else None
