"""Names what this package offers. Imports none of it, so that `gnm --help` stays fast."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add a world: its pictures, its judge, a metric and a figure."""
    register.data("shapes", "gnm_shapes.scenes:Shapes")
    register.judge("shapes", "gnm_shapes.judge:ShapesJudge")
    register.metric("kept-shapes", "gnm_shapes.metric:KeptShapes")
    register.figure("framed", "gnm_shapes.figure:Framed")
