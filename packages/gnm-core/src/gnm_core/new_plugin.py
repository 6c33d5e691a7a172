"""Writes the folder of a new plugin: one part of a kind, registered, tested and ready to be installed."""

import keyword
import re
import sys
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from gnm_core.errors import GnmError
from gnm_core.printable import quoted
from gnm_core.suggestions import did_you_mean

_TAKEN = ("gnm", "gnm_core", "gnm_render", "gnm_data", "gnm_baselines", "torch", "numpy", "pytest")
"""Modules that every plugin needs."""
PACKAGE = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True)
class Kind:
    """What the template of a kind is about."""

    contract: str
    """The part's contract."""
    spec: str
    """What a spec says where the part goes; `$name` is the part's."""
    train: str = ""
    """The same, in a stage of its training."""
    plan: str = ""
    """The same, for all of its training."""
    data: str = "mnist-4"
    """What it is trained on."""
    also: str = ""
    """What else the plugin registers."""
    package: str = "gnm-core"
    """Where the contract is."""
    channels: int = 1
    """Of the images that it is trained on."""


_BACKGROUND = "{use: separable, glimpse: {use: mlp, masks: true}, background: smooth-background}"
KINDS = {
    "prior": Kind("ScenePrior", "model: {use: gnm, core: {use: structdraw, prior: $name}}"),
    "encoder": Kind("Encoder", "model: {use: gnm, encoder: $name}"),
    "glimpse-encoder": Kind("GlimpseEncoder", "model: {use: gnm, glimpse_encoder: $name}"),
    "background-encoder": Kind(
        "BackgroundEncoder", f"model: {{use: gnm, renderer: {_BACKGROUND}, background_encoder: $name}}"
    ),
    "core": Kind("Core", "model: {use: gnm, core: $name}"),
    "renderer": Kind("Renderer", "model: {use: gnm, renderer: $name}"),
    "model": Kind("Model", "model: $name"),
    "data": Kind("Data", "model: gnm", data="$name"),
    "judge": Kind("Judge", "model: gnm", data="$name", also='register.data("$name", "$module.part:Mirrored")'),
    "decoder": Kind("GlimpseDecoder", "model: {use: gnm, renderer: {use: separable, glimpse: $name}}"),
    "curriculum": Kind("Curriculum", "model: {use: gnm, curriculum: $name}"),
    "schedule": Kind("Schedule", "model: gnm", "optimizer: {use: adam, lr: $name}"),
    "objective": Kind("Objective", "model: gnm", "objective: $name"),
    "optimizer": Kind("Optimizer", "model: gnm", "optimizer: $name"),
    "logger": Kind("Logger", "model: gnm", plan="loggers: $name"),
    "metric": Kind("Metric", "model: gnm"),
    "figure": Kind("Figure", "model: gnm"),
    "digits": Kind("DigitSource", "model: gnm", data="{use: mnist-4, digits: $name}", package="gnm-data"),
    "painter": Kind(
        "Painter",
        f"model: {{use: gnm, renderer: {_BACKGROUND}}}",
        data="{use: arrow-room, painter: $name}",
        package="gnm-data",
        channels=3,
    ),
    "attention": Kind("Attention", "model: {use: genesis, components: 3, attention: $name}", package="gnm-baselines"),
    "foreground": Kind("Foreground", "model: {use: space, foreground: $name}", package="gnm-baselines"),
    "background": Kind("Background", "model: {use: space, background: $name}", package="gnm-baselines"),
}
"""The kinds that there are templates for."""


def new_plugin(package: str, kind: str, folder: Path) -> list[Path]:
    """Write the folder.

    Args:
        package: what pip will call it, such as `my-priors`.
        kind: of its part.
        folder: where it goes; must not be there.

    Returns:
        The files.

    Raises:
        GnmError: the name is none, there is no template, or the folder is there.
    """
    if not PACKAGE.fullmatch(package):
        raise GnmError(f"{quoted(package)} cannot be the name of a package: small letters, digits and single '-' only")
    if kind not in KINDS:
        near = did_you_mean(kind, KINDS) or f"there are: {', '.join(KINDS)}"
        raise GnmError(f"there is no template for the kind {quoted(kind)}; {near}")
    if folder.exists():
        raise GnmError(f"{folder} is already there")
    module = package.replace("-", "_")
    part = "".join(word.capitalize() for word in package.split("-"))
    if keyword.iskeyword(module) or keyword.iskeyword(part) or module in sys.stdlib_module_names or module in _TAKEN:
        raise GnmError(
            f"{quoted(package)} cannot be the name of a package: '{module}' means something in Python already"
        )
    words = {
        "package": package,
        "module": module,
        "kind": kind,
        "name": package,
        "method": kind.replace("-", "_"),
        "contract": KINDS[kind].contract,
        "home": KINDS[kind].package.replace("-", "_"),
        "needs": ", ".join(f'"{needed}>=0.1"' for needed in dict.fromkeys(("gnm-core", KINDS[kind].package))),
        "part": part,
    }
    spec = (
        "# A small model with the part of this package, trained for a moment.\n"
        f"dims: {{{_channels(KINDS[kind])}size: 64, features: 16, scene: 8, what: 8}}\n{KINDS[kind].spec}\n"
        f"data: {KINDS[kind].data}\ntrain:\n  stages:\n    - name: all\n      steps: 20\n      batch: 4\n"
    )
    if KINDS[kind].plan:
        spec = spec.replace("train:\n", f"train:\n  {KINDS[kind].plan}\n")
    if KINDS[kind].train:
        spec += f"      {KINDS[kind].train}\n"
    plugin = _template("plugin.py") + (f"    {KINDS[kind].also}\n" if KINDS[kind].also else "")
    texts = {
        "pyproject.toml": _template("pyproject.toml"),
        "README.md": _template("README.md"),
        "spec.yaml": spec,
        f"src/{module}/__init__.py": f'"""A {kind} for gnm."""\n',
        f"src/{module}/plugin.py": plugin,
        f"src/{module}/part.py": _template(f"parts/{kind}"),
        "tests/test_part.py": _template("test_part.py"),
    }
    written = []
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(Template(text).substitute(words), encoding="utf-8")
        written.append(path)
    return written


def _channels(kind: Kind) -> str:
    return "" if kind.channels == 1 else f"channels: {kind.channels}, "


def _template(name: str) -> str:
    return files("gnm_core.templates").joinpath(f"{name}.txt").read_text(encoding="utf-8")
