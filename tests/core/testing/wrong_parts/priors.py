"""Priors of the scene latent that are wrong in one way each."""

from collections.abc import Sequence

import torch
from gnm_core import Dims, ScenePrior
from torch import Tensor, nn
from torch.distributions import Distribution, Normal
from torch.nn import functional as F


class Misjudged(Normal):
    """Samples a Normal and says the log-density of something else."""

    def __init__(self, mean: Tensor, scale: Tensor, *, wider: float = 1.0, off: float = 0.0) -> None:
        super().__init__(mean, scale, validate_args=False)
        self.wider, self.off = wider, off

    def log_prob(self, value: Tensor) -> Tensor:
        said: Tensor = Normal(self.loc, self.wider * self.scale, validate_args=False).log_prob(value)
        return said + self.off / self.loc.shape[-1]


class Wrong(ScenePrior):
    """Right unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__()
        self.fault, self.calls = fault, 0
        self.net = nn.Linear(dims.features * dims.grid**2 if fault != "one size" else 128, 2 * dims.scene)
        self.dropout = nn.Dropout(0.5)

    def forward(self, hidden: Tensor) -> Distribution:
        self.calls += 1
        x = hidden.flatten(1)
        match self.fault:
            case "mixes images":
                x = x + x.mean(0)
            case "in place":
                hidden.mul_(0.5)
            case "no float64":
                x = x + torch.zeros(1, dtype=torch.float32).to(x) if x.dtype == torch.float32 else x.float()
            case "no bf16" if torch.is_autocast_enabled("cpu"):
                raise RuntimeError("expected Float but found BFloat16")
            case "no single image" if len(x) == 1:
                x = x.squeeze(0).unsqueeze(0).unsqueeze(0).squeeze(3)
            case "nan alone":
                x = x / x.std(0, keepdim=True)
            case "counts":
                x = x + self.calls
            case "cut":
                x = x.detach()
            case "drops":
                x = F.dropout(x, 0.5, training=True)
            case "half cut":
                x = torch.zeros_like(x) + x.detach()
        mean, raw = self.net(x).float().chunk(2, 1) if self.fault != "no float64" else self.net(x).chunk(2, 1)
        if x.dtype == torch.float64:
            mean, raw = self.net(x).chunk(2, 1)
        scale = F.softplus(raw) + 0.1
        match self.fault:
            case "wider":
                return Misjudged(mean, scale, wider=2.0)
            case "narrower":
                return Misjudged(mean, scale, wider=0.5)
            case "off":
                return Misjudged(mean, scale, off=0.7)
            case "below":
                return Misjudged(mean, scale, off=-0.7)
        return Normal(mean, scale, validate_args=False)

    def of_steps(self, hidden: Sequence[Tensor]) -> tuple[Distribution, ...]:
        if self.fault == "other steps":
            return tuple(self(state + 0.1 * i) for i, state in enumerate(hidden))
        return super().of_steps(hidden)


FAULTS = {
    "wider": "densities-are-those-of-its-samples",
    "narrower": "densities-are-those-of-its-samples",
    "off": "densities-are-those-of-its-samples",
    "below": "densities-are-those-of-its-samples",
    "mixes images": "each-image-alone",
    "in place": "inputs-stay-as-they-are",
    "no float64": "twice-the-digits",
    "no bf16": "half-the-digits",
    "no single image": "each-image-alone",
    "one size": "other-sizes",
    "nan alone": "each-image-alone",
    "counts": "it-remembers-nothing",
    "other steps": "all-steps-together",
    "drops": "evaluation-is-deterministic",
    "cut": "gradients-reach-the-inputs",
}
"""Each fault, and the law that it breaks."""
