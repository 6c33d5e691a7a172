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
    register.attention("gated", "gnm_baselines.genesis.attention:GatedAttention")
    register.model("genesis", "gnm_baselines.genesis.model:GENESIS")
    register.foreground("space", "gnm_baselines.space.foreground:SpaceForeground")
    register.background("space", "gnm_baselines.space.background:SpaceBackground")
    register.model("space", "gnm_baselines.space.model:SPACE")
    register.specs("gnm_baselines:specs")
    register.pretrained("gnm_baselines:pretrained")
    register.laws("gnm_baselines.decoders.laws")
    register.laws("gnm_baselines.genesis.laws")
    register.laws("gnm_baselines.space.laws")
    for name, function in (
        ("elu", "gnm_baselines.fused.elu:elu"),
        ("norm-glu", "gnm_baselines.fused.norm_glu:norm_glu"),
        ("gated-transposed", "gnm_baselines.fused.gated:gated_transposed"),
        ("gated-dense", "gnm_baselines.fused.gated:gated_dense"),
        ("gated-expand", "gnm_baselines.fused.gated:gated_expand"),
        ("broadcast-decoder", "gnm_baselines.fused.broadcast:broadcast_decoder"),
        ("space-paint", "gnm_baselines.fused.painting:paint"),
    ):
        register.kernel(name, function)
