"""`gnm completion`: what makes a shell complete gnm's commands."""

import click


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print the script that makes SHELL complete commands, options, parts, specs, runs and shipped models.

    \b
    eval "$(gnm completion bash)"         # a line for ~/.bashrc
    eval "$(gnm completion zsh)"          # a line for ~/.zshrc, below compinit
    gnm completion fish > ~/.config/fish/completions/gnm.fish

    What is offered is what is installed, and the runs that are there, at the moment of the keystroke.
    """
    from click.shell_completion import get_completion_class

    from gnm_core.cli import main

    kind = get_completion_class(shell)
    assert kind is not None
    script = kind(main, {}, "gnm", "_GNM_COMPLETE").source()
    click.echo(script.replace('string split ","', 'string split --max 1 ","'))  # click's cuts at every comma, in fish
