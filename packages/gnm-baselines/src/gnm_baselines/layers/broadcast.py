"""Spatial broadcast decoder (Watters et al., 2019, arXiv:1901.07017)."""

import numpy as np
import torch
from gnm_core import kernels
from torch import Tensor, nn
from torch.nn import functional as F


class BroadcastDecoder(nn.Module):
    """Codes to pictures: the code at every pixel beside its coordinates, valid 3x3 convolutions with ELU, 1x1, sigmoid.

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
        made: Tensor | None = kernels.run("broadcast-decoder", self, codes)
        if made is not None:
            return made
        side = self.coordinates.shape[-1]
        x = codes[:, :, None, None].expand(-1, -1, side, side)
        x = torch.cat([x, self.coordinates.expand(len(codes), -1, -1, -1)], dim=1)
        for conv in self.convs:
            x = F.elu(conv(x))
        pictures: Tensor = self.last(x)
        return pictures.sigmoid()
