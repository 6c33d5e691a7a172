"""Compose, train and sample Generative Neurosymbolic Machines. Everything is imported on first use."""

from typing import Any

from gnm_core import moved as moved
from gnm_core.hookspecs import hookimpl as hookimpl
from gnm_core.lazy import lazy_names

_find, __all__ = lazy_names(__name__, __file__)

_RENAMED = {
    "Handicap": "gnm_core.contracts:CurriculumState",
    "Subject": "gnm_core.evaluation.context:EvaluationContext",
    "View": "gnm_core.evaluation.context:EvaluationBatch",
}


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("gnm-core")
    if name in _RENAMED:
        from gnm_core.deprecated import renamed_names

        return renamed_names(__name__, _RENAMED)(name)
    value = globals()[name] = _find(name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
