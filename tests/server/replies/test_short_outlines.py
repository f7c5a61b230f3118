"""Outlines and pictures made short for a reply: the quick ways give what the plain ones give."""

import random
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pedaxr_server.replies.pictures import preview_png
from pedaxr_server.replies.tool_results import simplify

Point = tuple[int, int]


def plainly(polygon: list[Point], limit: int) -> list[Point]:
    """Every triangle anew for every corner that goes."""
    points = list(polygon)
    while len(points) > max(limit, 3):
        areas = []
        for i, (x, y) in enumerate(points):
            (x0, y0), (x1, y1) = points[i - 1], points[(i + 1) % len(points)]
            areas.append(abs((x - x0) * (y1 - y0) - (x1 - x0) * (y - y0)))
        del points[areas.index(min(areas))]
    return points


@pytest.mark.parametrize("corners", [0, 1, 3, 4, 5, 33, 200])
@pytest.mark.parametrize("limit", [0, 3, 4, 32])
def test_the_same_corners_are_kept(corners: int, limit: int) -> None:
    for seed in range(5):
        pick = random.Random(seed)
        polygon = [(pick.randrange(40), pick.randrange(40)) for _ in range(corners)]
        assert simplify(polygon, limit) == plainly(polygon, limit)


def test_a_small_picture_is_sent_as_it_was_drawn(tmp_path: Path) -> None:
    path = tmp_path / "overlay.png"
    Image.fromarray(np.full((300, 400, 3), 90, np.uint8)).save(path)
    assert preview_png(path) == path.read_bytes()


@pytest.mark.parametrize(("size", "kind"), [((1500, 20), "PNG"), ((90, 90), "JPEG")])
def test_one_that_is_large_or_no_png_is_made_anew(tmp_path: Path, size: tuple[int, int], kind: str) -> None:
    path = tmp_path / "overlay.png"
    Image.new("RGB", size).save(path, kind)
    data = preview_png(path)
    assert data != path.read_bytes() and data.startswith(b"\x89PNG")


def test_one_of_too_many_bytes_is_made_smaller(tmp_path: Path) -> None:
    path = tmp_path / "overlay.png"
    noise = np.random.default_rng(0).integers(0, 256, (600, 600, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    assert len(preview_png(path, max_bytes=200_000)) <= 200_000 < path.stat().st_size
