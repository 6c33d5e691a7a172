"""Which stacks of convolutions go through `csrc/stack.c`, and how it is told of them."""

import torch
from einops import rearrange
from torch import Tensor, nn

from gnm_core.fused.conv_stack import in_pairs
from gnm_core.fused.modules import is_plain
from gnm_core.fused.subpixel_conv import unshuffled
from gnm_core.kernels import Kernel
from gnm_core.layers.celu_norm import EPSILON, CeluNorm2d
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.native.call import LAYERS
from gnm_core.native.layer import LARGEST_KERNEL, MOST_CHANNELS, Epilogue, Geometry, NativeLayer
from gnm_core.native.stack import lanes, run_stack


def conv_stack(stack: nn.Sequential, x: Tensor) -> Tensor | None:
    """The whole stack, in float32 under autocast too; None where the modules or the images are not for C."""
    kinds = (torch.float32, torch.bfloat16, torch.float16) if torch.is_autocast_enabled("cpu") else (torch.float32,)
    if x.dtype not in kinds or x.dim() != 4 or x.numel() == 0 or not LAYERS.can_take(x) or not _worth_it(len(x)):
        return None
    pairs = list(in_pairs(stack))
    first = pairs[0][0] if pairs else None
    one_pixel = isinstance(first, SubpixelConv) and is_plain(SubpixelConv, first) and x.shape[2:] == (1, 1)
    layers = _described(pairs, tuple(x.shape[1:]), one_pixel)
    parameters = [p for layer in layers or () for p in layer.parameters if p is not None]
    if not layers or not LAYERS.can_take(*parameters):
        return None
    if any(p.dtype != torch.float32 or not p.is_contiguous() for p in parameters):
        return None
    if one_pixel:  # of which a convolution sees the middle tap alone: that is one matrix product for all images
        assert isinstance(first, SubpixelConv)
        x = unshuffled(first, x)
    return run_stack(rearrange(x, "b c h w -> b h w c").float().contiguous(), layers, EPSILON)


def _worth_it(batch: int) -> bool:
    """Whether at least half the lanes of all threads have an image."""
    at_once = lanes() * torch.get_num_threads()
    return -(-batch // at_once) * at_once <= 2 * batch


def _described(
    pairs: list[tuple[nn.Module, nn.Module | None]], size: tuple[int, ...], one_pixel: bool
) -> list[NativeLayer] | None:
    """The layers as C knows them; None if there is one that it does not know."""
    channels, height, width = size
    half = torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") == torch.bfloat16
    layers = []
    for index, (module, after) in enumerate(pairs):
        conv = module.conv if isinstance(module, SubpixelConv) else module
        upscale = module.upscale if isinstance(module, SubpixelConv) else 1
        known = is_plain(SubpixelConv, module) or is_plain(nn.Conv2d, module)
        if not known or not isinstance(conv, nn.Conv2d) or not _is_known(conv, channels, min(height, width), upscale):
            return None
        made, scale, shift, epilogue = conv.out_channels // upscale**2, None, None, Epilogue.NOTHING
        if isinstance(after, CeluNorm2d):
            epilogue, scale, shift = Epilogue.CELU_AND_NORM, after.weight, after.bias
        elif after is not None:
            epilogue = Epilogue.SIGMOID
        fits = scale is None or shift is None or scale.shape == shift.shape == (made,)
        if not fits or (scale is None and index < len(pairs) - 1):
            return None
        if index == 0 and one_pixel:
            geometry = Geometry(height, width, 0, 0, 1, 0, upscale, made, epilogue)
            layers.append(NativeLayer(geometry, None, None, scale, shift))
        else:
            kernel, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
            assert isinstance(padding, int)
            geometry = Geometry(height, width, channels, kernel, stride, padding, upscale, made, epilogue, half)
            layers.append(NativeLayer(geometry, conv.weight, conv.bias, scale, shift))
        height, width, channels = geometry.made
    return layers


def _is_known(conv: nn.Conv2d, channels: int, side: int, upscale: int) -> bool:
    """Whether C knows such a convolution, and its weights are of the sizes that it says."""
    kernel, stride, padding, outputs = conv.kernel_size[0], conv.stride[0], conv.padding[0], conv.out_channels
    plain = conv.dilation == (1, 1) and conv.groups == 1 and conv.padding_mode == "zeros" and conv.bias is not None
    square = conv.kernel_size == (kernel, kernel) and conv.stride == (stride, stride) and conv.padding == (padding,) * 2
    if not plain or not square or not isinstance(padding, int) or conv.bias is None:
        return False
    seen = side + 2 * padding >= kernel > padding and kernel <= LARGEST_KERNEL
    few = max(outputs, channels) <= MOST_CHANNELS and outputs >= upscale**2 and outputs % upscale**2 == 0
    sizes = conv.weight.shape == (outputs, channels, kernel, kernel) and conv.bias.shape == (outputs,)
    return seen and few and sizes


def _why_not(device: torch.device) -> str | None:
    reason = LAYERS.why_not() if device.type == "cpu" else None
    return None if reason is None else f"there are no layers in C: {reason}"


def _variant(device: torch.device) -> int | None:
    """How many images go through a stack at once."""
    return lanes() if device.type == "cpu" and LAYERS.can_take() else None


KERNEL = Kernel(conv_stack, _why_not, _variant)
