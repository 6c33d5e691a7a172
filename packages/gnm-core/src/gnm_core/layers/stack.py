"""A chain of convolutions with CELU and norm in between."""

from torch import Tensor, nn

from gnm_core import kernels


class ConvStack(nn.Sequential):
    """`nn.Sequential` of convolutions, `CeluNorm2d` and a final sigmoid, which kernels may compute as one."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → what the last layer makes of it; under autocast in float32 or in autocast's kind."""
        made: Tensor | None = kernels.run("conv-stack", self, x)
        if made is not None:
            return made
        for layer in self:
            x = layer(x)
        return x
