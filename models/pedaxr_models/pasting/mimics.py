"""What looks like free air and is none, put into a film by the same means.

A network that is shown films with free air put in, and the same films without, may learn the putting in. So
gas and thin lung are put in where they mean nothing: a lung that is clearer above its dome, a bubble of a
stomach or loop with its wall, a fold of skin across the belly.
"""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from pedaxr_models.pasting.free_air import Gas, Pasted, Scene, clouds, develop, read_scene
from pedaxr_models.pasting.grey_curve import FloatImage, Mask

_ATTEMPTS = 4
_LEAST_CHANGE = 5.0  # grey levels


def put_mimic(
    film: NDArray[np.uint8] | FloatImage, structures: Mapping[str, Mask], rng: np.random.Generator
) -> Pasted | None:
    """Put one in; None where there is no room, or nothing would be seen.

    Args:
        film: (H, W) grey 0..255, bone bright.
        structures: as for `put_free_air`.
        rng: equal states give equal films.

    Raises:
        ValueError: no `abdominal_cavity` is given, or it is nearly empty.
    """
    scene = read_scene(film, structures)
    kinds = {"lung base": _lung_base, "bubble": _bubble, "fold": _fold}
    for _ in range(_ATTEMPTS):
        kind = str(rng.choice(list(kinds), p=(0.4, 0.45, 0.15)))
        gas = kinds[kind](scene, rng)
        if gas is not None and gas.mask.sum() >= 12:
            made = develop(scene, gas, kind, rng)
            if made.measures["change"] >= _LEAST_CHANGE:
                return made
    return None


def _lung_base(scene: Scene, rng: np.random.Generator) -> Gas | None:
    """Clearer lung along one dome, above it, as wide as a crescent below would be."""
    if not scene.domes:
        return None
    dome = scene.domes[int(rng.integers(len(scene.domes)))]
    n = len(dome.columns)
    along = np.linspace(-1, 1, n)
    wide = rng.uniform(0.2, 0.9) * scene.pitch * np.clip(1 - (along - rng.uniform(-0.4, 0.4)) ** 2, 0, 1)
    y = np.arange(scene.film.shape[0], dtype=np.float32)[:, None]
    above = dome.rows[None] - rng.uniform(1, 3) - y  # positive in the lung
    chord = np.clip(above / 3, 0, 1) * np.clip((wide[None] - above) / (0.4 * wide[None] + 1), 0, 1)
    depth, mask = np.zeros(scene.film.shape, np.float32), np.zeros(scene.film.shape, bool)
    depth[:, dome.columns] = rng.uniform(0.12, 0.6) * chord
    mask[:, dome.columns] = chord > 0.3
    return Gas(cv2.GaussianBlur(depth, (0, 0), max(1.0, 0.5 * dome.softness)), mask)


def _bubble(scene: Scene, rng: np.random.Generator) -> Gas | None:
    """A loop or a stomach that holds gas: round on all sides, with a wall; often close under a dome."""
    centre = _under_a_dome(scene, rng) if rng.random() < 0.5 else None
    ys, xs = np.nonzero(scene.cavity)
    at = int(rng.integers(len(ys)))
    x, y = centre or (float(xs[at]), float(ys[at]))
    rx = rng.uniform(0.3, 1.3) * scene.pitch
    ry, angle = rx * rng.uniform(0.4, 1.0), rng.uniform(0, np.pi)
    rows, columns = np.mgrid[: scene.film.shape[0], : scene.film.shape[1]].astype(np.float32)
    u = ((columns - x) * np.cos(angle) + (rows - y) * np.sin(angle)) / rx
    v = ((rows - y) * np.cos(angle) - (columns - x) * np.sin(angle)) / ry
    radius = np.sqrt(u**2 + v**2) + 0.07 * clouds(scene.film.shape, 0.6 * ry, rng)
    lens = np.sqrt(np.clip(1 - radius**2, 0, None))
    wall = np.exp(-(((radius - 1) * ry / max(1.2, 0.01 * scene.width)) ** 2))
    depth = rng.uniform(0.12, 0.4) * lens - rng.uniform(0.0, 0.06) * wall
    inside = cv2.GaussianBlur(scene.cavity.astype(np.float32), (0, 0), 2.0)
    return Gas((depth * inside).astype(np.float32), (radius < 1) & scene.cavity)


def _under_a_dome(scene: Scene, rng: np.random.Generator) -> tuple[float, float] | None:
    if not scene.domes:
        return None
    dome = scene.domes[int(rng.integers(len(scene.domes)))]
    at = int(rng.integers(len(dome.columns)))
    return float(dome.columns[at]), float(dome.rows[at] + rng.uniform(0.4, 1.3) * scene.pitch)


def _fold(scene: Scene, rng: np.random.Generator) -> Gas:
    """The edge of a fold: thinner on one side of a long bow that ends nowhere in particular."""
    rows, columns = np.mgrid[: scene.film.shape[0], : scene.film.shape[1]].astype(np.float32)
    ys, xs = np.nonzero(scene.cavity)
    at = int(rng.integers(len(ys)))
    angle, bow = rng.uniform(0, 2 * np.pi), rng.uniform(-0.4, 0.4) / scene.width
    across = (columns - xs[at]) * np.cos(angle) + (rows - ys[at]) * np.sin(angle)
    along = (rows - ys[at]) * np.cos(angle) - (columns - xs[at]) * np.sin(angle)
    across = across + bow * along**2
    reach = rng.uniform(0.15, 0.8) * scene.pitch
    shade = np.clip(across / 2, 0, 1) * np.exp(-np.clip(across, 0, None) / reach)
    shade *= np.abs(along) < rng.uniform(0.2, 0.6) * scene.width
    depth = (rng.uniform(0.06, 0.2) * shade).astype(np.float32)
    return Gas(cv2.GaussianBlur(depth, (0, 0), 1.0), shade > 0.4)
