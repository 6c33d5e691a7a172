"""The compiled functions, where there is a compiler."""

from pathlib import Path

from gnm_core.native.call import Functions

ROOMS = Functions(
    Path(__file__).parent,
    ("paint_rooms", "look_at_rooms", "part_words", "lamp_words", "setting_words", "lane_count"),
)
