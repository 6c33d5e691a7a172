"""Pictures mirrored and turned, and what is known of them with them."""

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from gnm_core import Batch, Data, Truth
from gnm_core.parts.data.turned import Turned

SIZE = 12


class Blocks(Data):
    """Five pictures of one bright block each, whose box is known."""

    def __init__(self, split: str = "train") -> None:
        self.split = split

    def __len__(self) -> int:
        return 5

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        image = torch.zeros(len(indices), 1, SIZE, SIZE)
        boxes = torch.zeros(len(indices), 2, 4)
        for i, index in enumerate(indices):
            x, y, width, height = 1 + int(index), 1 + int(index), 3, 5
            image[i, :, y : y + height, x : x + width] = 1
            boxes[i, 0] = torch.tensor([x, y, x + width, y + height])
        present = torch.tensor([[True, False]]).expand(len(indices), 2)
        instances = (image[:, 0] > 0).to(torch.uint8)
        return Batch(image, Truth(present, present.long() - 1, boxes, boxes.clone(), instances))

    def at(self, split: str) -> "Blocks":
        return Blocks(split)


@pytest.mark.parametrize(("ways", "copies"), [("mirror", 2), ("all", 8)])
def test_every_copy_is_another_picture_and_its_boxes_hold_its_block(ways: str, copies: int) -> None:
    data = Turned(data=Blocks(), ways=ways)  # type: ignore[arg-type]
    assert len(data) == 5 * copies
    batch = data.batch(range(len(data)))
    assert batch.truth is not None
    assert len(batch.image.flatten(1).unique(dim=0)) == len(data)
    for image, boxes, visible, instances in zip(
        batch.image, batch.truth.boxes, batch.truth.visible_boxes, batch.truth.instances, strict=True
    ):
        rows, columns = image[0].nonzero().unbind(1)
        block = [int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1]
        assert boxes.tolist() == [block, [0, 0, 0, 0]]
        assert torch.equal(boxes, visible)
        assert torch.equal(instances.float(), image[0])


def test_pictures_come_first_and_as_they_are() -> None:
    assert torch.equal(Turned(data=Blocks(), ways="all").batch([3, 1]).image, Blocks().batch([3, 1]).image)


def test_a_mirrored_picture_is_mirrored_left_to_right() -> None:
    assert torch.equal(Turned(data=Blocks()).batch([7]).image, Blocks().batch([2]).image.flip(-1))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_only_training_has_copies(split: str) -> None:
    data = Turned(data=Blocks(), ways="all").at(split)
    assert (len(data), data.data.split) == (5, split)
    assert torch.equal(data.batch([4]).image, Blocks().batch([4]).image)
