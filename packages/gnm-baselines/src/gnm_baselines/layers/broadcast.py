"""Spatial broadcast decoder (Watters et al., 2019, arXiv:1901.07017) that never broadcasts."""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_baselines.layers.elu import elu, elu_of_sum
from gnm_baselines.layers.pointwise import pointwise

CHUNK = 8
"""Pictures decoded at a time, so that what is not kept for the backward pass stays small."""


class BroadcastDecoder(nn.Module):
    """Codes to pictures: the code at every pixel beside its coordinates, valid 3x3 convolutions with ELU, 1x1, sigmoid.

    The code is the same at every pixel, so the first convolution adds to a picture the same numbers everywhere: the
    code times the kernel's sum. What it makes of the coordinates is the same for all pictures. Neither the broadcast
    map nor its convolution is ever computed.

    Args:
        code: numbers in.
        outputs: channels out.
        size: side of the pictures.
        layers: valid 3x3 convolutions.
        channels: of each of them.
    """

    coordinates: Tensor

    def __init__(self, code: int, outputs: int, size: int, *, layers: int = 3, channels: int = 32) -> None:
        super().__init__()
        inputs = [code + 2] + [channels] * (layers - 1)
        self.convs = nn.ModuleList(nn.Conv2d(n, channels, 3) for n in inputs)
        self.last = nn.Conv2d(channels, outputs, 1)
        self.code = code
        # In numpy: arithmetic on the meta device, where specs are checked, would import sympy, which takes a second.
        axis = np.linspace(-1, 1, size + 2 * layers, dtype=np.float32)
        coordinates = torch.as_tensor(np.stack(np.meshgrid(axis, axis)))[None]
        coordinates = coordinates.contiguous(memory_format=torch.channels_last)
        self.register_buffer("coordinates", coordinates, persistent=False)

    def forward(self, codes: Tensor) -> Tensor:
        """(N, code) → (N, outputs, size, size) in [0, 1]."""
        first = self.convs[0]
        assert isinstance(first, nn.Conv2d)
        shared = F.conv2d(self.coordinates, first.weight[:, self.code :], first.bias)[0]
        own = codes @ first.weight[:, : self.code].sum((2, 3)).T
        return torch.cat([self._decode(elu_of_sum(shared, some)) for some in own.split(CHUNK)])

    def _decode(self, x: Tensor) -> Tensor:
        for conv in self.convs[1:]:
            x = elu(conv(x))
        return pointwise(self.last, x).sigmoid()
