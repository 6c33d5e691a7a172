"""From a folder of pictures to a spec that trains on them, written whole or not at all."""

from collections.abc import Callable
from pathlib import Path

from gnm_core.errors import RunError
from gnm_core.files import os_errors_as, replace_file
from gnm_core.printable import several
from gnm_core.spec.checked import load_spec
from gnm_core.starting.folder_look import FolderLook
from gnm_core.starting.recipe import ObjectSize, Recipe
from gnm_core.starting.spec_text import spec_text


def write_spec(
    look: FolderLook,
    size: ObjectSize,
    recipe: Recipe,
    out: Path,
    say: Callable[[str], None],
    *,
    timing: bool = True,
) -> None:
    """Write the spec, checked, with the time that it takes on this machine.

    Args:
        look: what the folder is like.
        size: how large an object is.
        recipe: what was chosen.
        out: the file.
        say: told how long the training takes.
        timing: make a few steps of each stage to know it.

    Raises:
        RunError: it cannot be written.
        GnmError: the spec does not fit the installed packages.
    """
    trial = out.with_name(f".{out.stem}.trial.yaml")
    with os_errors_as(RunError, f"{out}: cannot be written"):
        out.parent.mkdir(parents=True, exist_ok=True)
        try:
            trial.write_text(spec_text(look, size, recipe, out, None), encoding="utf-8")
            time = _time(trial) if timing else None
            if not timing:
                load_spec(trial)
        finally:
            trial.unlink(missing_ok=True)
        if time is not None:
            say(time)
        replace_file(out, spec_text(look, size, recipe, out, time).encode())


def _time(spec: Path) -> str:
    """What a training takes here, in words, from a few steps of each stage."""
    import torch

    from gnm_core.training.device import Settings
    from gnm_core.training.fit import stage_costs

    costs = stage_costs(load_spec(spec), Settings())
    stages = ", ".join(f"{cost.name} {cost.steps:,} steps of {cost.step:.2f} s" for cost in costs)
    minutes = sum(cost.seconds(1) for cost in costs) / 60
    steps = sum(cost.steps for cost in costs)
    return (
        f"{steps:,} steps take some {max(1, round(minutes)):,} minutes on this machine with "
        f"{several(torch.get_num_threads(), 'thread')}, as it is just now: {stages}"
    )
