"""The component VAE's encoder."""

import torch
from torch import Tensor, nn

from gnm_baselines.layers.elu import elu


class ComponentEncoder(nn.Module):
    """A picture and a mask to the parameters of a component's code: four halving convolutions, one hidden layer, ELU.

    Args:
        inputs: channels in, the mask's included.
        size: side of the picture; a multiple of 16.
        code: numbers in the code; twice as many come out.
        channels: of the four convolutions.
        hidden: size of the hidden layer.
    """

    def __init__(
        self, inputs: int, size: int, code: int, *, channels: tuple[int, ...] = (32, 32, 64, 64), hidden: int = 256
    ) -> None:
        super().__init__()
        before = [inputs, *channels]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, 2, 1) for a, b in zip(before[:-1], channels, strict=True))
        self.hidden = nn.Linear(channels[-1] * (size // 2 ** len(channels)) ** 2, hidden)
        self.parameters_of = nn.Linear(hidden, 2 * code)

    def forward(self, seen: Tensor) -> Tensor:
        """(N, inputs, H, W) → (N, 2 code): mean, raw standard deviation."""
        x = seen.contiguous(memory_format=torch.channels_last)
        for conv in self.convs:
            x = elu(conv(x))
        parameters: Tensor = self.parameters_of(elu(self.hidden(x.flatten(1))))
        return parameters
