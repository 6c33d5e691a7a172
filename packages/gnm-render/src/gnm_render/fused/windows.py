"""Windows of a canvas one by one, as slices: on a processor that beats indexed pixels by far."""

from collections.abc import Iterator

from torch import Tensor

from gnm_render.renderers.windows import Windows


def add_windows(canvas: Tensor, patches: Tensor, windows: Windows) -> Tensor | None:
    """Adds (M, side, c, side) onto (B, S, c, S), in place; declines on other devices."""
    if canvas.device.type != "cpu":
        return None
    for slices, patch in zip(_slices(windows), patches, strict=True):
        canvas[slices].add_(patch)  # not +=, which would copy the result onto itself
    return canvas


def cut_windows(canvas: Tensor, windows: Windows) -> Tensor | None:
    """(B, S, c, S) → (M, side, c, side); declines on other devices."""
    if canvas.device.type != "cpu":
        return None
    patches = canvas.new_empty(len(windows.scene), windows.side, canvas.shape[2], windows.side)
    for slices, patch in zip(_slices(windows), patches, strict=True):
        patch.copy_(canvas[slices])
    return patches


def _slices(windows: Windows) -> Iterator[tuple[int, slice, slice, slice]]:
    """Each window in a (B, S, c, S) canvas."""
    side = windows.side
    for scene, top, left in zip(windows.scene.tolist(), windows.top.tolist(), windows.left.tolist(), strict=True):
        yield scene, slice(top, top + side), slice(None), slice(left, left + side)
