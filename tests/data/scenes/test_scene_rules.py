"""Every scene obeys its data set's rule, in every split, at every size, from every source of digits."""

from pathlib import Path

import numpy as np
import pytest
from gnm_core.dims import Dims
from gnm_core.results import Batch
from gnm_data.digits.contract import DigitSource
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.digits.mnist import MnistDigits
from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.scenes.mnist10 import Mnist10
from gnm_data.scenes.mnist410 import Mnist410

MNIST = Path(__file__).parents[4] / "shared" / "mnist"
SCENES = 2000
PIXELS = 150
"""Scenes whose pixels are looked at, too."""
SOURCES: dict[str, DigitSource] = {"embedded": EmbeddedDigits(), "mnist": MnistDigits(dir=MNIST)}
GROUPS = ({0, 1}, {2, 3, 4}, {5, 6, 7}, {8, 9})


@pytest.fixture(params=SOURCES)
def digits(request: pytest.FixtureRequest) -> DigitSource:
    if request.param == "mnist" and not MNIST.is_dir():
        pytest.skip(f"no real MNIST digits at {MNIST}")
    return SOURCES[request.param]


@pytest.fixture(params=["train", "validation", "test"])
def split(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(params=[64, 128])
def size(request: pytest.FixtureRequest) -> int:
    return request.param


def some(kind: type[DigitScenes], digits: DigitSource, size: int, split: str) -> Batch:
    return kind(Dims(size=size), digits=digits, split=split).batch(range(SCENES))


def centres(boxes: np.ndarray) -> np.ndarray:
    return (boxes[..., :2] + boxes[..., 2:]) / 2


def check_mnist4(batch: Batch, its: np.ndarray, size: int) -> None:
    truth = batch.truth
    assert truth is not None
    labels, boxes = truth.labels[its, :4].numpy(), truth.boxes[its, :4].numpy()
    first = truth.extra["rule/first"][its].numpy()
    assert (labels == first[:, None] + np.arange(4)).all()
    assert (np.bincount(first, minlength=7) / len(first) > 1 / 7 - 0.05).all()
    assert first.min() == 0
    assert first.max() == 6

    middle = centres(boxes)
    left, right, top, bottom = middle[:, [0, 3]], middle[:, [1, 2]], middle[:, [0, 1]], middle[:, [3, 2]]
    tolerance = 1.5 * size / 128 if size >= 128 else 0.5
    mirrored_x = left[..., 0] + right[..., 0] - size
    mirrored_y = top[..., 1] + bottom[..., 1] - size
    level_x, level_y = left[:, 0, 0] - left[:, 1, 0], top[:, 0, 1] - top[:, 1, 1]
    for error in (mirrored_x, mirrored_y, level_x, level_y):
        assert np.abs(error).max() <= tolerance
    assert (boxes[:, [0, 3], 2] <= size / 2).all()
    assert (boxes[:, [1, 2], 0] >= size / 2).all()
    assert (boxes[:, [0, 1], 3] <= size / 2).all()
    assert (boxes[:, [2, 3], 1] >= size / 2).all()

    half = truth.extra["rule/half_distance"][its].numpy()[:, None]
    assert np.abs(np.abs(middle - size / 2) - half).max() <= 0.5


def check_mnist10(batch: Batch, its: np.ndarray, size: int) -> None:
    truth = batch.truth
    assert truth is not None
    labels, boxes = truth.labels[its].numpy(), truth.boxes[its].numpy()
    assert (np.sort(labels, 1) == np.arange(10)).all()

    middle = centres(boxes)
    right, low = middle[..., 0] > size / 2, middle[..., 1] > size / 2
    inside = np.where(right, boxes[..., 0] >= size / 2, boxes[..., 2] <= size / 2)
    inside &= np.where(low, boxes[..., 1] >= size / 2, boxes[..., 3] <= size / 2)
    assert inside.all()
    modes = []
    for scene in range(len(labels)):
        at = {
            (x, y): frozenset(labels[scene][(right[scene] == x) & (low[scene] == y)].tolist())
            for x in (0, 1)
            for y in (0, 1)
        }
        assert {at[0, 0], at[1, 1]} == {frozenset(GROUPS[0]), frozenset(GROUPS[3])}
        assert {at[1, 0], at[0, 1]} == {frozenset(GROUPS[1]), frozenset(GROUPS[2])}
        modes.append((8 in at[0, 0]) + 2 * (5 in at[1, 0]))
    assert modes == truth.extra["rule/mode"][its].tolist()
    assert (np.bincount(modes, minlength=4) / len(modes) > 0.2).all()

    for i in range(10):
        for j in range(i):
            apart = (boxes[:, i, :2] >= boxes[:, j, 2:]) | (boxes[:, j, :2] >= boxes[:, i, 2:])
            assert apart.any(1).all()


def check_ground_truth(batch: Batch, size: int) -> None:
    """Every box is tight on its digit's ink, ink is nowhere else, nothing is absent that is named."""
    truth = batch.truth
    assert truth is not None
    assert truth.instances is not None
    image, instances = batch.image[:PIXELS, 0].numpy(), truth.instances[:PIXELS].numpy()
    assert batch.image.shape == (SCENES, 1, size, size)
    assert image.min() == 0
    assert 0.9 < image.max() <= 1
    assert ((image > 0) == (instances > 0)).all()
    present, boxes = truth.present[:PIXELS].numpy(), truth.boxes[:PIXELS].numpy()
    assert (truth.labels[:PIXELS].numpy()[~present] == -1).all()
    assert not boxes[~present].any()
    for place in range(present.shape[1]):
        ink = instances == place + 1
        assert (ink.any((1, 2)) == present[:, place]).all()
        for axis, low, high in ((1, 0, 2), (2, 1, 3)):
            line = ink.any(axis)[present[:, place]]
            assert (line.argmax(1) == boxes[present[:, place], place, low]).all()
            assert (size - line[:, ::-1].argmax(1) == boxes[present[:, place], place, high]).all()


def test_mnist_4(digits: DigitSource, size: int, split: str) -> None:
    batch = some(Mnist4, digits, size, split)
    check_mnist4(batch, np.full(SCENES, True), size)
    check_ground_truth(batch, size)


def test_mnist_10(digits: DigitSource, size: int, split: str) -> None:
    batch = some(Mnist10, digits, size, split)
    check_mnist10(batch, np.full(SCENES, True), size)
    check_ground_truth(batch, size)


def test_mnist_4_10(digits: DigitSource, size: int, split: str) -> None:
    batch = some(Mnist410, digits, size, split)
    assert batch.truth is not None
    ten = batch.truth.extra["rule/set"].numpy() == 1
    assert (ten[0::2] != ten[1::2]).all()
    assert 0.45 < ten[0::2].mean() < 0.55
    check_mnist4(batch, ~ten, size)
    check_mnist10(batch, ten, size)
    check_ground_truth(batch, size)
    assert (batch.truth.present.sum(1).numpy() == np.where(ten, 10, 4)).all()
    assert (batch.truth.extra["rule/mode"].numpy()[~ten] == -1).all()
    assert (batch.truth.extra["rule/first"].numpy()[ten] == -1).all()


@pytest.mark.parametrize(("size", "digit"), [(128, 20), (256, 40)])
def test_digits_keep_the_published_size(digits: DigitSource, size: int, digit: int) -> None:
    truth = Mnist4(Dims(size=size), digits=digits).batch(range(200)).truth
    assert truth is not None
    longest = (truth.boxes[..., 2:] - truth.boxes[..., :2]).amax(-1)
    assert longest.max() == digit
    assert longest.min() >= digit - 2


@pytest.mark.parametrize("size", [16, 33, 97])
def test_odd_and_small_images_obey_the_rules(size: int) -> None:
    every = np.full(SCENES, True)
    check_mnist4(some(Mnist4, SOURCES["embedded"], size, "test"), every, size)
    batch = some(Mnist10, SOURCES["embedded"], size, "test")
    check_mnist10(batch, every, size)
    check_ground_truth(batch, size)


def test_centres_reach_all_of_a_quadrant() -> None:
    truth = Mnist4(Dims(), digits=EmbeddedDigits()).batch(range(5000)).truth
    assert truth is not None
    from_the_edge = 64 - truth.extra["rule/half_distance"].numpy()
    assert from_the_edge.min() == 10
    assert from_the_edge.max() == 54
    shares = np.histogram(from_the_edge, bins=9, range=(9.5, 54.5))[0] / from_the_edge.size
    assert np.abs(shares - 1 / 9).max() < 0.02


@pytest.mark.parametrize(("kind", "digit"), [(Mnist4, 32), (Mnist10, 16), (Mnist410, 16)])
def test_the_largest_digits_that_fit_still_obey_the_rule(kind: type[DigitScenes], digit: int) -> None:
    batch = kind(Dims(size=64), digits=EmbeddedDigits(), digit=digit).batch(range(SCENES))
    assert batch.truth is not None
    if kind is Mnist4:
        check_mnist4(batch, np.full(SCENES, True), 64)
    elif kind is Mnist10:
        check_mnist10(batch, np.full(SCENES, True), 64)
    check_ground_truth(batch, 64)
