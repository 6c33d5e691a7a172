"""Registers what this package offers."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the parts of gnm-baselines."""
    register.decoder("subpixel-code", "gnm_baselines.decoders.code:CodeDecoder")
    register.decoder("subpixel-map", "gnm_baselines.decoders.feature_map:SubpixelMap")
    register.core("convdraw", "gnm_baselines.convdraw.core:ConvDRAW")
    register.model("vae", "gnm_baselines.vae:VAE")
    register.model("convdraw", "gnm_baselines.convdraw.model:ConvDRAWModel")
    register.part("attention", "gated", "gnm_baselines.genesis.attention:GatedAttention")
    register.model("genesis", "gnm_baselines.genesis.model:GENESIS")
    register.part("foreground", "space", "gnm_baselines.space.foreground:Foreground")
    register.part("background", "space", "gnm_baselines.space.background:Background")
    register.model("space", "gnm_baselines.space.model:SPACE")
    register.specs("gnm_baselines:specs")
