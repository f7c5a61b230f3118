"""From a map of likely squares to the one line that is a tube, its course and its tip."""

import cv2
import numpy as np
import pytest

from pedaxr_models.tubes.follow import STRIDE, follow

CENTRE = (STRIDE - 1) / 2


def drawn(*lines: list[tuple[int, int]], value: float = 0.99) -> np.ndarray:
    squares = np.zeros((128, 128), np.float32)
    for line in lines:
        cv2.polylines(squares, [np.array(line)], False, (value,), 1)
    return squares


def place(column: int, row: int) -> tuple[float, float]:
    return column * STRIDE + CENTRE, row * STRIDE + CENTRE


TUBE = [(60, 0), (62, 30), (80, 45), (95, 50)]


def test_a_tube_is_followed_from_above_to_its_tip() -> None:
    seen = follow(drawn(TUBE), shortest=20)
    assert seen is not None and seen.tip == place(95, 50)
    assert tuple(seen.course[0]) == place(60, 0)
    steps = np.abs(np.diff(seen.course, axis=0)).max(axis=1)
    assert steps.max() <= 2 * STRIDE, "from square to square"
    turns = np.abs(np.diff(np.diff(seen.course[1:-1], axis=0), axis=0)).max()
    assert turns < STRIDE / 2, "without the steps of the squares"
    assert seen.sureness == pytest.approx(0.99)
    assert seen.sure_length == pytest.approx(len(seen.course), rel=0.05)


def test_the_longest_line_is_taken_and_a_short_one_is_none() -> None:
    beside = [(10, 100), (10, 110)]
    seen = follow(drawn(beside, TUBE), shortest=20)
    assert seen is not None and seen.tip == place(95, 50)
    assert follow(drawn(beside), shortest=20) is None
    assert follow(drawn(beside), shortest=5) is not None, "control"
    assert follow(np.zeros((128, 128), np.float32), shortest=0) is None


def test_a_gap_of_a_square_or_two_does_not_end_a_tube() -> None:
    squares = drawn(TUBE)
    squares[20:22] = 0.1
    seen = follow(squares, shortest=20)
    assert seen is not None and seen.tip == place(95, 50)
    squares[20:28] = 0.1
    cut = follow(squares, shortest=20)
    assert cut is None or tuple(cut.course[0]) != place(60, 0), "a longer one does"


def test_what_is_seen_dimly_is_no_tube_but_a_part_of_one() -> None:
    assert follow(drawn(TUBE, value=0.9), shortest=5) is None
    squares = drawn(TUBE)
    squares[35:] = np.minimum(squares[35:], 0.7)
    seen = follow(squares, shortest=20)
    assert seen is not None and seen.tip == place(95, 50), "followed to where it is likely"
    whole = follow(drawn(TUBE), shortest=20)
    assert whole is not None and seen.sure_length < whole.sure_length


def test_a_tube_that_turns_back_ends_where_it_ends() -> None:
    curled = [(60, 0), (60, 60), (80, 70), (85, 50)]
    seen = follow(drawn(curled), shortest=20)
    assert seen is not None and seen.tip == place(85, 50), "not at its lowest square"


def test_a_tube_wider_than_a_square_is_followed_along_its_middle() -> None:
    squares = np.zeros((128, 128), np.float32)
    squares[0:60, 59:62] = [0.6, 0.99, 0.6]
    seen = follow(squares, shortest=20)
    assert seen is not None and np.median(np.abs(seen.course[:, 0] - place(60, 0)[0])) == 0
    assert seen.sure_length == pytest.approx(20), "a third of it is sure"


def test_a_tube_that_runs_sideways_is_as_long_as_one_that_runs_down() -> None:
    down, across = drawn([(60, 0), (60, 60)]), drawn([(30, 0), (90, 1)])
    lengths = [seen.sure_length for one in (down, across) if (seen := follow(one, shortest=5))]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.05)
