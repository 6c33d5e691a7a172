"""A small model with masks and a background."""

from typing import Any

SIDE = 32
"""Of its pictures, in pixels."""
SMALL: dict[str, Any] = {
    "base": "gnm-masks-64",
    "dims": {"size": SIDE, "grid": 4, "features": 16, "scene": 4, "what": 6, "background": 8},
    "model": {
        "encoder": {"widths": [8, 8]},
        "head": [16],
        "core": {"steps": 1, "interaction": [16], "decoder": [16]},
        "glimpse_encoder": {"size": 8, "hidden": [16]},
        "renderer": {"glimpse": {"size": 8, "hidden": [16]}},
    },
}
