"""Modules of this package that plugins may know by an older path, which works for one version."""

import sys

from gnm_core.deprecated import Moved, MovedModules

MOVED = {
    "gnm_render.renderers.claims": Moved(
        "gnm_render.renderers.occlusion", {"claim": "weigh_by_occlusion", "cover": "apply_mask"}
    ),
}
"""Old path to what it is now."""

sys.meta_path.append(MovedModules(MOVED))
