"""What a resumed training may not change: its sizes and its model, and the steps that are made."""

from collections.abc import Iterator
from typing import Any

from gnm_core.element_names import keys_of
from gnm_core.errors import Problem, SpecError
from gnm_core.runs.same_model import quoted
from gnm_core.spec.checked import CheckedSpec
from gnm_core.spec.differences import differences
from gnm_core.training.plan import Plan

WAYS = "--steps N stops early; --resume RUN --at STEP goes back"


def require_same_past(then: CheckedSpec, now: CheckedSpec, step: int) -> None:
    """See that the steps that are made stay what they were.

    The stage at work may become longer, and shorter as long as it holds the steps that it has made; what comes after it
    is free.

    Args:
        then: the checkpoint's spec.
        now: the spec to go on with.
        step: steps made.

    Raises:
        SpecError: a stage that is over would change, or end before steps that it has made.
    """
    if step == 0:
        return
    old, new = Plan(then.training().schedule()), Plan(now.training().schedule())
    last = old.at(step - 1)
    problems = []
    for index in range(last.index):
        problems += list(_changes_of_finished(then, now, index, step, old, new))
    made = last.local + 1
    if not problems:
        if last.index >= len(new.stages):
            text = f"there are {len(new.stages)} stages, and stage {last.index + 1} is at work; {WAYS}"
            problems = [Problem(text, "train.stages")]
        elif new.lengths[last.index] < made:
            text = f"{new.lengths[last.index]} steps, and {made} are made already; {WAYS}"
            problems = [Problem(text, _own(now, last.index, "steps"))]
    if problems:
        raise SpecError(problems)


def _changes_of_finished(
    then: CheckedSpec, now: CheckedSpec, index: int, step: int, old: Plan, new: Plan
) -> Iterator[Problem]:
    """What a spec would have otherwise in a stage that is over."""
    over = f"stage {index + 1} ({old.stages[index].name}) is over, and {step} steps are made"
    if index >= len(new.stages):
        yield Problem(f"{over}: it cannot go", "train.stages")
        return
    for option, was, is_now in (
        ("steps", old.lengths[index], new.lengths[index]),
        ("batch", old.batches[index], new.batches[index]),
    ):
        if was != is_now:
            reason = f"{over}: its {option} were {was} and cannot be {is_now}"
            yield Problem(reason, _own(now, index, option), hint=f"of stages to come: train.stages.N.{option}; {WAYS}")
            return
    before, after = _stage(then, index), _stage(now, index)
    for path, old_value, new_value in differences(before, after, f"train.stages.{_called(now, index)}"):
        if not path.endswith(".name"):
            text = f"{over}: changing {quoted(old_value)} to {quoted(new_value)} would change nothing"
            yield Problem(text, path)


def _stage(spec: CheckedSpec, index: int) -> Any:
    """What a spec says of one stage itself."""
    train: Any = spec.resolved()["train"]
    return train["stages"][index] if train["stages"] else {}


def _own(spec: CheckedSpec, index: int, option: str) -> str:
    """Where a stage's option stands: its own, or every stage's."""
    stage = _stage(spec, index)
    return f"train.stages.{_called(spec, index)}.{option}" if stage.get(option) is not None else f"train.{option}"


def _called(spec: CheckedSpec, index: int) -> str:
    """A stage as `--set` takes it: by its name, or by its number where it has none."""
    train: Any = spec.resolved()["train"]
    return keys_of(train["stages"])[index] if train["stages"] else str(index)


def changes(then: CheckedSpec, now: CheckedSpec) -> list[str]:
    """`train.steps: 6 -> 10`: every option that is not what it was."""
    return [f"{path}: {quoted(a)} -> {quoted(b)}" for path, a, b in differences(then.resolved(), now.resolved())]
