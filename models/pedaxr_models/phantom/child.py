"""One child, put together in canvas coordinates."""

from dataclasses import dataclass

from pedaxr_models.labels import Finding
from pedaxr_models.phantom.body.anatomy import Anatomy, sample_anatomy
from pedaxr_models.phantom.body.bone import BoneMap
from pedaxr_models.phantom.body.chest import Chest, build_chest
from pedaxr_models.phantom.body.limbs import build_arms, build_femora
from pedaxr_models.phantom.body.organs import Organs, build_organs
from pedaxr_models.phantom.body.pelvis import build_pelvis
from pedaxr_models.phantom.body.pose import Pose, sample_pose
from pedaxr_models.phantom.body.ribs import build_ribs
from pedaxr_models.phantom.body.spine import Spine, build_spine
from pedaxr_models.phantom.body.trunk import Trunk, build_trunk
from pedaxr_models.phantom.gut.contents import Contents, fill_gut
from pedaxr_models.phantom.gut.course import Gut, build_gut
from pedaxr_models.phantom.gut.free_air import FreeAir, build_free_air
from pedaxr_models.phantom.gut.levels import Gravity
from pedaxr_models.phantom.gut.plan import plan_gut
from pedaxr_models.phantom.radiography.artefacts import Hardware, build_hardware
from pedaxr_models.phantom.ranges import draw, ranges_of
from pedaxr_models.phantom.spec import FilmSpec

_DILATED_PITCHES = 0.40  # loop radius from which a distended child's loops are outlined


@dataclass(frozen=True)
class Child:
    """One child in canvas coordinates, before exposure."""

    anatomy: Anatomy
    trunk: Trunk
    chest: Chest
    organs: Organs
    bones: BoneMap
    spine: Spine
    gut: Gut
    contents: Contents
    free_air: FreeAir | None
    hardware: Hardware
    pose: Pose


def build_child(spec: FilmSpec) -> Child:
    """Draw each factor from its own stream; later ones may look at earlier ones, never back."""
    r = ranges_of(spec)
    plan = plan_gut(spec)
    a = sample_anatomy(spec.age_months, spec.rng("anatomy"), plan.widening, r)
    pose = sample_pose(a.infancy, spec.rng("pose"), r)
    trunk = build_trunk(a, spec.rng("trunk"), spec.rng("arms"))
    chest = build_chest(a, trunk, spec.rng("chest"))
    organs = build_organs(a, trunk, chest, spec.rng("organs"))
    bones = BoneMap()
    spine = build_spine(a, trunk, bones, spec.rng("spine"))
    build_ribs(a, trunk, spine, bones, spec.rng("ribs"))
    hips = build_pelvis(a, trunk, bones, spec.rng("pelvis"))
    build_femora(a, trunk, hips, bones, spec.rng("femora"))
    build_arms(a, trunk, bones, spec.rng("arm bones"))
    gut = build_gut(a, trunk, chest, plan, spec.rng("gut"))
    severity = dict(spec.severity)
    dilated = _DILATED_PITCHES * a.pitch if Finding.ABDOMINAL_DISTENSION in severity else None
    gravity = Gravity.of(spec.view, pose)
    contents = fill_gut(a, gut, plan, gravity, dilated, spec.rng("contents"))
    free_air = None
    if Finding.PNEUMOPERITONEUM in severity:
        amount = severity[Finding.PNEUMOPERITONEUM]
        rng = spec.rng("free air")
        size = draw(spec.rng("pool size"), r.pool_size)
        free_air = build_free_air(gravity, amount, a, trunk, chest, contents, organs.belly, rng, size)
    hardware = build_hardware(a, trunk, chest, spec.rng("hardware"))
    return Child(a, trunk, chest, organs, bones, spine, gut, contents, free_air, hardware, pose)
