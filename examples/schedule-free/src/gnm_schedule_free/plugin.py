"""Registers the optimiser. Imports neither torch nor the optimiser itself, so that `gnm --help` stays fast."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the optimiser."""
    register.optimizer("schedule-free", "gnm_schedule_free.optimizer:ScheduleFree")
