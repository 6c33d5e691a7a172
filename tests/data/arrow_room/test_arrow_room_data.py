"""The data set `arrow-room` keeps the contract of data, with whatever painter."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from gnm_core.contracts import Data
from gnm_core.dims import Dims
from gnm_core.errors import DataError, OptionError
from gnm_core.schema import DataSpec
from gnm_core.spec import load_spec
from gnm_data.arrow_room.cycles import Cycles
from gnm_data.arrow_room.data import ArrowRoom
from gnm_data.arrow_room.painter import Painter
from gnm_data.arrow_room.room import Room
from gnm_data.arrow_room.tracer import Tracer

DIMS = Dims(channels=3, size=48)


class Black(Painter):
    """Paints nothing."""

    def paint(self, rooms: Sequence[Room], size: int) -> np.ndarray:
        return np.zeros((len(rooms), size, size, 3), np.uint8)


def make(**options: object) -> ArrowRoom:
    return ArrowRoom(DIMS, painter=Tracer(antialias=1, shadow=1), **options)  # type: ignore[arg-type]


def test_a_batch_has_images_and_truth_of_the_contracts_shapes() -> None:
    batch = make().batch([3, 0])
    assert batch.image.shape == (2, 3, 48, 48)
    assert batch.image.dtype == torch.float32
    assert batch.image.is_contiguous()
    assert batch.image.min() >= 0
    assert batch.image.max() <= 1
    truth = batch.truth
    assert truth is not None
    assert truth.present.shape == truth.labels.shape == (2, 4)
    assert (truth.present.dtype, truth.labels.dtype) == (torch.bool, torch.int64)
    assert truth.boxes.shape == (2, 4, 4)
    assert truth.visible_boxes is not None
    assert truth.visible_boxes.shape == (2, 4, 4)
    assert truth.instances is not None
    assert truth.instances.shape == (2, 48, 48)
    assert truth.instances.dtype == torch.uint8
    assert truth.depth is not None
    assert truth.depth.shape == (2, 4)
    assert all(len(value) == 2 for value in truth.extra.values())


def test_pixels_have_the_levels_of_8_bit_colour() -> None:
    levels = make().batch([0]).image * 255
    assert (levels - levels.round()).abs().max() < 1e-4


def test_an_image_does_not_depend_on_its_batch() -> None:
    data = make()
    together, alone = data.batch(np.array([7, 2, 7])), data.batch([2])
    assert torch.equal(together.image[1], alone.image[0])
    assert torch.equal(together.image[0], together.image[2])


def test_splits_and_seeds_hold_other_scenes() -> None:
    data = make(train=10, validation=5, test=6)
    assert [len(data.at(split)) for split in ("train", "validation", "test")] == [10, 5, 6]
    scenes = {data.at(split).rooms([0])[0] for split in ("train", "validation", "test")}
    scenes.add(make(seed=1).rooms([0])[0])
    assert len(scenes) == 4
    assert data.at("test").at("train").rooms([4]) == data.rooms([4])


def test_no_painter_changes_the_truth() -> None:
    painted, black = make().batch([0, 1]), ArrowRoom(DIMS, painter=Black()).batch([0, 1])
    assert not torch.equal(painted.image, black.image)
    assert painted.truth is not None
    assert black.truth is not None
    for name in ("labels", "boxes", "visible_boxes", "instances", "depth"):
        assert torch.equal(getattr(painted.truth, name), getattr(black.truth, name))
    assert all(torch.equal(painted.truth.extra[key], black.truth.extra[key]) for key in painted.truth.extra)


def test_an_empty_batch_is_a_batch() -> None:
    batch = make().batch([])
    assert batch.image.shape == (0, 3, 48, 48)
    assert batch.truth is not None
    assert batch.truth.boxes.shape == (0, 4, 4)


@pytest.mark.parametrize("indices", [[60_000], [-1], [0.5], [[0]]])
def test_an_index_that_is_none_is_refused(indices: list[object]) -> None:
    with pytest.raises(DataError, match=r"arrow-room: (no image|indices must)"):
        make().batch(indices)  # type: ignore[arg-type]


def test_grey_images_are_refused() -> None:
    with pytest.raises(OptionError, match="arrow-room has images of 3 channels; channels is 1"):
        ArrowRoom(Dims(channels=1), painter=Tracer())


def test_an_unknown_split_is_refused() -> None:
    with pytest.raises(OptionError, match="split: 'tset' is not a split"):
        make().at("tset")


def test_a_spec_composes_it_with_the_tracer_by_default() -> None:
    data = data_of({"use": "arrow-room", "seed": 2})
    assert isinstance(data, ArrowRoom)
    assert isinstance(data.painter, Tracer)
    assert torch.equal(data.batch([1]).image, ArrowRoom(DIMS, painter=Tracer(), seed=2).batch([1]).image)


def test_a_spec_composes_cycles_without_running_it() -> None:
    data = data_of({"use": "arrow-room", "painter": {"use": "cycles", "python": "nowhere/python", "samples": 8}})
    assert isinstance(data, ArrowRoom)
    assert isinstance(data.painter, Cycles)
    assert data.painter.samples == 8


def data_of(options: dict[str, object]) -> Data:
    return load_spec({"dims": {"channels": 3, "size": 48}, "data": options}, top=DataSpec).data()
