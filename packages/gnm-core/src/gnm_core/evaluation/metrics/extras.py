"""Packages that only some metrics need."""

from importlib import import_module
from typing import Any

from gnm_core.errors import MetricError


def extra(module: str) -> Any:
    """A module of the extra `evaluate`.

    Raises:
        MetricError: it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MetricError(f"needs {module.partition('.')[0]}: pip install 'gnm-core[evaluate]'") from error
