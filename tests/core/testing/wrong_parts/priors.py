"""Priors of the scene latent that are wrong in one way each."""

from collections.abc import Sequence

import torch
from gnm_core import Dims, LatentPrior, PresencePrior, ScenePrior
from torch import Tensor, nn
from torch.distributions import Bernoulli, Distribution, Normal, kl_divergence, register_kl
from torch.nn import functional as F


class Misjudged(Normal):
    """Samples a Normal and says the log-density of something else."""

    def __init__(self, mean: Tensor, scale: Tensor, *, wider: float = 1.0, off: float = 0.0) -> None:
        super().__init__(mean, scale, validate_args=False)
        self.wider, self.off = wider, off

    def log_prob(self, value: Tensor) -> Tensor:
        said: Tensor = Normal(self.loc, self.wider * self.scale, validate_args=False).log_prob(value)
        return said + self.off / self.loc.shape[-1]


class Bent(Normal):
    """A Normal bent by z = u + 0.5 tanh(u), its log-density without the Jacobian where told so."""

    def __init__(self, mean: Tensor, scale: Tensor, *, forgets: bool) -> None:
        super().__init__(mean, scale, validate_args=False)
        self.forgets = forgets

    def sample(self, sample_shape: torch.Size = torch.Size()) -> Tensor:  # noqa: B008 (as torch declares it)
        u = super().sample(sample_shape)
        return u + 0.5 * u.tanh()

    def log_prob(self, value: Tensor) -> Tensor:
        u = value / 1.25
        for _ in range(30):
            slope = 1 + 0.5 * (1 - u.tanh().square())
            u = u - (u + 0.5 * u.tanh() - value) / slope
        density: Tensor = super().log_prob(u)
        return density if self.forgets else density - slope.log()


class Closed(Normal):
    """A Normal with a closed form of its own for divergences from it."""

    def log_prob(self, value: Tensor) -> Tensor:
        return super().log_prob(value)  # its own, so that torch's closed forms are not taken for its


class ClosedBackwards(Closed):
    """The same, by a closed form whose arguments have changed places."""


@register_kl(Normal, Closed)
def _forwards(q: Normal, p: Closed) -> Tensor:
    return kl_divergence(Normal(q.loc, q.scale), Normal(p.loc, p.scale))


@register_kl(Normal, ClosedBackwards)
def _backwards(q: Normal, p: ClosedBackwards) -> Tensor:
    return kl_divergence(Normal(p.loc, p.scale), Normal(q.loc, q.scale))


class Wrong(ScenePrior):
    """Right unless told otherwise."""

    def __init__(self, dims: Dims, *, fault: str = "") -> None:
        super().__init__()
        self.fault, self.calls = fault, 0
        self.net = nn.Linear(dims.features * dims.grid**2 if fault != "one size" else 128, 2 * dims.scene)
        self.dropout = nn.Dropout(0.5)

    def forward(self, hidden: Tensor) -> Distribution:  # noqa: PLR0911 (a fault a line)
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
            case "no Jacobian" | "Jacobian":
                return Bent(mean, scale, forgets=self.fault == "no Jacobian")
            case "swapped divergence":
                return ClosedBackwards(mean, scale, validate_args=False)
            case "divergence":
                return Closed(mean, scale, validate_args=False)
            case "double in the end":
                return Normal(mean.double(), scale.double(), validate_args=False)
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
    "no Jacobian": "densities-are-those-of-its-samples",
    "swapped divergence": "divergences-are-those-of-its-density",
    "double in the end": "numbers-stay-of-their-kind",
}
"""Each fault, and the law that it breaks."""
ALSO_RIGHT = ("Jacobian", "divergence")
"""What is unusual and right."""


class Unnormalised(Normal):
    """Leaves out of its log-density what does not depend on the value."""

    def log_prob(self, value: Tensor) -> Tensor:
        return -0.5 * ((value - self.loc) / self.scale).square()


class WrongReference(LatentPrior):
    """Right unless told otherwise."""

    def __init__(self, *, fault: str = "") -> None:
        super().__init__()
        self.fault = fault

    def reference(self, step: int) -> Distribution:
        mean, scale = torch.tensor([-1.6, 0.0, 0.5, 0.0]), torch.tensor([0.1, 0.3, 0.3, 0.3])
        kind = Unnormalised if self.fault == "no constant" else Normal
        return kind(mean, scale, validate_args=False)


REFERENCE_FAULTS = {"no constant": "densities-are-those-of-its-samples"}


class Leaky(Bernoulli):
    """Says the mass of present for absent as well."""

    def log_prob(self, value: Tensor) -> Tensor:
        return self.probs.log().expand_as(value)


class WrongRate(PresencePrior):
    """Right unless told otherwise."""

    def __init__(self, *, fault: str = "") -> None:
        super().__init__()
        self.fault = fault

    def reference(self, step: int) -> Distribution:
        kind = Leaky if self.fault == "one mass for both" else Bernoulli
        return kind(torch.full((1,), 0.1 / (1 + step / 1000)), validate_args=False)


RATE_FAULTS = {"one mass for both": "its-masses-add-up-to-one"}
