"""Data sets on disk: built once, in Parquet shards, checked, and read back with bounded memory.

`build` makes a folder, `verify` checks it, `Parquet` (the data part `parquet`) reads it. Imported on first use.
"""

from importlib import import_module
from typing import Any

_HOMES = {
    "Built": "builder",
    "Manifest": "manifest",
    "Parquet": "parquet",
    "Recipe": "manifest",
    "Source": "source",
    "build": "builder",
    "holds_data_set": "manifest",
    "read_manifest": "manifest",
    "recipe_of": "source",
    "verify": "verifier",
}

__all__ = [
    "Built",
    "Manifest",
    "Parquet",
    "Recipe",
    "Source",
    "build",
    "holds_data_set",
    "read_manifest",
    "recipe_of",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
