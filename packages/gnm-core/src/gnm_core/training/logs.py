"""The loggers of a training, told one by one; a fault of theirs ends nothing."""

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from gnm_core import failures
from gnm_core.contracts import Logger
from gnm_core.isolation import plugin_code
from gnm_core.randomness import borrowed_random_state
from gnm_core.spec.checked import CheckedSpec


class Loggers:
    """A logger that raises is named once and not told any more in this training.

    Args:
        those: the spec's.
        warn: told of one that failed.
    """

    def __init__(self, those: Iterable[Logger], warn: Callable[[str], None]) -> None:
        self._those, self._warn = list(those), warn

    def open(self, run: Path, step: int, spec: CheckedSpec) -> None:
        """Open all.

        Raises:
            GnmError: one cannot be opened: nobody should learn that after hours.
        """
        opened: list[Logger] = []
        try:
            for logger in self._those:
                with plugin_code(), borrowed_random_state():
                    logger.open(run, step, spec.resolved())
                opened.append(logger)
        except BaseException:
            self._those = opened
            self.close()
            raise

    def record(self, record: Mapping[str, object]) -> None:
        """The numbers of a record, the weights under `weights.`."""
        step, weights = record["step"], record.get("weights")
        assert isinstance(step, int)
        under = {f"weights.{name}": value for name, value in (weights if isinstance(weights, Mapping) else {}).items()}
        self.numbers(step, {**record, **under})

    def numbers(self, step: int, values: Mapping[str, object]) -> None:
        """Those of some values that are finite numbers with a fraction."""
        numbers = {name: v for name, v in values.items() if isinstance(v, float) and math.isfinite(v)}
        self._each(lambda logger: logger.numbers(step, numbers))

    def picture(self, step: int, pixels: np.ndarray) -> None:
        """A (height, width, 3) picture."""
        self._each(lambda logger: logger.picture(step, pixels.copy()))

    def close(self) -> None:
        """Close all that are still told."""
        self._each(lambda logger: logger.close())
        self._those = []

    def _each(self, tell: Callable[[Logger], None]) -> None:
        for logger in tuple(self._those):
            try:
                with plugin_code(), borrowed_random_state():
                    tell(logger)
            except KeyboardInterrupt:
                raise
            except BaseException as error:  # sys.exit() in a logger ends no training either
                self._those.remove(logger)
                self._warn(f"the logger {type(logger).__name__} is not told any more: {failures.told(error)}")
