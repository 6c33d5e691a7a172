"""Laws of judges."""

from typing import Any

import torch
from torch import Tensor

from gnm_core.contracts import Judge
from gnm_core.results import Verdict
from gnm_core.testing.bench import Bench
from gnm_core.testing.law import law
from gnm_core.testing.require import require


def _pictures(bench: Bench, batch: int = 3) -> Tensor:
    images = torch.zeros(batch, bench.dims.channels, bench.dims.size, bench.dims.size)
    images[1:] = torch.rand_like(images[1:])
    return images


def _said(verdict: Verdict) -> tuple[Any, ...]:
    return verdict.accepted, verdict.reason, round(verdict.margin, 3), verdict.judge


@law(Judge)
def a_verdict_for_each_picture(bench: Bench) -> None:
    """One verdict a picture, with a reason where it is not accepted, from a judge with a version."""
    judge = bench.build()
    require(
        isinstance(judge.version, str) and bool(judge.version), f"its version is {judge.version!r}; expected a text"
    )
    for batch in (1, 3):
        verdicts = judge.judge(_pictures(bench, batch))
        require(len(verdicts) == batch, f"{len(verdicts)} verdicts for {batch} pictures")
        for verdict in verdicts:
            require(isinstance(verdict, Verdict), f"a verdict is a {type(verdict).__name__}")
            require(
                isinstance(verdict.accepted, bool),
                f"`accepted` is a {type(verdict.accepted).__name__}; expected a bool",
            )
            fits = bool(verdict.reason) != verdict.accepted
            require(fits, f"accepted is {verdict.accepted} with the reason '{verdict.reason}'")
            require(verdict.margin <= 0, f"the margin is {verdict.margin:g}; expected at most 0")


@law(Judge)
def each_picture_alone(bench: Bench) -> None:
    """A picture alone is judged as among others, again and by a fresh copy; pictures stay as they are."""
    judge, images = bench.build(), _pictures(bench)
    before = images.clone()
    together = [_said(verdict) for verdict in judge.judge(images)]
    changed = int((images != before).sum())
    require(changed == 0, f"it changes the pictures: {changed} of {images.numel()} numbers")
    for name, other in (("again", judge), ("by a fresh copy", bench.build(seed=1))):
        found = [_said(verdict) for verdict in other.judge(images)]
        require(found == together, f"judged {name} the verdicts are {found}, not {together}")
    for i in range(len(images)):
        (alone,) = judge.judge(images[i : i + 1])
        require(_said(alone) == together[i], f"picture {i} alone: {_said(alone)}; among others: {together[i]}")


@law(Judge)
def what_is_there_now_is_judged(bench: Bench) -> None:
    """Where other pictures are written into the same tensor, these are judged."""
    judge, images = bench.build(), _pictures(bench)
    judge.judge(images)
    images.copy_(images.flip(0).clone())
    found, expected = ([_said(verdict) for verdict in one.judge(images)] for one in (judge, bench.build(seed=1)))
    require(found == expected, f"after other pictures were put in their place the verdicts are {found}, not {expected}")
