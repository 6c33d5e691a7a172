"""A spatial broadcast decoder that never broadcasts."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_baselines.fused.elu import elu_of_sum
from gnm_baselines.fused.pointwise import pointwise
from gnm_baselines.layers.broadcast import BroadcastDecoder
from gnm_baselines.layers.elu import elu

CHUNK = 8
"""Pictures decoded at a time, so that what is not kept for the backward pass stays small."""


def broadcast_decoder(layer: BroadcastDecoder, codes: Tensor) -> Tensor:
    """(N, code) → (N, outputs, size, size) in [0, 1].

    The code is the same at every pixel, so the first convolution adds to a picture the same numbers everywhere: the
    code times the kernel's sum. What it makes of the coordinates is the same for all pictures. Neither the broadcast
    map nor its convolution is ever computed.
    """
    first = layer.convs[0]
    assert isinstance(first, nn.Conv2d)
    shared = F.conv2d(layer.coordinates, first.weight[:, layer.code :], first.bias)[0]
    own = codes @ first.weight[:, : layer.code].sum((2, 3)).T
    return torch.cat([_decode(layer, elu_of_sum(shared, some)) for some in own.split(CHUNK)])


def _decode(layer: BroadcastDecoder, x: Tensor) -> Tensor:
    for conv in layer.convs[1:]:
        x = elu(conv(x))
    return pointwise(layer.last, x).sigmoid()
