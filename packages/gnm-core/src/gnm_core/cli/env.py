"""`gnm env`: what a report of a fault should say about where it happened."""

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import click

from gnm_core.cli.layout import definition
from gnm_core.cli.output import print_json
from gnm_core.printable import several

LIBRARIES = ("torch", "numpy", "pydantic", "safetensors", "pluggy", "click", "pillow", "timm", "zuko", "scikit-learn")
"""Whose versions matter most."""


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def env(as_json: bool) -> None:
    """Print versions, plugins, processor and GPU: what a report of a fault should say. No paths and no names of yours.

    \b
    gnm env
    gnm env --json > env.json
    """
    found = _environment()
    if as_json:
        print_json(found)
        return
    wide = max(map(len, found))
    for name, value in found.items():
        click.echo(definition(name, ", ".join(value) or "none" if isinstance(value, list) else str(value), wide))


def _environment() -> dict[str, Any]:
    import torch

    from gnm_core import kernels
    from gnm_core.memory import memory
    from gnm_core.native.processor import features
    from gnm_core.plugins import installed

    plugins = installed().plugins
    cuda = torch.cuda.is_available()
    return {
        "gnm": [str(plugin.provider) for plugin in plugins if not plugin.failure],
        "disabled": [f"{plugin.provider}: {plugin.failure}" for plugin in plugins if plugin.failure],
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "system": platform.platform(),
        "libraries": [f"{name} {said}" for name in LIBRARIES if (said := _version(name))],
        "processor": f"{platform.machine()}, {os.cpu_count()} cores, {several(torch.get_num_threads(), 'thread')}",
        "vectors": sorted(name for name in features() if name.startswith(_VECTORS)),
        "memory": f"{memory()[0] / 2**30:.1f} GiB",
        "kernels": kernels.why_not(torch.device("cpu")) or ["compiled code is used"],
        "gpu": [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())] if cuda else [],
        "cuda": str(torch.version.cuda) if cuda else "none",
        "settings": sorted(f"{key}={value}" for key, value in os.environ.items() if key in _SETTINGS),
        "output": f"{sys.stdout.encoding}, {'terminal' if sys.stdout.isatty() else 'no terminal'}",
    }


_VECTORS = ("avx", "amx", "fma", "asimd", "sve")
_SETTINGS = ("GNM_NATIVE", "GNM_DISABLE_PLUGINS", "OMP_NUM_THREADS", "CUDA_VISIBLE_DEVICES", "NO_COLOR", "TERM")


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
