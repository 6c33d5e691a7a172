"""Training from Python: what `gnm train` does, with exceptions instead of exit codes, and the run as its result."""

import signal
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from gnm_core.failures import blamed
from gnm_core.randomness import borrowed_random_state
from gnm_core.runs.checkpoint import Run, load_run
from gnm_core.spec.checked import CheckedSpec, load_spec
from gnm_core.training import loop
from gnm_core.training.device import Settings
from gnm_core.training.outcome import Outcome
from gnm_core.training.progress import Display, Silent, display

Callback = object
"""A function of (training, report), called after each step, or an object with methods marked by `@hookimpl`."""


def train(
    spec: str | Path | Mapping[str, object] | CheckedSpec,
    out: str | Path,
    callbacks: Callback | Iterable[Callback] = (),
    *,
    overrides: Iterable[str] = (),
    quiet: bool = False,
    **settings: Any,
) -> Run:
    """Train the model of a spec in a new folder, as `gnm train --spec SPEC --out OUT` does.

    The first Ctrl-C is a `KeyboardInterrupt` once the step is made and the training is saved, the second one at once.
    A callback may end the training by `training.stop(why)`; what it raises is told once and ends nothing, but a
    `KeyboardInterrupt`, which leaves the training saved. Outside the main thread no signal is touched,
    and torch's random state is afterwards what it was.

    Args:
        spec: a file, the name of a shipped spec, text of several lines, a mapping, or what `load_spec` made of one.
        out: folder for the run; new or empty.
        callbacks: one or several; each a function of an `OngoingTraining` and the `Report` of the step that it has just
            made, or an object with training hooks (`gnm_training_record` and others).
        overrides: `path=value` texts, as `--set`.
        quiet: show nothing.
        settings: those of `gnm train`: `steps`, `seconds`, `core_minutes`, `device`, `precision`, `threads`, `compile`,
            `tensorboard`.

    Returns:
        The model in evaluation mode on the CPU, its spec, its steps.

    Raises:
        SpecError: the spec has problems.
        RunError: the folder is in use, holds a run already or cannot be written, or training fails.
        DataError: the data cannot be read.
        PartError: a part raised something that it should not.
    """
    chosen, folder = Settings(**settings), Path(out)
    with blamed(), borrowed_random_state():
        if isinstance(spec, CheckedSpec) and not (overrides := tuple(overrides)):
            checked = spec
        else:
            checked = load_spec(spec.resolved() if isinstance(spec, CheckedSpec) else spec, overrides)
        return _run(loop.start(checked, folder, chosen, _display(quiet), callbacks=_several(callbacks)), folder)


def resume(
    out: str | Path,
    callbacks: Callback | Iterable[Callback] = (),
    *,
    overrides: Iterable[str] = (),
    at: int | None = None,
    quiet: bool = False,
    **settings: Any,
) -> Run:
    """Go on with a run, as `gnm train --resume OUT` does; see `train`.

    Args:
        out: the run's folder.
        callbacks: as for `train`.
        overrides: `path=value` texts that change the spec.
        at: step of the checkpoint to go on from; the newest by default.
        quiet: show nothing.
        settings: as for `train`; those of the last time unless given.

    Raises:
        RunError: not a run, no such checkpoint, a damaged one, one of another spec, or training fails.
        SpecError: the overrides have problems.
        DataError: the data cannot be read.
    """
    folder = Path(out)
    with blamed():
        remembered = loop.remembered_settings(folder)
    chosen = Settings(**(remembered | settings))
    with blamed(), borrowed_random_state():
        return _run(loop.resume(folder, chosen, _display(quiet), overrides, at, _several(callbacks)), folder)


def _display(quiet: bool) -> Display:
    from rich.console import Console

    return Silent() if quiet else display(Console())


def _several(callbacks: Callback | Iterable[Callback]) -> Iterable[Callback]:
    return callbacks if isinstance(callbacks, Iterable) else (callbacks,)


def _run(outcome: Outcome, folder: Path) -> Run:
    """What came of it; a signal that ended it reaches the caller's own handler now that all is saved."""
    if outcome.received is not None:
        signal.raise_signal(outcome.received)
    return load_run(folder)
