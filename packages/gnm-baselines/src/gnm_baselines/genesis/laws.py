"""Laws of attentions."""

from collections.abc import Mapping
from typing import Any

import torch
from gnm_core.dims import Dims
from gnm_core.testing import EXERCISES, EXPERIMENTS, Bench, Experiment, Outputs, law, require
from gnm_core.testing.require import require_shape
from torch import Tensor

from gnm_baselines.genesis.attention import Attention


def _inputs(attention: Attention, dims: Dims, batch: int) -> dict[str, Tensor]:
    image = torch.rand(batch, dims.channels, dims.size, dims.size)
    return {"image": image, "code": torch.randn(batch, attention.code)}


def _exercise(attention: Attention, dims: Dims) -> Outputs:
    given = _inputs(attention, dims, 3)
    features, logits = attention.encode(given["image"]), attention.decode(given["code"])
    require_shape("the features", features, 3, attention.features)
    require_shape("the logits", logits, 3, dims.size, dims.size)
    return {"the features": features, "the logits": logits}


def _fixed(attention: Any, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {"the features": attention.encode(given["image"]), "the logits": attention.decode(given["code"])}


EXERCISES[Attention] = _exercise
EXPERIMENTS[Attention] = Experiment(_inputs, _fixed, None, ("image", "code"))


@law(Attention)
def a_mask_for_each_code(bench: Bench) -> None:
    """Two codes are two masks, and a mask is not the same everywhere."""
    attention = bench.part()
    with torch.no_grad():
        logits = attention.decode(3 * torch.randn(2, attention.code))
    require(float((logits[0] - logits[1]).abs().max()) > 0, "two mask codes have one and the same mask")
    require(float(logits.flatten(1).std(1).min()) > 0, "the logits of a mask are the same at every pixel")
