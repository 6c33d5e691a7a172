"""Laws of data sets: a pure function of (options, split, index)."""

from contextlib import suppress
from dataclasses import fields
from itertools import combinations
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gnm_core.contracts import Data
from gnm_core.errors import DataError
from gnm_core.results import Batch
from gnm_core.spec.annotations import arguments_of
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import require, require_unit

MANY = 64
"""Images of a split that are compared."""
SLACK = 1.5
"""Pixels by which a box may be off."""


def _data(bench: Bench) -> tuple[Any, list[int]]:
    data = bench.build()
    require(len(data) > 0, "it has no images")
    return data, [i % len(data) for i in (0, 3, 1, 2)]


def _tensors(batch: Batch) -> dict[str, Tensor]:
    found = {"the image": batch.image}
    if batch.truth is not None:
        for field in fields(batch.truth):
            value = getattr(batch.truth, field.name)
            if isinstance(value, Tensor):
                found[f"truth.{field.name}"] = value
        found |= {f"truth.extra[{name!r}]": value for name, value in batch.truth.extra.items()}
    return found


@law(Data)
def images_of_the_right_kind(bench: Bench) -> None:
    """(B, C, H, W) float32 in [0, 1], C and H as the spec says or the data set alone does."""
    data, indices = _data(bench)
    image = data.batch(indices).image
    channels = data.channels or bench.dims.channels
    shape = (len(indices), channels, bench.dims.size, bench.dims.size)
    require(tuple(image.shape) == shape, f"the images have shape {tuple(image.shape)}; expected {shape}")
    require(image.dtype == torch.float32, f"the images are {image.dtype}; expected torch.float32")
    require_unit("an image", image)


@law(Data)
def the_same_image_for_the_same_index(bench: Bench) -> None:
    """Whatever was asked before, beside it, or as what: the same index is the same image with the same truth."""
    data, indices = _data(bench)
    together = _tensors(data.batch(indices))
    torch.manual_seed(99)
    np.random.seed(99)
    again = _tensors(bench.build(seed=1).batch(np.array(indices)))
    for name, value in together.items():
        require(torch.equal(value, again[name]), f"{name} differs when the same indices are asked for again")
    for row, index in enumerate(indices):
        for name, value in _tensors(data.batch([index])).items():
            require(
                torch.equal(value[0], together[name][row]),
                f"{name} of index {index} alone differs from the same among {len(indices)}",
            )


@law(Data)
def its_images_stay_as_they_are(bench: Bench) -> None:
    """Who changes a batch changes nothing in the data set."""
    data, indices = _data(bench)
    before = {name: value.clone() for name, value in _tensors(data.batch(indices)).items()}
    for value in _tensors(data.batch(indices)).values():
        value.zero_()
    for name, value in _tensors(data.batch(indices)).items():
        require(torch.equal(value, before[name]), f"{name} changes when a batch that it gave is changed")


@law(Data)
def splits_are_apart(bench: Bench) -> None:
    """`at` gives the same data set at another split, leaves this one as it is, and shares no images with it."""
    data, indices = _data(bench)
    own, first = data.split, data.batch(indices).image
    seen = 0
    for split in ("train", "validation", "test"):
        try:
            other = data.at(split)
            require(other.split == split, f"at('{split}') is at '{other.split}'")
            require(data.split == own, f"at('{split}') moves the data set itself from '{own}'")
            if split != own and len(other):
                seen += 1
                images = other.batch([i % len(other) for i in indices]).image
                require(not torch.equal(images, first), f"the splits '{own}' and '{split}' begin with the same images")
        except DataError:
            continue
    if not seen:
        raise NotHere("it has one split only")


@law(Data)
def there_and_back(bench: Bench) -> None:
    """At another split and back again, it is the same data set, options and all."""
    data, indices = _data(bench)
    before, seen = _tensors(data.batch(indices)), 0
    for split in ("train", "validation", "test"):
        try:
            other = data.at(split)
            back = other.at(data.split)
        except DataError:
            continue
        seen += split != data.split
        require(len(back) == len(data), f"at('{split}').at('{data.split}') has {len(back)} images, not {len(data)}")
        for name, value in _tensors(back.batch(indices)).items():
            same = value.shape == before[name].shape and torch.equal(value, before[name])
            require(same, f"{name} differs at('{split}').at('{data.split}'): options are lost on the way")
    if not seen:
        raise NotHere("it has one split only")


@law(Data)
def an_order_for_each_epoch(bench: Bench) -> None:
    """The order of an epoch is a permutation, a function of the epoch and the seed."""
    data, _ = _data(bench)
    if len(data) > 10**5:
        raise NotHere("it is too large to be put in order here")
    first, again = data.order(1, 5), data.order(1, 5)
    require(np.array_equal(first, again), "the order of one epoch differs when it is asked for again")
    require(
        np.array_equal(np.sort(first), np.arange(len(data))), "the order of an epoch is no permutation of its indices"
    )


@law(Data)
def truth_fits_the_images(bench: Bench) -> None:
    """Labels name classes, boxes lie the right way round, every field has the same places."""
    data, indices = _data(bench)
    truth = data.batch(indices).truth
    if truth is None:
        raise NotHere("it knows no truth")
    batch, places = truth.present.shape
    require(batch == len(indices) and truth.present.dtype == torch.bool, "truth.present is not (B, N) of bool")
    require(tuple(truth.labels.shape) == (batch, places), f"truth.labels has shape {tuple(truth.labels.shape)}")
    require(tuple(truth.boxes.shape) == (batch, places, 4), f"truth.boxes has shape {tuple(truth.boxes.shape)}")
    require(bool((truth.labels[~truth.present] == -1).all()), "labels of absent objects are not all -1")
    labels = truth.labels[truth.present]
    require(
        bool((labels >= -1).all()), f"a label of an object that is there is {int(labels.min()) if len(labels) else 0}"
    )
    if data.classes and len(labels):
        require(
            int(labels.max()) < len(data.classes), f"label {int(labels.max())} has no name among {len(data.classes)}"
        )
    turned = int((truth.boxes[..., 2:] < truth.boxes[..., :2]).any(-1).sum())
    require(turned == 0, f"{turned} boxes of (x0, y0, x1, y1) have x1 < x0 or y1 < y0")


def _codes(data: Data) -> list[bytes]:
    """The first images, each as something to compare."""
    return [image.numpy().tobytes() for image in data.batch(range(min(len(data), MANY))).image]


@law(Data)
def no_image_is_in_two_splits(bench: Bench) -> None:
    """Splits share no images, at other indices neither: what is tested on was not learnt from."""
    data, _ = _data(bench)
    splits = {}
    for split in ("train", "validation", "test"):
        with suppress(DataError):
            other = data.at(split)
            splits[split] = _codes(other) if len(other) else []
    if len(splits) < 2:
        raise NotHere("it has one split only")
    for (one, first), (other, second) in combinations(splits.items(), 2):
        shared = len(set(first) & set(second))
        require(
            2 * shared <= min(len(set(first)), len(set(second))) or not shared,
            f"of the first {len(first)} images of '{one}', {shared} are among the first {len(second)} of '{other}'",
        )


@law(Data)
def another_seed_is_another_data_set(bench: Bench) -> None:
    """Where `seed` is an option: the next seed's images are not this one's, moved by one place."""
    argument = arguments_of(bench.part_class).get("seed")
    if argument is None:
        raise NotHere("it has no option 'seed'")
    seed = bench.options.get("seed", argument.default)
    seed = seed if isinstance(seed, int) else 0
    first, second = (_codes(bench.build_from(bench.checked(seed=seed + i))) for i in range(2))
    moved = len(first) > 2 and first[1:] == second[:-1]
    require(not moved, f"image i of seed {seed + 1} is image i + 1 of seed {seed}: the two are added up")


@law(Data)
def boxes_hold_their_objects(bench: Bench) -> None:
    """Where pixels are known: an object's lie in its box, x right and y down; a visible box is tight about them."""
    data, indices = _data(bench)
    truth = data.batch(indices).truth
    if truth is None or truth.instances is None:
        raise NotHere("it does not know its objects' pixels")
    for row, place in torch.nonzero(truth.present).tolist():
        y, x = (truth.instances[row] == place + 1).nonzero(as_tuple=True)
        if not len(x):
            continue
        seen = torch.stack([x.min(), y.min(), x.max() + 1, y.max() + 1]).float()
        what = f"object {place} of index {indices[row]} has its pixels in (x0, y0, x1, y1) = {_whole(seen)}"
        box = truth.boxes[row, place].float()
        outside = float(torch.cat([box[:2] - seen[:2], seen[2:] - box[2:]]).max())
        require(outside <= SLACK, f"{what}, {outside:.1f} px outside its box {_whole(box)}")
        if truth.visible_boxes is not None:
            visible = truth.visible_boxes[row, place].float()
            off = float((visible - seen).abs().max())
            require(off <= SLACK, f"{what}; its visible box is {_whole(visible)}")


def _whole(box: Tensor) -> tuple[int, ...]:
    return tuple(round(number) for number in box.tolist())
