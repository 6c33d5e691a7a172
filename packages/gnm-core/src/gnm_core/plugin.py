"""Registers what this package offers, through the same hook as every other plugin."""

from gnm_core import hookimpl
from gnm_core.registry import Register


@hookimpl
def gnm_register(register: Register) -> None:
    """Add the parts and commands of gnm-core."""
    register.command("compose", "gnm_core.cli.compose:compose", "print the model that a spec describes, and check it")
    register.command("parts", "gnm_core.cli.parts:parts", "list the parts that a spec can name")
    register.command("plugins", "gnm_core.cli.plugins:plugins", "list the packages that provide parts")
