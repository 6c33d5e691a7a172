"""Options that several commands share."""

import functools
import json
import math
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import Any

import click

from gnm_core.cli.completing import pretrained as models
from gnm_core.cli.completing import runs, specs
from gnm_core.printable import quoted

COUNT = click.IntRange(1, 1_000_000)
"""How many of something is to be made or looked at."""
SEED = click.IntRange(0, 2**63 - 1)
"""As large as torch takes them, and specs."""
DIGITS = 12
"""Of a step, at most: as many as those of checkpoints have."""
THREADS = click.IntRange(1, 1024)


class Amount(click.FloatRange):
    """A number within bounds, which `nan` is not."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number.

        Raises:
            BadParameter: it is none, or out of range.
        """
        try:
            found = float(value)
        except ValueError:
            self.fail(f"{quoted(value)} is no number", param, ctx)
        found = super().convert(found, param, ctx)
        if math.isnan(found):
            self.fail(f"{value} is no amount", param, ctx)
        return found


def spec_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds `--spec`, `--set` and `--digits-dir`; the command gets `spec` (a path or None) and `overrides` (texts)."""

    @click.option(
        "--spec",
        type=click.Path(path_type=Path),
        metavar="SPEC",
        shell_complete=specs,
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


def _checkpoint(context: click.Context, option: click.Parameter, value: str | None) -> int | str | None:
    """A step, or `best`."""
    if value is None or value == "best":
        return value
    if not (value.isascii() and value.isdigit() and len(value) <= DIGITS):
        raise click.BadParameter(f"{quoted(value)} is neither a step nor 'best'.", context, option)
    return int(value)


at_option = click.option(
    "--at",
    callback=_checkpoint,
    metavar="STEP",
    help="Take this step's checkpoint, or the best one (best), not the newest.",
)
"""`--at`: the command gets a step, `best` or None."""


def run_argument(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds RUN and `--pretrained`, of which one is given; the command gets `run`, the folder.

    A command that takes `results` gets the folder for its own files: the run itself, or one of the model's name here.
    The pictures of a command that takes some (`images`) come after RUN, or alone with `--pretrained`.
    """
    wants_results = "results" in signature(command).parameters

    @click.argument("run", required=False, type=click.Path(path_type=Path), shell_complete=runs)
    @click.option(
        "--pretrained",
        metavar="NAME-OR-DIR",
        shell_complete=models,
        help="A shipped or exported model, instead of RUN; see gnm pretrained.",
    )
    @functools.wraps(command)
    def with_run(*, run: Path | None, pretrained: str | None, **rest: Any) -> Any:
        if pretrained is not None and run is not None and "images" in rest:
            rest["images"], run = (run, *rest["images"]), None
        if (run is None) == (pretrained is None):
            raise click.UsageError("give a RUN, or a model by --pretrained, one of the two")
        folder = results = run
        if pretrained is not None:
            from gnm_core.runs.find import find

            folder = find(pretrained)
            results = Path(folder.resolve().name)
        return command(run=folder, **rest, **({"results": results} if wants_results else {}))

    return with_run
