"""`gnm sample`."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
from gnm_core.cli.options import COUNT, SEED, at_option, run_argument

if TYPE_CHECKING:
    from gnm_core import Model, Scene

AT_ONCE = 64
"""Samples that are drawn together; part of what a seed means."""
CELL = 128
"""Least side of a sample in the grid, in pixels."""


@click.command()
@run_argument
@click.option("-n", "count", type=COUNT, default=50, show_default=True, help="How many samples.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="One picture of all samples.")
@click.option("--columns", type=click.IntRange(1, 1000), default=10, show_default=True, help="Samples in a row.")
@click.option("--steps-grid", is_flag=True, help="Show each sample after every drawing step instead, one a row.")
@click.option("--singles", type=click.Path(path_type=Path), metavar="DIR", help="Every sample in a file of its own.")
@click.option("--json", "as_json", type=click.Path(path_type=Path), metavar="FILE", help="Boxes and codes as JSON.")
@click.option("--seed", type=SEED, default=0, show_default=True, help="Another seed, other samples.")
@at_option
def sample(
    *,
    run: Path,
    count: int,
    out: Path | None,
    columns: int,
    steps_grid: bool,
    singles: Path | None,
    as_json: Path | None,
    seed: int,
    at: int | str | None,
) -> None:
    """Sample new pictures from the model of a run.

    \b
    gnm sample runs/x -n 50 --out grid.png
    gnm sample runs/x -n 8 --out steps.png --steps-grid

    The same seed and number give the same samples.
    """
    if out is None and singles is None and as_json is None:
        raise click.UsageError("say where the samples go: --out FILE, --singles DIR or --json FILE")
    if steps_grid and out is None:
        raise click.UsageError("--steps-grid goes with --out")
    import torch
    from gnm_core.diagnosis.caption import caption_of, captioned
    from gnm_core.diagnosis.of_run import of_samples
    from gnm_core.memory import require_memory
    from gnm_core.runs.checkpoint import open_run

    from gnm_render.cli.describe import scene_as_data
    from gnm_render.cli.outputs import require_picture_name, write_json, write_picture
    from gnm_render.figures.pixels import to_pixels
    from gnm_render.figures.samples import contact_sheet
    from gnm_render.figures.steps import steps_sheet

    if out is not None:
        require_picture_name(out)
    opened = open_run(run, at)
    dims = opened.spec.dims
    require_memory(2 * count * dims.channels * dims.size**2 * 4, f"{count:,} samples")  # each, and the picture of all
    loaded = opened.load()
    model = loaded.model
    torch.manual_seed(seed)
    batches = [min(AT_ONCE, count - start) for start in range(0, count, AT_ONCE)]
    drawn = [_dream(model, several, steps_grid) for several in batches]
    scenes = [steps[-1] for steps in drawn]
    images = torch.cat([scene.image for scene in scenes])
    findings = of_samples(loaded)
    for finding in findings:
        click.echo(f"diagnosis: {finding}", err=True)
    if out is not None:
        if steps_grid:
            steps = [torch.cat([scene.image for scene in step]) for step in zip(*drawn, strict=True)]
            write_picture(out, captioned(steps_sheet(steps, CELL), caption_of(findings)))
        else:
            write_picture(out, captioned(contact_sheet(images, columns, CELL), caption_of(findings)))
        click.echo(f"picture: {out}")
    if singles is not None:
        for i, image in enumerate(images):
            write_picture(singles / f"sample-{i:0{max(4, len(str(count - 1)))}d}.png", to_pixels(image))
        click.echo(f"{count} single pictures: {singles}")
    if as_json is not None:
        size = model.dims.size
        described = [scene_as_data(scene, i, size) for scene in scenes for i in range(len(scene.image))]
        about = {"run": str(run), "step": loaded.step, "seed": seed, "size": size}
        write_json(as_json, {**about, "scenes": described})
        click.echo(f"boxes and codes: {as_json}")


def _dream(model: "Model", n: int, in_steps: bool) -> "list[Scene]":
    """`n` samples, after every drawing step if asked for; without the layers, which take most of the memory."""
    from gnm_core.errors import GnmError

    from gnm_render.figures.abilities import DrawsInSteps
    from gnm_render.figures.steps import scenes_in_steps

    if not in_steps:
        scenes = [model.sample(n)]
    elif isinstance(model, DrawsInSteps):
        scenes = scenes_in_steps(model, n)
    else:
        raise GnmError("--steps-grid: this model does not draw its scenes step by step")
    return [replace(scene, latents=None, rendering=None) for scene in scenes]
