"""The order of objects in depth: an object's share of a pixel goes by its claim, sigmoid(-depth)."""

from collections.abc import Sequence

from torch import Tensor

IN_FRONT = 50.0
"""An object that is brought to the front claims a pixel at least so many times as much as any other."""
LEAST = 0.99
"""Its claim, at least."""


def in_front(depth: Tensor, cell: int, others: Sequence[int]) -> Tensor:
    """(N,) → (N,): depths that bring one object before the others, whose claims keep their ratios.

    Shares are ratios of claims, so nothing changes where the object is not.

    Args:
        depth: of every cell.
        cell: of the object.
        others: cells of the objects that it must be before.
    """
    claims = (-depth.double()).sigmoid()
    own = float(claims[cell].clamp(min=LEAST))
    rivals = [float(claims[other]) for other in others]
    claims = claims * min(1.0, own / (IN_FRONT * max(rivals, default=own / IN_FRONT)))
    claims[cell] = own
    return -claims.clamp(min=1e-30).logit().to(depth)
