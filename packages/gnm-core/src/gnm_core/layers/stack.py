"""A chain of convolutions with CELU and norm in between that keeps one tensor a layer for the backward pass."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.modules.module import _has_any_global_hook

from gnm_core.layers.celu_norm import EPSILON, CeluNorm2d, Normalised
from gnm_core.layers.subpixel import SubpixelConv
from gnm_core.native.call import LAYERS
from gnm_core.native.stack import LARGEST_KERNEL, MOST_CHANNELS, Ending, Geometry, NativeLayer, lanes, run_stack

Kept = tuple[tuple[int, ...], tuple[int, ...], int]
"""Shape, strides and offset of a tensor that can be made once more."""


class ConvStack(nn.Sequential):
    """`nn.Sequential` for convolutions, `CeluNorm2d` and a final sigmoid.

    A batch of images on a processor with a C compiler goes through the whole stack in C (`gnm_core.native`); elsewhere
    the layers are PyTorch's, one after the other. Both keep only the activations for the backward pass: a convolution's
    input is made once more from the activation before it when it is needed, one cheap pass instead of half the memory.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → what the last layer makes of it; under autocast in float32 from C, else in autocast's kind."""
        in_c = _in_c(list(self), x)
        return _one_by_one(list(self), x) if in_c is None else in_c


def _in_c(modules: list[nn.Module], x: Tensor) -> Tensor | None:
    """The result, in float32 under autocast too; None where the modules or the images are not for C."""
    kinds = (torch.float32, torch.bfloat16, torch.float16) if torch.is_autocast_enabled("cpu") else (torch.float32,)
    if x.dtype not in kinds or x.dim() != 4 or x.numel() == 0 or not LAYERS.can_take(x) or not _worth_it(len(x)):
        return None
    pairs = list(_in_pairs(modules))
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
        x = first.unshuffled(x)
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
    for place, (module, behind) in enumerate(pairs):
        conv = module.conv if isinstance(module, SubpixelConv) else module
        upscale = module.upscale if isinstance(module, SubpixelConv) else 1
        known = is_plain(SubpixelConv, module) or is_plain(nn.Conv2d, module)
        if not known or not isinstance(conv, nn.Conv2d) or not _is_known(conv, channels, min(height, width), upscale):
            return None
        made, scale, shift, ending = conv.out_channels // upscale**2, None, None, Ending.NOTHING
        if isinstance(behind, CeluNorm2d):
            ending, scale, shift = Ending.CELU_AND_NORM, behind.weight, behind.bias
        elif behind is not None:
            ending = Ending.SIGMOID
        fits = scale is None or shift is None or scale.shape == shift.shape == (made,)
        if not fits or (scale is None and place < len(pairs) - 1):
            return None
        if place == 0 and one_pixel:
            geometry = Geometry(height, width, 0, 0, 1, 0, upscale, made, ending)
            layers.append(NativeLayer(geometry, None, None, scale, shift))
        else:
            kernel, stride, padding = conv.kernel_size[0], conv.stride[0], conv.padding[0]
            assert isinstance(padding, int)
            geometry = Geometry(height, width, channels, kernel, stride, padding, upscale, made, ending, half)
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


def _one_by_one(modules: list[nn.Module], x: Tensor) -> Tensor:
    """Each layer as PyTorch has it; a sub-pixel convolution leaves its shuffle to the norm behind it."""
    keep: AbstractContextManager[object] = nullcontext()
    for layer, behind in _in_pairs(modules):
        upscale = 1
        with keep:
            if isinstance(layer, SubpixelConv) and isinstance(behind, CeluNorm2d) and is_plain(SubpixelConv, layer):
                x, upscale = layer.unshuffled(x), layer.upscale
            else:
                x = layer(x)
        keep = nullcontext()
        if isinstance(behind, CeluNorm2d):
            normalised = behind.normalise(x, upscale)
            x = rearrange(normalised.rows, "b h w c -> b c h w")
            if torch.is_grad_enabled() and not torch.compiler.is_compiling():
                keep = _keep_activation(normalised)
            del normalised  # and with it the rows, once the next convolution is done
        elif behind is not None:
            x = behind(x)
    return x


def _in_pairs(modules: list[nn.Module]) -> Iterator[tuple[nn.Module, nn.Module | None]]:
    """Each layer, and the norm or the sigmoid behind it; None where something else is."""
    modules = [*modules]
    while modules:
        layer = modules.pop(0)
        behind = modules[0] if modules else None
        if is_plain(CeluNorm2d, behind) or is_plain(nn.Sigmoid, behind):
            yield layer, modules.pop(0)
        else:
            yield layer, None


def is_plain(kind: type[nn.Module], layer: nn.Module | None) -> bool:
    """Whether it is of that very kind, and nobody minds when its `forward` is not called."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if type(layer) is not kind or "forward" in vars(layer) or "_conv_forward" in vars(layer):
        return False
    return not any(getattr(layer, name) for name in hooks) and not _has_any_global_hook()


def _keep_activation(normalised: Normalised) -> AbstractContextManager[object]:
    """Within this context the graph keeps the recipe of the rows instead of the rows."""
    source = normalised.rows.untyped_storage().data_ptr()
    dtype, again = normalised.rows.dtype, normalised.again

    def pack(saved: Tensor) -> Tensor | Kept:
        if saved.dtype == dtype and saved.untyped_storage().data_ptr() == source:
            return tuple(saved.shape), saved.stride(), int(saved.storage_offset())
        return saved

    def unpack(kept: Tensor | Kept) -> Tensor:
        return kept if isinstance(kept, Tensor) else again().as_strided(*kept)

    return saved_tensors_hooks(pack, unpack)
