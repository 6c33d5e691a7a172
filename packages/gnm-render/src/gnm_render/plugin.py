"""Registers what this package offers."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the parts of gnm-render."""
    register.renderer("separable", "gnm_render.renderers.separable:SeparableRenderer")
    register.renderer("stn", "gnm_render.renderers.stn:STNRenderer")
    register.decoder("subpixel", "gnm_render.decoders.glimpse:SubpixelGlimpse")
    register.decoder("subpixel-background", "gnm_render.decoders.background:SubpixelBackground")
