"""Encoders and decoders that are wrong in one way each."""

from threading import Lock

import numpy as np
import torch
from gnm_core import Dims, Encoder, GlimpseDecoder
from torch import Tensor, nn


class WrongEncoder(Encoder):
    """Right unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__()
        self.fault = fault
        self.conv = nn.Conv2d(dims.channels, dims.features, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(dims.grid)
        self.late: nn.Module | None = None
        self.kept: dict[int, Tensor] = {}
        self.unused = nn.Linear(2, 2) if fault == "unused" else None
        self.lock = Lock() if fault == "no copy" else None

    def forward(self, image: Tensor) -> Tensor:
        match self.fault:
            case "own seed":
                torch.manual_seed(0)
            case "numpy's seed":
                np.random.seed(0)
            case "forgets to learn":
                torch.set_grad_enabled(False)
            case "one layout":
                image = image.view(-1).view(image.shape)
            case "standardises":
                image = (image - image.mean((1, 2, 3), True)) / image.std((1, 2, 3), keepdim=True)
            case "by address":
                image = self.kept.setdefault(image.data_ptr(), image.clone())
            case "made late":
                self.late = self.late or nn.Conv2d(image.shape[1], image.shape[1], 1)
                image = self.late(image)
        if self.fault == "double":  # as a constant of NumPy's makes it
            return self.pool(self.conv(image)) * torch.from_numpy(np.ones(1))  # type: ignore[no-any-return]
        if self.fault == "changes the image":
            image.clamp_(0.1, 0.9)
        if self.fault == "one size":
            image = image.view(len(image), -1, 32, 32)
        features: Tensor = self.conv(image)
        if self.fault == "steep":
            features = (features - self.conv(torch.zeros_like(image))).abs().sqrt()
        if self.fault == "batch statistics":
            features = features - features.mean((0, 2, 3), keepdim=True)
        return self.pool(features)  # type: ignore[no-any-return]


ENCODER_FAULTS = {
    "batch statistics": "each-image-alone",
    "changes the image": "inputs-stay-as-they-are",
    "one size": "other-sizes",
    "unused": "gradients-reach-every-parameter",
    "own seed": "torch-is-left-as-it-was",
    "numpy's seed": "torch-is-left-as-it-was",
    "forgets to learn": "torch-is-left-as-it-was",
    "one layout": "memory-layout-does-not-matter",
    "standardises": "flat-inputs-are-inputs",
    "steep": "flat-inputs-are-inputs",
    "made late": "its-parameters-are-there-from-the-start",
    "no copy": "a-copy-does-the-same",
    "double": "numbers-stay-of-their-kind",
    "by address": "what-is-there-now-counts",
}


class WrongDecoder(GlimpseDecoder):
    """Right unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__()
        self.fault, self.masks, self.channels = fault, True, dims.channels + 1
        self.size = 8.0 if fault == "no integer" else 8  # type: ignore[assignment]
        self.net = nn.Linear(dims.what, self.channels * 64)

    def forward(self, what: Tensor) -> Tensor:
        if self.fault == "mixes objects":
            what = what + what.mean(0)
        glimpse: Tensor = self.net(what).sigmoid().view(-1, self.channels, 8, 8)
        if self.fault == "half as large":
            return glimpse[..., ::2, ::2]
        return 2 * glimpse if self.fault == "too bright" else glimpse


DECODER_FAULTS = {
    "mixes objects": "each-image-alone",
    "no integer": "its-size-is-a-number-of-pixels",
    "half as large": "outputs-are-as-promised",
    "too bright": "outputs-are-as-promised",
}
"""Each fault, and the law that it breaks."""
