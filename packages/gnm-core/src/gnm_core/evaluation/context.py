"""The contract of a metric, and what it is handed: a model, its data set, and one batch of it at a time."""

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import torch
from torch import Tensor

from gnm_core.batched import mapped
from gnm_core.contracts import Contract, Data, Judge, Model
from gnm_core.deprecated import renamed_method, renamed_names, renamed_override
from gnm_core.errors import MetricError
from gnm_core.randomness import borrowed_random_state
from gnm_core.results import Batch, Components, Measurement, Objects, Truth

BATCH = 32
"""Images that a model sees together. Fixed, so that a number does not depend on what else is measured."""
FEW = 8
"""Images that are taken apart together."""

T = TypeVar("T")


class Skip(Exception):
    """Raised by a metric that has nothing to measure; the text says why."""


class EvaluationBatch:
    """One batch of images, with what the model makes of them: each computed once, when it is first asked for.

    Everything lies on the CPU.

    Args:
        batch: images and truth.
        model: the evaluated model.
    """

    def __init__(self, batch: Batch, model: Model) -> None:
        self.batch, self.model = batch, model
        self._device = next(model.parameters(), torch.empty(0)).device

    @property
    def image(self) -> Tensor:
        """(B, C, H, W) in [0, 1]."""
        return self.batch.image

    @property
    def truth(self) -> Truth:
        """What the data set knows about the images.

        Raises:
            Skip: it knows nothing.
        """
        if self.batch.truth is None:
            raise Skip("the data set knows no truth about its images")
        return self.batch.truth

    @cached_property
    def objects(self) -> Objects:
        """The objects that the model names.

        Raises:
            Skip: it names none.
            MetricError: a box, a confidence or a code is not finite.
        """
        found = self._ask(self.model.objects)
        if found is None:
            raise Skip("the model does not name objects")
        for name in ("confidence", "boxes", "what"):
            require_finite(f"objects.{name}", getattr(found, name))
        return found

    @cached_property
    def components(self) -> Components:
        """The picture taken apart.

        Raises:
            Skip: the model does not take pictures apart.
            MetricError: a mask is not finite.
        """
        found = []
        for few in self.image.split(FEW):  # they are large while they are made
            parts = self._ask(self.model.components, few)
            if parts is None:
                raise Skip("the model does not take pictures apart")
            require_finite("components.masks", parts.masks)
            found.append(parts)
        return Components(
            torch.cat([parts.images for parts in found]),
            torch.cat([parts.masks for parts in found]),
            found[0].names,
            None
            if found[0].shares is None
            else torch.cat([parts.shares for parts in found if parts.shares is not None]),
        )

    @cached_property
    def reconstruction(self) -> Tensor:
        """(B, C, H, W) in [0, 1]: the picture that the posterior's mode describes.

        Raises:
            MetricError: it is not finite.
        """
        image = self._ask(lambda image: self.model.reconstruct(image).image)
        require_finite("the reconstruction", image)
        return image

    def _ask(self, question: Callable[[Tensor], T], image: Tensor | None = None) -> T:
        """The model's answer, leaving torch's random state to the metric that asks."""
        with torch.no_grad(), borrowed_random_state(self._device, seed=0):
            return on_cpu(question((self.image if image is None else image).to(self._device)))

    def first(self, count: int) -> "EvaluationBatch":
        """The first `count` images of the batch, sharing whatever is computed of either."""
        return self if count >= len(self.image) else FirstOf(self, count)


class FirstOf(EvaluationBatch):
    """The first few images of a batch."""

    def __init__(self, whole: EvaluationBatch, count: int) -> None:
        super().__init__(head(whole.batch, count), whole.model)
        self._whole, self._count = whole, count

    @cached_property
    def objects(self) -> Objects:  # noqa: D102 (as of EvaluationBatch)
        return head(self._whole.objects, self._count)

    @cached_property
    def components(self) -> Components:  # noqa: D102
        return head(self._whole.components, self._count)

    @cached_property
    def reconstruction(self) -> Tensor:  # noqa: D102
        return self._whole.reconstruction[: self._count]


@dataclass(frozen=True)
class EvaluationContext:
    """A model under evaluation, with the data set that it learnt from."""

    model: Model
    """In evaluation mode."""
    data: Data | None
    """The split that it is measured on; None where the run names no data set or it cannot be opened."""
    judge: Judge | None = None
    """Knows the data set's rule; None where nobody does."""
    name: str = ""
    """Registered name of the data set."""
    limit: int | None = None
    """Images of the split that any metric looks at, at most; None for no limit."""
    progress: Callable[[int, int], None] = lambda done, total: None
    """Told how much of a metric is done."""

    @property
    def device(self) -> torch.device:
        """Where the model's parameters are."""
        return next(self.model.parameters(), torch.empty(0)).device

    def count(self, images: int | None) -> int:
        """How many images of the split a metric gets that asks for so many (None: all), at least one.

        Raises:
            Skip: there is no data set, or no image in its split.
        """
        size = len(self.split)
        if size == 0:
            raise Skip(f"the split '{self.split.split}' is empty")
        return min(size, *(n for n in (size, images, self.limit) if n is not None))

    @property
    def split(self) -> Data:
        """The data.

        Raises:
            Skip: there is none.
        """
        if self.data is None:
            raise Skip("the run's spec names no data set")
        return self.data

    def batches(self, images: int | None) -> Iterator[EvaluationBatch]:
        """The first `images` of the split, `BATCH` at a time; the batches are the same whatever is asked for.

        Raises:
            Skip: there is no data set.
        """
        size, count = len(self.split), self.count(images)
        for start in range(0, count, BATCH):
            batch = self.split.batch(range(start, min(start + BATCH, size)))
            yield EvaluationBatch(batch, self.model).first(count - start)

    views = renamed_method("views", "batches")

    def sample(self, n: int) -> Tensor:
        """(n, C, H, W) in [0, 1], on the CPU: scenes that the model generates, from torch's global random state.

        Raises:
            MetricError: an image is not finite.
        """
        images = []
        with torch.no_grad():
            for start in range(0, n, BATCH):
                images.append(self.model.sample(min(BATCH, n - start)).image.cpu())
        image = torch.cat(images)
        require_finite("a generated image", image)
        return image


def require_finite(name: str, values: Tensor) -> None:
    """See that a model's output is finite.

    Raises:
        MetricError: it is not; the text says where.
    """
    bad = int((~values.isfinite()).sum())
    if bad:
        raise MetricError(f"{name} is not finite: {bad:,} of {values.numel():,} numbers")


def on_cpu(value: T) -> T:
    """A tensor, or a dataclass of tensors, on the CPU."""
    return mapped(value, lambda tensor: tensor.detach().cpu())


def head(value: T, count: int) -> T:
    """The first `count` of a batch: of a tensor, or of every tensor in a dataclass."""
    return mapped(value, lambda tensor: tensor[:count])


class Metric(Contract):
    """Named numbers about a model. It speaks to the model through the contract alone, so it fits every model.

    A metric that looks at the data set's images takes part in one pass that all metrics share: `update` keeps a little
    of every batch, `measure` turns what was kept into numbers. A metric that looks at generated scenes needs only
    `measure`. Both run without a state of their own, from torch's global random state, which is a function of the
    evaluation's seed and the metric's name alone.

    Raise `gnm_core.Skip("why")` from either where there is nothing to measure: the data set knows no truth, or the
    model names no objects.
    """

    kind = "metric"
    describes = "named numbers about a model"

    images: int | None = 0
    """How many images of the split it takes part in the shared pass with; None for all of them, 0 for none."""

    def __init_subclass__(cls, **options: Any) -> None:
        """A metric written against the old name `see` is one with `update`."""
        super().__init_subclass__(**options)
        renamed_override(cls, "see", "update")

    def update(self, batch: "EvaluationBatch") -> Any:
        """One batch of the shared pass → what to keep of it, small enough to keep for every batch."""
        return None

    @abstractmethod
    def measure(self, context: "EvaluationContext", updates: Sequence[Any]) -> Measurement:
        """The evaluated model, and what `update` kept of each batch, in order → the numbers."""


renamed_override(Metric, "see", "update")

__getattr__ = renamed_names(
    __name__, {"Subject": f"{__name__}:EvaluationContext", "View": f"{__name__}:EvaluationBatch"}
)
