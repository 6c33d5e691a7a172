"""The order of objects in depth: an object's share of a pixel goes by its priority, sigmoid(-depth)."""

from collections.abc import Sequence

from torch import Tensor

IN_FRONT = 50.0
"""An object that is brought to the front weighs at least so many times as much in a pixel as any other."""
LEAST = 0.99
"""Its priority, at least."""


def in_front(depth: Tensor, cell: int, others: Sequence[int]) -> Tensor:
    """(N,) → (N,): depths that bring one object before the others, whose weights keep their ratios.

    Shares are ratios of weights, so nothing changes where the object is not.

    Args:
        depth: of every cell.
        cell: of the object.
        others: cells of the objects that it must be before.
    """
    weights = (-depth.double()).sigmoid()
    own = float(weights[cell].clamp(min=LEAST))
    rivals = [float(weights[other]) for other in others]
    weights = weights * min(1.0, own / (IN_FRONT * max(rivals, default=own / IN_FRONT)))
    weights[cell] = own
    return -weights.clamp(min=1e-30).logit().to(depth)
