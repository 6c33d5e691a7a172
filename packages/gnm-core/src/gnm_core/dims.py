"""The sizes that parts share. Nothing else travels between constructors."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Le


@dataclass(frozen=True, kw_only=True)
class Dims:
    """Sizes of one model, given once in a spec and handed to every part that asks for `dims`.

    Defaults are the published MNIST sizes (supplement, Tables 3-7; 128 px, a 4 x 4 grid).
    """

    channels: Annotated[int, Ge(1), Le(64)] = 1
    """C: image channels."""
    size: Annotated[int, Ge(8), Le(4096)] = 128
    """H = W: side of the square image, in pixels."""
    grid: Annotated[int, Ge(1), Le(256)] = 4
    """G: cells along one side of the symbolic map; at most one object a cell."""
    features: Annotated[int, Ge(1), Le(65536)] = 64
    """E: channels of a feature map (B, E, G, G)."""
    scene: Annotated[int, Ge(1), Le(65536)] = 32
    """Size of the scene latent z^g of one drawing step."""
    what: Annotated[int, Ge(1), Le(65536)] = 20
    """D: size of z^what of one object."""
    background: Annotated[int, Ge(1), Le(65536)] = 10
    """Size of z^b."""
