"""D-Steps: how long a classifier takes to tell samples from the data."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.errors import OptionError
from gnm_core.evaluation.context import BATCH, EvaluationContext, Metric, Skip
from gnm_core.evaluation.metrics.intervals import mean_of_few, standard_error
from gnm_core.results import Measurement

WIDEST = 128
"""Channels of the classifier's last layers."""


class DSteps(Metric):
    """Training steps that a fresh classifier needs until it tells generated from real images; the more, the better.

    A convolutional network learns with Adam from balanced batches of real images (of the evaluated split) and generated
    ones, both rounded to 8 bits. After every `check_every` steps it is tested on pairs that it never learns from, and
    stops once it is right on `accuracy` of them. Who is not caught after `cap` steps counts as `cap`. Repeated with
    fresh networks and batches; the images stay the same.

    Args:
        seeds: repetitions.
        cap: steps, at most.
        check_every: steps between two tests.
        accuracy: share of the held-out images that it must be right on.
        batch: images in a step, half of them real.
        lr: Adam's learning rate.
        pool: real images, and as many generated ones, to learn from, at most.
        held_out: real images, and as many generated ones, to test on, at most; never more than a quarter of the split.
        width: channels of the classifier's first layer; each further layer has twice as many, up to 128.
    """

    def __init__(
        self,
        *,
        seeds: Annotated[int, Ge(1), Le(1024)] = 3,
        cap: Annotated[int, Ge(1), Le(10**9)] = 10_000,
        check_every: Annotated[int, Ge(1), Le(10**9)] = 40,
        accuracy: Annotated[float, Gt(0.5), Le(1)] = 0.9,
        batch: Annotated[int, Ge(2), Le(10**6)] = 64,
        lr: Annotated[float, Gt(0)] = 1e-4,
        pool: Annotated[int, Ge(1), Le(10**9)] = 5000,
        held_out: Annotated[int, Ge(1), Le(10**9)] = 500,
        width: Annotated[int, Ge(1), Le(65536)] = 8,
    ) -> None:
        if batch % 2:
            raise OptionError("batch", f"{batch} is odd; half of the images are real")
        if cap < check_every:
            raise OptionError("cap", f"{cap} is less than check_every ({check_every}): there would be no test")
        self.seeds, self.cap, self.check_every, self.accuracy = seeds, cap, check_every, accuracy
        self.batch, self.lr, self.pool, self.held_out, self.width = batch, lr, pool, held_out, width

    def measure(self, context: EvaluationContext, updates: Sequence[Any]) -> Measurement:
        """See the class.

        Raises:
            MetricError: a generated image is not finite.
        """
        count = context.count(self.pool + self.held_out)
        held_out = min(self.held_out, count // 4)
        if held_out == 0:
            raise Skip(f"the split has {count} images; D-Steps needs four at least")
        real = torch.cat([to_bytes(batch.image) for batch in context.batches(count)])
        generated = torch.cat([to_bytes(context.sample(min(BATCH, count - i))) for i in range(0, count, BATCH)])
        steps, curves = [], []
        for seed in range(self.seeds):
            network = Classifier(context.model.dims.channels, context.model.dims.size, self.width).to(context.device)
            report = _counting(context.progress, seed * self.cap, self.seeds * self.cap)
            taken, curve = self._learn(network, real, generated, held_out, report)
            steps.append(taken)
            curves.append(curve)
        caught = [curve[-1] >= self.accuracy for curve in curves]
        details = {
            "steps": steps,
            "caught": caught,
            "standard_error": standard_error(torch.tensor(steps).double().numpy()),
            "learnt_from": count - held_out,
            "tested_on": held_out,
            "accuracy": curves,
        }
        value = mean_of_few("D-Steps", [float(s) for s in steps], "steps")
        if value.low is not None and value.high is not None:  # a few repetitions cannot lie beyond what can be counted
            value = replace(value, low=max(value.low, self.check_every), high=min(value.high, self.cap))
        return Measurement((value,), details)

    def _learn(
        self, network: nn.Module, real: Tensor, generated: Tensor, held_out: int, report: Callable[[int], None]
    ) -> tuple[int, list[float]]:
        """Steps taken, and the accuracy at each test."""
        optimizer = torch.optim.Adam(network.parameters(), self.lr)
        device = next(network.parameters()).device
        half, accuracies = self.batch // 2, []
        target = torch.cat([torch.ones(half), torch.zeros(half)]).to(device)
        for step in range(1, self.cap + 1):
            picks = [images[torch.randint(held_out, len(images), (half,))] for images in (real, generated)]
            logits = network(to_floats(torch.cat(picks).to(device)))
            optimizer.zero_grad()
            F.binary_cross_entropy_with_logits(logits, target).backward()
            optimizer.step()
            if step % self.check_every == 0 or step == self.cap:
                accuracies.append(accuracy_of(network, real[:held_out], generated[:held_out]))
                report(step)
                if accuracies[-1] >= self.accuracy:
                    return step, accuracies
        return self.cap, accuracies


class Classifier(nn.Sequential):
    """Stride-2 convolutions down to 4 x 4 pixels, each with group norm and CELU, and a linear layer.

    Args:
        channels: of the images.
        size: their side, in pixels.
        width: channels of the first layer.
    """

    def __init__(self, channels: int, size: int, width: int) -> None:
        layers: list[nn.Module] = []
        while size >= 8:
            layers += [nn.Conv2d(channels, width, 4, stride=2, padding=1), nn.GroupNorm(1, width), nn.CELU()]
            channels, width, size = width, min(2 * width, max(width, WIDEST)), size // 2
        super().__init__(*layers, nn.Flatten(), nn.Linear(channels * size**2, 1), nn.Flatten(0))


@torch.no_grad()
def accuracy_of(network: nn.Module, real: Tensor, generated: Tensor) -> float:
    """The share of images that the classifier is right about, as many real as generated."""
    device = next(network.parameters()).device
    right = 0
    for images, is_real in ((real, True), (generated, False)):
        for few in images.split(4 * BATCH):
            right += int(((network(to_floats(few.to(device))) > 0) == is_real).sum())
    return right / (len(real) + len(generated))


def to_bytes(image: Tensor) -> Tensor:
    """[0, 1] → uint8, so that nobody is caught by the precision of numbers."""
    return (image.clamp(0, 1) * 255).round().to(torch.uint8)


def to_floats(image: Tensor) -> Tensor:
    """uint8 → [-1, 1]."""
    return image.float() / 127.5 - 1


def _counting(progress: Callable[[int, int], None], done: int, total: int) -> Callable[[int], None]:
    return lambda step: progress(done + step, total)
