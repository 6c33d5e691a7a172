"""A scene is a pure function of options, split and index."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest
import torch
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.results import Batch
from gnm_data.digits.embedded import EmbeddedDigits
from gnm_data.scenes.digit_scenes import DigitScenes
from gnm_data.scenes.mnist4 import Mnist4
from gnm_data.scenes.mnist10 import Mnist10
from gnm_data.scenes.mnist410 import Mnist410
from gnm_data.scenes.quadrant import _in_quarters, place
from gnm_data.scenes.randomness import Randomness

DIGITS = EmbeddedDigits()
KINDS: tuple[type[DigitScenes], ...] = (Mnist4, Mnist10, Mnist410)


@pytest.fixture(params=KINDS, ids=lambda kind: kind.name)
def kind(request: pytest.FixtureRequest) -> type[DigitScenes]:
    return request.param


def make(kind: type[DigitScenes], size: int = 64, **options: object) -> DigitScenes:
    return kind(Dims(size=size), digits=DIGITS, **options)  # type: ignore[arg-type]


def tensors(batch: Batch) -> dict[str, torch.Tensor]:
    truth = batch.truth
    assert truth is not None
    assert truth.instances is not None
    named = {"image": batch.image, "labels": truth.labels, "boxes": truth.boxes, "instances": truth.instances}
    return named | {"present": truth.present} | truth.extra


def fingerprint(kind: type[DigitScenes]) -> str:
    """Of the pixels, as bytes, and of the boxes."""
    found = tensors(make(kind, 128, seed=3).at("test").batch([5, 4000, 17]))
    pixels = (found["image"] * 255).round().to(torch.uint8)
    return hashlib.sha256(pixels.numpy().tobytes() + found["boxes"].numpy().tobytes()).hexdigest()


def test_a_scene_does_not_depend_on_its_batch(kind: type[DigitScenes]) -> None:
    data = make(kind)
    indices = np.random.default_rng(0).permutation(len(data))[:100]
    together = tensors(data.batch(indices))
    for first in (0, 1, 40, 99):
        alone = tensors(data.batch([int(indices[first])]))
        pair = tensors(data.batch(indices[[first, 50]]))
        for key, value in together.items():
            assert torch.equal(value[first], alone[key][0]), key
            assert torch.equal(value[first], pair[key][0]), key
    backwards = tensors(data.batch(indices[::-1].tolist()))
    assert all(torch.equal(value.flip(0), backwards[key]) for key, value in together.items())


def test_a_scene_does_not_depend_on_what_was_asked_before(kind: type[DigitScenes]) -> None:
    used, fresh = make(kind), kind(Dims(size=64), digits=EmbeddedDigits())
    used.batch(range(50))
    used.at("test").batch([3])
    torch.manual_seed(1)
    first = tensors(used.batch([7, 8]))
    assert all(torch.equal(value, first[key]) for key, value in tensors(fresh.batch([7, 8])).items())


def test_another_process_makes_the_same_scenes() -> None:
    program = (
        "import importlib.util as u, sys; s = u.spec_from_file_location('t', sys.argv[1]); m = u.module_from_spec(s);"
        "s.loader.exec_module(m); print(*(m.fingerprint(kind) for kind in m.KINDS))"
    )
    run = subprocess.run([sys.executable, "-c", program, __file__], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [fingerprint(kind) for kind in KINDS]


def test_scenes_are_the_same_on_every_machine_and_in_every_version(kind: type[DigitScenes]) -> None:
    published = {
        "mnist-4": "6f1f369f5afb8d722e80e4c135546e455745b28fd99d6ea8532712b83bdab995",
        "mnist-10": "7c375b2130c65ec6124927ea75bac0b1e9c0704070f7d666708c965f5d50efab",
        "mnist-4-10": "4c9de1ae2fd0894302d3be2aca52bf8587e3ba5bab13875f00890fe1473e61c5",
    }
    assert fingerprint(kind) == published[kind.name]


def test_seeds_splits_and_indices_give_other_scenes(kind: type[DigitScenes]) -> None:
    images = [
        make(kind, seed=seed).at(split).batch([index]).image
        for seed in (0, 1)
        for split in ("train", "validation", "test")
        for index in range(50)
    ]
    assert len({image.numpy().tobytes() for image in images}) == len(images)


def test_at_keeps_every_option(kind: type[DigitScenes]) -> None:
    data = make(kind, seed=5, train=100, validation=20, test=10, digit=10)
    again = data.at("test").at("train")
    assert [len(data.at(split)) for split in ("train", "validation", "test")] == [100, 20, 10]
    assert torch.equal(data.batch(range(100)).image, again.batch(range(100)).image)
    assert torch.equal(data.at("test").batch([9]).image, make(kind, seed=5, split="test", digit=10).batch([9]).image)


def test_order_is_a_permutation_that_depends_on_epoch_and_seed() -> None:
    data = make(Mnist4, train=1000)
    orders = [data.order(epoch, seed) for epoch in (0, 1) for seed in (0, 1)]
    assert all((np.sort(order) == np.arange(1000)).all() for order in orders)
    assert len({order.tobytes() for order in orders}) == 4
    assert (data.order(1, 1) == orders[3]).all()


@pytest.mark.parametrize("index", [-1, 60_000, 2**40])
def test_an_index_outside_is_refused(index: int) -> None:
    with pytest.raises(DataError, match=f"mnist-4: no image {index}: the train split has images 0 to 59999"):
        make(Mnist4).batch([0, index])


@pytest.mark.parametrize("indices", [[0.5], [[0]], 3, [True], ["a"]])
def test_indices_are_integers_in_a_row(indices: object) -> None:
    with pytest.raises(DataError, match="must be a row of integers"):
        make(Mnist4).batch(indices)  # type: ignore[arg-type]


def test_no_indices_give_an_empty_batch(kind: type[DigitScenes]) -> None:
    batch = make(kind).batch([])
    assert batch.image.shape == (0, 1, 64, 64)
    assert batch.truth is not None
    assert batch.truth.boxes.shape == (0, kind.objects, 4)


def test_options_that_do_not_fit_are_refused() -> None:
    with pytest.raises(OptionError, match="channels is 3"):
        Mnist4(Dims(channels=3), digits=DIGITS)
    with pytest.raises(OptionError, match="digits of 33 px need an image of at least 66 px in mnist-4; size is 64"):
        make(Mnist4, digit=33)
    with pytest.raises(OptionError, match="digits of 17 px need an image of at least 68 px in mnist-10; size is 64"):
        make(Mnist10, digit=17)
    with pytest.raises(OptionError, match="'dev' is not a split; choose one of train, validation, test"):
        make(Mnist4).at("dev")


def test_construction_reads_nothing_and_allocates_nothing(kind: type[DigitScenes]) -> None:
    class Unread(EmbeddedDigits):
        def read(self, split: str) -> object:  # type: ignore[override]
            raise AssertionError

    with torch.device("meta"):
        assert len(kind(Dims(), digits=Unread())) == 60_000


def test_numbers_are_uniform_and_streams_apart() -> None:
    random = Randomness("test", 0)
    images = np.arange(20_000)
    drawn = np.concatenate([random.below(10, images, stream, 2) for stream in range(3)], 1)
    for column in drawn.T:
        counts = np.bincount(column, minlength=10)
        assert ((counts - 2000) ** 2 / 2000).sum() < 35  # chi-squared, 9 degrees of freedom: p = 6e-5
    beside = np.concatenate([drawn[:-1], drawn[1:]], 1)  # this image's numbers and the next one's
    assert np.abs(np.corrcoef(beside.T) - np.eye(12)).max() < 0.03


def test_places_are_uniform_over_all_that_fit() -> None:
    """Two squares of 2 in a quadrant of 4: every pair that does not overlap is equally likely."""
    images = np.arange(60_000)
    corners = place(4, 2, 2, images=images, random=Randomness("test", 1), stream=2)
    code = (corners.reshape(-1, 4) * [27, 9, 3, 1]).sum(1)
    counts = np.bincount(code, minlength=81)
    spots = [(x, y) for x in range(3) for y in range(3)]
    fits = np.array([max(abs(a - c), abs(b - d)) >= 2 for a, b in spots for c, d in spots])
    assert (counts[~fits] == 0).all()
    expected = 60_000 / fits.sum()
    assert ((counts[fits] - expected) ** 2 / expected).sum() < fits.sum() + 5 * (2 * fits.sum()) ** 0.5


@pytest.mark.parametrize(("half", "digit"), [(4, 2), (64, 20), (33, 16), (32, 16)])
def test_the_last_resort_obeys_the_rule(half: int, digit: int) -> None:
    bits = Randomness("test", 2).bits(np.arange(5000), 0, 10)
    corners = _in_quarters(half, digit, 3, bits)
    assert corners.min() >= 0
    assert corners.max() == half - digit
    for i in range(3):
        for j in range(i):
            assert (np.abs(corners[:, i] - corners[:, j]).max(1) >= digit).all()
