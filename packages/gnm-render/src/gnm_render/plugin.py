"""Registers what this package offers."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the parts of gnm-render."""
    register.renderer("separable", "gnm_render.renderers.separable:SeparableRenderer")
    register.renderer("stn", "gnm_render.renderers.stn:STNRenderer")
    register.decoder("subpixel", "gnm_render.decoders.glimpse:SubpixelGlimpse")
    register.decoder("mlp", "gnm_render.decoders.mlp_glimpse:MlpGlimpse")
    register.decoder("smooth-background", "gnm_render.decoders.smooth_background:SmoothBackground")
    register.decoder("subpixel-background", "gnm_render.decoders.background:SubpixelBackground")
    register.figure("training", "gnm_render.figures.training:TrainingFigure")
    register.figure("samples", "gnm_render.figures.samples:SamplesFigure")
    register.figure("reconstruction", "gnm_render.figures.reconstruction:ReconstructionFigure")
    register.figure("layers", "gnm_render.figures.layers_figure:LayersFigure")
    register.figure("components", "gnm_render.figures.components:ComponentsFigure")
    register.figure("resample", "gnm_render.figures.resample:ResampleFigure")
    register.figure("drawing-steps", "gnm_render.figures.drawing_steps:DrawingStepsFigure")
    register.figure("interpolation", "gnm_render.figures.interpolation:InterpolationFigure")
    register.figure("traversal", "gnm_render.figures.traversal:TraversalFigure")
    register.command("sample", "gnm_render.cli.sample:sample", "sample new pictures from a trained model")
    register.command("studio", "gnm_render.cli.studio:studio", "look into models and edit scenes, on a local page")
    register.command("edit", "gnm_render.cli.edit:edit", "change the objects in a picture, and paint it again")
    register.command("figure", "gnm_render.cli.figure:figure", "draw pictures of a trained model at work")
    register.command(
        "reconstruct", "gnm_render.cli.reconstruct:reconstruct", "find the objects in pictures, with a trained model"
    )
    register.kernel("add-windows", "gnm_render.fused.windows:add_windows")
    register.kernel("cut-windows", "gnm_render.fused.windows:cut_windows")
    register.kernel("paint-objects", "gnm_render.native.paint:paint_objects")
