"""`gnm import`."""

from pathlib import Path

import click

from gnm_core.cli.options import spec_options


@click.command(name="import")
@click.argument("checkpoint", type=click.Path(path_type=Path))
@spec_options
@click.option("--out", type=click.Path(path_type=Path), metavar="RUN", required=True, help="Folder for the new run.")
def import_published(*, checkpoint: Path, spec: Path | None, overrides: tuple[str, ...], out: Path) -> None:
    """Take over weights of the published implementation, as a run that other commands can read.

    \b
    gnm import published.pth --spec mnist-4 --out runs/published

    The spec says what the weights are of; every weight must be there, fit, and be known. No code in the file is run.
    """
    if spec is None:
        raise click.UsageError("Missing option '--spec'.")
    import torch
    from torch import nn

    from gnm_core.errors import RunError
    from gnm_core.gnm.model import GNM
    from gnm_core.gnm.published import load_published, read_published
    from gnm_core.runs.state import LearnerState, Snapshot
    from gnm_core.spec import load_spec
    from gnm_core.training.folder import RunFolder

    weights = read_published(checkpoint)
    checked = load_spec(spec, overrides)
    torch.manual_seed(0)
    model, training = checked.model(), checked.training()
    if not isinstance(model, GNM):
        raise RunError(f"{spec}: published weights fit the model `gnm`; this spec makes a {type(model).__name__}")
    load_published(model, weights)
    own = [stage.objective for stage in training.schedule() if stage.objective is not None]
    objectives = nn.ModuleList([checked.objective(), *own])
    begun = Snapshot(model.state_dict(), objectives.state_dict(), [])
    folder = RunFolder(out)
    folder.create()
    try:
        folder.checkpoints.save(LearnerState(0, -1, begun, begun), checked, training.keep, imported=str(checkpoint))
        folder.write_settings({})
        folder.write_spec(checked.to_yaml())  # last: from here on the folder is a run
    finally:
        folder.release()
    count = sum(parameter.numel() for parameter in model.parameters())
    click.echo(f"{count:,} parameters taken over; run: {out}")
