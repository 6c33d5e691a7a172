"""When a module's `forward` may be left out."""

from torch import nn
from torch.nn.modules.module import _has_any_global_hook


def is_plain(kind: type[nn.Module], layer: nn.Module | None) -> bool:
    """Whether it is of that very kind, with no hook that waits for a call and no other `forward`."""
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if type(layer) is not kind or "forward" in vars(layer) or "_conv_forward" in vars(layer):
        return False
    return not any(getattr(layer, name) for name in hooks) and not _has_any_global_hook()
