"""Registers the prior. Imports neither torch nor the prior itself, so that `gnm --help` stays fast."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the prior."""
    register.prior("student-t", "gnm_student_t.prior:StudentTPrior")
