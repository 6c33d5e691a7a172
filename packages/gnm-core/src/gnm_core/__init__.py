"""Compose, train and sample Generative Neurosymbolic Machines. Everything is imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gnm_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from gnm_core.composer import compose
    from gnm_core.contracts import (
        BackgroundDecoder,
        Contract,
        Core,
        Curriculum,
        Data,
        Default,
        Encoder,
        Figure,
        GlimpseDecoder,
        Handicap,
        Judge,
        LatentPrior,
        Model,
        Objective,
        Optimizer,
        PresencePrior,
        Renderer,
        ScenePrior,
        Schedule,
    )
    from gnm_core.dims import Dims
    from gnm_core.errors import DataError, GnmError, OptionError, PluginError, Problem, RunError, SpecError
    from gnm_core.latents import SymbolicDistribution, SymbolicLatents
    from gnm_core.results import (
        Batch,
        Components,
        Drawing,
        Loss,
        Objects,
        Rendering,
        Scene,
        Terms,
        Truth,
        Verdict,
    )
    from gnm_core.spec import CheckedSpec, load_spec
    from gnm_core.training.checkpoint import Run, load_run

_HOMES = {
    "gnm_core.composer": ("compose",),
    "gnm_core.contracts": (
        "BackgroundDecoder",
        "Contract",
        "Core",
        "Curriculum",
        "Data",
        "Default",
        "Encoder",
        "Figure",
        "GlimpseDecoder",
        "Handicap",
        "Judge",
        "LatentPrior",
        "Model",
        "Objective",
        "Optimizer",
        "PresencePrior",
        "Renderer",
        "ScenePrior",
        "Schedule",
    ),
    "gnm_core.dims": ("Dims",),
    "gnm_core.errors": ("DataError", "GnmError", "OptionError", "PluginError", "Problem", "RunError", "SpecError"),
    "gnm_core.latents": ("SymbolicDistribution", "SymbolicLatents"),
    "gnm_core.results": (
        "Batch",
        "Components",
        "Drawing",
        "Loss",
        "Objects",
        "Rendering",
        "Scene",
        "Terms",
        "Truth",
        "Verdict",
    ),
    "gnm_core.spec": ("CheckedSpec", "load_spec"),
    "gnm_core.training.checkpoint": ("Run", "load_run"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["hookimpl", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
