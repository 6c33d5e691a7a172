"""Laws of metrics: numbers that are numbers, from shared images that stay as they are, whatever ran before."""

from itertools import accumulate
from math import isfinite
from numbers import Real

import torch

from gnm_core.evaluation import EvaluationBatch, EvaluationContext, Metric, Skip
from gnm_core.results import Measurement, Value
from gnm_core.testing.bench import Bench, NotHere
from gnm_core.testing.law import law
from gnm_core.testing.require import require
from gnm_core.testing.subjects import bare_context, full_context, other_pictures


def _measured(metric: Metric, subject: EvaluationContext, views: list[EvaluationBatch] | None = None) -> Measurement:
    torch.manual_seed(7)
    if views is None:
        views = list(subject.batches(metric.images)) if metric.images != 0 else []
    with torch.no_grad():
        updates = [metric.update(view) for view in views]
    return metric.measure(subject, updates)


def _subjects(bench: Bench) -> tuple[EvaluationContext, EvaluationContext]:
    torch.manual_seed(5)
    return full_context(bench.dims), bare_context(bench.dims)


@law(Metric)
def values_are_plain_numbers(bench: Bench) -> None:
    """A value is a number of Python's, as are the ends of its interval."""
    metric: Metric = bench.build()
    values: list[Value] = []
    for subject in _subjects(bench):
        try:
            values += _measured(metric, subject).values
        except Skip:
            continue
    if not values:
        raise NotHere("it measures nothing of the kit's models")
    for value in values:
        for name in ("value", "low", "high"):
            number = getattr(value, name)
            plain = number is None if name != "value" else False
            plain = plain or (isinstance(number, Real) and not isinstance(number, bool))
            require(plain, f"the {name} of '{value.name}' is a {type(number).__name__}; expected a number of Python's")


@law(Metric)
def shared_images_stay_as_they_are(bench: Bench) -> None:
    """What all metrics share of a batch is changed by none."""
    metric, subject = bench.build(), _subjects(bench)[0]
    if metric.images == 0:
        raise NotHere("it sees no images")
    try:
        views = list(subject.batches(metric.images))
        before = [(view.image.clone(), view.objects.boxes.clone(), view.reconstruction.clone()) for view in views]
        _measured(metric, subject, views)
    except Skip as skip:
        raise NotHere(str(skip)) from skip
    for view, kept in zip(views, before, strict=True):
        shared = (view.image, view.objects.boxes, view.reconstruction)
        for name, value, old in zip(("images", "boxes", "reconstructions"), shared, kept, strict=True):
            changed = int((value != old).sum())
            require(changed == 0, f"it changes the shared {name}: {changed} of {value.numel()} numbers")


@law(Metric)
def nothing_is_left_from_before(bench: Bench) -> None:
    """A fresh copy gives the same numbers, whatever this one and others have measured before."""
    first, again = bench.build(), bench.build()
    for subject in range(2):
        try:
            one, two, three = (_measured(metric, _subjects(bench)[subject]) for metric in (first, again, first))
        except Skip:
            continue
        for old, fresh, once_more in zip(one.values, two.values, three.values, strict=True):
            if not old.unit.endswith("/s"):
                require(
                    old.value == fresh.value == once_more.value,
                    f"'{old.name}' is {old.value}, then {fresh.value} of a fresh copy, then {once_more.value}: "
                    "something is kept between measurements",
                )


SPLITS = ((40,), (25, 15), (7, 13, 20))
"""Ways to take the kit's images in batches."""


@law(Metric)
def batches_do_not_matter(bench: Bench) -> None:
    """The same images in other batches give the same numbers: a mean is over images, not over batches."""
    metric: Metric = bench.build()
    if metric.images == 0:
        raise NotHere("it sees no images")
    said = 0
    for subject in range(2):
        try:
            found = [_in_batches(metric, _subjects(bench)[subject], sizes, seed) for sizes, seed in _ways()]
        except Skip:
            continue
        whole, again, *others = found
        for name, value in whole.items():
            if value != again[name] or not isfinite(value):
                continue  # it draws, and draws others in other batches
            said += 1
            for sizes, other in zip(SPLITS[1:], others, strict=True):
                off = abs(other[name] - value)
                require(
                    off <= 1e-4 * max(1.0, abs(value)),
                    f"'{name}' is {value:.6g} of 40 images at once, {other[name]:.6g} of them in batches of {sizes}",
                )
    if not said:
        raise NotHere("all that it measures of the kit's models is drawn")


def _ways() -> list[tuple[tuple[int, ...], int]]:
    return [(SPLITS[0], 7), (SPLITS[0], 8), *((sizes, 7) for sizes in SPLITS[1:])]


def _in_batches(metric: Metric, subject: EvaluationContext, sizes: tuple[int, ...], seed: int) -> dict[str, float]:
    torch.manual_seed(seed)
    ends = list(accumulate(sizes))
    updates = []
    with torch.no_grad():
        for first, end in zip([0, *ends], ends, strict=False):
            updates.append(metric.update(EvaluationBatch(subject.split.batch(range(first, end)), subject.model)))
        measured = metric.measure(subject, updates)
    return {value.name: float(value.value) for value in measured.values if not value.unit.endswith("/s")}


@law(Metric)
def pictures_of_every_kind(bench: Bench) -> None:
    """Colour or grey, larger ones, of a model that it knows: it measures, or says in a `Skip` why not."""
    for said, sizes in other_pictures(bench.dims).items():
        metric: Metric = bench.build(sizes)
        for subject in (full_context(sizes), bare_context(sizes)):
            try:
                _measured(metric, subject)
            except Skip:
                continue
            except Exception as error:
                raise AssertionError(f"of pictures {said}: {type(error).__name__}: {error}") from error
