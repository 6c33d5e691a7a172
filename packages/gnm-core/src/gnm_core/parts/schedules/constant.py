"""The same number at every step."""

from gnm_core.contracts import Schedule


class Constant(Schedule):
    """`value`, always. A plain number in a spec means this.

    Args:
        value: the number.
    """

    def __init__(self, *, value: float) -> None:
        self.value = float(value)

    def __call__(self, step: int) -> float:
        """`value`, whatever the step."""
        return self.value
