"""Registers what this package offers."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the parts of gnm-data."""
    register.digits("embedded", "gnm_data.digits.embedded:EmbeddedDigits")
    register.digits("mnist", "gnm_data.digits.mnist:MnistDigits")
    register.data("arrow-room", "gnm_data.arrow_room.data:ArrowRoom")
    register.painter("tracer", "gnm_data.arrow_room.tracer:Tracer")
    register.painter("cycles", "gnm_data.arrow_room.cycles:Cycles")
    register.data("mnist-4", "gnm_data.scenes.mnist4:Mnist4")
    register.data("mnist-10", "gnm_data.scenes.mnist10:Mnist10")
    register.data("mnist-4-10", "gnm_data.scenes.mnist410:Mnist410")
    register.data("parquet", "gnm_data.storage.parquet:Parquet")
    register.judge("mnist-4", "gnm_data.judges.mnist4:Mnist4Judge")
    register.judge("mnist-10", "gnm_data.judges.mnist10:Mnist10Judge")
    register.judge("mnist-4-10", "gnm_data.judges.mnist410:Mnist410Judge")
    register.judge("arrow-room", "gnm_data.judges.arrow_room:ArrowRoomJudge")
    register.command("judge", "gnm_data.cli.judge:judge", "say which pictures obey a rule, and why others do not")
    register.command("data", "gnm_data.cli:data", "make, look at and check data sets")
    register.specs("gnm_data:specs")
    register.laws("gnm_data.digits.laws")
    register.laws("gnm_data.arrow_room.laws")
    register.pretrained("gnm_data:pretrained")
