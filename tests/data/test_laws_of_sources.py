"""Laws of sources of digits and of painters: wrong ones are caught by the law that they break, right ones pass."""

from collections.abc import Sequence

import numpy as np
import pytest
from gnm_core import Contract
from gnm_core.testing import ConformanceError, check_part, checks_of
from gnm_data import Digits, DigitSource, Painter, Room, Split, look_at


class Squares(DigitSource):
    """White squares, the larger the digit; one column further to the right in each split."""

    def __init__(self, *, fault: str = "") -> None:
        self.fault, self.asked = fault, 0
        self.kept: dict[str, Digits] = {}

    def read(self, split: Split) -> Digits:
        if self.fault == "kept" and split in self.kept:
            return self.kept[split]
        self.asked += 1
        labels = np.arange(9 if self.fault == "nine" else 10)
        left = 0 if self.fault == "shared" else ("train", "validation", "test").index(split)
        left += self.asked if self.fault == "counts" else 0
        images = np.zeros((len(labels), 28, 28), np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 : 8 + label, left : 6 + left] = 255
        if self.fault == "blank":
            images[4] = 0
        kind = np.float32 if self.fault == "float" else np.uint8
        self.kept[split] = Digits(images.astype(kind), labels)
        return self.kept[split]


class Flat(Painter):
    """Every body in a flat colour."""

    def __init__(self, *, fault: str = "") -> None:
        self.fault, self.asked = fault, 0

    def paint(self, rooms: Sequence[Room], size: int) -> np.ndarray:
        self.asked += 1
        pictures = np.full((len(rooms), size, size, 3), 200, np.uint8)
        for picture, room, seen in zip(pictures, rooms, look_at(rooms, size), strict=True):
            for i, body in enumerate(room.bodies):
                picture[seen.instances == i + 1] = (255 * np.array(room.albedo(body))).astype(np.uint8)
        match self.fault:
            case "counts":
                return pictures - np.uint8(self.asked)
            case "mixes":
                return np.maximum(pictures, pictures[:1]) if len(rooms) else pictures
            case "float":
                return pictures / 255
            case "turned":
                return pictures[:, :, ::-1]
            case "same":
                return np.broadcast_to(pictures[:1] * 0, pictures.shape).copy()
        return pictures


FAULTS = [
    (DigitSource, Squares, "float", "digits-of-the-right-kind", "the images are float32; expected uint8"),
    (DigitSource, Squares, "blank", "digits-of-the-right-kind", r"1 images are blank, the first at \[4\]"),
    (DigitSource, Squares, "nine", "digits-of-the-right-kind", "expected all from 0 to 9"),
    (DigitSource, Squares, "counts", "always-the-same-digits", "train: asked again, it gives other digits"),
    (DigitSource, Squares, "kept", "always-the-same-digits", "change when those that it gave are changed"),
    (DigitSource, Squares, "shared", "no-digit-is-in-two-splits", "10 pictures are in 'train' and in 'validation'"),
    (Painter, Flat, "float", "pictures-of-the-right-kind", "the pictures are float64; expected uint8"),
    (Painter, Flat, "counts", "each-room-alone", "painted again, .* numbers differ"),
    (Painter, Flat, "mixes", "each-room-alone", "room 1 alone differs from the same among 3"),
    (Painter, Flat, "same", "each-room-alone", "two rooms have one and the same picture"),
    (Painter, Flat, "turned", "bodies-are-where-truth-says", "where the truth has it and by .* elsewhere"),
]


@pytest.mark.parametrize(
    ("contract", "part", "fault", "law", "message"), FAULTS, ids=[f"{case[0].__name__}-{case[2]}" for case in FAULTS]
)
def test_a_wrong_source_is_caught_by_the_law_that_it_breaks(
    contract: type[Contract], part: type[Contract], fault: str, law: str, message: str
) -> None:
    (check,) = [check for check in checks_of(contract, part, options={"fault": fault}) if check.name == law]
    with pytest.raises(ConformanceError, match=f"^{law}: .*{message}"):
        check()


@pytest.mark.parametrize(("contract", "part"), [(DigitSource, Squares), (Painter, Flat)])
def test_the_right_one_beside_it_passes(contract: type[Contract], part: type[Contract]) -> None:
    check_part(contract, part)
