"""Old name of `gnm_core.runs.checkpoint`, for one version."""

from gnm_core.deprecated import moved_module

__getattr__ = moved_module(__name__, "gnm_core.runs.checkpoint")
