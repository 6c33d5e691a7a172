"""Ways to damage what a file holds: one value at one place becomes something that nobody meant to be there."""

import warnings
from collections.abc import Callable
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


def damaged(draw: st.DrawFn, tree: Any, junk: st.SearchStrategy[Any]) -> Any:
    """A copy of the tree of dicts and lists with one value replaced, removed, renamed or added, somewhere in it."""
    if isinstance(tree, dict) and tree and draw(st.integers(0, 9)) < 8:
        key = draw(st.sampled_from(sorted(tree, key=str)))
        return {**tree, key: damaged(draw, tree[key], junk)}
    if isinstance(tree, list) and tree and draw(st.integers(0, 9)) < 8:
        place = draw(st.integers(0, len(tree) - 1))
        return [*tree[:place], damaged(draw, tree[place], junk), *tree[place + 1 :]]
    if isinstance(tree, dict):
        key = draw(
            st.one_of(st.sampled_from(sorted(tree, key=str)), st.text(max_size=5)) if tree else st.text(max_size=5)
        )
        without = {k: v for k, v in tree.items() if k != key}
        return draw(st.sampled_from([without, {**tree, key: draw(junk)}, {**without, "other": tree.get(key)}]))
    if isinstance(tree, list):
        return draw(st.sampled_from([tree[:-1], [*tree, draw(junk)], draw(junk)]))
    return draw(junk)


def damaged_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """A copy with some bytes changed, cut off or added."""
    way = draw(st.sampled_from(["cut", "flip", "insert", "empty"]))
    place = draw(st.integers(0, max(len(content) - 1, 0)))
    if way == "cut":
        return content[:place]
    if way == "flip" and content:
        return content[:place] + bytes([content[place] ^ (1 << draw(st.integers(0, 7)))]) + content[place + 1 :]
    return b"" if way == "empty" else content[:place] + draw(st.binary(max_size=8)) + content[place:]
