"""Ways to damage what a file holds: one value at one place becomes something that nobody meant to be there.

What is drawn never depends on what is damaged: Hypothesis repeats and shrinks a case by what was drawn alone.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from hypothesis import strategies as st

Junk = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 2**70),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=20),
    st.builds(list),
    st.builds(dict),
    st.lists(st.integers(0, 3), max_size=3),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)
"""Plain values."""


def endless() -> dict[str, Any]:
    """A mapping that holds itself."""
    holder: dict[str, Any] = {}
    holder["self"] = holder
    return holder


TENSORS: tuple[Callable[[], Any], ...] = (
    lambda: torch.zeros(3),
    lambda: torch.zeros((), dtype=torch.int64),
    lambda: torch.full((2, 2), float("nan")),
    lambda: torch.zeros(2, dtype=torch.float64),
    lambda: torch.zeros(2, dtype=torch.bool),
    lambda: torch.zeros(2, dtype=torch.complex64),
    lambda: torch.zeros(4).to(torch.float8_e4m3fn),
    lambda: torch.eye(2).to_sparse(),
    lambda: torch.zeros(2, device="meta"),
    lambda: torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8),
    lambda: torch.empty(0),
    endless,
)
"""Tensors of every odd kind that can be saved, and a value without end."""


def quietly(make: Callable[[], Any]) -> Any:
    """What it makes; torch warns of odd kinds once a process, which would make one case unlike its repetition."""
    with warnings.catch_warnings(action="ignore"):
        return make()


Odd = st.one_of(Junk, st.sampled_from(TENSORS).map(quietly))


Places = st.lists(st.integers(0, 2**16), max_size=9)


@dataclass(frozen=True)
class Wound:
    """What is done to one place of a tree of dicts and lists."""

    places: list[int]
    """The way down: at each level the child of this number, counted round."""
    how: str
    name: str
    """Of what is added or renamed."""
    junk: Any


def wounds(junk: st.SearchStrategy[Any]) -> st.SearchStrategy[Wound]:
    """Wounds that put such values there."""
    ways = st.sampled_from(["replace", "replace", "replace", "remove", "rename", "add"])
    return st.builds(Wound, places=Places, how=ways, name=st.text(max_size=5), junk=junk)


def damaged(tree: Any, wound: Wound, depth: int = 0) -> Any:
    """A copy of the tree with the wound."""
    keys = list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, list) else []
    if depth >= len(wound.places) or not keys:
        return wound.junk if wound.how == "replace" or not keys else _without_or_more(tree, wound)
    key = keys[wound.places[depth] % len(keys)]
    child = damaged(tree[key], wound, depth + 1)
    return {**tree, key: child} if isinstance(tree, dict) else [*tree[:key], child, *tree[key + 1 :]]


def _without_or_more(tree: Any, wound: Wound) -> Any:
    if isinstance(tree, list):
        return {"add": [*tree, wound.junk], "remove": tree[:-1], "rename": tree[::-1]}[wound.how]
    key = list(tree)[len(wound.name) % len(tree)]
    without = {k: v for k, v in tree.items() if k != key}
    return {"add": {**tree, wound.name: wound.junk}, "remove": without, "rename": {**without, wound.name: tree[key]}}[
        wound.how
    ]


@dataclass(frozen=True)
class Scratch:
    """What is done to one place of a row of bytes."""

    how: str
    place: float
    """From 0, the beginning, to 1."""
    bit: int
    more: bytes


Scratches = st.builds(
    Scratch,
    how=st.sampled_from(["cut", "flip", "insert", "empty"]),
    place=st.floats(0, 1),
    bit=st.integers(0, 7),
    more=st.binary(max_size=8),
)


def damaged_bytes(content: bytes, scratch: Scratch) -> bytes:
    """A copy with a bit turned, or bytes cut off or added."""
    place = int(scratch.place * max(len(content) - 1, 0))
    match scratch.how:
        case "cut":
            return content[:place]
        case "flip" if content:
            return content[:place] + bytes([content[place] ^ (1 << scratch.bit)]) + content[place + 1 :]
        case "insert":
            return content[:place] + scratch.more + content[place:]
    return b""
