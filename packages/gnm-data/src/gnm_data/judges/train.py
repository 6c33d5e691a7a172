"""Makes the weights that the judges ship with: `python -m gnm_data.judges.train --help`."""

from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import click

_DIGITS = ("mnist-4", "mnist-10", "mnist-4-10")
_STEPS_OF_DIGITS, _STEPS_OF_ROOMS = 9000, 2600


@click.command()
@click.option("--rule", required=True, type=click.Choice([*_DIGITS, "arrow-room"]), help="Judge to train for.")
@click.option(
    "--digits-dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Folder of the MNIST files; without it the judge learns from the embedded digits alone.",
)
@click.option(
    "--steps",
    type=click.IntRange(1, 10**6),
    help="Batches of 32 pictures; by default as many as the shipped weights took: 9,000 of digits, 2,600 of rooms.",
)
@click.option("--rooms", type=click.IntRange(32, 10**6), default=8000, show_default=True, help="Rooms to paint first.")
@click.option("--seed", type=click.IntRange(0, 2**31), default=0, show_default=True)
@click.option(
    "--threads",
    type=click.IntRange(1, 1024),
    default=1,
    show_default=True,
    help="Processes that paint, threads of torch.",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keep the rooms and the state of their training there (.pt), and go on from what is there.",
)
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="By default the package's own file.")
def train(
    *,
    rule: str,
    digits_dir: Path | None,
    steps: int | None,
    rooms: int,
    seed: int,
    threads: int,
    checkpoint: Path | None,
    out: Path | None,
) -> None:
    """Train the network of a judge on pictures made on the fly.

    The three rules of digits share one network, which knows nothing of them: it learns to find and name digits that
    stand anywhere. So does that of the Arrow Room with shapes.
    """
    import torch

    from gnm_data.judges.weights import FOLDER, save

    steps = steps or (_STEPS_OF_DIGITS if rule in _DIGITS else _STEPS_OF_ROOMS)
    torch.set_num_threads(threads)
    start = monotonic()

    def report(step: int, losses: dict[str, float]) -> None:
        text = "  ".join(f"{name} {value:.4f}" for name, value in losses.items())
        click.echo(f"{monotonic() - start:7.0f} s  step {step:6,}  {text}")

    if rule in _DIGITS:
        from gnm_data.digits.contract import DigitSource
        from gnm_data.digits.embedded import EmbeddedDigits
        from gnm_data.digits.mnist import MnistDigits
        from gnm_data.judges.digit_training import train_digits

        sources: list[DigitSource] = [EmbeddedDigits(), *([MnistDigits(dir=digits_dir)] if digits_dir else [])]
        networks = train_digits(sources, steps, seed, report)
        material = "train split of scikit-learn's digits" + (" and of MNIST" if digits_dir else "")
        file = out or FOLDER / "digits.safetensors"
    else:
        from gnm_data.judges.room_painting import paint_rooms
        from gnm_data.judges.room_store import keep_rooms, kept_rooms
        from gnm_data.judges.room_training import train_rooms
        from gnm_data.judges.room_training_data import RoomTrainingData

        def painted(done: int) -> None:
            if done % 500 == 0:
                click.echo(f"{monotonic() - start:7.0f} s  painted {done:,} of {rooms:,} rooms")

        file = out or FOLDER / "arrow-room.safetensors"
        store = checkpoint.with_suffix(f".{rooms}.npz") if checkpoint else None
        if store and store.exists():
            painted_rooms = kept_rooms(store)
        else:
            painted_rooms = paint_rooms(rooms, threads, report=painted)
            if store:
                keep_rooms(store, painted_rooms)
        networks = train_rooms(RoomTrainingData(painted_rooms), steps, seed, report, checkpoint)
        material = f"{rooms:,} rooms of the ray tracer, of many looks"
    options = [f"--rule {rule}", f"--steps {steps}", f"--seed {seed}"]
    options += [f"--rooms {rooms}"] if rule == "arrow-room" else ["--digits-dir MNIST"] if digits_dir else []
    save(
        networks,
        file,
        {
            "trained on": material,
            "command": f"python -m gnm_data.judges.train {' '.join(options)}",
            "torch": torch.__version__,
            "date": datetime.now(UTC).date().isoformat(),
        },
    )
    click.echo(f"{file}: {file.stat().st_size:,} bytes")


if __name__ == "__main__":
    train()
