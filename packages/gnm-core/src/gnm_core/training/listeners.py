"""Those who are told how a training goes: plugins' hooks, then callbacks. A fault of theirs ends nothing."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pluggy

from gnm_core import failures
from gnm_core.errors import PluginError
from gnm_core.hookspecs import TRAINING_HOOKS, hookimpl
from gnm_core.isolation import plugin_code
from gnm_core.plugins import hooks_of, installed
from gnm_core.printable import short
from gnm_core.randomness import borrowed_random_state
from gnm_core.training.ongoing import OngoingTraining


@dataclass(frozen=True)
class Listener:
    """One that is told."""

    owner: str
    """Who answers for it."""
    hooks: pluggy.HookRelay
    """Its own."""


def listeners(callbacks: Iterable[object] = ()) -> list[Listener]:
    """Those who listen, the plugins' before the callbacks.

    Args:
        callbacks: objects with methods marked by `@hookimpl`, or functions of a training and a report, called after
            each step.

    Raises:
        PluginError: a callback has no hook, or one that does not exist.
    """
    plugins = [Listener(str(listener.provider), listener.hooks) for listener in installed().listeners]
    return plugins + [_listener(callback) for callback in callbacks]


class Listeners:
    """Tells each listener by itself.

    A hook that raises is named once and not called again in this training. What is drawn from torch's random state in
    a hook leaves no trace, and the model is in training mode afterwards.

    Args:
        training: what they are told about.
        those: who listens.
        warn: told of a hook that failed.
    """

    def __init__(self, training: OngoingTraining, those: Iterable[Listener], warn: Callable[[str], None]) -> None:
        self._training, self._warn = training, warn
        self._hooks: dict[str, list[tuple[str, pluggy.HookCaller]]] = {name: [] for name in TRAINING_HOOKS}
        for listener in those:
            for name, known in self._hooks.items():
                caller = getattr(listener.hooks, name)
                if caller.get_hookimpls():
                    known.append((listener.owner, caller))

    def tell(self, hook: str, **what: Any) -> None:
        """Call a hook of every listener.

        Args:
            hook: its name.
            what: its arguments besides the training.
        """
        for entry in tuple(self._hooks[hook]):
            owner, call = entry
            try:
                with plugin_code(), borrowed_random_state(self._training.device):
                    call(training=self._training, **what)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # sys.exit() in a hook ends no training either
                self._hooks[hook].remove(entry)
                self._warn(f"hook {hook} of {owner} is not called any more: {failures.told(error)}")
            finally:
                self._training.model.train()


class _Function:
    """A plain function as a listener to steps."""

    def __init__(self, function: Callable[[OngoingTraining, Any], object]) -> None:
        self._function = function

    @hookimpl
    def gnm_training_step(self, training: OngoingTraining, report: Any) -> None:
        """Call the function."""
        self._function(training, report)


def _listener(callback: object) -> Listener:
    name = short(str(getattr(callback, "__name__", type(callback).__name__)))
    owner = f"the callback {name}"
    hooks = hooks_of(callback, name)
    if not any(getattr(hooks, hook).get_hookimpls() for hook in TRAINING_HOOKS):
        if not callable(callback):
            raise PluginError(f"{owner} has no method marked with @hookimpl; hooks: {', '.join(TRAINING_HOOKS)}")
        hooks = hooks_of(_Function(callback), name)
    return Listener(owner, hooks)
