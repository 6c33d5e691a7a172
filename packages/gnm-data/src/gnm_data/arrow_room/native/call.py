"""The compiled functions, where there is a compiler."""

from pathlib import Path

from gnm_core.native.call import Functions

ROOMS = Functions(Path(__file__).parent)
