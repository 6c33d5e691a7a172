"""The combinatorics of judges: the best reading that a rule allows, against trying all of them."""

from itertools import product

import numpy as np
import pytest
from gnm_data.judges.arrow_room import _constrained, _unconstrained
from gnm_data.judges.digit_judge import compare
from gnm_data.judges.mnist4 import Mnist4Rule
from gnm_data.judges.mnist10 import Mnist10Rule
from gnm_data.judges.reading import FLOOR, UNSEEN, Candidates, assign, best
from gnm_data.judges.room_reader import RoomCandidates

CENTRES = {0: (30.0, 30.0), 1: (98.0, 30.0), 2: (98.0, 98.0), 3: (30.0, 98.0)}
NOTHING = 10


def scores(random: np.random.Generator, count: int, classes: int) -> np.ndarray:
    return np.log(random.dirichlet(np.full(classes, 0.3), count) + 1e-9).clip(min=FLOOR)


def certain(*digits: tuple[int, float, float], doubt: float = 1e-4) -> Candidates:
    """Digits that are nearly certain."""
    score = np.full((len(digits), 11), np.log(doubt))
    score[np.arange(len(digits)), [label for label, _, _ in digits]] = -doubt
    return Candidates(np.array([(x, y) for _, x, y in digits]).reshape(-1, 2), score)


def four(*labels: int) -> list[tuple[int, float, float]]:
    return [(label, *CENTRES[place]) for place, label in enumerate(labels)]


@pytest.mark.parametrize("seed", range(20))
def test_the_assigned_reading_is_the_best_of_all_assignments(seed: int) -> None:
    random = np.random.default_rng(seed)
    count, wanted = int(random.integers(0, 5)), random.permutation(10)[:3]
    candidates = Candidates(random.random((count, 2)), scores(random, count, 11))
    allowed = random.random((3, count)) < 0.7
    tried = []
    for roles in product(range(-1, count), repeat=3):
        real = [c for c in roles if c >= 0]
        if len(set(real)) < len(real) or not all(allowed[w, c] for w, c in enumerate(roles) if c >= 0):
            continue
        rest = sum(candidates.scores[c, NOTHING] for c in range(count) if c not in real)
        tried.append(rest + sum(UNSEEN if c < 0 else candidates.scores[c, wanted[w]] for w, c in enumerate(roles)))
    reading = assign(candidates, wanted, allowed)
    assert reading.score == pytest.approx(max(tried))
    present = reading.labels != NOTHING
    unseen = 3 - present.sum()
    assert reading.score == pytest.approx(candidates.scores[np.arange(count), reading.labels].sum() + unseen * UNSEEN)


@pytest.mark.parametrize("seed", range(20))
def test_no_reading_beats_the_unconstrained_one(seed: int) -> None:
    random = np.random.default_rng(seed)
    candidates = Candidates(random.random((4, 2)) * 128, scores(random, 4, 11))
    obeying = [assign(candidates, np.array([1, 2]), np.ones((2, 4), bool))]
    assert compare(candidates, obeying).margin <= 0
    assert best(candidates).score >= max(reading.score for reading in obeying)


@pytest.mark.parametrize("seed", range(8))
def test_the_constrained_room_is_the_best_of_all(seed: int) -> None:
    """Against a plain search over all roles, shapes and materials."""
    random = np.random.default_rng(seed)
    count = int(random.integers(0, 5))
    room = RoomCandidates(
        random.random((count, 2)) * 128,
        scores(random, count, 5),
        scores(random, count, 2),
        random.normal(size=(count, 2)),
        random.normal(size=(count, 3, 2)),
    )
    tried = []
    for arrow, odd, one, two in product(range(-1, count), repeat=4):
        roles = [c for c in (arrow, odd, one, two) if c >= 0]
        if len(set(roles)) < len(roles):
            continue
        for odd_shape, pair_shape, material in product(range(3), range(3), range(2)):
            if odd_shape == pair_shape:
                continue
            total = sum(room.scores[c, 4] for c in range(count) if c not in roles) + UNSEEN * (4 - len(roles))
            total += sum(room.materials[c, material] for c in roles)
            pairs = ((arrow, 3), (odd, odd_shape), (one, pair_shape), (two, pair_shape))
            total += sum(room.scores[c, shape] for c, shape in pairs if c >= 0)
            if arrow >= 0:
                pointing = -3.5
                if odd >= 0:
                    to = room.floor[odd] - room.floor[arrow]
                    turns = np.arctan2(to[1], to[0]) - np.arctan2(*room.headings[arrow].T[::-1])
                    turns = (turns + np.pi) % (2 * np.pi) - np.pi
                    pointing = min(np.log(np.exp(-((turns / np.radians(7.0)) ** 2) / 2).mean() + 1e-3), 0.0)
                total += pointing
            tried.append(total)
    assert _constrained(room).score == pytest.approx(max(tried))
    assert np.isfinite(_unconstrained(room).score)


def test_mnist_4_accepts_each_first_digit() -> None:
    for first in range(7):
        assert Mnist4Rule().verdict(certain(*four(first, first + 1, first + 2, first + 3)), 1.0).reason == ""


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        (four(4, 5, 6, 8), "bottom-left is 8, expected 7"),
        (four(4, 6, 5, 7), "top-right is 6, expected 5; bottom-right is 5, expected 6"),
        (four(4, 5, 6), "three digits, none at bottom-left"),
        ([], "no digits"),
        ([*four(4, 5, 6, 7), (1, 64.0, 20.0)], "five digits"),
        ([*four(4, 5, 6), (7, 30.0, 60.0)], "two digits at top-left, none at bottom-left"),
    ],
)
def test_mnist_4_says_what_is_wrong(digits: list[tuple[int, float, float]], reason: str) -> None:
    assert Mnist4Rule().verdict(certain(*digits), 1.0).reason == reason


def test_mnist_4_does_not_count_past_nine() -> None:
    assert "expected" in Mnist4Rule().verdict(certain(*four(7, 8, 9, 0)), 1.0).reason


def test_mnist_4_measures_asymmetry_in_the_pictures_own_pixels() -> None:
    digits = four(0, 1, 2, 3)
    digits[2] = (2, 98.0 + 6.0, 98.0)
    assert Mnist4Rule().verdict(certain(*digits), 0.5).reason.startswith("bottom-right stands 3.0 px aside")
    digits[2] = (2, 98.0, 98.0 + 1.5)
    assert Mnist4Rule().verdict(certain(*digits), 0.5).reason == ""


def test_an_ambiguous_digit_is_what_the_rule_asks_for() -> None:
    candidates = certain(*four(6, 7, 8, 4))
    candidates.scores[3, [4, 9]] = np.log([0.7, 0.29])
    verdict = Mnist4Rule().verdict(candidates, 1.0)
    assert verdict.reason == ""
    assert verdict.labels[3] == 9
    assert verdict.margin == pytest.approx(np.log(0.29 / 0.7))


HOMES = (0, 0, 1, 1, 1, 3, 3, 3, 2, 2)


def ten(homes: tuple[int, ...] = HOMES) -> list[tuple[int, float, float]]:
    return [
        (label, CENTRES[home][0] + 12 * (label % 3 - 1), CENTRES[home][1] + 12 * (label % 2))
        for label, home in enumerate(homes)
    ]


def test_mnist_10_accepts_its_four_modes() -> None:
    for flip, flop in product((False, True), repeat=2):
        homes = tuple((2 - h if flip else h) if h % 2 == 0 else (4 - h if flop else h) for h in HOMES)
        assert Mnist10Rule().verdict(certain(*ten(homes)), 1.0).reason == ""


@pytest.mark.parametrize(
    ("digits", "reason"),
    [
        ([*ten(), (4, 64.0, 120.0)], "11 digits, two digits of class 4"),
        (ten()[:9], "9 digits, no 9"),
        ([*ten()[:7], (4, 30.0, 98.0), *ten()[8:]], "two digits of class 4, no 7"),
        (ten((1, *HOMES[1:])), "0 at top-right, expected top-left"),
        ([], "no digits"),
    ],
)
def test_mnist_10_says_what_is_wrong(digits: list[tuple[int, float, float]], reason: str) -> None:
    assert Mnist10Rule().verdict(certain(*digits), 1.0).reason == reason
