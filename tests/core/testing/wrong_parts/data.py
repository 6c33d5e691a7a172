"""Data sets, judges and figures that are wrong in one way each."""

from collections.abc import Sequence

import numpy as np
import torch
from gnm_core import Batch, Data, Dims, Figure, FigureError, Judge, Model, Truth, Verdict
from torch import Tensor

SPLITS = ("train", "validation", "test")


class WrongData(Data):
    """One bright row an image, unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "", split: str = "train") -> None:
        self.dims, self.fault, self.split = dims, fault, split
        rng = np.random.default_rng(SPLITS.index(split) if fault != "one split" else 0)
        self.images = torch.from_numpy(rng.random((12, dims.channels, dims.size, dims.size), dtype=np.float32))
        if fault == "seeds of neighbours":
            seeds = [SPLITS.index(split) + i for i in range(12)]
            images = [np.random.default_rng(seed).random(self.images.shape[1:], dtype=np.float32) for seed in seeds]
            self.images = torch.from_numpy(np.stack(images))
        self.shared = self.images[[0, 3, 1, 2]]

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        rows = torch.as_tensor(np.asarray(indices))
        image = self.images[rows]
        match self.fault:
            case "random":
                image = (image + 0.1 * torch.rand_like(image)).clamp(0, 1)
            case "bytes":
                image = 255 * image
            case "seeds everybody":
                np.random.seed(int(rows[0]))
            case "mixes":
                image = 0.5 * image + 0.5 * image.mean(0)
            case "shares" if rows.tolist() == [0, 3, 1, 2]:
                image = self.shared
        boxes = torch.tensor([[1.0, 2, 9, 5]]).expand(len(rows), 1, 4)
        instances = torch.zeros(len(rows), self.dims.size, self.dims.size, dtype=torch.uint8)
        instances[:, 2:5, 1:9] = 1
        if self.fault == "rows first":
            boxes = boxes[..., [1, 0, 3, 2]]
        if self.fault == "turned boxes":
            boxes = boxes.flip(-1)
        present = torch.ones(len(rows), 1, dtype=torch.bool)
        labels = torch.zeros(len(rows), 1, dtype=torch.int64)
        return Batch(image, Truth(present, labels, boxes.clone(), instances=instances))

    def at(self, split: str) -> "WrongData":
        if self.fault == "moves":
            self.split = split
            return self
        other = WrongData(self.dims, fault=self.fault, split=split)
        if self.fault == "loses options":
            other.images = other.images * 0.5
        return other

    def order(self, epoch: int, seed: int) -> np.ndarray:
        order = super().order(epoch, seed)
        if self.fault == "no order":
            return np.random.permutation(len(self))
        return order % 6 if self.fault == "half an epoch" else order


DATA_FAULTS = {
    "random": "the-same-image-for-the-same-index",
    "mixes": "the-same-image-for-the-same-index",
    "bytes": "images-of-the-right-kind",
    "shares": "its-images-stay-as-they-are",
    "one split": "splits-are-apart",
    "moves": "splits-are-apart",
    "loses options": "there-and-back",
    "no order": "an-order-for-each-epoch",
    "half an epoch": "an-order-for-each-epoch",
    "turned boxes": "truth-fits-the-images",
    "rows first": "boxes-hold-their-objects",
    "seeds of neighbours": "no-image-is-in-two-splits",
    "seeds everybody": "torch-is-left-as-it-was",
}


class WrongSeeds(Data):
    """Noise by seed and index, right unless told otherwise."""

    def __init__(self, dims: Dims, *, seed: int = 0, fault: str = "", split: str = "train") -> None:
        self.dims, self.seed, self.fault, self.split = dims, seed, fault, split

    def __len__(self) -> int:
        return 50

    def at(self, split: str) -> "WrongSeeds":
        return WrongSeeds(self.dims, seed=self.seed, fault=self.fault, split=split)

    def batch(self, indices: Sequence[int] | np.ndarray) -> Batch:
        return Batch(torch.from_numpy(np.stack([self._image(int(index)) for index in indices])))

    def _image(self, index: int) -> np.ndarray:
        split = SPLITS.index(self.split)
        seeds = (split, self.seed + index) if self.fault == "adds up" else (split, self.seed, index)
        shape = (self.dims.channels, self.dims.size, self.dims.size)
        return np.random.default_rng(seeds).random(shape, dtype=np.float32)


SEEDS_FAULTS = {"adds up": "another-seed-is-another-data-set"}


class WrongJudge(Judge):
    """Likes bright pictures, unless told otherwise."""

    version = "1"

    def __init__(self, *, fault: str = "") -> None:
        self.fault, self.calls = fault, 0
        self.kept: dict[int, Tensor] = {}

    def judge(self, images: Tensor) -> list[Verdict]:
        self.calls += 1
        if self.fault == "changes pictures":
            images.mul_(0.5)
        if self.fault == "by address":
            images = self.kept.setdefault(images.data_ptr(), images.clone())
        if self.fault == "seeds everybody":
            torch.manual_seed(0)
        light = images.flatten(1).mean(1)
        bar = (
            light.mean() - 1e-6 if self.fault == "compares" else 0.25 + 0.5 * (self.calls > 2) * (self.fault == "tires")
        )
        good = [bool(one) for one in light > bar]
        if self.fault == "counts once":
            good = good[:1]
        why = "" if self.fault == "no reason" else "too dark"
        return [Verdict(one, "" if one else why, 0.0, "light/1") for one in good]


JUDGE_FAULTS = {
    "changes pictures": "each-picture-alone",
    "compares": "each-picture-alone",
    "tires": "each-picture-alone",
    "counts once": "a-verdict-for-each-picture",
    "no reason": "a-verdict-for-each-picture",
    "by address": "what-is-there-now-is-judged",
    "seeds everybody": "torch-is-left-as-it-was",
}


class WrongFigure(Figure):
    """The first picture, unless told otherwise."""

    def __init__(self, *, fault: str = "") -> None:
        self.fault = fault

    def draw(self, model: Model, batch: Batch) -> np.ndarray:
        if self.fault == "trains the model":
            model.train()
        if self.fault == "changes the batch":
            batch.image.zero_()
        if not len(batch.image) and self.fault != "trips over nothing":
            raise FigureError("there is no image to draw")
        grey = (batch.image[0, 0] if self.fault != "grey alone" else batch.image[0].squeeze(0)).numpy()
        if self.fault == "noise":
            grey = grey * np.random.rand()
        picture = np.repeat(grey[..., None], 3, 2)
        return picture if self.fault == "floats" else (255 * picture).astype(np.uint8)


FIGURE_FAULTS = {
    **dict.fromkeys(("trains the model", "changes the batch", "noise", "floats"), "a-picture-of-bytes"),
    **dict.fromkeys(("trips over nothing", "grey alone"), "pictures-of-every-kind"),
}
"""Each fault, and the law that it breaks."""
