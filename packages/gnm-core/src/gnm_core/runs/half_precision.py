"""Weights at half their size: float16 in the file, float32 in the model."""

from collections.abc import Mapping

import safetensors.torch
import torch
from torch import Tensor

from gnm_core.errors import RunError

DECLARED = "numbers"
"""Key, in `meta.json` and in the file itself, that says how its numbers are stored."""
HALF = "float16"


def rounded(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with float32 rounded to float16; tensors of whole numbers stay as they are.

    Raises:
        RunError: a number is too large for float16, or is not finite.
    """
    halves = {}
    for name, tensor in weights.items():
        small = tensor.to(torch.float16) if tensor.dtype == torch.float32 else tensor
        if small.is_floating_point() and not small.isfinite().all():
            what = "is not finite" if not tensor.isfinite().all() else "is too large for float16"
            raise RunError(f"the weights cannot be exported: a number of {name} {what}")
        halves[name] = small.contiguous()
    return halves


def largest_change(weights: Mapping[str, Tensor]) -> float:
    """How much of a tensor's largest number rounding changes any of its numbers, at most."""
    changes = [0.0]
    for tensor in weights.values():
        if tensor.dtype == torch.float32 and tensor.numel() and (largest := tensor.abs().max()) > 0:
            changes.append(float((tensor - tensor.to(torch.float16).float()).abs().max() / largest))
    return max(changes)


def to_bytes(weights: Mapping[str, Tensor]) -> bytes:
    """A safetensors file that declares its numbers as float16."""
    return safetensors.torch.save(dict(weights), metadata={"format": "pt", DECLARED: HALF})


def widened(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors with float16 widened to float32."""
    return {name: tensor.float() if tensor.dtype == torch.float16 else tensor for name, tensor in tensors.items()}
