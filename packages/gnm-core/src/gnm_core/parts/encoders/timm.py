"""Any backbone of the timm library as an encoder."""

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.contracts import Encoder
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.printable import said_by


class TimmEncoder(Encoder):
    """Feature map of a timm backbone, projected to the grid by a 1x1 convolution.

    The stage whose resolution is the grid, or the next finer one, is taken and averaged down to the grid.

    Args:
        dims: sizes; the backbone is built for `channels` channels.
        backbone: any name of `timm.list_models()` that offers `features_only`.
        weights: file of weights (safetensors or torch) for the backbone; random when None.
        pretrained: fetch timm's published weights (needs the network).

    Raises:
        OptionError: timm is missing, no such backbone, or no stage is as fine as the grid.
    """

    def __init__(
        self, dims: Dims, *, backbone: str = "resnet18", weights: Path | None = None, pretrained: bool = False
    ) -> None:
        super().__init__()
        try:
            import timm
        except ImportError as error:
            raise OptionError("backbone", "needs timm: pip install 'gnm-core[timm]'") from error
        if not timm.is_model(backbone):
            near = ", ".join(get_close_matches(backbone, timm.list_models(), 5)) or "see timm.list_models()"
            raise OptionError("backbone", f"timm has no model {backbone!r} (near: {near})")
        if weights is not None and not weights.is_file():
            raise OptionError("weights", f"{weights}: there is no such file")
        checkpoint = str(weights) if weights is not None else ""
        try:
            probe = _features(timm, backbone, dims, pretrained=False)
            stages: Any = probe.feature_info
            reductions = list(stages.reduction())
            fits = [i for i, r in enumerate(reductions) if dims.size // r >= dims.grid]
            if not fits:
                raise OptionError(
                    "backbone",
                    f"{backbone} reduces by {reductions[0]} at least: a {dims.size} px image gives no "
                    f"{dims.grid} x {dims.grid} map",
                )
            self.backbone: nn.Module = _features(
                timm, backbone, dims, out_indices=(fits[-1],), pretrained=pretrained, checkpoint_path=checkpoint
            )
        except OptionError:
            raise
        except (RuntimeError, AttributeError, AssertionError, TypeError, ValueError, OSError) as error:
            size = f"{dims.size} px"
            raise OptionError("backbone", f"timm cannot build {backbone!r} for {size}: {said_by(error)}") from error
        self.project = nn.Conv2d(stages.channels()[fits[-1]], dims.features, 1)
        self.grid = dims.grid
        self.channels_last = str(getattr(self.backbone, "output_fmt", "")).endswith("NHWC")

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) → (B, E, G, G)."""
        stage = self.backbone(image)[0]
        features: Tensor = self.project(rearrange(stage, "b h w c -> b c h w") if self.channels_last else stage)
        return F.adaptive_avg_pool2d(features, self.grid)


def _features(timm: Any, backbone: str, dims: Dims, **options: Any) -> Any:
    """A feature extractor, told the image's size where its kind wants to know (transformers do)."""
    options |= {"features_only": True, "in_chans": dims.channels}
    try:
        return timm.create_model(backbone, img_size=dims.size, **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
    return timm.create_model(backbone, **options)
