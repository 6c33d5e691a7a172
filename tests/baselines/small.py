"""The four systems at sizes that tests can afford, composed as a user would."""

from typing import Any

from gnm_core import compose
from gnm_core.contracts import Model

GATED: dict[str, Any] = {"use": "gated", "channels": [4, 4, 8], "strides": [2, 2, 1], "features": 16, "code": 6}
GLIMPSE: dict[str, Any] = {
    "use": "subpixel",
    "masks": True,
    "channels": [16, 8],
    "kernels": [1, 1, 3],
    "upscales": [4, 2, 1],
}
SPECS: dict[str, dict[str, Any]] = {
    "vae": {
        "dims": {"channels": 3, "size": 32, "features": 16, "background": 8},
        "model": {"use": "vae", "hidden": [16, 16]},
    },
    "convdraw": {
        "dims": {"channels": 3, "size": 32, "features": 16, "scene": 4},
        "model": {"use": "convdraw", "core": {"use": "convdraw", "steps": 2}},
    },
    "genesis": {
        "dims": {"channels": 3, "size": 32},
        "model": {"use": "genesis", "components": 3, "component": 5, "attention": GATED, "prior_hidden": 16},
    },
    "space": {
        "dims": {"channels": 3, "size": 32, "features": 16, "what": 5},
        "model": {
            "use": "space",
            "foreground": {"use": "space", "glimpse": GLIMPSE, "channels": [4, 8, 8, 8]},
            "background": {"use": "space", "components": 3, "hidden": 16, "decoder": [16, 8, 8]},
            "margin": 2,
        },
    },
}


def small(name: str, **changes: Any) -> Model:
    """A small model of one of the four systems, with other options of its own where given."""
    spec = SPECS[name]
    return compose({**spec, "model": {**spec["model"], **changes}})
