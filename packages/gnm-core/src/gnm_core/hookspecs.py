"""The one hook that a plugin implements."""

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from gnm_core.registry import Register

GROUP = "gnm"
"""Entry-point group and pluggy project name."""

API_VERSION = 1
"""Grows when a plugin written for the old API would break; a plugin may state `GNM_API = n`, the least it needs."""

hookspec = pluggy.HookspecMarker(GROUP)
hookimpl = pluggy.HookimplMarker(GROUP)


@hookspec
def gnm_register(register: "Register") -> None:
    """Add parts, commands and kernels to `register`; called once for each plugin."""
