"""A plugin for tests: a model, a data set and a figure that learn in milliseconds and fail on request."""

import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import torch
from annotated_types import Ge
from gnm_core import hookimpl
from gnm_core.contracts import Data, Default, Figure, Model, Optimizer, Schedule
from gnm_core.dims import Dims
from gnm_core.errors import DataError
from gnm_core.plugins import installed
from gnm_core.registry import Entry, Provider
from gnm_core.results import Batch, Scene, Terms
from torch import Tensor, nn
from torch.distributions import Normal


class ToyModel(Model):
    """A VAE with batch norm and dropout, so that every kind of state is at stake.

    Args:
        dims: sizes.
        noise: whether it samples; without, it is a deterministic autoencoder without batch norm and dropout.
        nan_at: steps at which the log-likelihood is not finite.
        explode_at: steps at which only the gradient is not finite.
        pause: seconds that a step takes at least.
    """

    levels = ("all", "code")

    def __init__(
        self,
        dims: Dims,
        *,
        noise: bool = True,
        nan_at: tuple[int, ...] = (),
        explode_at: tuple[int, ...] = (),
        pause: float = 0.0,
    ) -> None:
        super().__init__()
        self.dims, self.noise = dims, noise
        self.nan_at, self.explode_at, self.pause = nan_at, explode_at, pause
        pixels = dims.channels * dims.size**2
        extras = [nn.BatchNorm1d(16), nn.Dropout(0.1)] if noise else []
        self.encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, 16), *extras, nn.Tanh())
        self.code = nn.Linear(16, 2 * dims.what)
        self.decoder = nn.Linear(dims.what, pixels)

    def terms(self, image: Tensor, step: int) -> Terms:
        return self._terms(self.encoder(image), image.flatten(1), step)

    def level_inputs(self, level: str, image: Tensor) -> Tensor | None:
        if level == "all":
            return None
        return torch.cat([self.encoder(image), image.flatten(1)], dim=1)

    def level_terms(self, level: str, inputs: Tensor, step: int) -> Terms:
        if level == "all":
            return self.terms(inputs, step)
        return self._terms(inputs[:, :16], inputs[:, 16:], step)

    def _terms(self, features: Tensor, target: Tensor, step: int) -> Terms:
        if "TOY_MARK" in os.environ:
            Path(os.environ["TOY_MARK"]).write_text(str(step))
        time.sleep(self.pause)
        if os.environ.get("TOY_KILL_AT") == str(step):
            os.kill(os.getpid(), signal.SIGKILL)
        mean, width = self.code(features).chunk(2, dim=1)
        width = nn.functional.softplus(width)
        z = mean + width * torch.randn_like(mean) if self.noise else mean
        likelihood = -((self.decoder(z) - target) ** 2).sum(1)
        if step in self.nan_at:
            likelihood = likelihood * float("nan")
        if step in self.explode_at:
            likelihood = likelihood + (mean.sum(1) * 0).abs().sqrt()  # 0, with an infinite slope
        kl = torch.distributions.kl_divergence(Normal(mean, width), Normal(0.0, 1.0)).sum(1)
        return Terms(
            log_likelihood=likelihood,
            kl={"code": kl},
            auxiliary={"size": mean.abs().sum(1)},
            monitor={"objects": torch.full((len(target),), 2.0)},
        )

    def sample(self, n: int) -> Scene:
        pixels = self.decoder(torch.randn(n, self.dims.what))
        return Scene(pixels.view(n, self.dims.channels, self.dims.size, self.dims.size).clamp(0, 1))

    def reconstruct(self, image: Tensor) -> Scene:
        pixels = self.decoder(self.code(self.encoder(image)).chunk(2, dim=1)[0])
        return Scene(pixels.view_as(image).clamp(0, 1))

    def log_weights(self, image: Tensor, *, exact: bool = True) -> Tensor:
        return self.terms(image, 0).elbo


class ToyData(Data):
    """Random pictures.

    Args:
        dims: sizes.
        length: images in each split.
        split: which.
        broken: index of an image that cannot be read.
        size: side of the images; the right one by default.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        length: Annotated[int, Ge(0)] = 37,
        split: Literal["train", "validation", "test"] = "train",
        broken: int = -1,
        size: int | None = None,
    ) -> None:
        self.dims, self.length, self.split, self.broken = dims, length, split, broken
        self.size = size or dims.size

    def __len__(self) -> int:
        return self.length

    def batch(self, indices: object) -> Batch:
        shape = (self.dims.channels, self.size, self.size)
        for index in indices:  # type: ignore[attr-defined]
            if index == self.broken:
                raise DataError(f"toy image {index} is broken")
        images = [np.random.default_rng(int(i)).random(shape, dtype=np.float32) for i in indices]  # type: ignore[attr-defined]
        return Batch(torch.from_numpy(np.stack(images)))

    def at(self, split: str) -> "ToyData":
        return ToyData(self.dims, length=self.length, split=split, broken=self.broken)  # type: ignore[arg-type]


class ToyFigure(Figure):
    """Input and reconstruction; draws random numbers as it goes, to see whether that matters."""

    def draw(self, model: Model, batch: Batch) -> np.ndarray:
        torch.rand(1000)
        pairs = torch.cat([batch.image, model.reconstruct(batch.image).image], dim=2)
        grey = (pairs.mean(1).permute(1, 0, 2).flatten(1) * 255).byte().numpy()
        return np.repeat(grey[..., None], 3, axis=2)


class ScheduleFree(torch.optim.Optimizer):
    """Steps are taken at y, between the walker z and the average x, which the model is to be used with."""

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(parameters, {"lr": lr, "made": 0, "training": False})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            assert group["training"], "a step outside of training"
            group["made"] += 1
            for y in (p for p in group["params"] if p.grad is not None):
                z = self.state[y].setdefault("z", y.clone())
                x = y.lerp(z, 1 - 1 / 0.9)
                z.sub_(group["lr"] * y.grad)
                x.lerp_(z, 1 / group["made"])
                y.copy_(x.lerp(z, 1 - 0.9))

    def train(self) -> None:
        self._move(True, 1 - 0.9)

    def eval(self) -> None:
        self._move(False, 1 - 1 / 0.9)

    @torch.no_grad()
    def _move(self, training: bool, weight: float) -> None:
        for group in self.param_groups:
            if group["training"] != training:
                group["training"] = training
                for p in group["params"]:
                    if "z" in self.state[p]:
                        p.lerp_(self.state[p]["z"], weight)


class ToyScheduleFree(Optimizer):
    """Trains other weights than the model is to be used with."""

    def __init__(self, *, lr: Annotated[Schedule, Default("constant", value=0.05)]) -> None:
        self.rate, self.parts = lr, ()

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        return ScheduleFree(parameters, self.rate(0))


def draw_with_toy_figure() -> None:
    """Put the toy figure in the place of whatever figure is installed for trainings, in this process."""
    entry = Entry("figure", "training", ToyFigure, Provider("toy", "1.0"))
    installed().parts["figure", "training"] = entry


@hookimpl
def gnm_register(register: object) -> None:
    register.model("toy", ToyModel)  # type: ignore[attr-defined]
    register.data("toy", ToyData)  # type: ignore[attr-defined]
    register.optimizer("toy-schedule-free", ToyScheduleFree)  # type: ignore[attr-defined]
