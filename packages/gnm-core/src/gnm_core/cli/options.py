"""Options that several commands share."""

import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--spec`, `--set` and `--digits-dir`; the command gets `spec` (a path or None) and `overrides` (texts)."""

    @click.option(
        "--spec",
        type=click.Path(path_type=Path),
        metavar="SPEC",
        help="Spec file (YAML), or a name that gnm specs lists.",
    )
    @click.option(
        "--set",
        "overrides",
        multiple=True,
        metavar="PATH=VALUE",
        help="Change the spec, such as model.core.steps=8; may be given again.",
    )
    @click.option(
        "--digits-dir",
        type=click.Path(path_type=Path),
        metavar="DIR",
        help="Folder of the MNIST files; short for --set 'data.digits={use: mnist, dir: DIR}'.",
    )
    @functools.wraps(command)
    def with_options(*, overrides: tuple[str, ...], digits_dir: Path | None, **rest: Any) -> Any:
        if digits_dir is not None:
            digits = json.dumps({"use": "mnist", "dir": str(digits_dir)}, ensure_ascii=False)  # JSON is YAML
            overrides = (*overrides, f"data.digits={digits}")
        return command(overrides=overrides, **rest)

    return with_options
