"""What the page may ask, checked before anything is done: every count bounded, every number finite."""

from typing import Annotated, Literal

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import BaseModel, ConfigDict, FiniteFloat

Number = Annotated[int, Ge(0), Le(10**9)]
Pixels = Annotated[FiniteFloat, Ge(-10_000), Le(10_000)]
Seed = Annotated[int, Ge(0), Le(2**31 - 1)]


class Asked(BaseModel):
    """Base of requests: nothing unknown, nothing that is not a number where one is wanted."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Sample(Asked):
    """Some scenes of a model."""

    model: Number
    count: Annotated[int, Ge(1), Le(64)]
    seed: Seed


class Box(Asked):
    """An object's box, by its corners in pixels."""

    do: Literal["box"]
    number: Number
    box: tuple[Pixels, Pixels, Pixels, Pixels]


class Remove(Asked):
    """An object goes."""

    do: Literal["remove"]
    number: Number


class Duplicate(Asked):
    """A copy of an object, so many pixels aside."""

    do: Literal["duplicate"]
    number: Number
    dx: Pixels
    dy: Pixels


class Swap(Asked):
    """Two objects exchange what they look like."""

    do: Literal["swap"]
    number: Number
    other: Number


class Front(Asked):
    """An object comes before all others."""

    do: Literal["front"]
    number: Number


class Depth(Asked):
    """An object at another depth."""

    do: Literal["depth"]
    number: Number
    depth: Annotated[FiniteFloat, Ge(-100), Le(100)]


class Appearance(Asked):
    """An object so many standard deviations along each direction."""

    do: Literal["appearance"]
    number: Number
    amounts: Annotated[list[Annotated[FiniteFloat, Ge(-20), Le(20)]], MinLen(1), MaxLen(16)]


class Paste(Asked):
    """An object of another scene comes in."""

    do: Literal["paste"]
    source: Number
    number: Number


AnyEdit = Box | Remove | Duplicate | Swap | Front | Depth | Appearance | Paste


class Edit(Asked):
    """One edit of a scene."""

    scene: Number
    edit: AnyEdit
    drag: Annotated[str, MaxLen(40)] = ""
    """Requests of one drag overtake one another; empty for an edit that counts."""


class Complete(Asked):
    """The other objects are sampled anew."""

    scene: Number
    keep: Annotated[list[Number], MaxLen(1024)]
    seed: Seed


class Between(Asked):
    """Scenes between two."""

    first: Number
    last: Number
    count: Annotated[int, Ge(2), Le(16)]


class OfScene(Asked):
    """Something about one scene."""

    scene: Number


class Directions(Asked):
    """How far an object goes along each direction of appearance."""

    scene: Number
    number: Number
