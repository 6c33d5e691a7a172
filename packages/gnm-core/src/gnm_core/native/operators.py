"""Compiled functions as operators of torch: whatever counts, fakes or traces torch's operations sees them."""

from collections.abc import Callable
from typing import Any

import torch
from torch.autograd.function import once_differentiable


class Operators:
    """The operators of a package, which are then `torch.ops.NAMESPACE.NAME`.

    Args:
        namespace: of one package alone.
    """

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self._library = torch.library.Library(namespace, "DEF")

    def define(
        self,
        schema: str,
        function: Callable[..., Any],
        fake: Callable[..., Any],
        *,
        keep: Callable[..., None] | None = None,
        backward: Callable[..., Any] | None = None,
    ) -> Any:
        """Add an operator.

        Args:
            schema: such as `"cell(Tensor gates, Tensor cell) -> (Tensor, Tensor)"`.
            function: what it computes on a CPU; nothing that it returns shares memory with what it is given.
            fake: the same without looking at a number: new tensors of the right sizes.
            keep: (ctx, inputs, output), keeps on `ctx` what `backward` needs.
            backward: (ctx, gradients) → gradients of the inputs; computed once, it has no gradients itself.

        Returns:
            The operator, to be called.
        """
        name = schema.partition("(")[0]
        self._library.define(schema)
        self._library.impl(name, function, "CPU")
        torch.library.register_fake(f"{self._namespace}::{name}", fake, lib=self._library)
        if backward is not None:
            once = once_differentiable(backward)
            torch.library.register_autograd(f"{self._namespace}::{name}", once, setup_context=keep, lib=self._library)
        return getattr(getattr(torch.ops, self._namespace), name).default


OPERATORS = Operators("gnm")
"""Those of this package."""
