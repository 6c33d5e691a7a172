"""Compose, train and sample Generative Neurosymbolic Machines. Everything is imported on first use."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gnm_core.hookspecs import hookimpl

if TYPE_CHECKING:
    from gnm_core.composer import compose as compose
    from gnm_core.contracts import BackgroundDecoder as BackgroundDecoder
    from gnm_core.contracts import BackgroundEncoder as BackgroundEncoder
    from gnm_core.contracts import Contract as Contract
    from gnm_core.contracts import Core as Core
    from gnm_core.contracts import Curriculum as Curriculum
    from gnm_core.contracts import Data as Data
    from gnm_core.contracts import Default as Default
    from gnm_core.contracts import Encoder as Encoder
    from gnm_core.contracts import Figure as Figure
    from gnm_core.contracts import GlimpseDecoder as GlimpseDecoder
    from gnm_core.contracts import GlimpseEncoder as GlimpseEncoder
    from gnm_core.contracts import Handicap as Handicap
    from gnm_core.contracts import Judge as Judge
    from gnm_core.contracts import LatentPrior as LatentPrior
    from gnm_core.contracts import Model as Model
    from gnm_core.contracts import Objective as Objective
    from gnm_core.contracts import Optimizer as Optimizer
    from gnm_core.contracts import PresencePrior as PresencePrior
    from gnm_core.contracts import Renderer as Renderer
    from gnm_core.contracts import ScenePrior as ScenePrior
    from gnm_core.contracts import Schedule as Schedule
    from gnm_core.dims import Dims as Dims
    from gnm_core.errors import DataError as DataError
    from gnm_core.errors import FigureError as FigureError
    from gnm_core.errors import GnmError as GnmError
    from gnm_core.errors import MetricError as MetricError
    from gnm_core.errors import OptionError as OptionError
    from gnm_core.errors import PluginError as PluginError
    from gnm_core.errors import Problem as Problem
    from gnm_core.errors import RunError as RunError
    from gnm_core.errors import SpecError as SpecError
    from gnm_core.evaluation.context import Metric as Metric
    from gnm_core.evaluation.context import Skip as Skip
    from gnm_core.evaluation.context import Subject as Subject
    from gnm_core.evaluation.context import View as View
    from gnm_core.exported.find import pretrained as pretrained
    from gnm_core.latents import SymbolicDistribution as SymbolicDistribution
    from gnm_core.latents import SymbolicLatents as SymbolicLatents
    from gnm_core.results import Batch as Batch
    from gnm_core.results import Components as Components
    from gnm_core.results import Drawing as Drawing
    from gnm_core.results import Loss as Loss
    from gnm_core.results import Measurement as Measurement
    from gnm_core.results import Objects as Objects
    from gnm_core.results import Rendering as Rendering
    from gnm_core.results import Scene as Scene
    from gnm_core.results import Terms as Terms
    from gnm_core.results import Truth as Truth
    from gnm_core.results import Value as Value
    from gnm_core.results import Verdict as Verdict
    from gnm_core.runs.checkpoint import Run as Run
    from gnm_core.runs.checkpoint import load_run as load_run
    from gnm_core.spec import CheckedSpec as CheckedSpec
    from gnm_core.spec import load_spec as load_spec

_HOMES = {
    "gnm_core.composer": ("compose",),
    "gnm_core.contracts": (
        "BackgroundDecoder",
        "BackgroundEncoder",
        "Contract",
        "Core",
        "Curriculum",
        "Data",
        "Default",
        "Encoder",
        "Figure",
        "GlimpseDecoder",
        "GlimpseEncoder",
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
    "gnm_core.errors": (
        "DataError",
        "FigureError",
        "GnmError",
        "MetricError",
        "OptionError",
        "PluginError",
        "Problem",
        "RunError",
        "SpecError",
    ),
    "gnm_core.exported.find": ("pretrained",),
    "gnm_core.latents": ("SymbolicDistribution", "SymbolicLatents"),
    "gnm_core.results": (
        "Batch",
        "Components",
        "Drawing",
        "Loss",
        "Measurement",
        "Objects",
        "Rendering",
        "Scene",
        "Terms",
        "Truth",
        "Value",
        "Verdict",
    ),
    "gnm_core.spec": ("CheckedSpec", "load_spec"),
    "gnm_core.evaluation.context": ("Metric", "Skip", "Subject", "View"),
    "gnm_core.runs.checkpoint": ("Run", "load_run"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = ["hookimpl", *_HOME]  # noqa: PLE0604 (the keys are strings)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gnm-core")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
