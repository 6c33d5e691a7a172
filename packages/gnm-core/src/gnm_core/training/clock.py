"""How long a run has been trained: by the clock on the wall, and by the processor's own count."""

import time


class Clock:
    """Time that a run has taken in all its trainings; running from the moment it is made.

    Processor time counts every thread of the process and nothing else: a budget in it is the same whatever else the
    machine does meanwhile, and a paused training uses none of it.

    Args:
        seconds: wall time of the trainings before this one.
        core_seconds: their processor time.
    """

    def __init__(self, seconds: float = 0.0, core_seconds: float = 0.0) -> None:
        self._seconds, self._core_seconds = seconds, core_seconds
        self.elsewhere = 0.0
        """Processor time of the other processes that share this training, as far as it is known here, in seconds."""
        self._begun, self._core_begun = time.perf_counter(), time.process_time()

    @property
    def since(self) -> float:
        """Wall time of this training alone, in seconds."""
        return time.perf_counter() - self._begun

    @property
    def seconds(self) -> float:
        """Wall time of all trainings, in seconds."""
        return self._seconds + self.since

    @property
    def core_since(self) -> float:
        """Processor time of this process in this training, in seconds of one core."""
        return time.process_time() - self._core_begun

    @property
    def core_seconds(self) -> float:
        """Processor time of all trainings and of all their processes, in seconds of one core."""
        return self._core_seconds + self.core_since + self.elsewhere
