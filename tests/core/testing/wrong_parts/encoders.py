"""Encoders and decoders that are wrong in one way each."""

from gnm_core import Dims, Encoder, GlimpseDecoder
from torch import Tensor, nn


class WrongEncoder(Encoder):
    """Right unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__()
        self.fault = fault
        self.conv = nn.Conv2d(dims.channels, dims.features, 3, padding=1)
        self.pool = nn.AdaptiveAvgPool2d(dims.grid)

    def forward(self, image: Tensor) -> Tensor:
        if self.fault == "changes the image":
            image.clamp_(0.1, 0.9)
        if self.fault == "one size":
            image = image.view(len(image), -1, 32, 32)
        features: Tensor = self.conv(image)
        if self.fault == "batch statistics":
            features = features - features.mean((0, 2, 3), keepdim=True)
        return self.pool(features)  # type: ignore[no-any-return]


ENCODER_FAULTS = {
    "batch statistics": "each-image-alone",
    "changes the image": "inputs-stay-as-they-are",
    "one size": "other-sizes",
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
        return self.net(what).sigmoid().view(-1, self.channels, 8, 8)  # type: ignore[no-any-return]


DECODER_FAULTS = {"mixes objects": "each-image-alone", "no integer": "its-size-is-a-number-of-pixels"}
"""Each fault, and the law that it breaks."""
