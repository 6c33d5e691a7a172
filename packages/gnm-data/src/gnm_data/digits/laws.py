"""Laws of sources of digits."""

import numpy as np
from gnm_core.testing import Bench, law, require

from gnm_data.digits.contract import DigitSource
from gnm_data.splits import SPLITS


@law(DigitSource)
def digits_of_the_right_kind(bench: Bench) -> None:
    """(N, H, W) uint8 with ink in each, (N,) int64 labels from 0 to 9, every class in every split."""
    source = bench.build()
    for split in SPLITS:
        digits = source.read(split)
        images, labels = digits.images, digits.labels
        require(images.dtype == np.uint8, f"{split}: the images are {images.dtype}; expected uint8")
        require(images.ndim == 3, f"{split}: the images have shape {images.shape}; expected (N, H, W)")
        require(labels.dtype == np.int64, f"{split}: the labels are {labels.dtype}; expected int64")
        require(
            labels.shape == images.shape[:1], f"{split}: labels of shape {labels.shape} for images of {images.shape}"
        )
        blank = np.flatnonzero(~images.any((1, 2)))
        require(len(blank) == 0, f"{split}: {len(blank)} images are blank, the first at {blank[:1]}")
        found = sorted(set(labels.tolist()))
        require(found == list(range(10)), f"{split}: its labels are {found}; expected all from 0 to 9")


@law(DigitSource)
def always_the_same_digits(bench: Bench) -> None:
    """The same digits in the same order, asked again, of a fresh copy, and after somebody has painted over them."""
    source = bench.build(seed=0)
    for split in SPLITS:
        first = source.read(split)
        images, labels = first.images.copy(), first.labels.copy()
        np.random.seed(99)
        for name, again in (("asked again", source.read(split)), ("of a fresh copy", bench.build(seed=1).read(split))):
            same = np.array_equal(images, again.images) and np.array_equal(labels, again.labels)
            require(same, f"{split}: {name}, it gives other digits")
        if first.images.flags.writeable:
            first.images[:] = 0
            same = np.array_equal(images, source.read(split).images)
            require(same, f"{split}: its digits change when those that it gave are changed")


@law(DigitSource)
def no_digit_is_in_two_splits(bench: Bench) -> None:
    """What is tested on was not trained on."""
    source = bench.build()
    seen = {split: {image.tobytes() for image in source.read(split).images} for split in SPLITS}
    for i, one in enumerate(SPLITS):
        for other in SPLITS[i + 1 :]:
            shared = len(seen[one] & seen[other])
            require(shared == 0, f"{shared} pictures are in '{one}' and in '{other}'")


@law(DigitSource)
def glyphs_are_cut_to_their_ink(bench: Bench) -> None:
    """Scaled, every digit still has ink, and its longer side is the size that was asked for."""
    glyphs = bench.build().glyphs("test", 12)
    sides = glyphs.pick(np.arange(glyphs.counts.sum())).sides
    wrong = int((sides.max(1) != 12).sum())
    require(wrong == 0, f"{wrong} of {len(sides)} digits scaled to 12 px have another longer side")
