"""Finds the digits of a picture and says how likely each is of each class."""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_data.judges.canvas import to_canvas
from gnm_data.judges.crops import cut
from gnm_data.judges.digit_training_data import NOTHING
from gnm_data.judges.networks import Classifier, Detector
from gnm_data.judges.proposals import Proposals, propose
from gnm_data.judges.reading import FLOOR, Candidates
from gnm_data.judges.weights import FOLDER, load

_BATCH = 64
"""Pictures that are looked at together; more need more memory, not less time."""
_MIN_HEAT = 0.15
"""Least heat of a candidate."""
_MIN_DISTANCE = 0.3
"""Two candidates nearer than this, as a share of the size of the colder, are one."""


UNIT = 20.0
"""The detector predicts the logarithm of a digit's longest side over this, in 128ths of the picture."""


def digit_sizes(found: Proposals) -> Tensor:
    """(M,) longest side of each digit, in 128ths of the picture."""
    return UNIT * found.rest[:, 0].clamp(-1, 1).exp()


def propose_digits(output: Tensor, threshold: float, apart: float) -> Proposals:
    """Proposals out of the detector's map, each at least a share `apart` of its size from any hotter one."""
    return propose(output, threshold, lambda rest: apart * UNIT * rest[:, 0].clamp(-1, 1).exp())


def digit_networks() -> nn.ModuleDict:
    """`detector` (heat, place, size) and `classifier` (ten classes, nothing, way to the middle), untrained."""
    return nn.ModuleDict({"detector": Detector(1, 4, (16, 48)), "classifier": Classifier(1, NOTHING + 3)})


class DigitReader:
    """A detector proposes places; a classifier looks at each of them.

    Args:
        weights: file of trained weights; by default those of the package.
    """

    def __init__(self, weights: Path | None = None) -> None:
        self._networks = digit_networks()
        load(self._networks, weights or FOLDER / "digits.safetensors")

    @torch.inference_mode()
    def read(self, images: Tensor) -> Iterator[Candidates]:
        """(B, C, H, W) → the candidates of each picture."""
        for start in range(0, len(images), _BATCH):
            canvas = to_canvas(images[start : start + _BATCH], 1)
            found = propose_digits(self._networks["detector"](F.avg_pool2d(canvas, 2)), _MIN_HEAT, _MIN_DISTANCE)
            sizes = digit_sizes(found)
            crops = cut(canvas, found.scene, found.centres, sizes)
            predicted = self._networks["classifier"](crops.contiguous(memory_format=torch.channels_last)).double()
            scores = predicted[:, : NOTHING + 1].log_softmax(1).clamp(min=FLOOR).numpy()
            places = (found.centres + predicted[:, NOTHING + 1 :] * sizes[:, None]).numpy()
            for some in found.by_picture(len(canvas)):
                yield Candidates(places[some], scores[some])
