"""What the decoder of a drawn feature map takes and returns."""

from abc import abstractmethod

from gnm_core.contracts import Contract
from torch import Tensor, nn


class MapDecoder(Contract, nn.Module):
    """feature map → image."""

    kind = "decoder"
    describes = "feature map to the image"

    @abstractmethod
    def forward(self, feature_map: Tensor) -> Tensor:
        """(B, E, G, G) → (B, C, H, W) in [0, 1]."""
